"""The /trades resource."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from backend.answers import Holds, answer_page, until_its_events
from backend.dependencies import IndexDep
from backend.openapi import LIST, PREFIX
from backend.pagination import Page
from backend.trades.queries import trades
from backend.trades.schemas import TradeFilter, TradeRead

router = APIRouter(prefix=f"{PREFIX}/trades", tags=["trades"])


@router.get("", summary="List trades", response_model=Page[TradeRead], responses=LIST)
def list_trades(
    request: Request, index: IndexDep, query: Annotated[TradeFilter, Query()]
) -> Response:
    """Return trades, the latest slot first, with what was delivered of them."""
    with index.view() as view:
        page = trades(view, query)
        return answer_page(
            request, view, query, TradeRead, page, until_its_events(query.slot, Holds.OUTCOME)
        )
