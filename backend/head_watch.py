"""Watches the head of the index, and tells who wants to know that it moved."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from sqlalchemy import select

from backend.index.database import Database
from backend.index.errors import IndexFault
from backend.index.tables import Block, Event
from backend.index_view import Head, read_head

REMEMBERED = 10_000  # slots; with more, all count as changed
OF_BOOKS = (  # and of readings: they change neither rounds nor scores nor what was paid
    "OfferPlaced",
    "BidPlaced",
    "OrderCancelled",
    "OrdersPosted",
    "OrderSkipped",
    "OrderSealed",
    "OrderRevealed",
    "ReadingsRecorded",
)
OF_NO_SLOT = ("Deposited", "Withdrawn", "Enrolled", "CompensationPaid", "NoncesSpent")

Moved = Callable[[Head | None, Head], Awaitable[None]]

log = structlog.get_logger("wattline.service")


class HeadWatch:
    """The newest indexed block, as it was a moment ago; None before the first."""

    def __init__(self, database: Database, *, poll_s: float) -> None:
        self._database = database
        self._poll_s = poll_s
        self._turn = asyncio.Lock()
        self._listeners: list[Moved] = []
        self.head: Head | None = None
        self.is_readable = True
        self.look = 0  # counts the moves of the head that were seen
        self._changed: dict[int, int] = {}  # slot → the look at which it had new events
        self._all_changed = 0
        self.outcome = 0  # the look at which there were last events that are not of books
        self._limiter = CapacityLimiter(1)  # readers may be many, and the head must not wait

    def on_move(self, listener: Moved) -> None:
        """Call `listener` with the head before and the new one, whenever it has moved."""
        self._listeners.append(listener)

    async def refresh(self) -> None:
        """Look once."""
        async with self._turn:
            before = self.head
            head, changed, has_outcome = await run_sync(self._read, before, limiter=self._limiter)
            if head is None or head == before:
                return
            self.head = head
            self._note(changed, has_outcome=has_outcome)
            for listener in self._listeners:
                await listener(before, head)

    async def run(self) -> None:
        """Look until cancelled; a database that does not answer is asked again."""
        while True:
            try:
                await self.refresh()
                self.is_readable = True
            except IndexFault as error:
                if self.is_readable:
                    log.warning("index not readable", error=str(error))
                self.is_readable = False
            except Exception:  # nobody would hear of new blocks any more
                log.exception("head not told")
            await asyncio.sleep(self._poll_s)

    def changed_at(self, slot: int) -> int:
        """Return the look at which a slot had new events; later ones found none."""
        return max(self._changed.get(slot, 0), self._all_changed)

    def _note(self, changed: Collection[int] | None, *, has_outcome: bool) -> None:
        self.look += 1
        if has_outcome:
            self.outcome = self.look
        if changed is None or len(self._changed) > REMEMBERED:
            self._changed.clear()
            self._all_changed = self.look
        else:
            self._changed |= dict.fromkeys(changed, self.look)

    def _read(self, before: Head | None) -> tuple[Head | None, Collection[int] | None, bool]:
        """
        Return the head, the slots that have new events, and whether any is not of a book.

        The slots are None where it may be all of them.
        """
        with self._database.reading() as session:
            head = read_head(session)
            block = session.get(Block, before.number) if before else None
            if before is None or block is None or block.hash != before.hash:
                return head, None, True
            came = select(Event.slot, Event.name).where(Event.block > before.number).distinct()
            slots, has_outcome = set(), False
            for slot, name in session.execute(came):
                has_outcome |= name not in OF_BOOKS
                if slot is not None:
                    slots.add(slot)
                elif name not in OF_NO_SLOT:  # announced: it may hold in any slot
                    return head, None, True
            return head, slots, has_outcome
