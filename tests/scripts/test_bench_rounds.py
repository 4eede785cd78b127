"""`wattline bench rounds`: whole rounds, and the sum of their parts."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from oracle.chain.market import Market
from oracle.errors import Divergence
from oracle.round import RoundRunner, SlotOutcome
from oracle.units import Slot
from scripts.bench.rounds import command
from scripts.bench.rounds.figures import PARTS, RoundFigures, figures_of
from scripts.bench.rounds.measurement import measure_rounds
from scripts.bench.rounds.tables import rounds_tables
from scripts.bench.together import command as together
from scripts.cli import app
from scripts.console import out

SIZE = 10


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bench", "rounds", *map(str, arguments)])


def nobody(stage: str, done: int, total: int) -> None:
    """Look at no progress."""


@pytest.mark.contract
def test_prints_a_list_with_the_keys_of_the_interface() -> None:
    result = invoke("--prosumers", SIZE, "--chain", "embedded", "--runs", 2, "--json")

    (figures,) = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (figures["chain"], figures["prosumers"], figures["runs"]) == ("embedded", SIZE, 2)
    assert figures["round_s_least"] <= figures["round_s"] <= figures["round_s_most"]
    assert figures["transactions"] == 4  # post, clear, readings, settle
    assert figures["trades"] >= figures["readings"] == SIZE // 2
    assert all(0 < figures[part] < figures["round_s_most"] for part in PARTS)


@pytest.mark.contract
@pytest.mark.node
def test_runs_on_anvil_in_batches() -> None:
    figures = measure_rounds("anvil", 102, 1, nobody)

    assert figures.chain == "anvil"
    assert figures.transactions == 5  # of 102 orders two are in a second batch
    assert figures.round_s == pytest.approx(sum(asdict(figures)[part] for part in PARTS), abs=1e-4)


@pytest.mark.contract
def test_a_round_that_settles_otherwise_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = RoundRunner.settle

    def short(self: RoundRunner, slot: Slot, readings: Any = ()) -> SlotOutcome | None:
        outcome = settle(self, slot, readings)
        return outcome and replace(outcome, trades=outcome.trades[1:])

    monkeypatch.setattr(RoundRunner, "settle", short)

    with pytest.raises(Divergence, match="not all that was cleared was delivered"):
        measure_rounds("embedded", SIZE, 1, nobody)


@pytest.mark.contract
def test_the_first_round_of_a_market_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    cleared: list[Slot] = []
    clear = Market.clear

    def counted(self: Market, sender: Any, slot: Slot, *rest: Any) -> None:
        cleared.append(slot)
        clear(self, sender, slot, *rest)

    monkeypatch.setattr(Market, "clear", counted)

    figures = measure_rounds("embedded", SIZE, 1, nobody)

    assert (len(cleared), figures.runs) == (2, 1)


@pytest.mark.contract
def test_a_round_takes_the_steps_of_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def told(name: str) -> Any:
        step = getattr(RoundRunner, name)

        def taken(self: RoundRunner, *arguments: Any) -> Any:
            steps.append(name)
            return step(self, *arguments)

        return taken

    for name in ("post", "read", "_mechanism", "submit", "settle", "outcome"):
        monkeypatch.setattr(RoundRunner, name, told(name))

    measure_rounds("embedded", SIZE, 1, nobody)

    clear = ["read", "_mechanism", "submit", "outcome"]
    assert steps == 2 * ["post", *clear, "settle", "outcome"]


@pytest.mark.contract
def test_a_round_without_its_orders_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RoundRunner, "post", lambda *_: None)

    with pytest.raises(Divergence, match="none of the orders that were posted"):
        measure_rounds("embedded", SIZE, 1, nobody)


def some_figures(*seconds: float) -> RoundFigures:
    rounds = [dict.fromkeys(PARTS, one) for one in seconds]
    return figures_of(
        rounds, chain="anvil", prosumers=100, batch=100, transactions=4, trades=99, readings=50,
        setup_s=1.0, hardfork="prague", seed=1,
    )  # fmt: skip


def test_figures_are_medians_and_a_round_is_all_its_parts() -> None:
    figures = some_figures(0.3, 0.1, 0.2)

    assert figures.settle_s == 0.2
    assert figures.round_s == pytest.approx(0.2 * len(PARTS))
    assert (figures.round_s_least, figures.round_s_most) == pytest.approx((0.8, 2.4))
    assert figures.rounds_per_s == pytest.approx(1 / 1.6)


def test_tables_tell_every_part() -> None:
    with out.capture() as captured:
        out.print(rounds_tables([some_figures(0.25)]))

    said = captured.get()
    assert all(label in said for label in PARTS.values())
    assert said.count("0.250") == len(PARTS)
    assert "2.000 – 2.000" in said


def test_tables_tell_the_fewest_rounds_of_a_figure() -> None:
    with out.capture() as captured:
        out.print(rounds_tables([some_figures(0.3, 0.1, 0.2), some_figures(0.3, 0.1)]))

    assert "Medians of 2 rounds;" in captured.get()


NOBODY_THERE = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("moon", "--chain moon: expected embedded, anvil"),
        (NOBODY_THERE, f"{NOBODY_THERE}: no Ethereum node answers there"),
    ],
)
def test_a_wrong_chain_is_told_before_another_is_measured(
    wrong: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[object] = []
    monkeypatch.setattr(command, "measure_rounds", lambda *of: measured.append(of))

    result = invoke("--prosumers", SIZE, "--chain", "embedded", "--chain", wrong)

    assert result.exit_code == 1
    assert words in " ".join(result.output.split())
    assert measured == []


@pytest.mark.parametrize("wrong", ["moon", NOBODY_THERE])
def test_all_benchmarks_look_for_the_named_chain_before_the_first(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []
    monkeypatch.setattr(together, "_rows", lambda name, _: measured.append(name))
    arguments = ["bench", "all", "--out", str(tmp_path), "--quick", "--chain", wrong]

    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 1
    assert f"{wrong}: " in " ".join(result.output.split())
    assert measured == []
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--prosumers", "11"), "--prosumers 11: expected an even number from 10 to 1024"),
        (("--prosumers", "x"), "--prosumers x: expected whole numbers"),
        (("--prosumers", "10", "--chain", "moon"), "--chain moon: expected embedded, anvil"),
    ],
)
def test_refuses_bad_input_in_one_line(arguments: tuple[object, ...], words: str) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 1
    assert words in " ".join(result.output.split())
