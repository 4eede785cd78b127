"""`wattline compare` as people and machines call it."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.oracle.scenario_folders import SCENARIOS, a_copy
from tests.scripts.test_cli import invoke, printed

HEADINGS = "side,participant,energy_kwh,price_usd_per_kwh"
BIDS = [f"bid,b{k},1,{price}" for k, price in enumerate((17, 14, 13, 9, 6), start=1)]
OFFERS = [f"offer,s{k},1,{price}" for k, price in enumerate((1, 4, 5, 8, 11), start=1)]

# known answers of MECHANISMS.md on the books above, and on that whose last offer is at 13
UNIT_ANSWERS = {
    "uniform": {"price": 8.5, "volume_kwh": 4.0, "welfare_usd": 35.0, "operator_usd": 0.0},
    "matching": {"price": 8.5, "volume_kwh": 4.0, "welfare_usd": 35.0, "operator_usd": 0.0},
    "mcafee": {"price": 8.5, "volume_kwh": 4.0, "welfare_usd": 35.0, "operator_usd": 0.0},
    "vcg": {
        "buyer_price": 8.0,
        "seller_price": 9.0,
        "volume_kwh": 4.0,
        "welfare_usd": 35.0,
        "operator_usd": -4.0,
    },
}


def a_file(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def a_book(folder: Path, *rows: str) -> Path:
    return a_file(folder, "book.csv", HEADINGS, *rows)


def mechanisms_of(*arguments: object) -> Any:
    return printed("compare", *arguments, "--json")["mechanisms"]


def refused(*arguments: object) -> str:
    result: Result = invoke("compare", *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


@pytest.mark.parametrize("name", UNIT_ANSWERS)
def test_prints_the_known_answers_of_the_unit_book(tmp_path: Path, name: str) -> None:
    book = a_book(tmp_path, *BIDS, *OFFERS)

    found = mechanisms_of("--book", book, "--mechanisms", name)[name]

    assert {key: found[key] for key in UNIT_ANSWERS[name]} == UNIT_ANSWERS[name]
    assert found["welfare_share"] == 1.0
    assert (found["max_volume_kwh"], found["volume_share"]) == (5.0, 0.8)
    assert sum(trade["energy_kwh"] for trade in found["trades"]) == 4.0


def test_mcafee_gives_up_a_pair_where_its_price_fits_no_pivot(tmp_path: Path) -> None:
    book = a_book(tmp_path, *BIDS, *OFFERS[:4], "offer,s5,1,13")

    found = mechanisms_of("--book", book, "--mechanisms", "mcafee")["mcafee"]

    assert "price" not in found
    assert (found["buyer_price"], found["seller_price"]) == (9.0, 8.0)
    assert (found["volume_kwh"], found["operator_usd"], found["welfare_usd"]) == (3.0, 3.0, 34.0)


def test_huang_excludes_the_marginal_orders(tmp_path: Path) -> None:
    rows = ["bid,1,1,3", "bid,2,2,4", "bid,3,5,1", "offer,4,4,2", "offer,5,1,1", "offer,6,5,6"]

    found = mechanisms_of("--book", a_book(tmp_path, *rows), "--mechanisms", "huang")["huang"]

    assert (found["volume_kwh"], found["buyer_price"], found["seller_price"]) == (1.0, 3.0, 2.0)
    assert (found["welfare_usd"], found["operator_usd"]) == (3.0, 1.0)


def test_pay_as_bid_lists_its_trades(tmp_path: Path) -> None:
    rows = ["offer,a,5,10", "offer,b,5,9", "offer,c,5,9", "bid,d,7,9.5", "bid,e,5,10"]

    found = mechanisms_of("--book", a_book(tmp_path, *rows), "--mechanisms", "pay-as-bid")

    trades = [
        (trade["seller"], trade["buyer"], trade["energy_kwh"], trade["price"])
        for trade in found["pay-as-bid"]["trades"]
    ]
    assert sorted(trades) == [
        ("a", "e", 2.0, 10.0),
        ("b", "d", 5.0, 9.0),
        ("c", "d", 2.0, 9.0),
        ("c", "e", 3.0, 9.0),
    ]
    assert found["pay-as-bid"]["buyer_price"] == found["pay-as-bid"]["seller_price"]
    assert found["pay-as-bid"]["buyer_price"] == pytest.approx(110 / 12, abs=1e-9)
    assert "price" not in found["pay-as-bid"]


def test_average_rounds_takes_its_step(tmp_path: Path) -> None:
    book = a_book(tmp_path, "bid,a,1,10", "bid,b,1,7", "offer,c,1,6", "offer,d,1,8")

    found = mechanisms_of("--book", book, "--mechanisms", "average-rounds", "--step", 0.5)

    prices = [trade["price"] for trade in found["average-rounds"]["trades"]]
    assert sorted(prices, reverse=True) == [8.0, 7.5]


def test_fees_make_lines_for_mechanisms_that_know_them(tmp_path: Path) -> None:
    book = a_book(tmp_path, "offer,s1,5,6", "offer,s2,5,8", "bid,b1,5,10", "bid,b2,5,9")
    fees = ["s1,b1,1", "s1,b2,5", "s2,b1,1", "s2,b2,0.5"]
    lines = a_file(tmp_path, "fees.csv", "seller,buyer,fee_usd_per_kwh", *fees)

    chosen = "pairwise-nash,matching,uniform"
    found = mechanisms_of("--book", book, "--fees", lines, "--mechanisms", chosen)

    nash, matching, uniform = (found[name] for name in chosen.split(","))
    assert (matching["welfare_usd"], matching["welfare_share"]) == (17.5, 1.0)
    assert matching["buyer_price"] - matching["seller_price"] == pytest.approx(0.75)
    assert (nash["graph"], uniform["graph"]) == ("full", "community")
    assert (nash["welfare_usd"], nash["lease_fees_usd"]) == (17.5, 7.5)
    assert [(t["seller"], t["buyer"], t["fee"]) for t in nash["trades"]] == [
        ("s1", "b1", 1.0),
        ("s2", "b2", 0.5),
    ]
    assert uniform["welfare_usd"] == 25.0


def test_the_grids_prices_are_those_given_or_the_books(tmp_path: Path) -> None:
    book = a_book(tmp_path, "offer,s,6,0.04", "bid,b,10,0.20")

    by_book = printed("compare", "--book", book, "--mechanisms", "mid-market", "--json")
    given = printed(
        *("compare", "--book", book, "--mechanisms", "mid-market,supply-demand-ratio"),
        *("--import-price", 0.18, "--export-price", 0.06, "--json"),
    )

    assert (by_book["import_price"], by_book["export_price"]) == (0.2, 0.04)
    found = by_book["mechanisms"]["mid-market"]  # Long et al. 2017
    assert (found["seller_price"], found["buyer_price"]) == (0.12, 0.152)
    assert found["trade_price"] == 0.12
    assert (given["import_price"], given["export_price"]) == (0.18, 0.06)
    assert given["mechanisms"]["mid-market"]["trade_price"] == 0.12


def test_settings_of_mechanisms_can_be_set(tmp_path: Path) -> None:
    book = a_book(tmp_path, *BIDS, *OFFERS)

    by_unit = mechanisms_of("--book", book, "--mechanisms", "mcafee", "--unit-kwh", 0.5)
    by_set = mechanisms_of("--book", book, "--mechanisms", "mcafee", "--set", "mcafee.unit_kwh=0.5")

    assert without_seconds(by_unit) == without_seconds(by_set)


def without_seconds(found: Any) -> Any:
    return {
        name: {key: value for key, value in one.items() if key != "seconds"}
        for name, one in found.items()
    }


def test_clears_under_every_mechanism_by_default_and_prints_tables(tmp_path: Path) -> None:
    result = invoke("compare", "--book", a_book(tmp_path, *BIDS, *OFFERS))

    assert result.exit_code == 0
    assert "10 orders, one free pool" in result.stdout
    for name in ("pairwise-nash", "uniform", "mcafee", "huang", "vcg", "demand-bidding"):
        assert len(re.findall(rf"^ {name} ", result.stdout, re.M)) == 2


def test_a_mechanism_that_takes_no_such_book_says_why(tmp_path: Path) -> None:
    many = [f"offer,s{k},1,1" for k in range(201)] + [f"bid,b{k},1,2" for k in range(201)]

    book = a_book(tmp_path, *many)
    found = mechanisms_of("--book", book, "--mechanisms", "pairwise-nash,uniform")

    assert "--fees says which have a line" in found["pairwise-nash"]["error"]
    assert found["uniform"]["volume_kwh"] == 201.0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--gas"], "expected either the folder of a scenario or --book"),
        (["village", "--book", "book.csv"], "expected either the folder of a scenario or --book"),
        (["--book", "nix.csv"], "nix.csv: expected this file in"),
        (["--book", "book.csv", "--days", "1"], "--days: expected no such option beside --book"),
        (["--book", "book.csv", "--gas"], "--gas: expected no such option beside --book"),
        (["nowhere", "--fees", "f.csv"], "--fees: expected no such option beside a scenario"),
        (["nowhere"], "nowhere: expected the folder of a scenario"),
        (["nowhere", "--mechanisms", "uniform,unfair"], "--mechanisms: expected some of pairwise-"),
        (["nowhere", "--mechanisms", "uniform,uniform"], "--mechanisms: expected each once"),
        (["nowhere", "--set", "x=1"], "--set x=1: expected MECHANISM.KEY=VALUE with one of"),
        (["nowhere", "--set", "uniform.step=1"], "expected a setting of uniform (none)"),
        (["nowhere", "--set", "mcafee.unit_kwh=x"], "expected a number in [0.001, "),
        (["nowhere", "--set", "mcafee.unit_kwh=nan"], "expected a number in [0.001, "),
    ],
)
def test_refuses_in_one_line(tmp_path: Path, arguments: list[str], error: str) -> None:
    a_book(tmp_path, *BIDS)

    files = {name: str(tmp_path / name) for name in ("book.csv", "nix.csv")}
    said = refused(*(files.get(argument, argument) for argument in arguments))

    assert said.startswith("error: ")
    assert error in said


def test_compares_a_scenarios_days_and_writes_every_file(tmp_path: Path) -> None:
    out = tmp_path / "out"

    summary = printed(
        *("compare", SCENARIOS / "village", "--days", 1, "--out", out, "--json"),
        *("--mechanisms", "pairwise-nash,uniform,vcg"),
    )

    assert summary == json.loads((out / "compare.json").read_text())
    found = summary["mechanisms"]
    assert list(found) == ["pairwise-nash", "uniform", "vcg"]
    assert (found["uniform"]["welfare_share"], found["uniform"]["blocking_pairs"]) == (1.0, 0)
    assert found["vcg"]["operator_usd"] < 0
    assert found["pairwise-nash"]["volume_share"] == 1.0
    for one in found.values():
        saved = sum(participant["saved_usd"] for participant in one["participants"])
        assert saved == pytest.approx(one["saved_usd"], abs=1e-6)
    with (out / "compare.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["mechanism"] for row in rows] == list(found)
    assert float(rows[1]["welfare_usd"]) == found["uniform"]["welfare_usd"]
    with (out / "participants.csv").open(encoding="utf-8") as file:
        participants = list(csv.DictReader(file))
    assert len(participants) == 3 * len(found["uniform"]["participants"])
    page = (out / "compare.html").read_text(encoding="utf-8")
    assert "synthetic" in page.lower()
    assert page.count('class="bar"') == 8 * 3  # charts times mechanisms
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_two_comparisons_are_the_same_but_for_the_seconds() -> None:
    arguments = (SCENARIOS / "village", "--days", 1, "--mechanisms", "uniform,pairwise-nash")

    assert without_seconds(mechanisms_of(*arguments)) == without_seconds(mechanisms_of(*arguments))


def test_a_scenarios_names_are_escaped_in_the_page(tmp_path: Path) -> None:
    folder = a_copy(tmp_path, "village")
    path = folder / "scenario.toml"
    path.write_text(re.sub(r'^name = ".*"', 'name = "<b>&"', path.read_text(), count=1, flags=re.M))
    out = tmp_path / "out"

    invoke("compare", folder, "--days", 1, "--mechanisms", "uniform", "--out", out)

    page = (out / "compare.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;" in page
    assert "<b>&" not in page


def test_a_scenario_without_prosumers_is_refused(tmp_path: Path) -> None:
    folder = a_copy(tmp_path, "paper-day")
    path = folder / "scenario.toml"
    text = path.read_text().split("[market]")[0]
    path.write_text(text)
    for name in ("prosumer_pv.csv", "prosumer_load.csv"):
        (folder / name).unlink(missing_ok=True)

    assert "expected" in refused(folder)


@pytest.mark.slow
@pytest.mark.contract
def test_measures_the_gas_of_the_busiest_slot() -> None:
    found = mechanisms_of(
        SCENARIOS / "village", "--days", 1, "--mechanisms", "uniform,vcg", "--gas"
    )

    gas = found["uniform"]["gas"]
    assert (gas["chain"], gas["hardfork"]) == ("embedded", "prague")
    assert all(gas[stage] > 21_000 for stage in ("record", "clear", "settle"))
    assert gas["trades"] > 0
    assert "gas" not in found["vcg"]
