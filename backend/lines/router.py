"""The /lines and /ladder resources."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from backend.answers import Holds, answer, answer_page
from backend.dependencies import IndexDep
from backend.errors import NotFound
from backend.index_view import View
from backend.lines.queries import ladder_of, lines
from backend.lines.schemas import LadderRead, LineFilter, LineRead, SlotQuery
from backend.openapi import LIST, ONE_OR_NONE, PREFIX
from backend.pagination import Page

router = APIRouter(prefix=PREFIX, tags=["lines"])


@router.get("/lines", summary="List lines", response_model=Page[LineRead], responses=LIST)
def list_lines(
    request: Request, index: IndexDep, query: Annotated[LineFilter, Query()]
) -> Response:
    """Return the lines of a slot with their lease fees and what was traded over them."""
    with index.view() as view:
        slot = _slot(view, query.slot)
        page = lines(view, slot, query)
        return answer_page(request, view, query, LineRead, page, _holds(query.slot))


@router.get("/ladder", summary="Get the ladder", response_model=LadderRead, responses=ONE_OR_NONE)
def get_ladder(request: Request, index: IndexDep, query: Annotated[SlotQuery, Query()]) -> Response:
    """Return the fee ladder of a slot."""
    with index.view() as view:
        ladder = ladder_of(view, _slot(view, query.slot))
        if ladder is None:
            raise NotFound(f"slot {query.slot}: no ladder was announced for it")
        return answer(request, view, ladder, _holds(query.slot))


def _slot(view: View, asked: int | None) -> int:
    return view.head.slot if asked is None else asked


def _holds(asked: int | None) -> Holds:
    return Holds.OUTCOME_OR_SLOT if asked is None else Holds.OUTCOME
