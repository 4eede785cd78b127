"""
Where the solver of a large dispatch starts: prices of the balance (27), and a basis for them.

At given prices the dispatch falls apart into units and storages. A unit without ramps fills the
pieces of (23) that are cheaper than the price of its slot, and captures where that pays: its basis
can be written down. Ramps are left to the solver. A storage follows the prices over the whole
horizon: those of a sketch are solved at the prices, and lend their basis to all that they stand
for.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from oracle.model.committed_system import CommittedSystem
from oracle.model.dispatch_arrays import Blocks, UnitBlock, fill
from oracle.model.dispatch_sketch import Sketch
from oracle.sparse import AT_HIGH, AT_LOW, BASIC, Basis, Columnwise, SparseProgram, Start

FloatArray = npt.NDArray[np.float64]


def start_at(
    prices: FloatArray,
    program: Columnwise,
    blocks: Blocks,
    sketch: Sketch,
    *,
    time_limit_s: float,
) -> Start:
    """
    Return the start at prices of (27), shape (T,), in the cost's USD per MW and slot.

    Raises
    ------
    SolverError
        If a storage of the sketch can obey nothing.
    """
    priced = program.priced(blocks.balance, prices)
    basis = Basis(
        columns=np.where((priced.cost < 0) & np.isfinite(priced.high), AT_HIGH, AT_LOW),
        rows=np.full(len(program.row_low), BASIC),
    )
    for unit in blocks.units:
        _start_unit(basis, priced, unit)
    if blocks.storages:
        _start_storages(basis, prices, blocks, sketch, time_limit_s)
    return Start(priced_rows=blocks.balance, prices=prices, basis=basis)


def _start_unit(basis: Basis, priced: Columnwise, unit: UnitBlock) -> None:
    worth = priced.cost[unit.gross].copy()  # of one MW of output but for (23)
    if unit.captured is not None and unit.capture_limit is not None and len(unit.on):
        cost = priced.cost[unit.captured]
        pays = cost < 0
        basis.columns[unit.captured] = np.where(pays, BASIC, AT_LOW)
        basis.rows[unit.capture_limit] = np.where(pays, AT_HIGH, BASIC)
        # The limit of (2) has most = high / P_max of what can be captured per MW of output.
        most = priced.high[unit.captured] / priced.high[unit.gross]
        worth += np.where(pays, most * cost, 0.0)
    basis.columns[unit.gross] = BASIC
    basis.rows[unit.parts] = AT_LOW
    cost = priced.cost[unit.pieces] + worth[:, None]
    basis.columns[unit.pieces] = np.where(cost < 0, AT_HIGH, AT_LOW)


def _start_storages(
    basis: Basis, prices: FloatArray, blocks: Blocks, sketch: Sketch, time_limit_s: float
) -> None:
    alone, program = _storages_only(sketch.system), SparseProgram()
    lenders = fill(program, alone)
    solved = (
        program.columnwise()
        .priced(lenders.balance, prices)
        .without(lenders.balance)
        .solve(title="storages of a sketch", time_limit_s=time_limit_s, with_basis=True)
        .basis
    )
    if solved is None:
        return
    for lender, members in zip(lenders.storages, sketch.storages, strict=True):
        for member in members:
            block = blocks.storages[member]
            for to, of in (
                (block.charge, lender.charge),
                (block.discharge, lender.discharge),
                (block.stored, lender.stored),
            ):
                basis.columns[to] = solved.columns[of]
            basis.rows[block.change] = solved.rows[lender.change]
            basis.rows[block.power] = solved.rows[lender.power]


def _storages_only(system: CommittedSystem) -> CommittedSystem:
    return replace(
        system,
        units=(),
        pieces=(),
        on=np.zeros((0, system.slots), dtype=np.bool_),
        before_mw=np.zeros(0),
        reserve_mw=np.zeros(system.slots),
        demand_response=(),
        owed_mw=np.zeros((0, system.days)),
    )
