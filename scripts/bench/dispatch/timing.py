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
    Steps,
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
    NoResultError,
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
) -> Iterator[SystemFigures]:
    """
    Yield the figures of the reference case, of a step of its rolling horizon, and of the sizes.

    Raises
    ------
    SolverError
        If we find no optimum in time; where another library does not, its row says why.
    """
    day: SystemFigures | None = None
    total = len(sizes) + 2
    for place, (name, system, reference, size) in enumerate(_systems(case, sizes, seed)):
        report("systems", place, total)
        tasks = [
            Task(
                library=library,
                system=system,
                reference=reference,
                time_limit_s=time_limit_s,
                first=_small_task(library, case, time_limit_s),
            )
            for library in [OURS, *GENERAL, *([PULP] if reference else [])]
        ]
        one = _figures(name, tasks, runs, report)
        one.seed = None if size is None else seed
        if name == STEP:
            one.steps = _steps(case, runs, report)
        day = day or one
        for library, part in one.parts.items():
            first = day.parts.get(library)
            if first is not None:
                exponent = growth(part, one.columns, first, day.columns)
                one.parts[library] = replace(part, growth=exponent)
        yield one
    report("systems", total, total)


def _systems(
    case: ReferenceCase, sizes: Sequence[Size], seed: int
) -> Iterator[tuple[str, CommittedSystem, Reference | None, Size | None]]:
    reference = Reference(system=case.system, day_ahead=case.day_ahead, rest=None)
    yield DAY, case.day, reference, None
    rest = case.rest(case.day.slots - case.step.slots)
    yield STEP, case.step, replace(reference, rest=rest), None
    for size in sizes:
        yield size.name, larger(case, size, seed=seed), None, size


def _small_task(library: str, case: ReferenceCase, time_limit_s: float) -> Task:
    """Return the last slot of the reference case."""
    rest = case.rest(SLOTS_PER_DAY - 1)
    reference = Reference(system=case.system, day_ahead=case.day_ahead, rest=rest)
    return Task(
        library=library,
        system=case.system_of(rest),
        reference=reference,
        time_limit_s=time_limit_s,
    )


def _figures(name: str, tasks: Sequence[Task], runs: int, report: Progress) -> SystemFigures:
    """Return the figures of a system that every library has a task for, by turns."""
    system = tasks[0].system
    skipped = {task.library: MISSING for task in tasks if not installed(task.library)}
    failed: dict[str, str] = {}
    found: dict[str, list[Measurement]] = {}
    for done, task in enumerate([*tasks] * runs):
        report(name, done, runs * len(tasks))
        if task.library in skipped | failed:
            continue
        try:
            found.setdefault(task.library, []).append(measured_apart(task))
        except SolverError as error:
            if task.library == OURS:
                raise
            told = skipped if isinstance(error, NoResultError) else failed
            told[task.library] = str(error)
    report(name, runs * len(tasks), runs * len(tasks))
    complete = {library: some for library, some in found.items() if library not in skipped | failed}
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
        failed=failed,
    )


def _steps(case: ReferenceCase, runs: int, report: Progress) -> Steps:
    """Return how long the steps of a day take in this process, as in the daemon's."""
    p2p_mw = np.zeros(SLOTS_PER_DAY)
    basis_s, warm, cold = [], np.zeros((runs, SLOTS_PER_DAY)), np.zeros((runs, SLOTS_PER_DAY))
    for run in range(runs):
        started = perf_counter()
        basis = basis_of_day(case.system, case.day_ahead, p2p_mw=p2p_mw)
        basis_s.append(perf_counter() - started)
        for since in range(SLOTS_PER_DAY):
            report("steps of a day", run * SLOTS_PER_DAY + since, runs * SLOTS_PER_DAY)
            rest = case.rest(since)
            for seconds, day_basis in ((warm, basis), (cold, None)):
                started = perf_counter()
                dispatch_rest(case.system, case.day_ahead, rest, p2p_mw=p2p_mw, day_basis=day_basis)
                seconds[run, since] = perf_counter() - started
    report("steps of a day", runs * SLOTS_PER_DAY, runs * SLOTS_PER_DAY)
    return Steps(
        count=SLOTS_PER_DAY,
        runs=runs,
        basis_s=median(basis_s),
        median_s=float(np.median(np.median(warm, axis=1))),
        most_s=float(np.median(warm.max(axis=1))),
        cold_median_s=float(np.median(np.median(cold, axis=1))),
        cold_most_s=float(np.median(cold.max(axis=1))),
        ratios=tuple((warm.sum(axis=1) / cold.sum(axis=1)).tolist()),
    )
