"""Every mechanism runs a village's noon on a chain: proved, paid to the micro-dollar, audited."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oracle.chain.record import read_market
from oracle.day import run_scenario
from oracle.export_files.export import write_export
from oracle.market.registry import MECHANISMS
from oracle.scenario import load_scenario
from oracle.units import amount_down
from scripts.cli import app
from tests.integration.noons import CAPACITY, NOON, SCENARIOS, a_hybrid_noon, at_noon
from tests.integration.remembering import RememberingAnvil, RememberingEmbedded, Run

pytestmark = [pytest.mark.contract, pytest.mark.slow]


@pytest.fixture(scope="module", params=sorted(MECHANISMS))
def noon(request: pytest.FixtureRequest) -> Iterator[Run]:
    scenario = at_noon(load_scenario(SCENARIOS / "village", 1, request.param))
    with closing(RememberingEmbedded()) as chain:
        yield Run(scenario, chain, run_scenario(scenario, chain))


def test_the_chain_proves_what_was_planned(noon: Run) -> None:
    assert noon.result.slots_settled == len({order.slot for order in noon.result.orders})
    assert noon.result.trades
    told = [(t.slot, t.seller, t.buyer, t.energy, t.price, t.surplus) for t in noon.result.trades]
    read = [
        (t.slot, t.seller, t.buyer, t.energy, t.price, t.surplus)
        for t in noon.trades_on_the_chain()
    ]
    assert read == told


def test_no_money_appears_or_gets_lost(noon: Run) -> None:
    money = noon.money_on_the_chain()

    assert money["deposited"] - money["withdrawn"] == money["in_accounts"] == money["token_balance"]
    assert money["locked"] == 0
    assert noon.result.money.difference == 0


def test_fees_go_to_the_line_owner_and_the_surplus_to_the_operator(noon: Run) -> None:
    roles = {"LineLease": 0, "Exchange": 0}
    for trade in noon.result.trades:
        assert trade.delivered is not None
        roles["LineLease"] += amount_down(trade.delivered, trade.lease_fee)
        roles["Exchange"] += amount_down(trade.delivered, trade.surplus)
    market = noon.chain.market()
    compensation = noon.result.compensation_paid
    (paid_in,) = {
        event["args"]["amount"]
        for event in noon.chain.events("Exchange", "Deposited")
        if event["args"]["owner"] == noon.chain.contracts["Exchange"].functions.owner().call()
    } or {0}

    owner = noon.chain.contracts["LineLease"].functions.owner().call()
    operator = noon.chain.contracts["Exchange"].functions.owner().call()
    assert market.account(owner).free == roles["LineLease"] + compensation
    assert market.account(operator).free == paid_in - compensation + roles["Exchange"]


def test_nobody_pays_more_or_gets_less_than_with_the_grid(noon: Run) -> None:
    """Leaving out who delivered less than it sold, and who bought for its battery."""
    community = noon.scenario.community
    assert community is not None
    left_out = {trade.seller for trade in noon.result.trades if trade.compensation}
    left_out |= {prosumer.name for prosumer in community.prosumers if prosumer.stores_purchases}
    compared = [one for one in noon.result.participants if one.name not in left_out]

    assert compared
    assert all(one.bill <= one.grid_alone_bill for one in compared)


def test_the_export_is_verified(noon: Run, tmp_path: Path) -> None:
    write_export(tmp_path, read_market(noon.chain, noon.result.addresses["Exchange"]))

    result = CliRunner().invoke(app, ["verify", str(tmp_path), "--json", "--strict"])

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["checked"]["slots settled"] == noon.result.slots_settled


def test_a_hybrid_market_with_capacities_settles_and_is_verified(tmp_path: Path) -> None:
    scenario = a_hybrid_noon()

    with closing(RememberingEmbedded()) as chain:
        run = Run(scenario, chain, run_scenario(scenario, chain))
        write_export(tmp_path, read_market(chain, run.result.addresses["Exchange"]))

    trades = [trade for one in run.result.plan.outcomes for trade in one.trades]
    assert {trade.pooled for trade in trades} == {False, True}
    assert max(trade.energy for trade in trades) == CAPACITY
    assert any(trade.surplus for trade in trades)
    assert run.result.money.difference == 0
    result = CliRunner().invoke(app, ["verify", str(tmp_path), "--strict"])
    assert result.exit_code == 0, result.output


@pytest.mark.node
def test_a_town_trades_by_matching_on_anvil() -> None:
    scenario = at_noon(load_scenario(SCENARIOS / "town", 1, "matching"))

    with closing(RememberingAnvil()) as chain:
        run = Run(scenario, chain, run_scenario(scenario, chain))
        money = run.money_on_the_chain()

    assert run.result.slots_settled == len(NOON)
    assert run.result.trades
    assert run.result.money.difference == 0
    assert money["deposited"] - money["withdrawn"] == money["in_accounts"] == money["token_balance"]
