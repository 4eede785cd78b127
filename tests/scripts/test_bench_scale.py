"""`wattline bench scale`: the same files wherever a region is cleared, and the estimate beside."""

import csv
import json
from collections.abc import Callable
from dataclasses import fields
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from oracle.errors import InvalidInputError, OracleError
from oracle.region.day import FeederDay
from oracle.region.feeder import RegionTerms
from oracle.region.region import Region
from scripts.bench.gas.figures import GasFigures
from scripts.bench.gas.measurement import measured
from scripts.bench.scale import timing
from scripts.bench.scale.command import scale
from scripts.bench.scale.gas import costs_of, read_costs

SMALL = ("--feeders", 2, "--prosumers", 10)


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    app.command()(scale)
    return CliRunner().invoke(app, [*map(str, arguments)])


def figures(orders: int, shape: Any, trades: int) -> GasFigures:
    """Figures whose every other number is its place among the fields, times the orders."""
    numbers = {field.name: place * orders for place, field in enumerate(fields(GasFigures), 1)}
    return GasFigures(
        **numbers  # type: ignore[arg-type]
        | {
            "orders": orders,
            "shape": shape,
            "trades": trades,
            "readings": orders // 2,
            "hardfork": "prague",
            "chain": "embedded",
            "data": "synthetic",
        }
    )


