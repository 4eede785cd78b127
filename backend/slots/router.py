"""The /slots resource."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from backend.answers import Holds, OfSlot, answer, answer_page
from backend.dependencies import ServiceDep
from backend.fields import EXAMPLE_SLOT, LAST_SLOT
from backend.openapi import LIST, ONE, PREFIX
from backend.pagination import Page
from backend.slots.queries import book, slots, slots_of
from backend.slots.schemas import BookRead, Phase, SlotFilter, SlotRead

router = APIRouter(prefix=f"{PREFIX}/slots", tags=["slots"])

SlotPath = Annotated[
    int, Path(ge=0, le=LAST_SLOT, description="Unix time // 900.", examples=[EXAMPLE_SLOT])
]


@router.get("", summary="List slots", response_model=Page[SlotRead], responses=LIST)
def list_slots(
    request: Request, service: ServiceDep, query: Annotated[SlotFilter, Query()]
) -> Response:
    """
    Return slots from the market's first to the last that is open, the latest first.

    A page may be short, or empty, where few slots are in the phase asked for: go on while there is
    a cursor.
    """
    with service.index.view() as view:
        page = slots(view, service.manifest.start_slot, query)
        return answer_page(request, view, query, SlotRead, page, Holds.SLOT)


@router.get("/{slot}", summary="Get a slot", response_model=SlotRead, responses=ONE)
def get_slot(request: Request, service: ServiceDep, slot: SlotPath) -> Response:
    """Return where a slot stands and what was traded in it."""
    with service.index.view() as view:
        found = slots_of(view, [slot])[0]
        return answer(request, view, found, _holds(slot, found.phase))


@router.get("/{slot}/book", summary="Get a book", response_model=BookRead, responses=ONE)
def get_book(request: Request, service: ServiceDep, slot: SlotPath) -> Response:
    """Return all entries of a slot's book, and what was traded of each."""
    with service.index.view() as view:
        found = book(view, slot)
        return answer(request, view, found, _holds(slot, found.phase))


def _holds(slot: int, phase: Phase) -> OfSlot:
    return OfSlot(slot, ends_with_slot=phase not in ("settled", "void"))
