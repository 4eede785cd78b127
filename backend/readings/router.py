"""The /readings resource."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, status
from starlette.responses import Response

from backend.answers import answer_page, until_its_events
from backend.dependencies import IndexDep, ServiceDep
from backend.errors import (
    AttemptsSpent,
    BodyTooLarge,
    ChainUnavailable,
    ForeignChain,
    IndexBehind,
    InvalidRequest,
    NotAParticipant,
    OutboxFull,
    OutsideReadingTime,
    ReadingExists,
    WrongMeter,
)
from backend.openapi import LIST, PREFIX, refusals
from backend.pagination import Page
from backend.readings.queries import readings
from backend.readings.schemas import ReadingFilter, ReadingPost, ReadingPosted, ReadingRead

router = APIRouter(prefix=f"{PREFIX}/readings", tags=["readings"])

REFUSALS = refusals(
    ForeignChain,
    InvalidRequest,
    NotAParticipant,
    WrongMeter,
    ReadingExists,
    OutsideReadingTime,
    AttemptsSpent,
    BodyTooLarge,
    OutboxFull,
    IndexBehind,
    ChainUnavailable,
)


@router.get("", summary="List readings", response_model=Page[ReadingRead], responses=LIST)
def list_readings(
    request: Request, index: IndexDep, query: Annotated[ReadingFilter, Query()]
) -> Response:
    """Return entries of slots' readings, the latest slot first."""
    with index.view() as view:
        page = readings(view, query)
        return answer_page(request, view, query, ReadingRead, page, until_its_events(query.slot))


@router.post(
    "",
    summary="Post a reading",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=ReadingPosted,
    responses=REFUSALS,
)
async def post_reading(body: ReadingPost, service: ServiceDep) -> ReadingPosted:
    """
    Hand in a reading that its participant's meter has signed, and wait for its transaction.

    It is checked here first, then recorded together with others. A meter is heard once a slot: a
    second reading is refused with `reading-exists`, also if its transaction finds that out.
    """
    service.require_ready()
    return await service.readings.take(body)
