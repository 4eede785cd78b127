"""The /accounts resource."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from backend.accounts.bill import bill
from backend.accounts.queries import account, accounts, entries
from backend.accounts.schemas import (
    AccountFilter,
    AccountRead,
    BillQuery,
    BillRead,
    EntryFilter,
    EntryRead,
)
from backend.answers import Holds, answer, answer_page
from backend.dependencies import IndexDep, ServiceDep
from backend.errors import NotFound
from backend.fields import EXAMPLE_OWNER
from backend.index_view import View
from backend.openapi import LIST, ONE_OR_NONE, PREFIX, read_responses
from backend.pagination import Page

router = APIRouter(prefix=f"{PREFIX}/accounts", tags=["accounts"])

Owner = Annotated[
    str,
    Path(
        pattern=r"^0x[0-9a-fA-F]{40}$",
        description="The owner's address, in letters of either case.",
        examples=[EXAMPLE_OWNER],
    ),
]


@router.get("", summary="List accounts", response_model=Page[AccountRead], responses=LIST)
def list_accounts(
    request: Request, index: IndexDep, query: Annotated[AccountFilter, Query()]
) -> Response:
    """Return accounts by owner, with what they hold."""
    with index.view() as view:
        return answer_page(request, view, query, AccountRead, accounts(view, query))


@router.get("/{owner}", summary="Get an account", response_model=AccountRead, responses=ONE_OR_NONE)
def get_account(request: Request, index: IndexDep, owner: Owner) -> Response:
    """Return what an account holds, free and locked."""
    with index.view() as view:
        return answer(request, view, _required(view, owner))


@router.get(
    "/{owner}/entries",
    summary="List movements",
    response_model=Page[EntryRead],
    responses=read_responses(NotFound, csv=str),
)
def list_entries(
    request: Request, index: IndexDep, owner: Owner, query: Annotated[EntryFilter, Query()]
) -> Response:
    """Return an account's movements and their causes, the latest first."""
    with index.view() as view:
        known = _required(view, owner)
        return answer_page(request, view, query, EntryRead, entries(view, known.owner, query))


@router.get("/{owner}/bill", summary="Get a bill", response_model=BillRead, responses=ONE_OR_NONE)
def get_bill(
    request: Request, service: ServiceDep, owner: Owner, query: Annotated[BillQuery, Query()]
) -> Response:
    """Return what trading was worth to an owner against the grid alone."""
    with service.index.view() as view:
        known = _required(view, owner)
        price = service.manifest.export_price_micro_usd_per_mwh
        found = bill(view, known.owner, query.first, query.last, price)
        return answer(request, view, found, Holds.OUTCOME)


def _required(view: View, owner: str) -> AccountRead:
    found = account(view, owner.lower())
    if found is None:
        raise NotFound("this address has no account and owns no participant")
    return found
