"""
One solve in a process of its own: `python -m scripts.bench.dispatch.measurement`, a pickled `Task`
on standard input, a JSON object on standard output.

A fresh process has no garbage and no memory of another library. What is timed is building the model
from a `CommittedSystem` and solving it; importing the library, reading the data and a small system
before, with which a library does what it does once a process, are not. All have the same
formulation, as each library has it written, and the same options of HiGHS.
"""

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from oracle.domain.power_system import PowerSystem
from oracle.domain.results import DayAheadResult
from oracle.errors import OracleError, SolverError, TimeLimitError
from oracle.model import real_time
from oracle.model.committed_system import CommittedSystem
from oracle.model.large_dispatch import dispatch_committed
from oracle.model.real_time import RestOfDay
from oracle.model.storage import OVERLAP_TOLERANCE_MW
from oracle.program import DEFAULT_GAP
from scripts.bench.memory import peak_mb, resident_mb

OURS, PULP = "ours", "pulp"
GENERAL = ("linopy", "pyomo")  # extras; PuLP comes with the product
MODULE = "scripts.bench.dispatch.measurement"
START_S = 120.0  # for starting a process, importing and building, beyond the time limit
OUT_OF_TIME = 3  # the exit code


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """What the reference model in PuLP takes instead of a `CommittedSystem`."""

    system: PowerSystem
    day_ahead: DayAheadResult
    rest: RestOfDay | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """A system to be dispatched with a library."""

    library: str
    system: CommittedSystem
    reference: Reference | None  # None where PuLP has no model of the system
    time_limit_s: float
    first: "Task | None" = None  # a small one with the same library, done before and not timed


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One solve; memory is what it took beyond the data and the library after its first task."""

    objective: float
    build_s: float
    solve_s: float
    cpu_s: float
    memory_mb: float
    iterations: int | None = None
    integers: int | None = None
    columns: int | None = None
    rows: int | None = None

    @property
    def seconds(self) -> float:
        return self.build_s + self.solve_s


class NoResultError(SolverError):
    """The library had too little time or memory for an optimum; its model may be right."""


def installed(library: str) -> bool:
    """Tell whether a library can be imported."""
    return library not in GENERAL or find_spec(library) is not None


def measured_apart(task: Task) -> Measurement:
    """
    Return the measurement of a process of its own.

    Raises
    ------
    NoResultError
        If the library found no optimum in the time and the memory that there is.
    SolverError
        If it says that there is none, its optimum breaks a rule, or it fails.
    """
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", MODULE],
            input=pickle.dumps(task),
            capture_output=True,
            check=False,
            cwd=Path(__file__).parents[3],
            timeout=2 * task.time_limit_s + START_S,
        )
    except subprocess.TimeoutExpired as error:
        raise NoResultError(f"{task.library}: no optimum within {error.timeout:g} s") from error
    if done.returncode < 0:
        raise NoResultError(f"{task.library}: ended by the system with signal {-done.returncode}")
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
        kind = NoResultError if done.returncode == OUT_OF_TIME else SolverError
        raise kind(f"{task.library}: {reason[-1]}")
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))


def measured(task: Task) -> Measurement:
    """Build and solve in this process."""
    if task.first is not None:
        _runner(task.first)()
    run = _runner(task)
    before_mb = resident_mb()
    began = process_time()
    found = run()
    cpu_s = process_time() - began
    memory_mb = max(peak_mb() - before_mb, 0.0)
    return Measurement(**{**found, "cpu_s": cpu_s, "memory_mb": memory_mb})


def _runner(task: Task) -> Callable[[], dict[str, Any]]:
    """Import what a task takes; return what is to be timed."""
    if task.library == OURS:
        return lambda: _ours(task)
    if task.library == PULP:
        return lambda: _pulp(task)
    model: Any
    if task.library == "linopy":
        from scripts.bench.dispatch.linopy_model import LinopyDispatch as model
    else:
        from scripts.bench.dispatch.pyomo_model import PyomoDispatch as model
    return lambda: _general(task, model)


def _ours(task: Task) -> dict[str, Any]:
    found = dispatch_committed(task.system, time_limit_s=task.time_limit_s)
    return {
        "objective": found.objective_usd,
        "build_s": found.build_s,
        "solve_s": found.solve_s,
        "iterations": found.iterations,
        "integers": found.integers,
        "columns": found.columns,
        "rows": found.rows,
    }


def _pulp(task: Task) -> dict[str, Any]:
    reference = task.reference
    if reference is None:
        raise SolverError("the reference model is of one day and one storage")
    model = real_time.dispatch_program(
        reference.system, reference.day_ahead.commitment, sharing=True, rest=reference.rest
    )
    solution = model.program.solve(time_limit_s=task.time_limit_s)
    return {
        "objective": solution.objective_usd,
        "build_s": solution.build_s,
        "solve_s": solution.solve_s,
    }


def _general(task: Task, model: Any) -> dict[str, Any]:
    started = perf_counter()
    built = model(task.system)
    built_at = perf_counter()
    objective = built.solve(
        {
            "threads": 1,
            "mip_rel_gap": DEFAULT_GAP,
            "time_limit": task.time_limit_s,
            "output_flag": False,
        }
    )
    solved_at = perf_counter()
    if built.overlap_mw() > OVERLAP_TOLERANCE_MW:
        raise SolverError("a storage charges and discharges at once")
    return {
        "objective": objective,
        "build_s": built_at - started,
        "solve_s": solved_at - built_at,
    }


def main() -> int:
    """Read a task, print its measurement; one line on standard error where it fails."""
    task = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 (of our parent)
    try:
        found = measured(task)
    except TimeLimitError as error:
        sys.stderr.write(f"{error}\n")
        return OUT_OF_TIME
    except (OracleError, RuntimeError, ValueError) as error:  # libraries raise the latter two
        sys.stderr.write(" ".join(str(error).split()) + "\n")
        return 1
    sys.stdout.write("\n" + json.dumps(asdict(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
