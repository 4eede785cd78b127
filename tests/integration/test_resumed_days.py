"""Runs that die in the middle of a day and are started again with the market they left."""

import itertools
import multiprocessing
import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.types import TxReceipt

from oracle.chain.chains import AnvilChain, Chain, open_chain
from oracle.chain.embedded import EmbeddedChain
from oracle.day import OrderRoute, run_scenario
from oracle.domain.community import Community, Shortfall
from oracle.domain.results import RunResult
from oracle.domain.scenario import Scenario
from oracle.errors import InvalidInputError
from oracle.scenario import load_scenario
from oracle.units import Bps, MicroUsd
from scripts.cli import app
from scripts.verify import verified_export
from tests.integration.remembering import RememberingEmbedded, Run
from tests.oracle.communities import (
    a_battery,
    a_community,
    a_line,
    a_prosumer,
    a_scenario,
    a_tariff,
)
from tests.oracle.power_systems import a_storage

pytestmark = pytest.mark.contract

PAPER_DAY = Path(__file__).parents[2] / "scenarios" / "paper-day"


# Two sellers, of which one falls short and one has a battery, and a buyer.
A_DAY = a_community(
    [[20.0] * 4, [30.0, 20.0, 30.0, 20.0], [-30.0] * 4],
    [a_line(0, 2, 1), a_line(1, 2, 2)],
    prosumers=[a_prosumer("P1"), a_prosumer("P2", battery=a_battery()), a_prosumer("P3")],
    shortfalls=(Shortfall(prosumer=0, slot=1, delivered=Bps(6_000)),),
    tariff=a_tariff([0.3, 0.25, 0.3, 0.35], [0.05] * 4),
)


def a_day(**rules: Any) -> Scenario:
    return on_a_day(replace(A_DAY, rules=replace(A_DAY.rules, **rules)))


def on_a_day(community: Community, **changes: Any) -> Scenario:
    """`changes` are of the storage."""
    rating = {"power_mw": 0.03, "capacity_mwh": 0.09, "compensation_usd_per_mwh": 10.0}
    return a_scenario(community, storage=a_storage(**rating | changes))


class Fatal(Chain):
    """A chain that kills who has sent the n-th transaction of a function, before its receipt."""

    def __init__(self, url: str, name: str, nth: int) -> None:
        super().__init__(url, Web3(HTTPProvider(url)))
        self._fatal, self._left = name, nth

    def send(
        self, sender: LocalAccount, contract: Contract, name: str, *arguments: Any
    ) -> TxReceipt:
        self._left -= name == self._fatal
        return super().send(sender, contract, name, *arguments)

    def _await(self, transaction_hash: Any) -> TxReceipt:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._await(transaction_hash)


def run_and_die(scenario: Scenario, url: str, route: OrderRoute, name: str, nth: int) -> None:
    run_scenario(scenario, Fatal(url, name, nth), route=route)


@pytest.fixture
def url() -> Iterator[str]:
    with closing(AnvilChain()) as chain:
        yield str(chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]


def killed_in_its_run(scenario: Scenario, url: str, route: OrderRoute, name: str, nth: int) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=run_and_die, args=(scenario, url, route, name, nth)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def assert_same(found: RunResult, expected: RunResult) -> None:
    for field in ("orders", "trades", "storage", "lease_fees", "compensation_paid", "money"):
        assert getattr(found, field) == getattr(expected, field)
    assert found.slots_settled == expected.slots_settled
    for there, here in zip(found.participants, expected.participants, strict=True):
        assert asdict(there) == asdict(here)


@pytest.mark.node
@pytest.mark.parametrize(
    ("name", "nth", "route", "challenge_minutes"),
    [
        ("post", 1, OrderRoute.SIGNED, 0),
        ("placeBid", 2, OrderRoute.OWN, 0),
        ("clear", 2, OrderRoute.SIGNED, 0),
        ("record", 2, OrderRoute.SIGNED, 0),
        ("settle", 2, OrderRoute.SIGNED, 0),
        ("recordReadings", 2, OrderRoute.SIGNED, 20),
        ("payCompensation", 1, OrderRoute.SIGNED, 0),
        ("withdraw", 2, OrderRoute.SIGNED, 0),
    ],
)
def test_a_run_that_was_killed_goes_on_with_its_market_to_the_same_end(
    url: str, name: str, nth: int, route: OrderRoute, challenge_minutes: int
) -> None:
    scenario = a_day(challenge_minutes=challenge_minutes)
    expected = run_scenario(scenario, EmbeddedChain())
    market = expected.addresses["Exchange"]  # the same account deploys at the same address
    killed_in_its_run(scenario, url, route, name, nth)

    found = run_scenario(scenario, open_chain(url), route=route, market=market)

    assert_same(found, expected)
    assert found.money.difference == 0


