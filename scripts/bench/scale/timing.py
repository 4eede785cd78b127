"""How long a region takes under a scheduler, and how many times as fast as one process it is."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from oracle.errors import OracleError
from oracle.progress import Progress
from oracle.region.day import FeederDay
from oracle.region.feeder import RegionTerms
from oracle.region.region import Region
from oracle.region.schedulers import Scheduler, SchedulerName, open_scheduler

Take = Callable[[Iterator[FeederDay]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds of the clock; those of workers' start are apart."""

    scheduler: str
    workers: int
    start_s: float  # median
    clear_s: tuple[float, ...]  # of each run
    one_process_s: tuple[float, ...] = ()  # of as many, each before one of the others

    @property
    def speed_ups(self) -> list[float]:
        """How many times as fast each run was as the one before it by one process."""
        return [one / two for one, two in zip(self.one_process_s, self.clear_s, strict=False)]

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
    progress: Progress,
    runs: int = 0,
) -> tuple[Region, Timing]:
    """
    Clear a region, give its feeders' days to `take`, and say how long it took.

    With `runs`, clear it that many times by one process and under the scheduler, in turn. The
    process is a new one, and nothing of the other scheduler is up meanwhile.

    Raises
    ------
    OracleError
        Where clearing does, or if two runs do not agree to the byte.
    """
    regions: list[Region] = []
    start_s: list[float] = []
    clear_s: list[float] = []
    one_process_s: list[float] = []

    def clear(stage: str, scheduler: Scheduler, taken: Take) -> float:
        started = perf_counter()
        regions.append(Region(terms))
        taken(_counted(regions[-1].cleared(scheduler), stage, terms.feeders, progress))
        return perf_counter() - started

    for run in range(1, max(1, runs) + 1):
        of_runs = f"run {run} of {runs}, " if runs else ""
        if runs:
            with open_scheduler("process", workers=1) as one:
                one_process_s.append(clear(f"{of_runs}feeders, one process", one, ignore))
        started = perf_counter()
        with open_scheduler(name, workers, address) as scheduler:
            start_s.append(perf_counter() - started)
            stage, taken = f"{of_runs}feeders, {name}", take if run == 1 else ignore
            clear_s.append(clear(stage, scheduler, taken))
            at_work = scheduler.workers
    if any((one.digest, one.slots) != (regions[0].digest, regions[0].slots) for one in regions):
        found = ", ".join(sorted({region.digest for region in regions}))
        raise OracleError(f"runs of one region differ: got the digests {found}")
    timing = Timing(
        scheduler=name,
        workers=at_work,
        start_s=median(start_s),
        clear_s=tuple(clear_s),
        one_process_s=tuple(one_process_s),
    )
    return regions[0], timing


def _counted(
    days: Iterator[FeederDay], stage: str, feeders: int, progress: Progress
) -> Iterator[FeederDay]:
    progress(stage, 0, feeders)
    for done, day in enumerate(days, start=1):
        progress(stage, done, feeders)
        yield day


def ignore(days: Iterator[FeederDay]) -> None:
    """Have the days cleared, and keep nothing of them."""
    deque(days, maxlen=0)
