"""The feeders' days put together as they come: totals by slot, and one digest of all."""

from collections.abc import Iterator
from functools import partial
from hashlib import sha256

from oracle.region.day import FeederDay, SlotTotals, clear_feeder
from oracle.region.feeder import RegionTerms
from oracle.region.schedulers import Scheduler, in_order
from oracle.units import SLOTS_PER_DAY


class Region:
    """What is known of the feeders that were cleared so far."""

    def __init__(self, terms: RegionTerms) -> None:
        self.terms = terms
        self.feeders = 0
        self.slots = [SlotTotals()] * SLOTS_PER_DAY
        self._hashed = sha256()

    @property
    def digest(self) -> str:
        """The hash of the feeders' digests in their order: equal where every byte was."""
        return self._hashed.hexdigest()

    @property
    def total(self) -> SlotTotals:
        """What was ordered and traded in all slots."""
        return sum(self.slots, SlotTotals())

    def cleared(self, scheduler: Scheduler) -> Iterator[FeederDay]:
        """
        Clear every feeder, and yield their days in order; none is kept.

        Raises
        ------
        OracleError
            What `clear_feeder` raises, and WorkerError if a worker dies.
        """
        days = in_order(scheduler, partial(clear_feeder, self.terms), range(self.terms.feeders))
        for day in days:
            self.feeders += 1
            self.slots = [one + two for one, two in zip(self.slots, day.slots, strict=True)]
            self._hashed.update(day.digest)
            yield day
