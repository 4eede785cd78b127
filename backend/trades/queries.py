"""Trades from the index."""

from sqlalchemy import and_, select

from backend.index.tables import Delivery, Trade
from backend.index_view import View
from backend.pagination import Rows, equal_to, read_page
from backend.trades.schemas import TradeFilter, TradeRead

WITH_DELIVERY: Rows = select(Trade, Delivery.delivered_wh).outerjoin(
    Delivery, and_(Delivery.slot == Trade.slot, Delivery.position == Trade.position)
)


def trades(view: View, query: TradeFilter) -> tuple[list[TradeRead], str | None]:
    """Return a page of trades, the latest slot first."""
    statement = WITH_DELIVERY.where(
        *equal_to(Trade, slot=query.slot, seller=query.seller, buyer=query.buyer)
    )
    rows, cursor = read_page(
        view.session, statement, (Trade.slot, Trade.position), query, descending=True
    )
    return [TradeRead.of(trade, delivered) for trade, delivered in rows], cursor


def trades_of(view: View, slot: int) -> list[TradeRead]:
    """Return all trades of a slot, in their order."""
    rows = view.session.execute(WITH_DELIVERY.where(Trade.slot == slot).order_by(Trade.position))
    return [TradeRead.of(trade, delivered) for trade, delivered in rows]
