"""The /rounds resource."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from backend.answers import Holds, OfSlot, answer, answer_page
from backend.dependencies import IndexDep
from backend.errors import NotFound
from backend.openapi import LIST, ONE_OR_NONE, PREFIX
from backend.pagination import Page
from backend.rounds.queries import round_of, rounds
from backend.rounds.schemas import RoundDetail, RoundFilter, RoundRead
from backend.slots.router import SlotPath

router = APIRouter(prefix=f"{PREFIX}/rounds", tags=["rounds"])


@router.get("", summary="List rounds", response_model=Page[RoundRead], responses=LIST)
def list_rounds(
    request: Request, index: IndexDep, query: Annotated[RoundFilter, Query()]
) -> Response:
    """Return slots that were cleared or made void, the latest first."""
    with index.view() as view:
        return answer_page(request, view, query, RoundRead, rounds(view, query), Holds.OUTCOME)


@router.get("/{slot}", summary="Get a round", response_model=RoundDetail, responses=ONE_OR_NONE)
def get_round(request: Request, index: IndexDep, slot: SlotPath) -> Response:
    """Return a round with its book, its trades and its certificate."""
    with index.view() as view:
        found = round_of(view, slot)
        if found is None:
            raise NotFound(f"slot {slot}: neither cleared nor void")
        return answer(request, view, found, OfSlot(slot))
