"""The solver's face: a worked program, then every way to fail, each with its words."""

import subprocess
import sys

import numpy as np
import pytest

from oracle.errors import (
    InfeasibleError,
    InvalidInputError,
    SolverError,
    TimeLimitError,
    UnboundedError,
)
from oracle.program import AT_LEAST, AT_MOST, EQUAL, Program, Variable, values


def a_program_with_two_loads(capacity_mw: float) -> tuple[Program, list[Variable]]:
    """One unit per slot, 2 USD/MW, against loads of 3 and 5 MW."""
    program = Program("toy dispatch")
    outputs = [program.variable(f"output_mw_{t}", 0.0, capacity_mw, cost=2.0) for t in range(2)]
    for t, load in enumerate((3.0, 5.0)):
        words = f"power balance in slot {t + 1}"
        program.require(f"balance_{t}", [(outputs[t], 1.0)], EQUAL, load, words)
    return program, outputs


def a_market_split(size: int) -> Program:
    """Binaries whose weighted sums must hit their halves: hopeless for branch and bound."""
    random = np.random.default_rng(7)
    program = Program("market split")
    program.binary("x_none", "customer 0, who costs and serves nothing", cost=1.0)
    choices = [program.binary(f"x_{j}", f"customer {j + 1}") for j in range(size)]
    for i in range(4):
        weights = random.integers(1, 100, size).astype(float)
        over, under = (program.variable(f"{name}_{i}", cost=1.0) for name in ("over", "under"))
        terms = [*zip(choices, weights.tolist(), strict=True), (over, -1.0), (under, 1.0)]
        program.require(f"split_{i}", terms, EQUAL, float(weights.sum() // 2))
    return program


def test_minimises_and_tells_objective_times_and_gap() -> None:
    program, outputs = a_program_with_two_loads(10.0)
    program.constant_cost(100.0)

    solution = program.solve(time_limit_s=10.0)

    assert solution.objective_usd == pytest.approx(116.0)
    assert values(outputs) == pytest.approx([3.0, 5.0])
    assert solution.gap == 0.0
    assert solution.build_s > 0
    assert solution.solve_s > 0


def test_can_be_solved_again_with_one_more_constraint() -> None:
    program = Program("toy choice")
    cheap = program.variable("cheap", 0.0, 10.0, cost=1.0)
    choice = program.binary("choice", "whether to pay", cost=5.0)
    program.require("need", [(cheap, 1.0), (choice, 10.0)], AT_LEAST, 4.0)
    first = program.solve(time_limit_s=10.0).objective_usd

    program.require("cheap_limit", [(cheap, 1.0)], AT_MOST, 3.0)
    second = program.solve(time_limit_s=10.0).objective_usd

    assert [first, second] == pytest.approx([4.0, 5.0])


def test_names_the_constraint_that_is_missed_by_most() -> None:
    program, _ = a_program_with_two_loads(2.0)

    with pytest.raises(InfeasibleError) as caught:
        program.solve(time_limit_s=10.0)

    assert str(caught.value) == (
        "toy dispatch is infeasible; most likely at fault: power balance in slot 2, 3 MW too little"
    )


def test_names_a_constraint_that_only_integers_cannot_meet() -> None:
    program = Program("toy choice")
    choice = program.binary("choice", "whether to run")
    program.require("half", [(choice, 10.0)], EQUAL, 4.0, "half a unit")

    with pytest.raises(InfeasibleError, match="at fault: half a unit, 4 MW too little"):
        program.solve(time_limit_s=10.0)


def test_names_a_missing_quantity_before_a_broken_rule() -> None:
    program = Program("toy commitment")
    on = program.binary("on", "whether to run")
    output = program.variable("output_mw", 0.0)
    program.require("least", [(output, 1.0), (on, -400.0)], AT_LEAST, 0.0)
    program.require("must_run", [(on, 1.0)], EQUAL, 1.0, "state at the end", "")
    program.require("balance", [(output, 1.0)], EQUAL, 370.0, "power balance")

    with pytest.raises(InfeasibleError, match="power balance, 30 MW too much, or state at"):
        program.solve(time_limit_s=10.0)


def test_names_a_broken_rule_where_no_quantity_helps() -> None:
    program = Program("toy commitment")
    on, output = program.binary("on", "whether to run"), program.variable("output_mw")
    program.require("balance", [(output, 1.0)], EQUAL, 5.0, "power balance")
    program.require("must_run", [(on, 1.0)], AT_LEAST, 1.0, "state at the end", "")
    program.require("must_rest", [(on, 1.0)], AT_MOST, 0.0, "state before the start", "")

    with pytest.raises(InfeasibleError, match=r"at fault: state (at the end|before the start)$"):
        program.solve(time_limit_s=10.0)


def test_says_which_side_of_a_constraint_is_missed() -> None:
    program = Program("toy storage")
    stored = program.variable("stored_mwh", 5.0, 10.0)
    program.require("end", [(stored, 1.0)], EQUAL, 2.0, "energy at the end", "MWh")

    with pytest.raises(InfeasibleError, match="at fault: energy at the end, 3 MWh too much"):
        program.solve(time_limit_s=10.0)


def test_names_the_variable_that_earns_without_limit() -> None:
    program = Program("toy sale")
    sold, bought = program.variable("sold_mw", cost=-3.0), program.variable("bought_mw", cost=0.5)
    given, idle = program.variable("given_mw", cost=-1.0), program.variable("idle_mw")
    program.require("market", [(bought, 1.0), (sold, -1.0)], EQUAL, 0.0, "balance of the market")
    program.require("gifts", [(idle, 1.0), (given, -1.0)], EQUAL, 0.0, "balance of the gifts")

    with pytest.raises(UnboundedError, match="at fault: sold_mw, which earns 3 USD per unit"):
        program.solve(time_limit_s=10.0)


def test_says_what_is_hard_to_decide_when_time_is_up() -> None:
    program = a_market_split(50)

    with pytest.raises(
        TimeLimitError, match=r"within 0\.2 s.*hardest to decide: customer [1-9]\d*$"
    ):
        program.solve(time_limit_s=0.2)


def test_tells_a_small_gap_in_significant_digits() -> None:
    program = a_market_split(50)
    program.constant_cost(1e6)

    with pytest.raises(TimeLimitError, match=r"\(gap (0\.0\d*[1-9]\d*|\de-0\d)%\)"):
        program.solve(time_limit_s=0.2, gap=1e-12)


def test_every_failure_is_one_line_of_the_same_family() -> None:
    program, _ = a_program_with_two_loads(2.0)

    with pytest.raises(SolverError) as caught:
        program.solve(time_limit_s=10.0)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("time_limit_s", [0.0, -1.0, float("nan")])
def test_refuses_a_time_limit_that_leaves_no_time(time_limit_s: float) -> None:
    program, _ = a_program_with_two_loads(10.0)

    with pytest.raises(InvalidInputError, match="time limit above 0 s"):
        program.solve(time_limit_s=time_limit_s)


def test_says_what_to_install_where_highs_is_missing() -> None:
    script = """
import sys
sys.modules["highspy"] = None
from oracle.errors import SolverMissingError
from oracle.program import Program
program = Program("toy")
program.variable("x")
try:
    program.solve(time_limit_s=1.0)
except SolverMissingError as error:
    sys.stdout.write(str(error))
"""

    finished = subprocess.run(  # noqa: S603 (our own interpreter and script)
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert finished.stdout == "the solver HiGHS is missing: install it with `pip install highspy`"
