"""`wattline explain` as people and machines call it."""

from pathlib import Path

import pytest

from oracle.explain.slot_market import cleared_slots
from oracle.export_files.export import write_export
from tests.oracle.audit.exports import a_busy_market, record_of
from tests.oracle.scenario_folders import an_edited_copy, replace
from tests.scripts.test_cli import invoke, printed

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Return an export without a scenario, and its first slot that was cleared."""
    record = record_of(a_busy_market())
    folder = tmp_path_factory.mktemp("market") / "export"
    write_export(folder, record)
    return folder, cleared_slots(record, 0)[0]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output of a run under the uniform price; two of its slots have orders."""
    slots = "[market]\nfirst_trading_slot = 48\nlast_trading_slot = 49"
    folder = tmp_path_factory.mktemp("day")
    village = an_edited_copy(folder, "village", "scenario.toml", replace("[market]", slots))
    folder = folder / "out"
    result = invoke("run", village, "--days", 1, "--mechanism", "uniform", "--out", folder)
    assert result.exit_code == 0, result.stderr
    return folder


def test_shows_the_book_of_a_slot_with_the_ids_of_its_orders(market: tuple[Path, int]) -> None:
    folder, slot = market

    found = printed("explain", folder, "--slot", slot, "--json")
    shown = invoke("explain", folder, "--slot", slot).stdout

    assert (found["slot"], found["mechanism"]) == (slot, "pairwise-nash")
    assert found["volume_kwh"] == pytest.approx(sum(t["energy_kwh"] for t in found["trades"]))
    for order in found["orders"]:
        assert order["order"] in shown
        explained = printed("explain", folder, "--order", order["order"], "--json")
        assert explained["traded_kwh"] == order["traded_kwh"]
        assert explained["mechanism"] == "pairwise-nash"
    assert "s supply, d demand" in shown


def test_takes_the_folder_of_a_run_or_of_its_export(day: Path) -> None:
    by_run = printed("explain", day, "--slot", 49, "--json")

    assert by_run == printed("explain", day / "export", "--slot", 49, "--json")
    assert by_run["slot"] == 49
    assert by_run["blocking_pairs"] == 0


def test_explains_by_names_of_the_scenario(day: Path) -> None:
    slot = printed("explain", day, "--slot", 49, "--json")
    one = next(order for order in slot["orders"] if order["traded_kwh"] == order["energy_kwh"])

    text = invoke("explain", day, "--order", one["order"]).stdout
    found = printed("explain", day, "--order", one["order"], "--json")

    assert found["reason"] == "filled"
    assert found["would_rather_trade_with"] == []
    assert "Otherwise: nobody would gain by trading with it instead" in text
    assert "Why: its limit was good enough for all its energy" in text
    assert "Price: " in text
    assert found["clearings"] > 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "expected either --order or --slot"),
        (["--slot", "1", "--order", "1:2"], "expected either --order or --slot"),
        (["--order", "B03"], "--order B03: expected SLOT:PARTICIPANT, such as 27:B03"),
        (["--order", "x:B03"], "--order x:B03: expected SLOT:PARTICIPANT"),
        (["--slot", "3"], "slot 3: expected one that was cleared ("),
        (["--order", "3:1"], "slot 3: expected one that was cleared ("),
    ],
)
def test_refuses_in_one_line(market: tuple[Path, int], arguments: list[str], error: str) -> None:
    result = invoke("explain", market[0], *arguments)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {error}")
    assert result.stderr.count("\n") == 1


def test_refuses_an_order_that_is_not_there_and_names_some(market: tuple[Path, int]) -> None:
    folder, slot = market

    result = invoke("explain", folder, "--order", f"{slot}:99")

    assert result.exit_code == 1
    assert f"error: order {slot}:99: expected one of slot {slot}, such as {slot}:" in result.stderr


def test_refuses_a_folder_that_is_none(tmp_path: Path) -> None:
    result = invoke("explain", tmp_path, "--slot", 1)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: manifest.json: expected this file in ")