@pytest.mark.node
def test_a_run_of_agents_that_was_killed_goes_on_with_what_they_had_learnt(url: str) -> None:
    strategies = ("adaptive", "zero-intelligence", "adaptive")
    agents = [
        replace(prosumer, strategy=strategy, margin=Bps(5_000))
        for prosumer, strategy in zip(A_DAY.prosumers, strategies, strict=True)
    ]
    scenario = on_a_day(replace(A_DAY, prosumers=tuple(agents), seed=11))
    expected = run_scenario(scenario, EmbeddedChain())
    killed_in_its_run(scenario, url, OrderRoute.SIGNED, "clear", 3)

    market = expected.addresses["Exchange"]
    found = run_scenario(scenario, open_chain(url), market=market)

    assert_same(found, expected)
    asked = [order.limit_price for order in found.orders if order.participant == "P3"]
    assert len(set(asked)) > 2


@pytest.mark.parametrize(
    ("step", "hours", "voided", "settled"),
    [(0, 0.75, [0], [3]), (2, 3, [2], [0, 1])],
    ids=["too late to clear", "too late to read"],
)
def test_a_run_that_was_interrupted_for_long_releases_every_lock(
    step: int, hours: float, voided: list[int], settled: list[int]
) -> None:
    chain = RememberingEmbedded()
    steps = itertools.count()

    def sleep(stage: str, done: int, total: int) -> None:
        if stage == "slots" and next(steps) == step:
            chain.travel_to(chain.now() + int(3_600 * hours))

    run = Run(a_day(), chain, run_scenario(a_day(), chain, progress=sleep))

    first_slot = next(chain.events("StorageLedger", "StorageRecorded"))["args"]["slot"]
    for name, slots in (("SlotVoided", voided), ("SlotSettled", settled)):
        there = [event["args"]["slot"] - first_slot for event in chain.events("Exchange", name)]
        assert there == slots
    assert run.result.money.difference == run.money_on_the_chain()["locked"] == 0


def the_market_of(scenario: Scenario) -> tuple[Chain, str]:
    chain = EmbeddedChain()
    return chain, run_scenario(scenario, chain).addresses["Exchange"]


def test_a_market_that_is_over_is_run_again_without_a_transaction_of_a_slot() -> None:
    chain, market = the_market_of(a_day())
    sent = {name: len(gas) for name, gas in chain.gas.items()}

    run_scenario(a_day(), chain, market=market)

    again = {name for name, gas in chain.gas.items() if len(gas) > sent[name]}
    assert again == {"payCompensation"}


@pytest.mark.parametrize("address", ["nowhere", "0x" + 20 * "ab"])
def test_what_is_no_market_is_refused_before_the_dispatch(address: str) -> None:
    line = f"--market {address}: expected the address of an"

    assert assert_refused(a_day(), EmbeddedChain(), address, line) == []


def test_a_market_of_sealed_rounds_is_refused() -> None:
    sealed = a_day(seal_bond=MicroUsd(2_500_000))
    chain, market = the_market_of(sealed)

    with pytest.raises(InvalidInputError, match="with an open book on embedded"):
        run_scenario(sealed, chain, market=market)


class Odd(EmbeddedChain):
    """A chain on which something else is deployed as the mechanism."""

    def deploy(self, sender: LocalAccount, name: str, *arguments: Any) -> Contract:
        return super().deploy(sender, "TestDollar" if name == "PairwiseNash" else name, *arguments)


def interrupted(scenario: Scenario, chain: Chain) -> str:
    """Run a scenario until its first slot begins and return the address of its market."""
    said: list[str] = []

    def interrupt(stage: str, done: int, total: int) -> None:
        said.append(stage)
        if stage == "slots":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_scenario(scenario, chain, progress=interrupt)
    return next(stage for stage in said if stage.startswith("market ")).split()[1]


def assert_refused(scenario: Scenario, chain: Chain, market: str, line: str) -> list[str]:
    """Go on with another's market and return what was begun before the refusal."""
    begun: list[str] = []
    with pytest.raises(InvalidInputError, match=re.escape(line)):
        run_scenario(scenario, chain, market=market, progress=lambda *said: begun.append(said[0]))
    return begun


@pytest.fixture(scope="module")
def interrupted_paper_day() -> tuple[Chain, str]:
    chain = EmbeddedChain()
    return chain, interrupted(load_scenario(PAPER_DAY), chain)


