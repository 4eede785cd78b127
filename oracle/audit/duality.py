"""
What a solution is worth without a solver: its feasibility, and a bound by weak duality.

    min cᵀx   over   b₋ ≤ Ax ≤ b₊,   l ≤ x ≤ u

For any y, with reduced costs d = c − Aᵀy,

    cᵀx = yᵀAx + dᵀx ≥ Σ_i min(y_i b₋_i, y_i b₊_i) + Σ_j min(d_j l_j, d_j u_j),

whether x is integer or not. Every coefficient, limit and y is a binary fraction, so the sum is
exact here and rounded down at the end: the bound holds without a tolerance, whatever y is. What a
solution misses its rows by is another matter: solvers work in floats, so up to `TOLERANCE` is let
pass, in the rows' own units (MW, MWh, t).

A bound that lies far below the cost proves little, so how far it may lie is limited, too. Where no
column is an integer, duals reach the optimum, and `LINEAR_GAP` is what solvers leave open. Where
some are, branch and bound closes more than any duals of the relaxation can show: `INTEGER_GAP` is
what the relaxation itself may leave.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import inf, isfinite, nextafter

from oracle.program import DEFAULT_GAP, Matrix

TOLERANCE = 1e-6
LINEAR_GAP = DEFAULT_GAP
INTEGER_GAP = 0.01
LEAST_USD = 1e-6  # an optimum may be nothing; the market has no money below a micro-dollar


def objective(matrix: Matrix, values: Sequence[float]) -> float:
    """Return cᵀx, rounded once."""
    return float(
        sum(
            (Fraction(c) * Fraction(x) for c, x in zip(matrix.cost, values, strict=True)),
            Fraction(0),
        )
    )


def first_violation(matrix: Matrix, values: Sequence[float]) -> tuple[str, str] | None:
    """Return the first row or column that a solution breaks, and how; None if it is feasible."""
    for name, low, high, integer, value in zip(
        matrix.columns, matrix.low, matrix.high, matrix.integer, values, strict=True
    ):
        if not low - TOLERANCE <= value <= high + TOLERANCE:
            return name, f"expected from {low:g} to {high:g}, came {value!r}"
        if integer and abs(value - round(value)) > TOLERANCE:
            return name, f"expected 0 or 1, came {value!r}"
    for name, terms, low, high in zip(
        matrix.rows, matrix.terms, matrix.row_low, matrix.row_high, strict=True
    ):
        activity = float(sum((Fraction(a) * Fraction(values[j]) for j, a in terms), Fraction(0)))
        if not low - TOLERANCE <= activity <= high + TOLERANCE:
            return name, f"expected from {low:g} to {high:g}, came {activity!r}"
    return None


def reduced_costs(matrix: Matrix, duals: Sequence[float]) -> list[Fraction]:
    """Return d = c − Aᵀy."""
    reduced = [Fraction(cost) for cost in matrix.cost]
    for terms, dual in zip(matrix.terms, duals, strict=True):
        if dual:
            exact = Fraction(dual)
            for column, coefficient in terms:
                reduced[column] -= exact * Fraction(coefficient)
    return reduced


def lower_bound(matrix: Matrix, duals: Sequence[float]) -> float:
    """Return what no solution can cost less than, by weak duality; −∞ where y proves nothing."""
    bound = Fraction(0)
    limits = [
        *zip(map(Fraction, duals), matrix.row_low, matrix.row_high, strict=True),
        *zip(reduced_costs(matrix, duals), matrix.low, matrix.high, strict=True),
    ]
    for factor, low, high in limits:
        limit = low if factor > 0 else high
        if factor == 0:
            continue
        if not isfinite(limit):
            return -inf
        bound += factor * Fraction(limit)
    return rounded_down(bound)


def rounded_down(value: Fraction) -> float:
    """Return the largest float that is not above a fraction."""
    nearest = float(value)
    return nearest if Fraction(nearest) <= value else nextafter(nearest, -inf)


def gap(cost: float, bound: float) -> float:
    """Return by how much of its cost a solution may be above the optimum."""
    return max(0.0, cost - bound) / max(abs(cost), 1e-9)


def is_close(cost: float, bound: float, limit: float) -> bool:
    """Return whether a bound lies below the cost by a gap up to `limit`, or by next to nothing."""
    return cost - bound <= max(limit * abs(cost), LEAST_USD)
