"""The files of a run."""

import csv
import json
from pathlib import Path

import pytest

from scripts.files import write_outputs
from tests.scripts.results import a_run, a_system_plan, a_village_plan


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_summary_report_and_tables(tmp_path: Path) -> None:
    write_outputs(a_run(a_system_plan()), tmp_path / "new folder" / "day")

    assert {path.name for path in (tmp_path / "new folder" / "day").iterdir()} == {
        "summary.json",
        "report.html",
        "trades.csv",
        "orders.csv",
        "participants.csv",
        "gas.csv",
        "storage.csv",
        "dispatch.csv",
    }


def test_a_village_leaves_no_dispatch(tmp_path: Path) -> None:
    write_outputs(a_run(a_village_plan()), tmp_path)

    assert not (tmp_path / "dispatch.csv").exists()
    assert not (tmp_path / "storage.csv").exists()


def test_trades_are_tidy_and_carry_their_units(tmp_path: Path) -> None:
    run = a_run(a_system_plan())

    write_outputs(run, tmp_path)

    rows = rows_of(tmp_path / "trades.csv")
    assert len(rows) == len(run.trades)
    assert rows[0] == {
        "slot": "41",
        "starts_at": "2016-05-09T10:00:00+00:00",
        "seller": "P1",
        "buyer": "P2",
        "energy_kwh": "60.0",
        "price_usd_per_kwh": "0.11",
        "lease_fee_usd_per_kwh": "0.3",
        "surplus_usd_per_kwh": "0.0",
        "delivered_kwh": "36.0",
        "paid_usd": "3.96",
        "lease_fee_paid_usd": "10.8",
        "surplus_paid_usd": "",
        "compensation_usd": "1.2",
    }


def test_the_dispatch_has_both_cases_slot_by_slot(tmp_path: Path) -> None:
    plan = a_system_plan()

    write_outputs(a_run(plan), tmp_path)

    rows = rows_of(tmp_path / "dispatch.csv")
    assert [row["case"] for row in rows] == ["without_sharing"] * 96 + ["with_sharing"] * 96
    assert plan.with_sharing is not None
    assert float(rows[96]["U1_net_mw"]) == pytest.approx(plan.with_sharing.units[0].net_mw[0])
    assert rows[0]["charge_mw"] == ""
    assert rows[99]["charge_mw"] == "38.8"


def test_gas_has_a_row_for_every_call(tmp_path: Path) -> None:
    run = a_run(a_system_plan())

    write_outputs(run, tmp_path)

    assert len(rows_of(tmp_path / "gas.csv")) == sum(len(calls) for calls in run.gas.values())


def test_the_summary_is_json_and_says_what_the_tables_say(tmp_path: Path) -> None:
    write_outputs(a_run(a_village_plan()), tmp_path)

    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["trade_count"] == len(rows_of(tmp_path / "trades.csv"))
    assert [one["bill_usd"] for one in summary["participants"]] == [
        float(row["bill_usd"]) for row in rows_of(tmp_path / "participants.csv")
    ]


def test_a_second_run_replaces_the_files(tmp_path: Path) -> None:
    write_outputs(a_run(a_village_plan()), tmp_path)
    write_outputs(a_run(a_village_plan("A", "B")), tmp_path)

    assert len(rows_of(tmp_path / "participants.csv")) == 2
