"""
Real-time dispatch of any size, (19) to (30) of `oracle.model.real_time`, as arrays.

The model is the same; how it is put together and solved differs. Nothing has a name, so that of an
infeasible case nothing is known but that it is one: `oracle.model.real_time` says why, and is the
reference that this is tested against.

What makes it fast: the matrix is built block by block; and a large case is first solved as a sketch
of itself (`oracle.model.dispatch_sketch`), whose prices tell where the simplex method is to start
(`oracle.model.dispatch_start`). The optimum is that of the large case whatever the sketch was like.

A storage does not charge and discharge at once, (7) and (8). The integers that say so are added
only to the storages and slots in which the optimum without them would, until none is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import PowerSystem
from oracle.domain.results import DayAheadResult
from oracle.errors import InfeasibleError, SolverError
from oracle.model import real_time
from oracle.model.committed_system import CommittedSystem, committed_day, rest_of_day
from oracle.model.dispatch_arrays import Blocks, exclude, fill
from oracle.model.dispatch_sketch import Sketch, sketch_of
from oracle.model.dispatch_start import start_at
from oracle.model.real_time import RestOfDay, RestResult
from oracle.model.storage import OVERLAP_TOLERANCE_MW, storage_schedule
from oracle.program import LEAST_TIME_LIMIT_S, without_dust
from oracle.sparse import Basis, Columnwise, SparseProgram, SparseSolution, Start

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LargeDispatch:
    """An optimum with N units, S storages and T slots, and how it was found."""

    objective_usd: float
    gross_mw: FloatArray  # (N, T)
    captured_t: FloatArray  # (N, T)
    wind_mw: FloatArray  # (T,)
    unserved_mw: FloatArray  # (T,)
    charge_mw: FloatArray  # (S, T)
    discharge_mw: FloatArray  # (S, T)
    stored_mwh: FloatArray  # (S, T), at the end of each slot
    marginal_cost: FloatArray  # (T,), USD per MW of load in a slot, without the integers
    integers: int  # that (7) and (8) needed
    iterations: int
    columns: int
    rows: int
    build_s: float
    solve_s: float  # with the sketch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayBasis:
    """The basis of a whole day's optimum, of which that of its rest is not far off."""

    basis: Basis
    column_slots: IntArray  # (columns,)
    row_slots: IntArray  # (rows,)

    def since(self, slot: int) -> Basis:
        """Return what is left of it from a slot on."""
        return Basis(
            columns=self.basis.columns[self.column_slots >= slot],
            rows=self.basis.rows[self.row_slots >= slot],
        )


def dispatch_committed(
    system: CommittedSystem, *, time_limit_s: float = 600.0, basis: Basis | None = None
) -> LargeDispatch:
    """
    Return the cheapest dispatch of a system; `basis` is where to start, where it fits.

    Raises
    ------
    SolverError
        If there is none, or none was proved optimal within `time_limit_s`.
    """
    started = perf_counter()
    builder = SparseProgram()
    blocks = fill(builder, system)
    program = builder.columnwise()
    build_s = perf_counter() - started
    title = f"dispatch of {len(system.units)} units over {system.slots} slots"

    def left_s() -> float:
        return max(time_limit_s - (perf_counter() - started), LEAST_TIME_LIMIT_S)

    sketch, start = sketch_of(system), None
    if basis is not None and basis.fits(program):
        start = Start(priced_rows=blocks.balance[:0], prices=np.zeros(0), basis=basis)
    elif sketch is not None:
        start = _start(sketch, program, blocks, left_s)
    solution = relaxed = program.solve(title=title, time_limit_s=left_s(), start=start)
    iterations = solution.iterations
    exclusive = np.zeros((len(system.storages), system.slots), dtype=np.bool_)
    while (overlaps := _overlaps(blocks, solution, system.slots) & ~exclusive).any():
        exclude(builder, system, blocks, overlaps)
        exclusive |= overlaps
        solution = builder.columnwise().solve(title=title, time_limit_s=left_s())
        iterations += solution.iterations

    levels, shape = solution.levels, (len(system.storages), system.slots)
    gross_mw, captured_t = np.zeros(system.on.shape), np.zeros(system.on.shape)
    for index, unit in enumerate(blocks.units):
        gross_mw[index, unit.on] = levels[unit.gross]
        if unit.captured is not None:
            captured_t[index, unit.on] = levels[unit.captured]
    storages = blocks.storages
    return LargeDispatch(
        objective_usd=solution.objective,
        gross_mw=gross_mw,
        captured_t=captured_t,
        wind_mw=levels[blocks.wind],
        unserved_mw=levels[blocks.unserved],
        charge_mw=np.array([levels[one.charge] for one in storages]).reshape(shape),
        discharge_mw=np.array([levels[one.discharge] for one in storages]).reshape(shape),
        stored_mwh=np.array([levels[one.stored] for one in storages]).reshape(shape),
        marginal_cost=relaxed.duals[blocks.balance],
        integers=int(exclusive.sum()),
        iterations=iterations,
        columns=len(program.cost),
        rows=len(program.row_low),
        build_s=build_s,
        solve_s=perf_counter() - started - build_s,
    )


