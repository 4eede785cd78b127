"""How long a region takes under a scheduler, and how much faster that is than one process."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from oracle.errors import OracleError
from oracle.region.day import FeederDay
from oracle.region.feeder import RegionTerms
from oracle.region.region import Region
from oracle.region.schedulers import Scheduler, SchedulerName, Serial, open_scheduler

Take = Callable[[Iterator[FeederDay]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds of the clock; those of workers' start are apart."""

    scheduler: str
    workers: int
    start_s: float
    clear_s: tuple[float, ...]  # of each run
    serial_s: tuple[float, ...] = ()  # of as many in this process, each before one of the others

    @property
    def speed_ups(self) -> list[float]:
        """How many times as fast each run was as the one in this process before it."""
        return [one / two for one, two in zip(self.serial_s, self.clear_s, strict=False)]

    @property
    def median_s(self) -> float:
        return median(self.clear_s)


def timed(
    terms: RegionTerms,
    name: SchedulerName,
    workers: int,
    address: str | None,
    take: Take,
    *,
    runs: int = 0,
) -> tuple[Region, Timing]:
    """
    Clear a region, give its feeders' days to `take`, and say how long it took.

    With `runs`, clear it that many times under the scheduler and in this process, in turn.

    Raises
    ------
    OracleError
        Where clearing does, or if two runs do not agree to the byte.
    """
    started = perf_counter()
    with open_scheduler(name, workers, address) as scheduler:
        start_s = perf_counter() - started
        serial_s: list[float] = []
        clear_s: list[float] = []
        regions: list[Region] = []
        for run in range(max(1, runs)):
            if runs:
                regions.append(_cleared(terms, Serial(), ignore, serial_s))
            regions.append(_cleared(terms, scheduler, ignore if run else take, clear_s))
    digests = {region.digest for region in regions}
    if len(digests) > 1:
        raise OracleError(f"runs of one region differ: got the digests {', '.join(digests)}")
    timing = Timing(
        scheduler=name,
        workers=workers,
        start_s=start_s,
        clear_s=tuple(clear_s),
        serial_s=tuple(serial_s),
    )
    return regions[0], timing


def _cleared(terms: RegionTerms, scheduler: Scheduler, take: Take, seconds: list[float]) -> Region:
    started = perf_counter()
    region = Region(terms)
    take(region.cleared(scheduler))
    seconds.append(perf_counter() - started)
    return region


def ignore(days: Iterator[FeederDay]) -> None:
    """Have the days cleared, and keep nothing of them."""
    deque(days, maxlen=0)
