"""
Certificates of solutions: the duals of the linear relaxation, repaired so that they prove a bound.

A solver's duals miss by rounding: the reduced cost of a column without a limit may be below zero by
1e-13, and the bound with it nothing. Such a column is mended in a row that has no other of its
kind, by as much as it takes; what mending costs the bound is in the bound.
"""

from fractions import Fraction
from math import inf, isfinite, nextafter
from operator import itemgetter

import numpy as np

from oracle.audit.duality import gap, lower_bound, objective, reduced_costs
from oracle.domain.record import DispatchRecord, Optimisation, PlannedOutcome
from oracle.domain.results import Plan
from oracle.market.mechanism import Outcome
from oracle.plan import plan_trades, programs_of, solutions_of
from oracle.program import FloatArray, Matrix, Program
from oracle.solver import relaxed_duals

MENDING_STEPS = 8


def certificate_of(program: Program) -> FloatArray:
    """
    Return one dual value per row, such that `lower_bound` of them is finite where it can be.

    Raises
    ------
    SolverError
        If the linear relaxation is not solved.
    """
    matrix = program.matrix()
    duals = np.array(relaxed_duals(program), dtype=np.float64)
    duals[(duals > 0) & ~np.isfinite(matrix.row_low)] = 0.0
    duals[(duals < 0) & ~np.isfinite(matrix.row_high)] = 0.0
    _mend(matrix, duals)
    return duals


def _mend(matrix: Matrix, duals: FloatArray) -> None:
    """Move duals by a rounding error where a column without a limit would earn."""
    rows_of: dict[int, list[tuple[int, float]]] = {}
    for row, terms in enumerate(matrix.terms):
        for column, coefficient in filter(itemgetter(1), terms):
            rows_of.setdefault(column, []).append((row, coefficient))
    reduced = reduced_costs(matrix, duals.tolist())
    for column, cost in enumerate(reduced):
        limit = matrix.low[column] if cost > 0 else matrix.high[column]
        if cost == 0 or isfinite(limit) or len(rows_of.get(column, ())) != 1:
            continue
        row, coefficient = rows_of[column][0]
        wanted = Fraction(duals[row]) + cost / Fraction(coefficient)
        duals[row] = _beyond(wanted, Fraction(duals[row]))


def _beyond(wanted: Fraction, before: Fraction) -> float:
    """Return the float next to a fraction on its side away from where the dual was."""
    nearest = float(wanted)
    away = inf if wanted > before else -inf
    for _ in range(MENDING_STEPS):
        if (Fraction(nearest) - wanted) * (1 if away > 0 else -1) >= 0:
            break
        nearest = nextafter(nearest, away)
    return nearest


def dispatch_record(plan: Plan, days: int | None, mechanism: str | None = None) -> DispatchRecord:
    """
    Return a plan with the certificate of each of its programs.

    `days` and `mechanism` are what its scenario was loaded with.

    Raises
    ------
    SolverError
        If a linear relaxation is not solved.
    """
    community = plan.scenario.community
    outcomes = iter(plan.outcomes)
    traded = None if community is None else plan_trades(community, lambda _: _known(next(outcomes)))
    solutions = solutions_of(plan)
    optimisations = []
    for name, program in programs_of(plan.scenario, traded, solutions):
        solved, matrix = solutions[name], program.matrix()
        duals = certificate_of(program).tolist()
        cost = objective(matrix, solved.values.tolist())
        bound = lower_bound(matrix, duals)
        optimisations.append(
            Optimisation(
                name=name,
                objective_usd=cost,
                bound_usd=bound,
                gap=gap(cost, bound),
                exclusive_slots=solved.exclusive_slots,
                columns=dict(zip(matrix.columns, solved.values.tolist(), strict=True)),
                duals=dict(zip(matrix.rows, duals, strict=True)),
            )
        )
    return DispatchRecord(
        days=days,
        mechanism=mechanism,
        outcomes=plan.outcomes,
        optimisations=tuple(optimisations),
    )


def _known(one: PlannedOutcome) -> Outcome:
    return Outcome(trades=one.trades, certificate=one.certificate)
