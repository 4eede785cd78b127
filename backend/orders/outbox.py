"""
Signed orders between their owners and the chain.

    waiting ──batch──▶ posted ──index──▶ recorded
       ▲                 │  └──────────▶ skipped, with the contract's reason, in our transaction
       │                 └─────────────▶ failed: alone in a transaction that is refused or fails
       ├─ its transaction is lost
       └─ recorded by somebody else, and gone from the chain while the gate is open
    dropped: the gate closed before it was recorded

What the index says decides. A transaction that the chain takes back is looked for, and the same one
is sent again. Nothing leaves skipped, failed or dropped by itself: whoever hands the order in again
has another attempt, of so many per participant and slot.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.index.tables import OutboxOrder
from oracle.domain.book import Order
from oracle.units import MicroUsdPerMwh

ON_THEIR_WAY = ("waiting", "posted")


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedIn:
    """What the poster wants to know of an order; `posting` carries it, or has."""

    id: str
    slot: int
    participant: int
    order_word: str
    signature: str
    is_wallets: bool
    state: str
    created_block: int
    posting: int | None


HANDED_IN = select(
    OutboxOrder.id,
    OutboxOrder.slot,
    OutboxOrder.participant,
    OutboxOrder.order_word,
    OutboxOrder.signature,
    OutboxOrder.is_wallets,
    OutboxOrder.state,
    OutboxOrder.created_block,
    OutboxOrder.posting,
)


def word_of(order: Order) -> str:
    """Return an order's word as the index has it."""
    return f"0x{order.pack():064x}"


def order_of(row: OutboxOrder | HandedIn) -> Order:
    return Order.unpack(int(row.order_word, 16))


def on_their_way(session: Session) -> int:
    """Return how many orders the chain does not know yet."""
    count = select(func.count()).where(OutboxOrder.state.in_(ON_THEIR_WAY))
    return session.scalar(count) or 0


def attempts_of(session: Session, participant: int, slot: int) -> int:
    """Return how often transactions have carried a participant's orders for a slot."""
    attempts = select(func.sum(OutboxOrder.attempts)).where(
        OutboxOrder.participant == participant, OutboxOrder.slot == slot
    )
    return int(session.scalar(attempts) or 0)


def others_of(session: Session, row: OutboxOrder) -> Sequence[str]:
    """Return the ids of what a participant has handed in besides for a slot and is not lost."""
    return session.scalars(
        select(OutboxOrder.id).where(
            OutboxOrder.slot == row.slot,
            OutboxOrder.participant == row.participant,
            OutboxOrder.id != row.id,
            OutboxOrder.state.in_((*ON_THEIR_WAY, "recorded")),
        )
    ).all()


def promised(session: Session, participant: int, bond_price: MicroUsdPerMwh) -> int:
    """Return what a participant's orders on their way will lock, in micro-USD."""
    words = session.scalars(
        select(OutboxOrder.order_word).where(
            OutboxOrder.participant == participant, OutboxOrder.state.in_(ON_THEIR_WAY)
        )
    )
    return sum(Order.unpack(int(word, 16)).lock(bond_price) for word in words)
