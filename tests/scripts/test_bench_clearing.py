"""`wattline bench clearing`: equal books, equal sums, an end for who takes too long."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from oracle.domain.book import Kind
from oracle.errors import ContractRevert, Divergence, InvalidInputError, SolverError
from oracle.market.registry import MECHANISMS
from scripts.bench.clearing import measurement, trial, worker
from scripts.bench.clearing.books import (
    MOST_LINED,
    drawn_orders,
    lined_round,
    pool_round,
    with_terms,
)
from scripts.bench.clearing.figures import ClearingFigures, growth
from scripts.bench.clearing.sums import Sums
from scripts.bench.clearing.systems import Contender, contender, has_pymarket
from scripts.bench.clearing.tables import clearing_tables
from scripts.bench.clearing.trial import READY, Cell, Fault, Found, Task, trials
from scripts.bench.clearing.worker import measured, results
from scripts.bench.spread import Spread
from scripts.cli import app
from scripts.console import out

PLAIN = ("plain crossing", "plain LP", "plain two LPs")


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bench", "clearing", *map(str, arguments)])


def a_task(name: str = "uniform", sizes: tuple[int, ...] = (20,), **changes: Any) -> Task:
    task = Task(name=name, sizes=sizes, runs=2, lines=3, seed=1, limit_s=60.0)
    return replace(task, **changes)


def sums_of(name: str, size: int = 200) -> Sums:
    return measured(contender(name), size, a_task(name, lines=4)).sums


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_mechanism_clears_its_book_and_is_verified(name: str) -> None:
    cell = measured(contender(name), 100, a_task(name))

    assert cell.sums.trades > 0
    assert cell.verify is not None
    assert (cell.clear.runs, cell.verify.runs) == (2, 2)
    assert cell.clear.least <= cell.clear.median <= cell.clear.most
    assert (cell.lines > 0) == (name in ("pairwise-nash", "matching"))


@pytest.mark.parametrize("name", PLAIN)
def test_plain_algorithms_come_to_the_same_as_ours(name: str) -> None:
    other = contender(name)

    theirs, ours = sums_of(name), sums_of(other.equals)

    assert theirs.volume_wh > 0
    assert theirs.agrees(ours, other.same)


@pytest.mark.skipif(not has_pymarket(), reason="compares with the extra: pip install '.[bench]'")
def test_the_auction_of_pymarket_sells_as_much_as_ours() -> None:
    figures = json.loads(
        invoke("--orders", 40, "--runs", 1, "--mechanisms", "huang", "--json").stdout
    )

    rows = {one["mechanism"]: one for one in figures}
    assert rows.keys() == {"huang", "pymarket huang", "pymarket muda", "pymarket p2p"}
    assert rows["pymarket huang"]["equals"] == "huang"
    assert rows["pymarket huang"]["volume_wh"] == rows["huang"]["volume_wh"] > 0
    assert rows["pymarket muda"]["equals"] == ""


def test_json_is_a_list_with_the_same_sums_for_the_same_seed() -> None:
    runs = [
        json.loads(
            invoke(
                "--orders", 20, "--lines", 3, "--runs", 1, "--mechanisms", "pairwise-nash",
                "--no-others", "--seed", seed, "--json",
            ).stdout
        )
        for seed in (4, 4, 5)
    ]  # fmt: skip

    (first,), (again,), (other,) = runs
    assert {"mechanism", "orders", "seconds"} <= first.keys()
    assert (first["mechanism"], first["orders"], first["data"]) == (
        "pairwise-nash", 20, "synthetic",
    )  # fmt: skip
    assert first["seconds"] > 0
    sums = ("volume_wh", "welfare_usd", "lines", "trades")
    assert [first[name] for name in sums] == [again[name] for name in sums]
    assert [first[name] for name in sums] != [other[name] for name in sums]


def test_who_takes_too_long_is_ended_and_gets_no_larger_book() -> None:
    found = dict(trials(a_task("pairwise-nash", (20, 4_000, 8_000), limit_s=2.0, runs=10_000)))

    assert found == {
        20: "stopped after 2 s",
        4_000: "not tried; of 20 orders: stopped after 2 s",
        8_000: "not tried; of 20 orders: stopped after 2 s",
    }


def test_memory_is_that_of_the_contender_and_not_of_who_started_it() -> None:
    ballast = bytearray(300_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])  # touched, so that it is there

    (cell,) = dict(trials(a_task())).values()

    assert isinstance(cell, Cell)
    assert 20 < cell.peak_mb < 300


def test_a_refused_book_is_told_and_nothing_larger_tried() -> None:
    found = dict(trials(a_task("matching", (20, 40), lines=15)))

    assert "20 orders with 15 lines each: expected from 30 to 32,766" in str(found[20])
    assert str(found[40]).startswith("not tried; of 20 orders: refused: 20 orders with 15 lines")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            InvalidInputError("9 trades: expected at most 8"),
            "refused: 9 trades: expected at most 8",
        ),
        (MemoryError("no 9 GB"), "out of memory: no 9 GB"),
        (
            ContractRevert("NotOptimal"),
            Fault("failed: ContractRevert: the contract refused: NotOptimal()"),
        ),
        (SolverError("no\noptimum"), Fault("failed: SolverError: no optimum")),
        (KeyError("bid"), Fault("failed: KeyError: 'bid'")),
    ],
)
def test_only_a_book_that_is_too_large_is_refused(
    error: Exception, told: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clear(prepared: object) -> None:
        raise error

    broken = replace(contender("uniform"), clear=clear)
    monkeypatch.setattr(worker, "contender", lambda name: broken)

    assert list(results(a_task(sizes=(20, 40)))) == [READY, told]


@pytest.mark.skipif(not has_pymarket(), reason="an algorithm of the extra: pip install '.[bench]'")
def test_a_contender_that_wants_more_memory_than_there_is_is_told() -> None:
    found = dict(trials(a_task("pymarket p2p", (20_000,))))  # a table of 20,000 by 100,000,000

    assert str(found[20_000]).startswith("out of memory: Unable to allocate")


def test_a_contender_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "WORKER", "scripts.bench")  # a package cannot be run

    found = dict(trials(a_task()))

    assert found == {20: Fault("ended with exit code 1")}


def test_a_contender_that_is_killed_is_short_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(killed))

    found = dict(trials(a_task()))

    assert found == {20: "killed by the system, short of memory most likely"}


def test_an_exception_in_a_process_is_told_and_nothing_larger_tried() -> None:
    found = dict(trials(a_task(sizes=(20, 40), runs=0)))  # of no times there is no median

    assert str(found[20]).startswith("failed: StatisticsError: ")
    assert found[40] == f"not tried; of 20 orders: {found[20]}"


def measured_by(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], sizes: list[int], found: Found
) -> list[ClearingFigures]:
    """What is told where every book of every contender comes to the same."""
    monkeypatch.setattr(measurement, "trials", lambda task: [(size, found) for size in task.sizes])
    return measurement.measure_clearing(
        [contender(name) for name in names],
        sizes, runs=1, lines=3, seed=1, limit_s=1.0, progress=lambda *_: None,
    )  # fmt: skip


def test_a_fault_of_others_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault("failed: KeyError: 'bid'")

    (row,) = measured_by(monkeypatch, ("plain crossing",), [20], fault)

    assert (row.seconds, row.runs, row.stopped) == (None, 0, "failed: KeyError: 'bid'")


def test_a_fault_of_ours_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault("failed: SolverError: no optimum")
    monkeypatch.setattr(measurement, "trials", lambda task: [(20, fault)])

    result = invoke("--orders", 20, "--mechanisms", "uniform", "--no-others", "--json")

    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert "error: uniform, 20 orders: failed: SolverError: no optimum" in said


def test_the_largest_book_over_lines_stands_for_larger_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = [100, 100_000, 1_000_000]

    rows = measured_by(monkeypatch, ("matching", "uniform"), sizes, "stopped after 1 s")

    assert [(row.mechanism, row.orders) for row in rows] == [
        ("matching", 100),
        ("matching", MOST_LINED),
        *(("uniform", size) for size in sizes),
    ]
    assert MOST_LINED % 2 == 0


def test_other_sums_of_an_equal_algorithm_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    times = Spread(median=1.0, least=1.0, most=1.0, runs=1)

    def cells(task: Task) -> list[tuple[int, Found]]:
        volume = 10.0 if task.name == "uniform" else 10.1
        sums = Sums(volume_wh=volume, welfare_usd=1.0, fees_usd=0.0, trades=1)
        return [(20, Cell(clear=times, verify=None, sums=sums, lines=0, peak_mb=1.0))]

    monkeypatch.setattr(measurement, "trials", cells)
    some: list[Contender] = [contender("uniform"), contender("plain crossing")]

    with pytest.raises(Divergence, match=r"plain crossing is not uniform: volume_wh 10\.1"):
        measurement.measure_clearing(
            some, [20], runs=1, lines=3, seed=1, limit_s=1.0, progress=lambda *_: None
        )


def a_row(mechanism: str, orders: int, seconds: float | None, **changes: Any) -> ClearingFigures:
    row = ClearingFigures(
        mechanism=mechanism, orders=orders, seconds=seconds, seconds_least=seconds,
        seconds_most=seconds, runs=5 if seconds else 0, verify_s=None, system="wattline",
        book="pool", lines=0, trades=3, volume_wh=1, welfare_usd=1.0, peak_mb=1.0, equals="",
        stopped="" if seconds else "stopped after 9 s", limit_s=9.0, seed=1,
    )  # fmt: skip
    return replace(row, **changes)


def test_growth_is_the_exponent_of_the_sizes_with_times() -> None:
    figures = [a_row("uniform", n, 1e-6 * n**1.5) for n in (10, 100, 1000)]

    assert dict(growth([*figures, a_row("uniform", 10_000, None)])) == {
        "uniform": pytest.approx(1.5)
    }
    assert dict(growth(figures[:1])) == {}


def test_tables_say_why_there_are_no_times() -> None:
    with out.capture() as captured:
        out.print(clearing_tables([a_row("uniform", 10, 0.5), a_row("uniform", 100, None)]))

    said = captured.get()
    assert "0.500 – 0.500" in said
    assert "uniform, from 100 orders on: stopped after 9 s" in said


def test_tables_tell_the_fewest_runs_of_a_figure() -> None:
    rows = [a_row("uniform", 10, 0.5), a_row("uniform", 20, 0.5, runs=3)]

    with out.capture() as captured:
        out.print(clearing_tables([*rows, a_row("uniform", 100, None)]))

    assert "Medians of 3 runs." in captured.get()


def test_books_are_as_they_are_said_to_be() -> None:
    orders = drawn_orders(1, 100)

    pool, lined = pool_round(orders), lined_round(with_terms(orders, "pairwise-nash"), 8, 1)

    assert sum(one.kind is Kind.OFFER for one in orders) == 50
    assert len(pool.spokes) == 100
    assert 200 < len(lined.edges) <= 400
    assert {edge.offer % 2 for edge in lined.edges} == {0}
    stated = [(one.energy, one.price) for one in lined.orders if one is not None]
    assert stated == [(one.energy, one.price) for one in orders]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--orders", "many"), "--orders many: expected whole numbers with commas"),
        (("--orders", "0"), "--orders 0: expected numbers from 1"),
        (("--orders", "11"), "--orders 11: expected an even number"),
        (("--mechanisms", "none"), "--mechanisms none: expected all, or some of pairwise-nash"),
    ],
)
def test_refuses_bad_input_in_one_line(arguments: tuple[object, ...], words: str) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 1
    assert words in " ".join(result.output.split())
