"""`wattline bench gas`: what it prints is what the receipts say, and nothing below the floor."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from oracle.chain.chains import Chain, open_chain
from oracle.errors import ChainUnavailable
from scripts.bench.gas import figures as figures_module
from scripts.bench.gas import measurement, rounds
from scripts.bench.gas.community import SHAPES, orders_of, ring
from scripts.bench.gas.figures import GasFigures
from scripts.bench.gas.files import write_gas
from scripts.bench.gas.measures import CLEAR_SETTLE, MEASURES, OWN, TERMS
from scripts.bench.gas.price_list import Log, Needed, Sent, floor_of
from scripts.bench.gas.rounds import BATCH, RoundBench
from scripts.bench.gas.tables import gas_tables
from scripts.cli import app

SIZE = 10
KEYS = {
    "orders",
    "shape",
    "record_own_gas",
    "record_batch_gas_per_order",
    "clear_settle_gas_per_order",
    "largest_transaction_gas",
    "void_gas",
    "floor_gas_per_order",
    "hardfork",
}


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bench", "gas", *map(str, arguments)])


def rounded_up(gas: int, count: int) -> int:
    return -(-gas // count)


@pytest.fixture(scope="module")
def run() -> tuple[list[GasFigures], dict[str, list[int]]]:
    """The figures of both shapes, and what each call used as its receipt says."""
    chains: list[Chain] = []

    def kept(name: str) -> Chain:
        chains.append(open_chain(name))
        return chains[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measurement, "open_chain", kept)
        figures = measurement.measured([SIZE], SHAPES, "embedded", lambda *_: None)
    return figures, chains[0].gas


@pytest.fixture
def figures(run: tuple[list[GasFigures], dict[str, list[int]]]) -> list[GasFigures]:
    return run[0]


@pytest.mark.contract
def test_the_figures_are_those_of_the_receipts(
    run: tuple[list[GasFigures], dict[str, list[int]]],
) -> None:
    figures, gas = run

    for place, one in enumerate(figures):
        offers, bids = gas["placeOffer"][place * 5 :], gas["placeBid"][place * 5 :]
        clear, void = gas["clear"][place], gas["void"][place]
        settle, hearing = gas["settle"][2 * place : 2 * place + 2]
        readings = gas["recordReadings"][place]
        assert one.record_own_gas == rounded_up(sum(offers[1:5] + bids[:5]), SIZE - 1)
        assert one.record_first_batch_gas_per_order == rounded_up(gas["post"][0], SIZE)
        assert one.record_batch_gas_per_order == rounded_up(gas["post"][1 + place], SIZE)
        assert (one.clear_gas, one.settle_gas, one.void_gas) == (clear, settle, void)
        assert one.clear_settle_gas_per_order == rounded_up(clear + settle, SIZE)
        assert one.clear_settle_with_readings_gas_per_order == rounded_up(clear + hearing, SIZE)
        assert one.readings_gas_per_order == rounded_up(readings, SIZE)
        assert one.largest_transaction_gas == max(
            clear, void, settle, hearing, readings, *gas["post"][: 2 + place], offers[0]
        )


@pytest.mark.contract
def test_prints_a_list_with_the_keys_of_the_interface_and_the_same_figures_again(
    figures: list[GasFigures],
) -> None:
    result = invoke("--orders", SIZE, "--json")

    printed = json.loads(result.stdout)
    assert result.exit_code == 0
    assert all(set(one) >= KEYS for one in printed)
    assert [GasFigures(**one) for one in printed] == figures
    assert {one["hardfork"] for one in printed} == {"prague"}
    assert {one["data"] for one in printed} == {"synthetic"}


@pytest.mark.contract
@pytest.mark.node
def test_anvil_charges_the_same(figures: list[GasFigures]) -> None:
    on_anvil = measurement.measured([SIZE], SHAPES, "anvil", lambda *_: None)

    for one, other in zip(figures, on_anvil, strict=True):
        assert one.hardfork == other.hardfork
        for measure in MEASURES:  # signatures differ, and with them the zeros in the calldata
            assert measure.gas(other) == pytest.approx(measure.gas(one), rel=1e-3)


@pytest.mark.contract
def test_each_order_has_one_trade_or_orders_split_over_their_lines(
    figures: list[GasFigures],
) -> None:
    one_to_one, dense = figures

    assert one_to_one.trades == SIZE / 2
    assert dense.trades == SIZE - 1
    assert one_to_one.edges == dense.edges == 4 * SIZE / 2


@pytest.mark.contract
def test_no_figure_is_below_its_floor(figures: list[GasFigures]) -> None:
    for one in figures:
        for measure in MEASURES:
            assert 21_000 / SIZE < measure.floor(one) < measure.gas(one)
        terms = sum(term(one) for term in TERMS.values())
        assert terms == one.clear_gas + one.settle_gas
        assert one.floor_gas_per_order == rounded_up(terms - one.clear_settle_computing_gas, SIZE)
        assert one.floor_gas_per_order < one.clear_settle_with_readings_floor_gas_per_order


@pytest.mark.contract
def test_every_batch_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = open_chain("embedded")
    monkeypatch.setattr(measurement, "open_chain", lambda _: chain)
    for module in (rounds, figures_module):
        monkeypatch.setattr(module, "BATCH", 4)

    (one,) = measurement.measured([SIZE], ["dense"], "embedded", lambda *_: None)

    first, posted = chain.gas["post"][:3], chain.gas["post"][3:]
    assert len(posted) == 3
    assert one.record_batch_gas_per_order == rounded_up(sum(posted), SIZE)
    assert one.record_first_batch_gas_per_order == rounded_up(sum(first), SIZE)
    assert one.record_batch_floor_gas_per_order < one.record_batch_gas_per_order


def test_a_ring_has_eight_lines_each_and_the_shortest_join_the_pairs() -> None:
    lines = ring(12)

    ends = Counter(end for line in lines for end in (line.first, line.second))
    shortest = sorted(lines, key=lambda line: line.distance)[:6]
    assert set(ends.values()) == {8}
    assert {(line.first, line.second) for line in shortest} == {(k, k + 1) for k in range(0, 12, 2)}
    assert len({frozenset((line.first, line.second)) for line in lines}) == len(lines)


def test_energies_are_equal_in_pairs_in_a_one_to_one_book_only() -> None:
    one_to_one = [order.energy for order in orders_of("one-to-one", 40)]
    dense = [order.energy for order in orders_of("dense", 40)]

    assert one_to_one[::2] == one_to_one[1::2]
    assert dense[::2] != dense[1::2]
    assert sum(dense[::2]) == sum(dense[1::2])
    assert min(one_to_one + dense) >= 400
    assert orders_of("dense", 40) == orders_of("dense", 40)


def test_the_floor_is_the_sum_of_its_terms() -> None:
    sent = Sent(
        label="clear",
        gas=0,
        calldata=b"\0\1\2",
        logs=(Log(topics=2, data_bytes=32), Log(topics=1, data_bytes=0)),
    )

    floor = floor_of(sent, Needed(new_words=1, changed_words=2, signature_checks=3))

    calldata, logs = 4 + 2 * 16, (375 + 2 * 375 + 8 * 32) + (375 + 375)
    assert floor == 21_000 + calldata + logs + 22_100 + 2 * 5_000 + 3 * 3_100


def test_a_transaction_of_little_work_pays_for_its_calldata_at_least() -> None:
    sent = Sent(label="clear", gas=0, calldata=bytes(1000) + b"\1" * 1000, logs=())

    assert floor_of(sent, Needed()) == 21_000 + 1000 * 10 + 1000 * 40
    assert floor_of(sent, Needed(new_words=5)) == 21_000 + 1000 * 4 + 1000 * 16 + 5 * 22_100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--orders", "11"], "--orders 11: expected an even number from 10 to 1024"),
        (["--orders", "8"], "--orders 8: expected an even number from 10 to 1024"),
        (["--orders", "10,1026"], "--orders 1026: expected an even number from 10 to 1024"),
        (["--orders", "ten"], "--orders ten: expected whole numbers"),
        (["--orders", ""], "--orders : expected whole numbers"),
        (["--shape", "thin"], "--shape thin: expected one of one-to-one, dense, both"),
        (["--chain", "mainnet"], "--chain mainnet: expected embedded, anvil, or a URL"),
    ],
)
def test_refuses_in_one_line(arguments: list[str], message: str) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(f"error: {message}")


@pytest.mark.contract
def test_a_node_that_cannot_copy_its_state_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_snapshots(bench: RoundBench, shape: str) -> Any:
        raise ChainUnavailable("no copy")

    monkeypatch.setattr(RoundBench, "run", without_snapshots)

    result = invoke("--orders", SIZE, "--shape", "dense")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "error: no copy"


def test_says_how_the_lines_are_and_gives_an_example() -> None:
    text = " ".join(invoke("--help").stdout.split())

    assert "Example: wattline bench gas" in text
    assert "4 lines to buyers and 4 to other sellers" in text


def shown(figures: Sequence[GasFigures]) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(gas_tables(figures))
    return console.export_text()


@pytest.mark.contract
def test_every_table_names_synthetic_data_floors_and_rivals(figures: list[GasFigures]) -> None:
    text = " ".join(shown(figures).split())

    for one in figures:
        assert f"Gas per order, {one.shape}; synthetic data, prague" in text
        assert f"clear + settle pay for, {one.shape}; gas per order, synthetic data" in text
    assert text.count("floor") >= 2 * len(MEASURES)
    assert "lemlab" in text
    assert "32 M / 98 M / 221 M" in text
    assert " !" not in text  # budgets of books of 100 and more do not hold for ten


@pytest.mark.contract
def test_marks_what_misses_its_budget_or_the_cap(figures: list[GasFigures]) -> None:
    large = replace(figures[0], orders=BATCH)
    over = replace(
        large,
        clear_settle_gas_per_order=13_001,
        record_batch_gas_per_order=13_000,
        largest_transaction_gas=16_777_216,
        within_transaction_cap=False,
    )

    assert CLEAR_SETTLE.is_met(over) is False
    assert CLEAR_SETTLE.is_met(replace(over, shape="dense")) is True
    assert OWN.is_met(figures[0]) is True
    assert "13,001 !" in shown([over])
    assert "13,000 !" not in shown([over])
    assert "16,777,216 !" in shown([over])


@pytest.mark.contract
@pytest.mark.parametrize("count", [1, 2])
def test_writes_json_csv_markdown_and_a_page_with_charts(
    figures: list[GasFigures], tmp_path: Path, count: int
) -> None:
    some = [*figures[:count], *(replace(one, orders=100) for one in figures[: count - 1])]

    write_gas(some, tmp_path)

    assert [GasFigures(**one) for one in json.loads((tmp_path / "gas.json").read_text())] == some
    with (tmp_path / "gas.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["void_gas"]) for row in rows] == [one.void_gas for one in some]
    table = [
        line.strip("| ").split(" | ") for line in (tmp_path / "gas.md").read_text().split("\n")
    ]
    assert {len(cells) for cells in table[:-1]} == {10}
    assert table[2][5] == f"{some[0].clear_settle_gas_per_order:,}"
    page = (tmp_path / "gas.html").read_text()
    pictures = [part.split("</svg>")[0] for part in page.split("<svg")[1:]]
    assert len(pictures) == 4
    assert not any("nan" in picture for picture in pictures)
    assert "Synthetic data." in page
    assert "floor, one-to-one" in page
    assert f"{some[0].clear_settle_gas_per_order:,}" in page
