"""Brings waiting orders to the chain in batches, and keeps the outbox's states to the index."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from backend.chain import ChainRelay, OrderToPost
from backend.index.database import Database
from backend.index.tables import OrderEntry, OutboxOrder, Participant, SkippedOrder
from backend.index_view import Head, read_head
from backend.orders.outbox import ON_THEIR_WAY, order_of
from oracle.audit.typed_data import signer_of
from oracle.domain.book import Kind
from oracle.errors import ChainError
from oracle.units import Slot

REMEMBERED_SLOTS = 96  # after its gate an order's state is looked after for a day

log = structlog.get_logger("wattline.service")

State = tuple[str, str | None]  # and the reason


class Poster:
    """One round after the other, in one thread."""

    def __init__(self, database: Database, relay: ChainRelay, *, batch_orders: int) -> None:
        self._database = database
        self._relay = relay
        self._size = batch_orders
        self._posted_in: dict[str, int] = {}  # the block of an order's transaction
        self._owners: dict[int, str] = {}  # they never change

    def round(self) -> int:
        """Bring the states up to date and post what waits; return how many orders were posted."""
        with self._database.reading() as session:
            head = read_head(session)
            rows = [] if head is None else self._looked_after(session, head)
            changes = {} if head is None else self._changes(session, head, rows)
        if head is None or not rows:
            return 0
        self._store(changes)
        waiting = [row for row in rows if changes.get(row.id, (row.state, None))[0] == "waiting"]
        waiting.sort(key=lambda row: (row.slot, row.created_block, row.id))
        return sum(self._post(batch) for batch in self._batches(waiting))

    def _looked_after(self, session: Session, head: Head) -> Sequence[OutboxOrder]:
        since = head.next_gate_slot - REMEMBERED_SLOTS
        open_or_late = or_(OutboxOrder.state.in_(ON_THEIR_WAY), OutboxOrder.slot >= since)
        rows = session.scalars(
            select(OutboxOrder).where(open_or_late, OutboxOrder.state != "dropped")
        ).all()
        session.expunge_all()
        return rows

    def _changes(
        self, session: Session, head: Head, rows: Iterable[OutboxOrder]
    ) -> dict[str, State]:
        """Return the states that the index does not agree with any more."""
        slots = {row.slot for row in rows}
        if any(row.participant not in self._owners for row in rows):
            everybody = session.execute(select(Participant.number, Participant.owner))
            self._owners = {row.number: row.owner for row in everybody}
        entries = {
            (entry.slot, entry.participant): entry
            for entry in session.scalars(
                select(OrderEntry).where(OrderEntry.slot.in_(slots), OrderEntry.entry == "order")
            )
        }
        skips = {
            (skip.slot, skip.order_word): skip
            for skip in session.scalars(
                select(SkippedOrder)
                .where(SkippedOrder.slot.in_(slots))
                .order_by(SkippedOrder.block, SkippedOrder.log_index)
            )
        }
        changes = {}
        for row in rows:
            skip = skips.get((row.slot, row.order_word))
            state = self._state(head, row, entries.get((row.slot, row.participant)), skip)
            if state[0] != row.state:
                changes[row.id] = state
        return changes

    def _state(
        self, head: Head, row: OutboxOrder, entry: OrderEntry | None, skip: SkippedOrder | None
    ) -> State:
        if entry is not None and _is_of(entry, row):
            return "recorded", None
        if skip is not None and skip.block > row.created_block:
            return "skipped", skip.reason_text
        if row.slot < head.next_gate_slot:
            return "dropped", "the gate closed before it was recorded"
        if row.state == "posted" and head.number < self._posted_in.get(row.id, 0):
            return "posted", None  # the index has not come to its transaction yet
        return "waiting", None

    def _batches(self, waiting: Sequence[OutboxOrder]) -> Iterable[Sequence[OutboxOrder]]:
        for _, of_slot in groupby(waiting, key=lambda row: row.slot):
            rows = list(of_slot)
            for first in range(0, len(rows), self._size):
                yield rows[first : first + self._size]

    def _post(self, batch: Sequence[OutboxOrder]) -> int:
        """Post orders of one slot; return how many, none where the chain refused or was away."""
        slot = Slot(batch[0].slot)
        orders = [self._to_post(row) for row in batch]
        try:
            posted = self._relay.post_orders(slot, orders)
        except ChainError as error:  # they wait on, until their gate closes
            log.warning("orders not posted", slot=slot, orders=len(batch), error=str(error))
            return 0
        self._posted_in |= {row.id: posted.block for row in batch}
        self._store({row.id: ("posted", None) for row in batch})
        log.info(
            "orders posted",
            slot=slot,
            orders=len(batch),
            skipped=len(posted.skipped),
            transaction=posted.transaction,
        )
        return len(batch)

    def _to_post(self, row: OutboxOrder) -> OrderToPost:
        signature = bytes.fromhex(row.signature[2:])
        signer = signer_of(bytes.fromhex(row.id[2:]), signature)
        return OrderToPost(
            slot=Slot(row.slot),
            order=order_of(row),
            signature=signature,
            is_wallets=signer != self._owners[row.participant],
        )

    def _store(self, states: dict[str, State]) -> None:
        if not states:
            return
        with self._database.writing() as session:
            for number, (state, reason) in states.items():
                session.execute(
                    update(OutboxOrder)
                    .where(OutboxOrder.id == number)
                    .values(state=state, reason=reason)
                )
        for number, (state, _) in states.items():
            if state in ("recorded", "skipped", "dropped"):
                self._posted_in.pop(number, None)


def _is_of(entry: OrderEntry, row: OutboxOrder) -> bool:
    """Return whether an entry of a book is this order, whose score the chain has added."""
    order = order_of(row)
    return (
        Kind[(entry.kind or "cancellation").upper()],
        entry.energy_wh,
        entry.price_micro_usd_per_mwh,
        entry.nonce,
        entry.terms,
    ) == (order.kind, order.energy, order.price, order.nonce, str(order.terms))
