"""The JSON objects of plans and runs."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from oracle.domain.results import Plan
from oracle.units import MicroUsd
from scripts.summary import dispatch_summary, gas_statistics, json_text, rounded, run_summary
from tests.scripts.results import (
    a_power_system,
    a_run,
    a_scenario,
    a_storage_plan,
    a_system_plan,
    a_village_plan,
)


def test_a_day_with_every_part_has_the_keys_of_the_interface() -> None:
    summary = dispatch_summary(a_system_plan())

    case = {
        "total_cost_usd",
        "operation_cost_usd",
        "carbon_cost_usd",
        "co2_t",
        "demand_response_cost_usd",
        "wind_used_share",
        "unserved_mwh",
    }
    assert set(summary["without_sharing"]) == case
    assert set(summary["with_sharing"]) - case == {
        "p2p_cost_usd",
        "storage_cost_usd",
        "storage_profit_usd",
    }
    assert {key: len(values) for key, values in summary["storage"].items()} == {
        "charge_mw": 96,
        "discharge_mw": 96,
        "stored_mwh": 96,
    }
    assert set(summary["day_ahead"]) == {"commitment", "triggered_slots"}
    assert {len(hours) for hours in summary["day_ahead"]["commitment"].values()} == {24}
    assert set(summary["solver"]) == {"build_s", "solve_s", "gap"}


def test_trades_of_a_plan_are_in_kwh_and_numbered_from_one() -> None:
    trade = dispatch_summary(a_system_plan())["p2p"][0]

    assert trade == {
        "slot": 41,
        "seller": "P1",
        "buyer": "P2",
        "energy_kwh": 60.0,
        "price_usd_per_kwh": 0.11,
        "lease_fee_usd_per_kwh": 0.3,
    }


def test_a_village_leaves_the_parts_of_a_power_system_out() -> None:
    summary = dispatch_summary(a_village_plan())

    assert set(summary) == {"p2p"}


def test_a_power_system_without_prosumers_leaves_the_trades_out() -> None:
    system = a_power_system()
    plan = replace(a_system_plan(), scenario=a_scenario(community=None, system=system), trades=())

    summary = dispatch_summary(plan)

    assert "p2p" not in summary
    assert "storage" in summary


def test_the_solver_is_that_of_the_real_time_dispatch_with_sharing() -> None:
    plan = replace(a_system_plan(), build_s=99.0, solve_s=99.0, gap=1.0)

    assert dispatch_summary(plan)["solver"] == {
        "build_s": 0.0312,
        "solve_s": 0.0712,
        "gap": 4.12e-7,
    }


def test_a_run_has_the_keys_of_the_interface() -> None:
    summary = run_summary(a_run(a_system_plan()))

    assert {
        "scenario",
        "chain",
        "slots_settled",
        "trades",
        "energy_traded_kwh",
        "lease_fees_usd",
        "gas",
        "money",
        "participants",
        "dispatch",
    } <= set(summary)
    assert summary["trade_count"] == len(summary["trades"]) == 15
    assert summary["energy_traded_kwh"] == 714.0
    assert summary["hardfork"] == "prague"
    assert {"name", "bill_usd", "grid_alone_bill_usd", "reputation", "saved_usd"} <= set(
        summary["participants"][0]
    )


def test_the_dispatch_of_a_run_is_that_of_its_plan() -> None:
    plan = a_system_plan()

    assert run_summary(a_run(plan))["dispatch"] == dispatch_summary(plan)
    assert "dispatch" not in run_summary(a_run(a_village_plan()))


def test_a_storage_without_a_power_system_stands_by_itself() -> None:
    plan = replace(a_village_plan(), storage=a_storage_plan())

    summary = run_summary(a_run(plan))

    assert len(summary["storage"]["charge_mw"]) == 96
    assert summary["storage"]["profit_usd"] == 59313.25
    assert "storage" not in run_summary(a_run(a_system_plan()))


def test_a_settled_trade_tells_what_was_delivered_and_paid() -> None:
    first = run_summary(a_run(a_system_plan()))["trades"][0]

    assert first["delivered_kwh"] == 36.0
    assert first["paid_usd"] == pytest.approx(3.96)
    assert first["compensation_usd"] == pytest.approx(1.2)


def test_money_is_exact_to_the_micro_dollar() -> None:
    run = a_run(a_system_plan())
    short = replace(run, money=replace(run.money, in_accounts=MicroUsd(749_999_998)))

    assert run_summary(run)["money"] == {
        "deposited_usd": 1000.0,
        "withdrawn_usd": 250.000001,
        "in_accounts_usd": 749.999999,
        "token_balance_usd": 749.999999,
        "difference_micro_usd": 0,
    }
    assert run_summary(short)["money"]["difference_micro_usd"] == 2


def test_gas_statistics_are_integers_and_skip_what_was_never_called() -> None:
    statistics = gas_statistics({"settle": [10, 13], "clear": [7], "withdraw": []})

    assert statistics == {
        "clear": {"count": 1, "min": 7, "median": 7, "max": 7},
        "settle": {"count": 2, "min": 10, "median": 12, "max": 13},
    }


def test_floats_are_rounded_and_never_negative_zero() -> None:
    assert rounded(0.1 + 0.2, 6) == 0.3
    assert math.copysign(1.0, rounded(-1e-12, 6) or 0.0) == 1.0
    assert type(rounded(np.float64(1.5), 6)) is float
    assert rounded(math.nan, 6) is None
    assert rounded(math.inf, 6) is None


def test_a_summary_survives_the_way_through_json() -> None:
    plan: Plan = a_system_plan()
    assert plan.with_sharing is not None
    unsolved = replace(plan, with_sharing=replace(plan.with_sharing, gap=math.inf))
    summary = run_summary(a_run(unsolved))

    text = json_text(summary)

    assert json.loads(text) == summary
    assert "NaN" not in text
    assert "Infinity" not in text
