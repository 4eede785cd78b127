"""Every mechanism runs a village's noon on a chain: proved, paid to the micro-dollar, audited."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oracle.chain.record import read_market
from oracle.day import run_scenario
from oracle.domain.community import Line, Shortfall, manager_index
from oracle.domain.scenario import Scenario
from oracle.duals import dispatch_record
from oracle.export_files.export import write_export
from oracle.market.registry import MECHANISMS
from oracle.scenario import load_scenario
from oracle.units import Bps, Meters, Wh, amount_down
from scripts.cli import app
from tests.integration.remembering import RememberingEmbedded, Run

pytestmark = [pytest.mark.contract, pytest.mark.slow]

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NOON = range(48, 52)  # of the slots, from 12:00 on


def at_noon(scenario: Scenario) -> Scenario:
    """Return a village that trades in few slots, in one of which a seller delivers half."""
    community = scenario.community
    assert community is not None
    rules = replace(community.rules, first_trading_slot=NOON[0], last_trading_slot=NOON[-1])
    short = tuple(
        Shortfall(prosumer=number, slot=NOON[1], delivered=Bps(5000))
        for number in range(len(community.prosumers))
    )
    return replace(scenario, community=replace(community, rules=rules, shortfalls=short))


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
    scenario = load_scenario(SCENARIOS / "village", 1, "matching")
    community = scenario.community
    assert community is not None
    mill = manager_index(1)
    spokes = [
        Line(first=number, second=mill, distance=Meters(200), capacity=Wh(400))
        for number in range(0, len(community.prosumers), 2)
    ]
    limited = [replace(line, capacity=Wh(300)) for line in community.lines]
    rules = replace(community.rules, trade_graph="hybrid")
    hybrid = replace(community, lines=(*limited, *spokes), rules=rules)
    changed = at_noon(replace(scenario, community=hybrid))

    with closing(RememberingEmbedded()) as chain:
        run = Run(changed, chain, run_scenario(changed, chain))
        write_export(tmp_path, read_market(chain, run.result.addresses["Exchange"]))
        planned = dispatch_record(run.result.plan, 1)
        trades = [trade for one in planned.outcomes for trade in one.trades]

    assert {trade.pooled for trade in trades} == {False, True}
    assert max(trade.energy for trade in trades) <= 400
    assert run.result.money.difference == 0
    result = CliRunner().invoke(app, ["verify", str(tmp_path), "--strict"])
    assert result.exit_code == 0, result.output
