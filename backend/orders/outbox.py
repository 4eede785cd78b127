"""
Signed orders between their owners and the chain.

    waiting ──batch──▶ posted ──index──▶ recorded
       ▲  ▲               │  └─────────▶ skipped, with the contract's reason
       │  └─reorganised───┘
       └──────────── recorded or skipped, and gone from the chain while the gate is open
    dropped: the gate closed before it was recorded

What the index says decides; so whoever dies between a transaction and its receipt, or a chain that
takes a block back, costs a second posting at most, which the contract passes over.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.index.tables import OutboxOrder
from oracle.domain.book import Order
from oracle.units import MicroUsdPerMwh

ON_THEIR_WAY = ("waiting", "posted")


def word_of(order: Order) -> str:
    """Return an order's word as the index has it."""
    return f"0x{order.pack():064x}"


def order_of(row: OutboxOrder) -> Order:
    return Order.unpack(int(row.order_word, 16))


def on_their_way(session: Session) -> int:
    """Return how many orders the chain does not know yet."""
    count = select(func.count()).where(OutboxOrder.state.in_(ON_THEIR_WAY))
    return session.scalar(count) or 0


def others_of(session: Session, row: OutboxOrder) -> Sequence[OutboxOrder]:
    """Return what a participant has handed in besides for the same slot and is not lost."""
    return session.scalars(
        select(OutboxOrder).where(
            OutboxOrder.slot == row.slot,
            OutboxOrder.participant == row.participant,
            OutboxOrder.id != row.id,
            OutboxOrder.state.in_((*ON_THEIR_WAY, "recorded")),
        )
    ).all()


def promised(session: Session, participant: int, bond_price: MicroUsdPerMwh) -> int:
    """Return what a participant's orders on their way will lock, in micro-USD."""
    rows = session.scalars(
        select(OutboxOrder).where(
            OutboxOrder.participant == participant, OutboxOrder.state.in_(ON_THEIR_WAY)
        )
    )
    return sum(order_of(row).lock(bond_price) for row in rows)
