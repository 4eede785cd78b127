"""`wattline compare` as people and machines call it."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.oracle.scenario_folders import SCENARIOS, a_copy, an_edited_copy
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


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


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
    assert by_unit["mcafee"]["volume_kwh"] == 2.0  # four pairs of half a kWh
    assert by_unit["mcafee"]["settings"] == {"unit_kwh": 0.5}


def test_settings_are_those_used_the_defaults_among_them(tmp_path: Path) -> None:
    book = a_book(tmp_path, "offer,s,2,0.04", "bid,b,1,0.20")

    of_book = mechanisms_of("--book", book, "--mechanisms", "mcafee,average-rounds,vcg")
    of_days = mechanisms_of(
        *(SCENARIOS / "village", "--days", 1, "--mechanisms", "mcafee,average-rounds"),
        *("--set", "mcafee.unit_kwh=0.2"),
    )

    assert {name: one["settings"] for name, one in of_book.items()} == {
        "mcafee": {"unit_kwh": 1.0},
        "average-rounds": {"step_usd_per_kwh": 0.02},
        "vcg": {},
    }
    assert of_days["mcafee"]["settings"] == {"unit_kwh": 0.2}
    assert of_days["average-rounds"]["settings"] == {"step_usd_per_kwh": 0.005}


def test_orders_of_one_name_may_trade_with_each_other(tmp_path: Path) -> None:
    rows = ["Offer,a,1,2", "bid,a,1,9", "BID,a,1,8", "offer,c,1,1"]

    found = mechanisms_of("--book", a_book(tmp_path, *rows), "--mechanisms", "pay-as-bid")

    trades = found["pay-as-bid"]["trades"]
    pairs = [(trade["seller"], trade["buyer"], trade["price"]) for trade in trades]
    assert sorted(pairs) == [("a", "a", 2.0), ("c", "a", 8.0)]


def test_says_how_many_numbers_were_rounded(tmp_path: Path) -> None:
    book = a_book(tmp_path, "offer,s,4.222109257625241,1", "bid,b,1,2.00000000000004")

    result = invoke("compare", "--book", book, "--mechanisms", "uniform", "--json")

    assert json.loads(result.stdout)["rounded"] == 2
    assert "book.csv: 2 numbers rounded to the nearest Wh or 1e-9 USD/kWh\n" in result.stderr


def test_average_rounds_has_no_shares_of_a_book_whose_prices_open_it(tmp_path: Path) -> None:
    book = a_book(tmp_path, "offer,s,1,6", "offer,t,1,8", "bid,a,1,10", "bid,b,1,7")

    found = mechanisms_of("--book", book, "--mechanisms", "average-rounds")["average-rounds"]
    shown = invoke("compare", "--book", book, "--mechanisms", "average-rounds").stdout

    assert (found["welfare_share"], found["volume_share"]) == (None, None)
    assert (found["max_welfare_usd"], found["max_volume_kwh"]) == (None, None)
    assert found["note"].startswith("takes the book's prices as opening prices")
    assert "average-rounds: takes the book's prices as opening prices" in shown


def test_says_who_ignores_lines_and_fees(tmp_path: Path) -> None:
    book = a_book(tmp_path, "offer,s,1,6", "bid,b,1,9")
    lines = a_file(tmp_path, "fees.csv", "seller,buyer,fee_usd_per_kwh", "s,b,5")
    arguments = ("--book", book, "--fees", lines, "--mechanisms", "matching,uniform,vcg")

    found, shown = mechanisms_of(*arguments), invoke("compare", *arguments).stdout

    assert [one.get("fees") for one in found.values()] == [None, "ignored", "ignored"]
    assert [one["volume_kwh"] for one in found.values()] == [0.0, 1.0, 1.0]
    assert "without lines and fees, in one free pool: uniform, vcg" in shown


def test_the_money_of_vcg_is_exact_where_means_are_not(tmp_path: Path) -> None:
    """The seller is paid 9 + 8 + 8, a third of which no integer is; the buyers pay 3 each."""
    rows = ["offer,s,3,3", "bid,a,1,9", "bid,b,1,8", "bid,c,1,8"]

    found = mechanisms_of("--book", a_book(tmp_path, *rows), "--mechanisms", "vcg")["vcg"]

    assert (found["operator_usd"], found["welfare_usd"]) == (-16.0, 16.0)
    assert (found["buyers_surplus_usd"], found["sellers_surplus_usd"]) == (16.0, 16.0)


def test_an_empty_book_trades_nothing_under_any_mechanism(tmp_path: Path) -> None:
    found = mechanisms_of("--book", a_book(tmp_path))

    assert [name for name, one in found.items() if "error" in one] == []
    assert {one["volume_kwh"] for one in found.values()} == {0.0}


def test_no_number_of_a_table_is_cut_in_80_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    book = a_book(tmp_path, "offer,s,4000000,0.05", "bid,b,4000000,281474.9", "bid,c,9,270000.5")

    shown = invoke("compare", "--book", book).stdout

    assert "…" not in shown
    rows = [line.split() for line in shown.splitlines() if line.startswith(" supply-demand-ratio")]
    assert [len(row) for row in rows] == [8, 7]
    assert max(map(len, shown.splitlines())) <= 80


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
        (["--book", "book.csv", "--export-price", "inf"], "--export-price: expected a number in "),
        (["--book", "book.csv", "--export-price", "1e300"], "[0, 281474.976710655], got 1e+300"),
        (["--book", "book.csv", "--import-price", "nan"], "--import-price: expected a number in "),
        (["--book", "book.csv", "--step", "inf"], "--step: expected a number in [1e-09, 100000]"),
        (["--book", "book.csv", "--unit-kwh", "inf"], "--unit-kwh: expected a number in [0.001, "),
        (["village", "--out", "book.csv"], "book.csv: File exists"),
        (["--book", "book.csv", "--out", "book.csv"], "book.csv: File exists"),
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
    if "--out" in arguments:
        files["village"] = str(SCENARIOS / "village")
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
    assert {name: one["shares_of"] for name, one in found.items()} == {
        "pairwise-nash": "matching",
        "uniform": "uniform",
        "vcg": "uniform",
    }
    assert found["vcg"]["max_welfare_usd"] == found["uniform"]["welfare_usd"]
    assert 0.9 < found["pairwise-nash"]["welfare_share"] < 1.0
    assert found["uniform"]["slot_welfare_share"] == 1.0
    assert found["uniform"]["trade_count"] > 0
    for one in found.values():
        saved = sum(participant["saved_usd"] for participant in one["participants"])
        assert saved == pytest.approx(one["saved_usd"], abs=1e-6)
    rows = table(out / "compare.csv")
    assert [row["mechanism"] for row in rows] == list(found)
    assert float(rows[1]["welfare_usd"]) == found["uniform"]["welfare_usd"]
    assert float(rows[1]["trade_count"]) == found["uniform"]["trade_count"]
    assert not (out / "participants.csv").exists()  # that of a run in the same folder
    participants = table(out / "compare_participants.csv")
    assert len(participants) == 3 * len(found["uniform"]["participants"])
    page = (out / "compare.html").read_text(encoding="utf-8")
    assert "synthetic" in page.lower()
    assert page.count('class="bar"') == 8 * 3  # charts times mechanisms
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_compares_a_book_and_writes_every_file(tmp_path: Path) -> None:
    book = a_book(tmp_path, "offer,<i>s</i>,5,6", "offer,t,5,8", "bid,b,5,10", "bid,c,5,9")
    fees = ["<i>s</i>,b,1", "<i>s</i>,c,5", "t,b,1", "t,c,0.5"]
    lines = a_file(tmp_path, "fees.csv", "seller,buyer,fee_usd_per_kwh", *fees)
    out = tmp_path / "made" / "out"
    chosen = "matching,uniform,vcg,average-rounds"

    summary = printed(
        *("compare", "--book", book, "--fees", lines, "--mechanisms", chosen),
        *("--out", out, "--json"),
    )

    assert summary == json.loads((out / "compare.json").read_text())
    found = summary["mechanisms"]
    rows, trades = (table(out / name) for name in ("compare.csv", "compare_trades.csv"))
    assert [row["mechanism"] for row in rows] == list(found) == chosen.split(",")
    assert float(rows[0]["welfare_usd"]) == 17.5
    assert [row["price_usd_per_kwh"] != "" for row in rows] == ["price" in found[n] for n in found]
    assert [int(row["trade_count"]) for row in rows] == [len(found[n]["trades"]) for n in found]
    assert [(row["seller"], row["lease_fee_usd_per_kwh"]) for row in trades[:2]] == [
        ("<i>s</i>", "1.0"),
        ("t", "0.5"),
    ]
    assert [row["mechanism"] for row in trades].count("vcg") == len(found["vcg"]["trades"])
    assert sorted(path.name for path in out.iterdir()) == [
        "compare.csv",
        "compare.html",
        "compare.json",
        "compare_trades.csv",
    ]
    page = (out / "compare.html").read_text(encoding="utf-8")
    assert "4 orders, 4 lines · 4 mechanisms" in page
    assert "Without lines and fees, in one free pool: uniform, vcg" in page
    assert "average-rounds: takes the book&#39;s prices as opening prices" in page
    assert page.count('class="bar"') == 5 * 4  # charts times mechanisms
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_says_where_the_page_of_a_book_is(tmp_path: Path) -> None:
    many = [f"offer,s{k},1,1" for k in range(201)] + [f"bid,b{k},1,2" for k in range(201)]
    arguments = ("--book", a_book(tmp_path, *many), "--mechanisms", "pairwise-nash")

    result = invoke("compare", *arguments, "--out", tmp_path / "out")

    page = tmp_path / "out" / "compare.html"
    assert f"page: {page}" in result.stdout.replace("\n", "")
    assert "<strong>pairwise-nash</strong> is left out: " in page.read_text(encoding="utf-8")
    assert table(tmp_path / "out" / "compare.csv") == []


def test_who_leaves_energy_in_batteries_is_not_measured_by_it_again() -> None:
    """In the evening the village trades out of its batteries what it did not at noon."""
    found = mechanisms_of(SCENARIOS / "village", "--days", 1, "--mechanisms", "huang,uniform")

    huang, uniform = found["huang"], found["uniform"]
    assert (huang["max_welfare_usd"], huang["max_volume_kwh"]) == (
        uniform["welfare_usd"],
        uniform["volume_kwh"],
    )
    assert huang["slot_welfare_share"] < huang["welfare_share"] < 1.0


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
    def without_community(content: str) -> str:
        start, end = content.index("[storage]"), content.index("[[demand_response]]")
        return content[:start] + content[end : content.index("[line_lease]")]

    folder = an_edited_copy(tmp_path, "paper-day", "scenario.toml", without_community)
    (folder / "prosumers.csv").unlink()

    assert "expected a scenario with prosumers" in refused(folder)


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