@pytest.mark.node
def test_the_export_of_a_run_that_went_on_is_verified(
    url: str, interrupted_paper_day: tuple[Chain, str], tmp_path: Path
) -> None:
    _, market = interrupted_paper_day  # the same account deploys at the same address
    killed_in_its_run(load_scenario(PAPER_DAY), url, OrderRoute.SIGNED, "settle", 5)
    there, out = ["--chain", url, "--market", market], ["--out", str(tmp_path)]

    said = CliRunner().invoke(app, ["run", str(PAPER_DAY), *there, *out])

    assert said.exit_code == 0, said.stderr
    checked = verified_export(tmp_path / "export").checked
    assert checked["slots settled"] == checked["planned trades"] == 15
    assert checked["dispatch optimisations"] == 3


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[market]", "[market]\nchallenge_minutes = 20", "challengeSeconds 1200, came 0;"),
        (
            "growth = 0.25",
            "growth = 0.2",
            "the ladder (base, interval, growth) (3700000, 50000, 2000), "
            "came (3700000, 50000, 2500);",
        ),
    ],
    ids=["challenge_minutes", "ladder"],
)
def test_paper_day_does_not_go_on_by_other_rules(
    interrupted_paper_day: tuple[Chain, str], tmp_path: Path, old: str, new: str, line: str
) -> None:
    copy = shutil.copytree(PAPER_DAY, tmp_path / "copy")
    text = (copy / "scenario.toml").read_text()
    assert old in text
    (copy / "scenario.toml").write_text(text.replace(old, new, 1))

    begun = assert_refused(
        load_scenario(copy),
        *interrupted_paper_day,
        f"expected a market of this scenario, with {line}",
    )

    assert begun == []


@pytest.fixture(scope="module")
def interrupted_day() -> tuple[Chain, str]:
    chain = EmbeddedChain()
    return chain, interrupted(a_day(), chain)


A_PAIR = a_community([[20.0] * 4, [-30.0] * 4], [a_line(0, 1, 1)])
P4 = (*A_DAY.prosumers[:2], a_prosumer("P4"))


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (on_a_day(A_PAIR), "participants 2, came 3;"),
        (on_a_day(replace(A_DAY, prosumers=P4)), "owner of participant 3 0x"),
        (
            on_a_day(replace(A_DAY, lines=(A_DAY.lines[0], a_line(1, 2, 3)))),
            "meters between participants 2 and 3 3000, came 2000;",
        ),
        (
            on_a_day(replace(A_DAY, lines=(*A_DAY.lines, a_line(0, 1, 3)))),
            "meters between participants 1 and 2 3000, came no line;",
        ),
        (
            on_a_day(replace(A_DAY, tariff=a_tariff([0.3, 0.25, 0.3, 0.34], [0.05] * 4))),
            "realTimePriceOf in slot 4 340000000, came 350000000;",
        ),
        (a_day(bond_price=310_000_000), "bondMicroUsdPerMwh 310000000, came 300000000;"),
        (a_day(compensation_price=1), "compensationMicroUsdPerMwh 1, came 300000000;"),
        (a_day(reputation_memory=9_400), "memoryBps 9400, came 9500;"),
        (a_day(reputation_full_value=1), "fullValueMicroUsd 1, came 1000000;"),
        (a_day(seal_bond=2), "sealBondMicroUsd 2, came 0;"),
        (on_a_day(A_DAY, capacity_mwh=0.1), "the storage's maxStoredWh 100000, came 90000;"),
        (
            on_a_day(A_DAY, charge_efficiency=0.9),
            "the storage's chargeEfficiencyBps 9000, came 10000;",
        ),
        (
            on_a_day(A_DAY, compensation_usd_per_mwh=9.0),
            "the storage's compensationMicroUsdPerMwh 9",
        ),
        (on_a_day(A_DAY, initial_soc=0.5), "the storage's initial storedWh 45000, came 0;"),
    ],
    ids=lambda value: value.split(" 0x")[0] if isinstance(value, str) else "",
)
def test_a_market_of_another_scenario_is_refused(
    interrupted_day: tuple[Chain, str], other: Scenario, line: str
) -> None:
    begun = assert_refused(
        other, *interrupted_day, f"expected a market of this scenario, with {line}"
    )

    assert begun == []


def test_a_market_in_which_too_little_was_paid_is_refused(
    interrupted_day: tuple[Chain, str],
) -> None:
    much = replace(A_DAY, pv=3 * A_DAY.pv, load=3 * A_DAY.load)

    assert_refused(on_a_day(much), *interrupted_day, "this scenario, with deposits of ")


def test_a_market_with_another_mechanism_is_refused() -> None:
    chain = Odd()
    market = interrupted(a_day(), chain)

    assert_refused(a_day(), chain, market, "with the mechanism PairwiseNash, came another at 0x")
