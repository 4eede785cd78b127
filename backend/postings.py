"""
The relay's transactions, each remembered in the database before it is sent.

So a service that dies at any moment finds its transaction again, and posts nothing twice:

    open ──mined──▶ mined ──taken back by the chain──▶ open
      │ └─mined──▶ failed
      └─ lost: forgotten, and its orders wait again
"""

from collections.abc import Iterable, Sequence
from functools import partial
from threading import Lock

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from backend.chain import ChainRelay, OrderToPost, Outgoing, Posted, ReadingToPost, Refusal
from backend.index.database import Database
from backend.index.tables import OutboxOrder, Posting
from oracle.errors import ChainUnavailable, TransactionRefused
from oracle.units import Slot

# Refusals of a whole call that say nothing about the orders in it: they wait on.
OF_THE_MARKET = frozenset({"EnforcedPause", "GateClosed", "NotOpenYet"})

log = structlog.get_logger("wattline.service")


class Postings:
    """One relay's transactions, one at a time; safe to share between threads."""

    def __init__(self, database: Database, relay: ChainRelay) -> None:
        self._database = database
        self._relay = relay
        self._turn = Lock()

    def orders(self, slot: Slot, orders: Sequence[OrderToPost], ids: Sequence[str]) -> Posted:
        """
        Record orders of a slot in one transaction, and wait for it.

        `ids` are theirs in the outbox, where they become "posted" together with its being
        remembered. If it fails they wait again, or, alone, have failed.

        Raises
        ------
        ContractRevert
            If all of it would be refused: nothing was sent.
        ChainUnavailable
            If the node does not answer, or not in time: the transaction may be on its way.
        """
        with self._turn:
            self._finish()
            return self._send(slot, self._relay.sign_orders(slot, orders), ids)

    def readings(self, slot: Slot, readings: Sequence[ReadingToPost]) -> Posted:
        """Record readings of a slot in one transaction, and wait for it; raises as `orders`."""
        with self._turn:
            self._finish()
            return self._send(slot, self._relay.sign_readings(slot, readings), ())

    def resume(self) -> None:
        """
        Bring what is open to its end.

        Raises
        ------
        ChainUnavailable
            If the node does not answer, or has not mined it in time.
        """
        with self._turn:
            self._finish()

    def reopen(self, numbers: Iterable[int]) -> None:
        """Look for transactions again that the chain seems to have taken back."""
        with self._turn, self._database.writing() as session:
            session.execute(
                update(Posting).where(Posting.id.in_(list(numbers))).values(state="open")
            )

    def _finish(self) -> None:
        with self._database.reading() as session:
            rows = session.scalars(
                select(Posting).where(Posting.state == "open").order_by(Posting.nonce)
            ).all()
            waiting = [(row.id, _outgoing(row)) for row in rows]
        for number, outgoing in waiting:
            posted = self._relay.resume(outgoing, partial(self._replaced, number))
            self._conclude(number, posted)
            log.info(
                "transaction found again" if posted is not None else "transaction lost",
                transaction=outgoing.hashes[-1] if posted is None else posted.transaction,
            )

    def _send(self, slot: Slot, outgoing: Outgoing, ids: Sequence[str]) -> Posted:
        number = self._remember(slot, outgoing, ids)
        try:
            posted = self._relay.send(outgoing, partial(self._replaced, number))
        except TransactionRefused:
            self._conclude(number, None)
            raise
        self._conclude(number, posted)
        if posted is None:
            raise ChainUnavailable(
                f"transaction {outgoing.hashes[-1]} is lost: somebody else sends with its key"
            )
        return posted

    def _remember(self, slot: Slot, outgoing: Outgoing, ids: Sequence[str]) -> int:
        row = Posting(
            slot=slot,
            state="open",
            sender=outgoing.sender,
            nonce=outgoing.nonce,
            call=outgoing.call,
            max_fee=outgoing.max_fee,
            tip=outgoing.tip,
            hashes=list(outgoing.hashes),
        )
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            number = row.id
            session.execute(
                update(OutboxOrder)
                .where(OutboxOrder.id.in_(ids))
                .values(
                    state="posted",
                    reason=None,
                    posting=number,
                    attempts=OutboxOrder.attempts + 1,
                )
            )
        return number

    def _replaced(self, number: int, replacement: Outgoing) -> None:
        with self._database.writing() as session:
            session.execute(
                update(Posting)
                .where(Posting.id == number)
                .values(
                    max_fee=replacement.max_fee,
                    tip=replacement.tip,
                    hashes=list(replacement.hashes),
                )
            )
        log.info("transaction replaced", transaction=replacement.hashes[-1])

    def _conclude(self, number: int, posted: Posted | None) -> None:
        """Note what became of a transaction; None if nothing."""
        with self._database.writing() as session:
            if posted is None:
                session.execute(delete(Posting).where(Posting.id == number))
                _let_wait(session, number)
                return
            session.execute(
                update(Posting)
                .where(Posting.id == number)
                .values(state="failed" if posted.refusal else "mined", block=posted.block)
            )
            if posted.refusal is not None:
                _fail(session, number, posted.refusal)


def _let_wait(session: Session, number: int) -> None:
    """Let a transaction's orders wait again: it cost nothing, or the fault is not one order's."""
    session.execute(
        update(OutboxOrder)
        .where(OutboxOrder.posting == number, OutboxOrder.state == "posted")
        .values(state="waiting", posting=None, attempts=OutboxOrder.attempts - 1)
    )


def _fail(session: Session, number: int, refusal: Refusal) -> None:
    carried = select(func.count()).where(OutboxOrder.posting == number)
    if session.scalar(carried) == 1 and refusal.name not in OF_THE_MARKET:
        session.execute(
            update(OutboxOrder)
            .where(OutboxOrder.posting == number)
            .values(state="failed", reason=refusal.text)
        )
    else:
        _let_wait(session, number)


def _outgoing(row: Posting) -> Outgoing:
    return Outgoing(
        sender=row.sender,
        nonce=row.nonce,
        call=row.call,
        max_fee=row.max_fee,
        tip=row.tip,
        hashes=tuple(row.hashes),
    )
