"""The /participants resource."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from backend.answers import Holds, answer, answer_page
from backend.dependencies import IndexDep
from backend.errors import NotFound
from backend.fields import MAX_NUMBER
from backend.index_view import View
from backend.openapi import LIST, ONE_OR_NONE, PREFIX, read_responses
from backend.pagination import Page
from backend.participants.queries import participant, participants, reputation
from backend.participants.schemas import (
    ParticipantFilter,
    ParticipantRead,
    ReputationFilter,
    ScoreRead,
)

router = APIRouter(prefix=f"{PREFIX}/participants", tags=["participants"])

Number = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="From 1.", examples=[1])]


@router.get("", summary="List participants", response_model=Page[ParticipantRead], responses=LIST)
def list_participants(
    request: Request, index: IndexDep, query: Annotated[ParticipantFilter, Query()]
) -> Response:
    """Return participants by number, with their meters and reputations now."""
    with index.view() as view:
        page = participants(view, query)
        return answer_page(request, view, query, ParticipantRead, page, Holds.OUTCOME_OR_SLOT)


@router.get(
    "/{number}",
    summary="Get a participant",
    response_model=ParticipantRead,
    responses=ONE_OR_NONE,
)
def get_participant(request: Request, index: IndexDep, number: Number) -> Response:
    """Return one participant, with its reputation and the lowest nonce not spent."""
    with index.view() as view:
        return answer(request, view, _required(view, number), Holds.OUTCOME_OR_SLOT)


@router.get(
    "/{number}/reputation",
    summary="List how a reputation moved",
    response_model=Page[ScoreRead],
    responses=read_responses(NotFound, csv=str),
)
def list_reputation(
    request: Request,
    index: IndexDep,
    number: Number,
    query: Annotated[ReputationFilter, Query()],
) -> Response:
    """Return a participant's reputation after each settlement that moved it, the latest first."""
    with index.view() as view:
        _required(view, number)
        page = reputation(view, number, query)
        return answer_page(request, view, query, ScoreRead, page, Holds.OUTCOME)


def _required(view: View, number: int) -> ParticipantRead:
    found = participant(view, number)
    if found is None:
        raise NotFound(f"participant {number}: nobody has this number")
    return found
