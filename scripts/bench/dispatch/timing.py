"""Runs the systems by turns in all libraries, and the steps of a rolling day in this process."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from time import perf_counter

import numpy as np

from oracle.errors import SolverError
from oracle.model.committed_system import CommittedSystem
from oracle.model.large_dispatch import basis_of_day, dispatch_rest
from oracle.progress import Progress
from oracle.units import SLOTS_PER_DAY
from scripts.bench.dispatch.figures import (
    Parts,
    SystemFigures,
    growth,
    largest_difference,
    parts_of,
    ratio,
)
from scripts.bench.dispatch.measurement import (
    GENERAL,
    OURS,
    PULP,
    Measurement,
    Reference,
    Task,
    installed,
    measured_apart,
)
from scripts.bench.dispatch.systems import ReferenceCase, Size, larger

DAY, STEP = "paper-day", "paper-day, rolling step"
MISSING = "not installed: pip install '.[bench]'"


def timed(
    case: ReferenceCase,
    sizes: Sequence[Size],
    *,
    runs: int,
    seed: int,
    time_limit_s: float,
    report: Progress,
) -> list[SystemFigures]:
    """
    Return the figures of the reference case, of a step of its rolling horizon, and of the sizes.

    Raises
    ------
    SolverError
        If we find no optimum in time; where another library finds none, its row says so.
    """
    figures: list[SystemFigures] = []
    total = len(sizes) + 2
    for name, system, reference, size in _systems(case, sizes, seed):
        report("systems", len(figures), total)
        one = _figures(name, system, reference, runs=runs, time_limit_s=time_limit_s)
        one.seed = None if size is None else seed
        if name == STEP:
            one.steps = _steps(case)
        figures.append(one)
        for library, part in one.parts.items():
            first = figures[0].parts.get(library)
            if first is not None:
                exponent = growth(part, one.columns, first, figures[0].columns)
                one.parts[library] = replace(part, growth=exponent)
    report("systems", total, total)
    return figures


def _systems(
    case: ReferenceCase, sizes: Sequence[Size], seed: int
) -> Iterator[tuple[str, CommittedSystem, Reference | None, Size | None]]:
    reference = Reference(system=case.system, day_ahead=case.day_ahead, rest=None)
    yield DAY, case.day, reference, None
    rest = case.rest(case.day.slots - case.step.slots)
    yield STEP, case.step, replace(reference, rest=rest), None
    for size in sizes:
        yield size.name, larger(case, size, seed=seed), None, size


def _figures(
    name: str,
    system: CommittedSystem,
    reference: Reference | None,
    *,
    runs: int,
    time_limit_s: float,
) -> SystemFigures:
    libraries = [OURS, *GENERAL] + ([PULP] if reference else [])
    skipped = {library: MISSING for library in libraries if not installed(library)}
    found: dict[str, list[Measurement]] = {}
    for _ in range(runs):
        for library in libraries:
            if library in skipped:
                continue
            task = Task(
                library=library, system=system, reference=reference, time_limit_s=time_limit_s
            )
            try:
                found.setdefault(library, []).append(measured_apart(task))
            except SolverError as error:
                if library == OURS:
                    raise
                skipped[library] = str(error)
    complete = {library: some for library, some in found.items() if library not in skipped}
    parts: dict[str, Parts] = {library: parts_of(some) for library, some in complete.items()}
    ours = complete[OURS][0]
    return SystemFigures(
        system=name,
        ours_s=parts[OURS].total_s,
        others={library: one.total_s for library, one in parts.items() if library != OURS},
        objective_relative_difference=largest_difference(complete),
        ratio_to_best=ratio(parts, "total_s"),
        cpu_ratio_to_best=ratio(parts, "cpu_s"),
        objective_usd=ours.objective,
        units=len(system.units),
        storages=len(system.storages),
        days=system.slots / SLOTS_PER_DAY,
        columns=ours.columns or 0,
        rows=ours.rows or 0,
        iterations=ours.iterations or 0,
        integers=ours.integers or 0,
        seed=None,
        parts=parts,
        skipped=skipped,
    )


def _steps(case: ReferenceCase) -> dict[str, float]:
    """Return how long the steps of a day take in one process, as the daemon takes them."""
    p2p_mw = np.zeros(SLOTS_PER_DAY)
    started = perf_counter()
    basis = basis_of_day(case.system, case.day_ahead, p2p_mw=p2p_mw)
    basis_s = perf_counter() - started
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for since in range(SLOTS_PER_DAY):
        rest = case.rest(since)
        for warm, some in seconds.items():
            started = perf_counter()
            dispatch_rest(
                case.system,
                case.day_ahead,
                rest,
                p2p_mw=p2p_mw,
                day_basis=basis if warm else None,
            )
            some.append(perf_counter() - started)
    return {
        "count": SLOTS_PER_DAY,
        "basis_s": basis_s,  # once a day
        "median_s": median(seconds[True]),
        "max_s": max(seconds[True]),
        "cold_median_s": median(seconds[False]),
        "cold_max_s": max(seconds[False]),
    }