def dispatch_rest(
    system: PowerSystem,
    day_ahead: DayAheadResult,
    rest: RestOfDay,
    *,
    p2p_mw: FloatArray,
    time_limit_s: float = 60.0,
    day_basis: DayBasis | None = None,
) -> RestResult:
    """
    Return what `real_time.dispatch_rest` returns, of equal cost; `p2p_mw` has shape (96,).

    A `day_basis` saves most iterations of the simplex method, and decides no more than ties.

    Raises
    ------
    InvalidInputError
        If the system has no storage.
    SolverError
        If there is none, or none was proved optimal within `time_limit_s`.
    """
    started = perf_counter()
    day = committed_day(system, day_ahead.commitment, sharing=True, p2p_mw=p2p_mw)
    left = rest_of_day(day, rest.planned, since=rest.since, stored_mwh=rest.stored_mwh)
    basis = None if day_basis is None else day_basis.since(rest.since)
    try:
        found = dispatch_committed(left, time_limit_s=time_limit_s, basis=basis)
    except InfeasibleError:  # the reference says what is at fault
        left_s = max(time_limit_s - (perf_counter() - started), LEAST_TIME_LIMIT_S)
        return real_time.dispatch_rest(system, day_ahead, rest, p2p_mw=p2p_mw, time_limit_s=left_s)
    return RestResult(
        storage=storage_schedule(
            left.storages[0],
            initial_mwh=left.ends[0].initial_mwh,
            charge_mw=without_dust(found.charge_mw[0]),
            discharge_mw=without_dust(found.discharge_mw[0]),
        ),
        objective_usd=found.objective_usd,
    )


def basis_of_day(
    system: PowerSystem,
    day_ahead: DayAheadResult,
    *,
    p2p_mw: FloatArray,
    time_limit_s: float = 60.0,
) -> DayBasis | None:
    """Return where the steps of a day start from; None where the day has no optimum."""
    program = SparseProgram()
    fill(program, committed_day(system, day_ahead.commitment, sharing=True, p2p_mw=p2p_mw))
    try:
        solved = program.columnwise().solve(
            title="a day's basis", time_limit_s=time_limit_s, with_basis=True
        )
    except SolverError:
        return None
    if solved.basis is None:
        return None
    columns, rows = program.slots()
    return DayBasis(basis=solved.basis, column_slots=columns, row_slots=rows)


def _start(
    sketch: Sketch, program: Columnwise, blocks: Blocks, left_s: Callable[[], float]
) -> Start | None:
    """Return where to start, or None where the sketch is of no help."""
    try:
        prices = dispatch_committed(sketch.system, time_limit_s=left_s()).marginal_cost
        return start_at(prices, program, blocks, sketch, time_limit_s=left_s())
    except SolverError:  # a sketch may be infeasible where the system is not
        return None


def _overlaps(blocks: Blocks, solution: SparseSolution, slots: int) -> BoolArray:
    levels = solution.levels
    both = [np.minimum(levels[one.charge], levels[one.discharge]) for one in blocks.storages]
    return np.array(both).reshape(len(both), slots) > OVERLAP_TOLERANCE_MW
