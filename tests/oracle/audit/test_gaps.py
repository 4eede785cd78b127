"""A bound must be close to the objective, and how close it is, is shown."""

import json

import numpy as np
import pytest

from oracle.audit.duality import INTEGER_GAP, LINEAR_GAP, gap, is_close, lower_bound, objective
from oracle.domain.results import SolvedColumns
from oracle.export_files.dispatch import read_dispatch
from oracle.market.mechanism import Outcome
from oracle.plan import plan_trades, programs_of
from oracle.program import Matrix
from oracle.scenario import load_scenario
from tests.oracle.audit.exports import Forgery
from tests.oracle.audit.tampers import verify

DAY_AHEAD, WITHOUT, WITH = range(3)


def matrices(run_forgery: Forgery) -> list[Matrix]:
    """Return the exported dispatch's programs, in order."""
    record = read_dispatch(run_forgery.folder)
    scenario = load_scenario(run_forgery.folder / "scenario", record.days)
    known = iter(record.outcomes)

    def clear(_: object) -> Outcome:
        one = next(known)
        return Outcome(trades=one.trades, certificate=one.certificate)

    assert scenario.community is not None
    traded = plan_trades(scenario.community, clear)
    solutions = {
        one.name: SolvedColumns(
            values=np.array(list(one.columns.values())), objective_usd=one.objective_usd
        )
        for one in record.optimisations
    }
    return [program.matrix() for _, program in programs_of(scenario, traded, solutions)]


def restate(run_forgery: Forgery, position: int, factor: float) -> float:
    """Scale the duals of an optimisation, state what fits duals and columns, return the gap."""
    matrix = matrices(run_forgery)[position]
    content = json.loads((run_forgery.folder / "dispatch.json").read_text())
    one = content["optimisations"][position]
    one["duals"] = {name: factor * dual for name, dual in one["duals"].items()}
    cost = objective(matrix, list(one["columns"].values()))
    one["objective_usd"] = cost
    one["bound_usd"] = lower_bound(matrix, list(one["duals"].values()))
    one["gap"] = gap(cost, one["bound_usd"])
    (run_forgery.folder / "dispatch.json").write_text(json.dumps(content))
    run_forgery.sign()
    return float(one["gap"])


@pytest.mark.parametrize(
    ("cost", "bound", "limit", "close"),
    [
        (200.0, 198.0, 0.01, True),
        (200.0, 197.9, 0.01, False),
        (-200.0, -202.1, 0.01, False),
        (1e-9, -9e-7, LINEAR_GAP, True),
        (1e-9, -2e-6, LINEAR_GAP, False),
        (5.0, float("-inf"), 1.0, False),
        (5.0, 5.1, 0.0, True),
    ],
)
def test_a_bound_is_close_by_its_gap_or_by_a_micro_dollar(
    cost: float, bound: float, limit: float, close: bool
) -> None:
    assert is_close(cost, bound, limit) is close


@pytest.mark.contract
@pytest.mark.parametrize(
    ("position", "factor", "expected"),
    [
        (DAY_AHEAD, 0.0, "day-ahead: gap: expected at most 0.01, came "),
        (WITHOUT, 0.0, "real-time without sharing: gap: expected at most 1e-06, came "),
        (WITHOUT, 0.999, "real-time without sharing: gap: expected at most 1e-06, came "),
        (WITH, 0.0, "real-time with sharing: gap: expected at most 1e-06, came "),
    ],
)
def test_a_bound_that_proves_little_is_refused(
    run_forgery: Forgery, position: int, factor: float, expected: str
) -> None:
    restate(run_forgery, position, factor)

    result = verify(run_forgery)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: no slot, dispatch.json {expected}")


@pytest.mark.contract
def test_who_verifies_says_how_far_a_bound_of_integers_may_lie(run_forgery: Forgery) -> None:
    reached = restate(run_forgery, DAY_AHEAD, 0.99)
    assert reached > INTEGER_GAP

    assert verify(run_forgery).exit_code == 1
    assert verify(run_forgery, "--integer-gap", str(1.01 * reached)).exit_code == 0


@pytest.mark.contract
def test_objective_bound_and_gap_are_shown(run_forgery: Forgery) -> None:
    table = verify(run_forgery).stdout
    dispatch = json.loads(verify(run_forgery, "--json").stdout)["dispatch"]

    assert "246,453.26" in table
    assert "0.0049" in table
    assert dispatch["checked"] is True
    assert [one["limit"] for one in dispatch["optimisations"]] == [0.01, 1e-6, 1e-6]
    first = dispatch["optimisations"][DAY_AHEAD]
    assert first["name"] == "day-ahead"
    assert first["gap"] == pytest.approx(1 - first["bound_usd"] / first["objective_usd"])
    assert 0.004 < first["gap"] < 0.005


@pytest.mark.contract
def test_a_storage_that_charges_and_discharges_at_once_is_named(run_forgery: Forgery) -> None:
    def overlap(content: dict[str, list[dict[str, dict[str, float]]]]) -> None:
        columns = content["optimisations"][WITH]["columns"]
        columns["charge_mw_50"], columns["discharge_mw_50"] = 1e-5, 1e-5

    run_forgery.value("dispatch.json", overlap)
    restate(run_forgery, WITH, 1.0)

    result = verify(run_forgery)

    assert result.exit_code == 1
    assert result.stderr == (
        "error: slot 51, dispatch.json real-time with sharing: discharge_mw_50: "
        "expected 0 while charge_mw_50 is 1e-05, came 1e-05\n"
    )
