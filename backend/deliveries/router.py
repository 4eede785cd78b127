"""The /deliveries resource."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import and_, select
from starlette.responses import Response

from backend.answers import Holds, answer_page, until_its_events
from backend.deliveries.schemas import DeliveryFilter, DeliveryRead
from backend.dependencies import IndexDep
from backend.index.tables import Delivery, Trade
from backend.openapi import LIST, PREFIX
from backend.pagination import Page, equal_to, read_page

router = APIRouter(prefix=f"{PREFIX}/deliveries", tags=["trades"])


@router.get("", summary="List deliveries", response_model=Page[DeliveryRead], responses=LIST)
def list_deliveries(
    request: Request, index: IndexDep, query: Annotated[DeliveryFilter, Query()]
) -> Response:
    """Return what was delivered of trades in settled slots, the latest slot first."""
    same = and_(Delivery.slot == Trade.slot, Delivery.position == Trade.position)
    statement = select(Trade, Delivery.delivered_wh).join(Delivery, same)
    chosen = equal_to(Trade, slot=query.slot, seller=query.seller, buyer=query.buyer)
    key = (Trade.slot, Trade.position)
    with index.view() as view:
        rows, cursor = read_page(
            view.session, statement.where(*chosen), key, query, descending=True
        )
        items = [DeliveryRead.of(trade, delivered) for trade, delivered in rows]
        holds = until_its_events(query.slot, Holds.OUTCOME)
        return answer_page(request, view, query, DeliveryRead, (items, cursor), holds)
