"""Entries of books and orders on their way there, from the index."""

from sqlalchemy import func, select

from backend.index.tables import OrderEntry, OutboxOrder, Posting, SkippedOrder
from backend.index_view import View
from backend.orders.outbox import order_of
from backend.orders.schemas import OrderFilter, OrderRead, OutboxRead
from backend.pagination import equal_to, read_page


def orders(view: View, query: OrderFilter) -> tuple[list[OrderRead], str | None]:
    """Return a page of entries of books, the latest slot first."""
    chosen = equal_to(OrderEntry, slot=query.slot, participant=query.participant, kind=query.kind)
    key = (OrderEntry.slot, OrderEntry.position)
    rows, cursor = read_page(
        view.session, select(OrderEntry).where(*chosen), key, query, descending=True
    )
    return [OrderRead.of(row[0]) for row in rows], cursor


def outbox_order(view: View, number: str) -> OutboxRead | None:
    """Return a signed order that was handed in here, and where it has got to."""
    row = view.session.get(OutboxOrder, number)
    return outbox_read(view, row) if row is not None else None


def outbox_read(view: View, row: OutboxOrder) -> OutboxRead:
    order = order_of(row)
    position, transaction = None, None
    if row.state == "recorded":
        entry = view.session.scalars(
            select(OrderEntry).where(
                OrderEntry.slot == row.slot,
                OrderEntry.participant == row.participant,
                OrderEntry.entry == "order",
            )
        ).first()
        if entry is not None:
            position, transaction = entry.position, entry.transaction_hash
    elif row.state == "skipped":
        transaction = _skipped_in(view, row)
    return OutboxRead.model_validate(
        {
            "id": row.id,
            "state": row.state,
            "reason": row.reason,
            "slot": row.slot,
            "kind": order.kind.name.lower(),
            "participant": order.participant,
            "energy_wh": order.energy,
            "price_micro_usd_per_mwh": order.price,
            "nonce": order.nonce,
            "terms": str(order.terms),
            "position": position,
            "transaction_hash": transaction,
            "created_block": row.created_block,
        }
    )


def _skipped_in(view: View, row: OutboxOrder) -> str | None:
    """Return which of our transactions was the one that passed over an order."""
    posting = view.session.get(Posting, row.posting) if row.posting is not None else None
    ours = posting.hashes if posting is not None else []
    found = select(SkippedOrder.transaction_hash).where(
        SkippedOrder.slot == row.slot,
        SkippedOrder.order_word == row.order_word,
        SkippedOrder.transaction_hash.in_(ours),
    )
    return view.session.scalars(found).first()


def has_ordered(view: View, slot: int, participant: int) -> bool:
    """Return whether a participant's order stands in a slot's book, or stood there."""
    found = select(OrderEntry.slot).where(
        OrderEntry.slot == slot,
        OrderEntry.participant == participant,
        OrderEntry.entry == "order",
    )
    return view.session.scalars(found).first() is not None


def count_by_state(view: View) -> dict[str, int]:
    """Return how many signed orders are in which state."""
    rows = view.session.execute(select(OutboxOrder.state, func.count()).group_by(OutboxOrder.state))
    return {row.state: row[1] for row in rows}
