"""Brings waiting orders to the chain in batches, and keeps the outbox's states to the index."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import structlog
from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from backend.chain import OrderToPost
from backend.index.database import Database
from backend.index.tables import (
    Block,
    OrderEntry,
    OutboxOrder,
    Posting,
    SkippedOrder,
)
from backend.index_view import Head, read_head
from backend.orders.outbox import HANDED_IN, ON_THEIR_WAY, HandedIn, order_of
from backend.postings import OF_THE_MARKET, Postings
from oracle.domain.book import Kind
from oracle.errors import ChainError, ContractRevert
from oracle.units import SLOT_SECONDS, Slot

SLOTS_PER_DAY = 86_400 // SLOT_SECONDS
REMEMBERED_SLOTS = SLOTS_PER_DAY  # after its gate an order's state is looked after for a day

log = structlog.get_logger("wattline.service")

State = tuple[str, str | None]  # and the reason


class Poster:
    """One round after the other, in one thread."""

    def __init__(
        self,
        database: Database,
        postings: Postings,
        *,
        batch_orders: int,
        batch_wallet_orders: int,
        outbox_days: int,
    ) -> None:
        self._database = database
        self._postings = postings
        self._size = batch_orders
        self._wallet_size = batch_wallet_orders
        self._kept_slots = outbox_days * SLOTS_PER_DAY
        self._seen: Head | None = None
        self._tidied_at: int | None = None  # the next gate's slot

    def round(self) -> int:
        """Bring the states up to date and post what waits; return how many orders were posted."""
        try:
            self._postings.resume()
        except ChainError as error:
            log.warning("a transaction is on its way", error=str(error))
            return 0
        waiting, head = self._updated()
        if head is not None and head.next_gate_slot != self._tidied_at:
            self._tidy(head)
        posted = 0
        for batch in self._batches(waiting):
            try:
                posted += self._post(batch)
            except ChainError as error:  # they wait on, until their gate closes
                log.warning("orders not posted", slot=batch[0].slot, error=str(error))
                if not isinstance(error, ContractRevert):
                    break
        return posted

    def _updated(self) -> tuple[list[HandedIn], Head | None]:
        """Bring the states up to date; return what waits, and where the index is."""
        with self._database.reading() as session:
            head = read_head(session)
            if head is None:
                return [], None
            rows = self._looked_after(session, head)
            postings = _postings_of(session, rows)
            changes = self._changes(session, head, rows, postings)
        self._store(changes)
        now = {row.id: changes.get(row.id, (row.state, None))[0] for row in rows}
        gone = {
            posting.id
            for row in rows
            if now[row.id] == "posted" and (posting := postings.get(row.posting or 0)) is not None
            if posting.state == "mined" and head.number >= (posting.block or 0)
        }
        if gone:  # the next round looks for them
            self._postings.reopen(sorted(gone))
        self._seen = head
        waiting = [row for row in rows if now[row.id] == "waiting"]
        waiting.sort(key=lambda row: (row.slot, row.created_block, row.id))
        return waiting, head

    def _looked_after(self, session: Session, head: Head) -> list[HandedIn]:
        """Return what is on its way; and of the last day all, where the chain went back."""
        looked_after: ColumnElement[bool] = OutboxOrder.state.in_(ON_THEIR_WAY)
        if self._went_back(session):
            since = head.next_gate_slot - REMEMBERED_SLOTS
            ended = OutboxOrder.state.in_(("recorded", "skipped"))
            looked_after = or_(looked_after, and_(ended, OutboxOrder.slot >= since))
        rows = session.execute(HANDED_IN.where(looked_after)).mappings()
        return [HandedIn(**row) for row in rows]

    def _went_back(self, session: Session) -> bool:
        """Return whether the index lost the block that was its newest, or may have."""
        if self._seen is None:
            return True
        there = select(Block.hash).where(Block.number == self._seen.number)
        return session.scalar(there) != self._seen.hash

    def _changes(
        self,
        session: Session,
        head: Head,
        rows: Sequence[HandedIn],
        postings: dict[int, Posting],
    ) -> dict[str, State]:
        """Return the states that the index does not agree with any more."""
        slots = {row.slot for row in rows}
        entries = {
            (entry.slot, entry.participant): entry
            for entry in session.scalars(
                select(OrderEntry).where(OrderEntry.slot.in_(slots), OrderEntry.entry == "order")
            )
        }
        skips = {
            (skip.transaction_hash, skip.order_word): skip.reason_text
            for skip in session.execute(
                select(
                    SkippedOrder.transaction_hash,
                    SkippedOrder.order_word,
                    SkippedOrder.reason_text,
                ).where(SkippedOrder.slot.in_(slots))
            )
        }
        changes = {}
        for row in rows:
            posting = postings.get(row.posting or 0)
            ours = [(one, row.order_word) for one in (posting.hashes if posting else ())]
            skip = next((skips[one] for one in ours if one in skips), None)
            entry = entries.get((row.slot, row.participant))
            state = _state(head, row, entry, skip, posting)
            if state[0] != row.state:
                changes[row.id] = state
        return changes

    def _batches(self, waiting: Sequence[HandedIn]) -> Iterable[Sequence[HandedIn]]:
        """Yield orders of one slot, keys' apart from wallets', which cost more and may turn bad."""
        for _, of_slot in groupby(waiting, key=lambda row: row.slot):
            rows = list(of_slot)
            yield from _parts([row for row in rows if not row.is_wallets], self._size)
            yield from _parts([row for row in rows if row.is_wallets], self._wallet_size)

    def _post(self, batch: Sequence[HandedIn]) -> int:
        """
        Post orders of one slot, in halves where all together are refused; return how many were.

        Raises
        ------
        ChainError
            If the chain is away, or refuses orders of this slot whatever they are.
        """
        slot = Slot(batch[0].slot)
        orders = [_to_post(row) for row in batch]
        try:
            posted = self._postings.orders(slot, orders, [row.id for row in batch])
        except ContractRevert as error:
            if error.name in OF_THE_MARKET:
                raise
            log.warning("orders refused", slot=slot, orders=len(batch), error=str(error))
            if len(batch) == 1:
                self._store({batch[0].id: ("failed", str(error))})
                return 0
            return self._post_halves(batch)
        log.info(
            "orders posted",
            slot=slot,
            orders=len(batch),
            skipped=len(posted.skipped),
            transaction=posted.transaction,
            refusal=posted.refusal.text if posted.refusal is not None else None,
        )
        if posted.refusal is None:
            return len(batch)
        is_theirs = posted.refusal.name not in OF_THE_MARKET
        return self._post_halves(batch) if is_theirs and len(batch) > 1 else 0

    def _post_halves(self, batch: Sequence[HandedIn]) -> int:
        middle = len(batch) // 2
        return self._post(batch[:middle]) + self._post(batch[middle:])

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

    def _tidy(self, head: Head) -> None:
        """Forget what is over for long, once a slot."""
        gate = head.next_gate_slot
        with self._database.writing() as session:
            session.execute(
                delete(OutboxOrder).where(
                    OutboxOrder.slot < gate - self._kept_slots,
                    OutboxOrder.state.not_in(ON_THEIR_WAY),
                )
            )
            ended = Posting.state != "open"
            session.execute(delete(Posting).where(Posting.slot < gate - self._kept_slots, ended))
            session.execute(
                update(Posting)
                .where(Posting.slot < gate - REMEMBERED_SLOTS, Posting.call != "", ended)
                .values(call="")  # it is the bulk, and of use only to send it again
            )
        self._tidied_at = gate


def _postings_of(session: Session, rows: Iterable[HandedIn]) -> dict[int, Posting]:
    numbers = {row.posting for row in rows if row.posting is not None}
    found = session.scalars(select(Posting).where(Posting.id.in_(numbers))).all()
    session.expunge_all()
    return {posting.id: posting for posting in found}


def _state(
    head: Head,
    row: HandedIn,
    entry: OrderEntry | None,
    skip: str | None,
    posting: Posting | None,
) -> State:
    if entry is not None and _is_of(entry, row):
        return "recorded", None
    if skip is not None:
        return "skipped", skip
    if row.slot < head.next_gate_slot:
        return "dropped", "the gate closed before it was recorded"
    return ("posted" if posting is not None else "waiting"), None


def _to_post(row: HandedIn) -> OrderToPost:
    return OrderToPost(
        slot=Slot(row.slot),
        order=order_of(row),
        signature=bytes.fromhex(row.signature[2:]),
        is_wallets=row.is_wallets,
    )


def _parts(rows: Sequence[HandedIn], size: int) -> Iterable[Sequence[HandedIn]]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def _is_of(entry: OrderEntry, row: HandedIn) -> bool:
    """Return whether an entry of a book is this order, whose score the chain has added."""
    order = order_of(row)
    return (
        Kind[(entry.kind or "cancellation").upper()],
        entry.energy_wh,
        entry.price_micro_usd_per_mwh,
        entry.nonce,
        entry.terms,
    ) == (order.kind, order.energy, order.price, order.nonce, str(order.terms))