def some_figures() -> list[GasFigures]:
    return [
        figures(orders, shape, trades)
        for orders in (10, 20)
        for shape, trades in (("one-to-one", orders // 2), ("dense", orders - 1))
    ]


@pytest.fixture
def gas(tmp_path: Path) -> Path:
    path = tmp_path / "gas.json"
    rows = [{field.name: getattr(one, field.name) for field in fields(one)} for one in FIGURES]
    path.write_text(json.dumps(rows))
    return path


FIGURES = some_figures()


@pytest.mark.slow
def test_files_are_the_same_to_the_byte_under_every_scheduler(gas: Path, tmp_path: Path) -> None:
    places = {
        name: tmp_path / name.replace(" ", "-")
        for name in ("serial", "process --workers 1", "process --workers 2", "dask --workers 2")
    }

    results = [
        invoke(*SMALL, "--gas", gas, "--out", place, "--scheduler", *name.split())
        for name, place in places.items()
    ]

    assert [result.exit_code for result in results] == [0] * 4, results[-1].output
    for file in ("slots.csv", "summary.json"):
        assert len({(place / file).read_bytes() for place in places.values()}) == 1


def test_rows_and_totals_agree(gas: Path, tmp_path: Path) -> None:
    result = invoke(*SMALL, "--scheduler", "serial", "--gas", gas, "--out", tmp_path, "--json")

    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    rows = list(csv.DictReader(StringIO((tmp_path / "slots.csv").read_text())))
    assert [(row["feeder"], row["slot"]) for row in rows] == [
        (str(feeder), str(slot)) for feeder in (1, 2) for slot in range(1, 97)
    ]
    totals = printed["totals"]
    assert totals["orders"] == sum(int(row["orders"]) for row in rows)
    assert totals["trades"] == sum(int(row["trades"]) for row in rows) > 0
    assert totals["traded_kwh"] == pytest.approx(sum(float(row["traded_kwh"]) for row in rows))
    settlement = printed["settlement"]
    assert settlement["total_gas"] == sum(settlement["gas"].values())
    assert settlement["transactions"]["readings"] == totals["rounds_with_trades"]
    assert printed["data"] == "synthetic"
    kept = json.loads((tmp_path / "summary.json").read_text())
    assert printed == kept | {"timing": printed["timing"]}  # no time in the file


def test_runs_are_timed_in_turn(gas: Path) -> None:
    result = invoke(*SMALL, "--scheduler", "serial", "--gas", gas, "--runs", 2, "--json")

    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [
        f"scale: run {run} of 2, feeders{where} …"
        for run in (1, 2)
        for where in (", one process", ", serial")
    ]
    timed = json.loads(result.stdout)["timing"]
    assert len(timed["one_process_s"]) == len(timed["clear_s"]) == len(timed["speed_ups"]) == 2
    assert timed["speed_ups"][0] == timed["one_process_s"][0] / timed["clear_s"][0]
    assert timed["workers"] == 1


def test_tables_say_digest_gas_and_hardfork(gas: Path) -> None:
    result = invoke(*SMALL, "--scheduler", "serial", "--gas", gas)

    assert result.exit_code == 0, result.output
    said = " ".join(result.stdout.split())
    assert "2 feeders of 10 prosumers, synthetic data" in said
    assert "digest " in said
    assert "by receipts of hardfork prague" in said
    assert "such feeders if it carries nothing else" in said


def test_runs_that_differ_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    clear = Region.cleared
    number = iter(range(10))

    def another(self: Region, scheduler: Any) -> Any:
        self._hashed.update(bytes([next(number)]))
        return clear(self, scheduler)

    monkeypatch.setattr(Region, "cleared", another)
    terms = RegionTerms(feeders=1, prosumers=10, seed=1)

    with pytest.raises(OracleError, match="runs of one region differ"):
        timing.timed(terms, "serial", 1, None, timing.ignore, progress=lambda *_: None, runs=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--feeders", 0), "feeders: expected from 1 to 1,000,000, got 0"),
        (("--prosumers", 5), "prosumers: expected from 10 to 1,024, got 5"),
        (("--scheduler", "ray"), "--scheduler ray: expected one of serial, process, dask"),
        (("--workers", 0), "workers: expected from 1 to 1,024, got 0"),
        (("--address", "tcp://h:1"), "expected with the scheduler dask only, not process"),
        (("--block-gas", 0), "gas of a block: expected at least 1, got 0"),
    ],
)
def test_refuses_in_one_line(arguments: tuple[object, ...], words: str, gas: Path) -> None:
    result = invoke(*SMALL, "--gas", gas, *arguments)

    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith("error: ")
    assert words in result.output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: "no list", "expected a gas.json of `wattline bench gas --out`, got "),
        (lambda rows: [{"orders": 10}], "expected a gas.json of `wattline bench gas --out`, got "),
        (lambda rows: rows[:2], "expected two sizes or more"),
        (lambda rows: rows[:3], "each of them in the shapes one-to-one and dense"),
        (
            lambda rows: [*rows, rows[0] | {"shape": "thin"}],
            "expected the shapes one-to-one and dense, got thin",
        ),
        (
            lambda rows: [row | {"readings": 5} for row in rows],
            "expected more than 5 readings of 20 orders, got 5",
        ),
        (
            lambda rows: [rows[0], rows[1] | {"void_gas": 0}, *rows[2:]],
            "expected gas for void of 10 orders, got 0",
        ),
    ],
)
def test_refuses_figures_that_are_none(
    change: Callable[[list[dict[str, object]]], object], words: str, gas: Path
) -> None:
    gas.write_text(json.dumps(change(json.loads(gas.read_text()))))

    with pytest.raises(InvalidInputError) as refusal:
        read_costs(gas)

    (line,) = str(refusal.value).splitlines()
    assert line.startswith(f"{gas}: ")
    assert words in line


@pytest.mark.slow
@pytest.mark.contract
def test_measured_rounds_are_nearly_in_proportion() -> None:
    costs = costs_of(measured([10, 20], ("one-to-one", "dense"), "embedded", lambda *some: None))

    assert costs.hardfork == "prague"
    assert costs.largest_relative_error < 0.01
    assert 2_000 < costs.gas["settle"].order < 6_000
    assert costs.calldata["post"].order == 32 + 64  # a word and a compact signature (ERC-2098)


def test_days_are_given_to_whoever_takes_them() -> None:
    taken: list[FeederDay] = []
    terms = RegionTerms(feeders=2, prosumers=10, seed=1)

    region, found = timing.timed(terms, "serial", 1, None, taken.extend, progress=lambda *_: None)

    assert [day.number for day in taken] == [0, 1]
    assert region.feeders == 2
    assert (len(found.clear_s), found.one_process_s) == (1, ())
