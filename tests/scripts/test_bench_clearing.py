"""`wattline bench clearing`: every size is cleared, checked and told, and growth is its slope."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from oracle.domain.book import Kind
from scripts.bench.clearing import ClearingFigures, growth, lined, pool_of_size
from scripts.cli import app


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bench", "clearing", *map(str, arguments)])


def test_prints_a_row_for_each_size_and_the_growth() -> None:
    result = invoke("--uniform", "20,40", "--matching", "10,20", "--lines", 3)

    assert result.exit_code == 0, result.output
    rows = [line.split("│")[1:4] for line in result.output.splitlines() if "│" in line]
    told = [[cell.strip() for cell in row][:2] for row in rows]
    assert told == [["uniform", "20"], ["uniform", "40"], ["matching", "20"], ["matching", "40"]]
    assert "uniform: time grows with orders to the power of" in result.output
    assert "matching: time grows with orders to the power of" in result.output


def test_json_has_the_same_book_for_the_same_seed() -> None:
    runs = [
        json.loads(invoke("--uniform", "30", "--matching", "10", "--seed", seed, "--json").stdout)
        for seed in (4, 4, 5)
    ]

    trades = [[row["trades"] for row in run["figures"]] for run in runs]
    lines = [[row["lines"] for row in run["figures"]] for run in runs]
    assert (trades[0], lines[0]) == (trades[1], lines[1])
    assert (trades[0], lines[0]) != (trades[2], lines[2])
    assert runs[0]["growth"] == {}  # of one size nothing is known
    assert set(runs[0]["figures"][0]) == {
        "mechanism",
        "orders",
        "lines",
        "trades",
        "clear_s",
        "verify_s",
    }


def test_growth_is_the_exponent() -> None:
    figures = [
        ClearingFigures(
            mechanism="uniform", orders=n, lines=0, trades=0, clear_s=1e-6 * n**1.5, verify_s=0.0
        )
        for n in (10, 100, 1000)
    ]

    assert dict(growth(figures)) == {"uniform": pytest.approx(1.5)}


def test_books_are_as_they_are_said_to_be() -> None:
    rng = np.random.default_rng(1)

    pool, market_round = pool_of_size(rng, 100), lined(rng, 50, 8)

    assert sum(o is not None and o.kind is Kind.OFFER for o in pool.orders) == 50
    assert len(pool.spokes) == len(pool.orders) == len(market_round.orders) == 100
    assert 200 < len(market_round.edges) <= 400
    assert {edge.offer for edge in market_round.edges} <= set(range(50))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--uniform", "many"), "expected whole numbers"),
        (("--matching", "-5"), "from 0"),
        (("--matching", "5", "--lines", 6), "--matching 5: expected from 6, the lines, to 32768"),
        (("--matching", "0"), "expected a size for --uniform or --matching, got none"),
    ],
)
def test_refuses_sizes_in_one_line(arguments: tuple[object, ...], words: str) -> None:
    result = invoke("--uniform", "0", *arguments)

    assert result.exit_code == 1
    assert words in result.output


def test_refuses_a_size_before_any_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[object] = []
    monkeypatch.setattr("scripts.bench.clearing.measured", lambda *some: timed.append(some))

    result = invoke("--uniform", "20", "--matching", "10,40000")

    assert result.exit_code == 1
    assert "--matching 40000: expected from 8, the lines, to 32768 orders" in result.output
    assert timed == []
