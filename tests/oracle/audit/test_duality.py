"""Bounds by weak duality: they hold for any duals, and the solver's reach the optimum."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.audit.duality import first_violation, gap, lower_bound, objective, rounded_down
from oracle.duals import certificate_of
from oracle.program import AT_LEAST, AT_MOST, EQUAL, Program


def a_program(seed: int) -> Program:
    """Return a small program with a feasible point, integers, and columns without a limit."""
    random = np.random.default_rng(seed)
    program = Program("toy")
    point = random.uniform(0, 5, 6)
    columns = [
        program.variable(f"x_{j}", 0.0, None if j < 2 else 10.0, cost=float(random.uniform(0, 4)))
        for j in range(5)
    ]
    columns.append(program.binary("z", "whether", cost=float(random.uniform(-9, 9))))
    point[5] = 1.0
    for i in range(4):
        factors = random.integers(-3, 4, 6).astype(float)
        factors[:2] *= i == np.arange(2)  # as imports and unserved load, in one row each
        activity = float(factors @ point)
        terms = list(zip(columns, factors.tolist(), strict=True))
        sense = (AT_MOST, EQUAL, AT_LEAST)[int(random.integers(0, 3))]
        program.require(f"row_{i}", terms, sense, activity + (0.5 if sense == AT_MOST else 0.0))
    return program


def test_a_worked_bound() -> None:
    program = Program("toy dispatch")
    cheap = program.variable("cheap", 0.0, 3.0, cost=2.0)
    dear = program.variable("dear", cost=5.0)
    program.require("load", [(cheap, 1.0), (dear, 1.0)], EQUAL, 4.0)
    matrix = program.matrix()

    assert objective(matrix, [3.0, 1.0]) == 11.0
    assert lower_bound(matrix, [5.0]) == 5 * 4 - 3 * 3 == 11.0
    assert lower_bound(matrix, [2.0]) == 8.0
    assert lower_bound(matrix, [5.5]) == -inf  # a dear unit would be worth more than it costs


def test_a_dual_of_the_wrong_sign_proves_nothing() -> None:
    program = Program("toy")
    x = program.variable("x", 0.0, 1.0, cost=1.0)
    program.require("most", [(x, 1.0)], AT_MOST, 1.0)

    assert lower_bound(program.matrix(), [0.5]) == -inf


@pytest.mark.parametrize(
    ("values", "place"),
    [([3.0, 1.1], "load"), ([3.1, 0.9], "cheap"), ([3.0, 1.0], None), ([4.0 / 3, 8.0 / 3], None)],
)
def test_what_a_solution_breaks_is_named(values: list[float], place: str | None) -> None:
    program = Program("toy dispatch")
    cheap, dear = program.variable("cheap", 0.0, 3.0), program.variable("dear")
    program.require("load", [(cheap, 1.0), (dear, 1.0)], EQUAL, 4.0)

    broken = first_violation(program.matrix(), values)

    assert (broken and broken[0]) == place


def test_half_a_decision_is_none() -> None:
    program = Program("toy")
    program.binary("on", "whether")

    assert first_violation(program.matrix(), [0.5]) == ("on", "expected 0 or 1, came 0.5")


@given(st.fractions())
def test_rounding_down_is_down_and_by_little(value: Fraction) -> None:
    rounded = Fraction(rounded_down(value))

    assert rounded <= value
    assert value - rounded <= abs(value) * Fraction(1, 2**51)


@given(seed=st.integers(0, 10_000), duals=st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_no_duals_prove_more_than_the_optimum(seed: int, duals: list[float]) -> None:
    program = a_program(seed)
    optimum = program.solve(time_limit_s=10.0, gap=0.0).objective_usd

    assert lower_bound(program.matrix(), duals) <= optimum + 1e-6


@given(seed=st.integers(0, 10_000))
def test_the_certificate_of_a_linear_program_reaches_its_optimum(seed: int) -> None:
    program = a_program(seed)
    for variable in program.variables:
        variable.integer = False
    program.binaries.clear()
    optimum = program.solve(time_limit_s=10.0).objective_usd

    bound = lower_bound(program.matrix(), certificate_of(program).tolist())

    assert bound == pytest.approx(optimum, rel=1e-6, abs=1e-6)


def test_a_gap_is_relative_and_never_below_zero() -> None:
    assert gap(200.0, 150.0) == 0.25
    assert gap(200.0, 200.1) == 0.0
    assert gap(0.0, 0.0) == 0.0
