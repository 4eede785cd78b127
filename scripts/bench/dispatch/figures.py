"""What is told of a system that was dispatched by several libraries: medians, spread, ratios."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import log
from statistics import median
from typing import Any

import numpy as np

from oracle.errors import SolverError
from scripts.bench.dispatch.measurement import OURS, Measurement

DIFFERENCE = 1e-6  # of objectives, relative


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Medians of one library's runs, and the spread of build + solve."""

    total_s: float
    build_s: float
    solve_s: float
    cpu_s: float
    memory_mb: float
    spread_s: tuple[float, float]  # the least and the most
    runs: int
    growth: float | None = None  # exponent of time over columns, from the reference case to here


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """
    All steps of a day in one process, as the daemon takes them, from the day's basis and without.

    Seconds are medians of the passes over the day.
    """

    count: int
    runs: int  # passes
    basis_s: float  # once a day
    median_s: float
    most_s: float
    cold_median_s: float
    cold_most_s: float
    ratios: tuple[float, ...]  # of each pass, all warm steps to all cold ones


@dataclass(slots=True, kw_only=True)
class SystemFigures:
    """One row; seconds are build + solve, medians of all runs."""

    system: str
    ours_s: float
    others: dict[str, float]
    objective_relative_difference: float | None  # the largest of the others'; None without any
    ratio_to_best: float | None  # ours to the fastest other, by the clock
    cpu_ratio_to_best: float | None  # the same by the processor's time
    objective_usd: float
    units: int
    storages: int
    days: float
    columns: int
    rows: int
    iterations: int
    integers: int
    seed: int | None  # None for the reference case, which is not random
    parts: dict[str, Parts]  # ours and the others'
    skipped: dict[str, str] = field(default_factory=dict)  # library → why it has no figures
    failed: dict[str, str] = field(default_factory=dict)  # library → how it contradicts us, or died
    steps: "Steps | None" = None  # of a whole day's rolling horizon


def parts_of(runs: Sequence[Measurement]) -> Parts:
    """Return the medians of some runs."""
    seconds = [one.seconds for one in runs]
    return Parts(
        total_s=median(seconds),
        build_s=median(one.build_s for one in runs),
        solve_s=median(one.solve_s for one in runs),
        cpu_s=median(one.cpu_s for one in runs),
        memory_mb=median(one.memory_mb for one in runs),
        spread_s=(min(seconds), max(seconds)),
        runs=len(runs),
    )


def largest_difference(runs: dict[str, list[Measurement]]) -> float | None:
    """Return the largest relative difference of an objective to our first one."""
    own = runs[OURS][0].objective
    others = [one.objective for some in runs.values() for one in some]
    if len(runs) == 1:
        return None
    scale = max(abs(own), 1.0)
    return float(np.max([abs(other - own) / scale for other in others]))  # nan where one is


def ratio(parts: dict[str, Parts], what: str) -> float | None:
    """Return ours to the least of the others' `total_s` or `cpu_s`."""
    others = [getattr(one, what) for name, one in parts.items() if name != OURS]
    return getattr(parts[OURS], what) / min(others) if others else None


def growth(part: Parts, columns: int, first: Parts, first_columns: int) -> float | None:
    """Return the exponent of time over columns between two systems; None where they are alike."""
    if columns < 2 * first_columns:
        return None
    return log(part.total_s / first.total_s) / log(columns / first_columns)


def require_equal(figures: Sequence[SystemFigures]) -> None:
    """Raise SolverError if objectives differ by more than `DIFFERENCE`, or a library failed."""
    for one in figures:
        for reason in one.failed.values():
            raise SolverError(f"{one.system}: {reason}")
        difference = one.objective_relative_difference
        if difference is not None and not difference <= DIFFERENCE:
            raise SolverError(
                f"{one.system}: expected objectives within {DIFFERENCE:g} of each other, got "
                f"{difference:.3g}"
            )


def as_rows(figures: Sequence[SystemFigures]) -> list[dict[str, Any]]:
    """Return what `--json` prints."""
    return [asdict(one) for one in figures]
