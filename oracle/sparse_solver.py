"""
Solves large linear programs given as arrays, with HiGHS in this process and in one thread.

A `Start` saves iterations and nothing else: the prices of the equalities that couple everything are
moved into the cost, where they change no optimum, and with these rows basic (their duals are the
differences to the prices) the rest of the basis may be one that each part of the program has at
these prices. The dual simplex goes on from there; the result is an optimum whatever the start was.
"""

from time import perf_counter
from typing import Any

import highspy
import numpy as np

from oracle.errors import InfeasibleError, SolverError, TimeLimitError
from oracle.program import DEFAULT_GAP
from oracle.sparse import AT_HIGH, AT_LOW, BASIC, Basis, Columnwise, IntArray, SparseSolution, Start

_KINDS = highspy.HighsBasisStatus
_STATUSES = np.empty(3, dtype=object)
_STATUSES[[AT_LOW, BASIC, AT_HIGH]] = [_KINDS.kLower, _KINDS.kBasic, _KINDS.kUpper]


def solve_sparse(
    program: Columnwise,
    *,
    title: str,
    time_limit_s: float,
    start: Start | None = None,
    with_basis: bool = False,
) -> SparseSolution:
    """
    Minimise a program.

    Raises
    ------
    InfeasibleError
        If nothing obeys it.
    TimeLimitError
        If no optimum was proved within `time_limit_s`.
    SolverError
        If the solver stopped for another reason.
    """
    started = perf_counter()
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (
        ("output_flag", False),
        ("threads", 1),
        ("mip_rel_gap", DEFAULT_GAP),
        ("time_limit", time_limit_s),
    ):
        highs.setOptionValue(option, value)
    if start is None:
        _pass(highs, program)
    else:
        _pass(highs, program.priced(start.priced_rows, start.prices))
        highs.setBasis(_basis(start.basis))
    highs.run()
    if highs.getModelStatus() == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        highs.setOptionValue("presolve", "off")  # it is presolve that does not tell which
        highs.run()
    _require_optimum(highs, title, time_limit_s)
    solution = highs.getSolution()
    duals = np.array(solution.row_dual, dtype=np.float64)
    if start is not None:
        duals[start.priced_rows] += start.prices
    return SparseSolution(
        objective=float(highs.getInfo().objective_function_value),
        levels=np.array(solution.col_value, dtype=np.float64),
        duals=duals,
        basis=_found_basis(highs) if with_basis else None,
        iterations=int(highs.getInfo().simplex_iteration_count),
        solve_s=perf_counter() - started,
    )


def _pass(highs: Any, program: Columnwise) -> None:
    integral = np.zeros(len(program.cost), dtype=np.int32)
    integral[program.integers] = 1
    highs.passModel(
        len(program.cost),
        len(program.row_low),
        len(program.value),
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        program.offset,
        program.cost,
        program.low,
        program.high,
        program.row_low,
        program.row_high,
        program.start.astype(np.int32),
        program.row.astype(np.int32),
        program.value,
        integral,
    )


def _basis(basis: Basis) -> Any:
    found = highspy.HighsBasis()
    found.valid = True
    found.col_status = _STATUSES[basis.columns].tolist()
    found.row_status = _STATUSES[basis.rows].tolist()
    return found


def _found_basis(highs: Any) -> Basis:
    basis = highs.getBasis()
    return Basis(columns=_places(basis.col_status), rows=_places(basis.row_status))


def _places(statuses: list[Any]) -> IntArray:
    """Return the statuses as ours; what is free, or fixed, and not basic counts as at its low."""
    # HiGHS counts them from kLower = 0, kBasic = 1, kUpper = 2 on.
    places = np.array([int(status) for status in statuses], dtype=np.int64)
    places[places > AT_HIGH] = AT_LOW
    return places


def _require_optimum(highs: Any, title: str, time_limit_s: float) -> None:
    status = highs.getModelStatus()
    kinds = highspy.HighsModelStatus
    if status == kinds.kOptimal:
        return
    if status == kinds.kTimeLimit:
        raise TimeLimitError(f"{title}: no optimum proved within {time_limit_s:g} s")
    if status == kinds.kInfeasible:
        raise InfeasibleError(f"{title} is infeasible")
    raise SolverError(f"{title}: HiGHS stopped with {highs.modelStatusToString(status)!r}")
