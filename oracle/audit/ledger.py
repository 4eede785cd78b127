"""
The market as a plain ledger that takes one event after the other and refuses what cannot be.

What a record says is compared with what the records before it lead to: the owner's reputation in an
order, money that is there, times, prices, fees and fills of an outcome with its certificate, the
shares of a delivery, signatures, stored energy. Money and reputations are never read from a record
but added up.
"""

from collections.abc import Callable

from oracle.audit.faults import fault
from oracle.audit.settlement import Settlement
from oracle.audit.storage import Storage
from oracle.domain.record import EventRecord, MarketRecord, Values
from oracle.market.mechanism import Mechanism


class Ledger(Settlement, Storage):
    """Takes the events of a record in order."""

    def __init__(self, record: MarketRecord, mechanisms: dict[str, Mechanism]) -> None:
        """`mechanisms` maps the name of a verifier's contract to its twin."""
        super().__init__(record, mechanisms)
        self._position = 0
        self._time = 0
        self._block = 0
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
            "OwnershipTransferStarted": lambda event, values: None,
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
        if (event.block, event.time) < (self._block, self._time) or (
            event.block == self._block and event.time != self._time and self._position
        ):
            raise fault(
                event,
                f"block and time: expected none before {self._block} at {self._time}, "
                f"came {event.block} at {event.time}",
            )
        self._position, self._block, self._time = event.position + 1, event.block, event.time
        self.checked["events"] += 1
        if self.terms.announce(event):
            self.checked["announcements"] += 1
            return
        taker = self._takers.get(event.name)
        if taker is None:
            raise fault(event, "expected an event that this version knows")
        taker(event, event.values)
