"""
The market as a plain ledger that takes one event after the other and refuses what cannot be.

What a record says is compared with what the records before it lead to: the owner's reputation in an
order, money that is there, times, prices, fees and fills of an outcome with its certificate, the
shares of a delivery, signatures, stored energy. Money and reputations are never read from a record
but added up.
"""

from collections.abc import Callable, Mapping

from oracle.audit.faults import fault
from oracle.audit.open_book import OpenBook
from oracle.audit.settlement import Settlement
from oracle.audit.storage import Storage
from oracle.domain.record import EventRecord, MarketRecord, Values
from oracle.market.mechanism import Mechanism

OF_OPEN_BOOKS = (
    "OfferPlaced",
    "BidPlaced",
    "OrderCancelled",
    "OrdersPosted",
    "OrderSkipped",
    "NoncesSpent",
)
OF_SEALED_BOOKS = ("OrderSealed", "OrderRevealed")


class Ledger(Settlement, OpenBook, Storage):
    """Takes the events of a record in order."""

    def __init__(self, record: MarketRecord, mechanisms: Mapping[str, type[Mechanism]]) -> None:
        """`mechanisms` maps the name of a verifier's contract to its twin."""
        super().__init__(record, mechanisms)
        self._position = 0
        self._last: EventRecord | None = None
        self._takers: dict[str, Callable[[EventRecord, Values], None]] = {
            "Deposited": self._deposited,
            "Withdrawn": self._withdrawn,
            "Enrolled": self._enrolled,
            "OfferPlaced": self._placed,
            "BidPlaced": self._placed,
            "OrderCancelled": self._cancelled,
            "SlotCleared": self._cleared,
            "ReadingsRecorded": self._read,
            "SlotSettled": self._settled,
            "SlotVoided": self._voided,
            "CompensationPaid": self._compensated,
            "StorageRecorded": self._stored,
            "OwnershipTransferred": self._handed_over,
            "OwnershipTransferStarted": self._offered,
            "OrdersPosted": self._posted,
            "OrderSkipped": self._skipped,
            "NoncesSpent": self._nonces_spent,
            "OrderSealed": self._sealed,
            "OrderRevealed": self._revealed,
            "Paused": self._pause,
            "Unpaused": self._pause,
        }

    def take(self, event: EventRecord) -> None:
        """
        Take the next event.

        Raises
        ------
        Divergence
            If it is not what the events before it lead to.
        """
        if event.position != self._position:
            raise fault(event, f"number: expected {self._position}, came {event.position}")
        self._require_order(event)
        self._position, self._last = event.position + 1, event
        self.checked["events"] += 1
        self._close_batch(event.transaction)
        if self.terms.announce(event):
            self.checked["announcements"] += 1
            return
        taker = self._takers.get(event.name)
        if taker is None:
            raise fault(event, "expected an event that this version knows")
        is_sealed = self._constants.seal_bond > 0
        if event.name in (OF_OPEN_BOOKS if is_sealed else OF_SEALED_BOOKS):
            raise fault(event, f"expected none where books are {'sealed' if is_sealed else 'open'}")
        taker(event, event.values)

    def finish(self) -> None:
        """Take it that no event follows."""
        self._close_batch()

    def _require_order(self, event: EventRecord) -> None:
        """Check that no block comes before an earlier one, or at two times."""
        first, last = self._constants.first_block, self._constants.last_block
        if not first <= event.block <= last:
            raise fault(event, f"block: expected one of {first} to {last}, came {event.block}")
        before = self._last
        if before is None:
            return
        if event.block < before.block:
            raise fault(event, f"block: expected from {before.block} on, came {event.block}")
        if event.time < before.time or (event.block == before.block and event.time != before.time):
            words = "" if event.block == before.block else " or later"
            raise fault(
                event,
                f"time: expected {before.time}{words} after block {before.block}, "
                f"came {event.time} in block {event.block}",
            )
