"""`wattline explain` as people and machines call it."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from oracle.explain.order import Explainer
from oracle.explain.slot_market import cleared_slots
from oracle.export_files.export import write_export
from oracle.market.demand_bidding import DemandBidding
from oracle.market.mid_market import MidMarket
from oracle.market.uniform import Uniform
from scripts.explain.summary import order_summary
from scripts.explain.text import order_text
from tests.oracle.audit.exports import a_busy_market, record_of
from tests.oracle.communities import usd_per_kwh
from tests.oracle.scenario_folders import an_edited_copy, replace
from tests.oracle.test_explain import a_market
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
    assert found["traded_kwh"] == sum(trade["energy_kwh"] for trade in found["trades"]) > 0
    assert {trade["price_usd_per_kwh"] for trade in found["trades"]} == {
        slot["buyer_price_usd_per_kwh"]  # one price, without fees
    }
    assert (found["would_trade_more_at_usd_per_kwh"], found["would_trade_kwh"]) == (None, None)
    assert found["would_rather_trade_with"] == []
    assert "Otherwise: nobody would gain by trading with it instead" in text
    assert "Why: its limit was good enough for all its energy" in text
    name, side = one["order"], one["side"]
    assert f"{name}: {side} of {one['energy_kwh']:.3f} kWh at " in text
    if found["price_set_by"]:
        setters = ["its own limit" if by == name else by for by in found["price_set_by"]]
        words = f"set by {' and '.join(setters)} (of {found['asked_for_the_price']} asked)"
    else:
        words = f"the limit of {', '.join(found['limit_of'])}; none of them moves it alone"
    assert f"Price: {words}" in " ".join(text.split())
    assert f"found by clearing the slot {found['clearings']} times again" in text


def test_tells_who_does_not_admit_the_price_of_it_and_of_what_is_left_over() -> None:
    """The price is in the middle of .20 and .04, whatever the limits are."""
    rows = [("offer", 10.0, 0.05), ("bid", 6.0, 0.18), ("bid", 3.0, 0.10)]
    market = a_market(MidMarket(usd_per_kwh(0.04)), rows, real_time_price=usd_per_kwh(0.20))
    explained = Explainer(market).explain(2)

    found, text = order_summary(market, explained), as_text(order_text(market, explained))

    assert (found["reason"], found["traded_kwh"], found["trades"]) == ("price", 0.0, [])
    assert (found["barred_by_price_usd_per_kwh"], found["left_over_kwh"]) == (0.12, 4.0)
    assert (found["would_trade_more_at_usd_per_kwh"], found["would_trade_kwh"]) == (0.12, 3.0)
    assert found["would_rather_trade_with"] == ["7:P1"]
    assert "Traded: 0.000 kWh of 3.000 kWh\n" in text
    assert (
        "Why: its limit does not admit the price of 0.1200 $/kWh, though 4.000 kWh of the offers "
        "that it can reach are left over\n"
    ) in text
    assert "Limit: from 0.1200 $/kWh up it would have traded 3.000 kWh\n" in text
    assert "Otherwise: it and 7:P1 would gain by trading with each other\n" in text


def test_tells_of_a_quantity_that_the_rule_gives_and_of_a_queue() -> None:
    rows = [("offer", 3.0, 0.05), ("bid", 2.0, 0.18), ("bid", 3.0, 0.15)]
    of_slopes = a_market(DemandBidding(10**5), rows, real_time_price=usd_per_kwh(0.20))
    ranked = a_market(Uniform(), rows)

    texts = [
        as_text(order_text(market, Explainer(market).explain(2))) for market in (of_slopes, ranked)
    ]

    assert "Why: at its limit the rule gives it no more\n" in texts[0]
    assert "Why: others with a better limit came first for the offers\n" in texts[1]
    assert "Traded: 1.000 kWh of 3.000 kWh\n  1.000 kWh with P1 at 0.1500 $/kWh\n" in texts[1]


def as_text(shown: RenderableType) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(shown, highlight=False)
    return console.export_text()


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
