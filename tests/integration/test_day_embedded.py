"""Whole days on the chain in the process, read back from the chain by the tests themselves."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oracle.chain.record import read_market
from oracle.domain.results import TradeRecord
from oracle.export_files.export import write_export
from oracle.units import Wh, amount_down, mw_from_wh_per_slot, usd_per_kwh
from scripts.cli import app
from tests.integration.remembering import Run
from tests.oracle.power_systems import PAPER_TRADES_KWH

pytestmark = [pytest.mark.contract, pytest.mark.slow, pytest.mark.xdist_group("days")]


def facts(trades: tuple[TradeRecord, ...] | list[TradeRecord]) -> list[tuple[object, ...]]:
    return [
        (t.slot, t.seller, t.buyer, t.energy, t.price, t.lease_fee, t.delivered) for t in trades
    ]


@pytest.fixture(params=["paper-day", "village"])
def day(request: pytest.FixtureRequest) -> Run:
    run: Run = request.getfixturevalue(f"{request.param.replace('-day', '')}_day")
    return run


def test_every_trade_is_on_the_chain_with_price_fee_and_delivered_energy(day: Run) -> None:
    assert facts(day.trades_on_the_chain()) == facts(day.result.trades)


def test_every_trade_is_paid_for_by_what_was_delivered(day: Run) -> None:
    community = day.scenario.community
    assert community is not None
    short = {(community.prosumers[s.prosumer].name, s.slot) for s in community.shortfalls}
    compensation = community.rules.compensation_price

    for trade in day.result.trades:
        assert trade.delivered is not None
        missing = Wh(trade.energy - trade.delivered)
        assert (missing > 0) == ((trade.seller, trade.slot) in short)
        assert trade.paid == amount_down(trade.delivered, trade.price)
        assert trade.fee_paid == amount_down(trade.delivered, trade.lease_fee)
        assert trade.compensation == amount_down(missing, compensation)


def test_no_money_appears_or_gets_lost(day: Run) -> None:
    read, told = day.money_on_the_chain(), day.result.money

    assert read["deposited"] - read["withdrawn"] == read["in_accounts"] == read["token_balance"]
    assert read["locked"] == 0
    assert told.difference == 0
    assert (told.deposited, told.withdrawn) == (read["deposited"], read["withdrawn"])
    assert (told.in_accounts, told.token_balance) == (read["in_accounts"], read["token_balance"])


def test_the_ledger_holds_what_the_plan_says(day: Run) -> None:
    ledger = [event["args"] for event in day.chain.events("StorageLedger", "StorageRecorded")]

    assert len(ledger) == 96
    assert [(e["chargeWh"], e["dischargeWh"], e["storedWh"]) for e in ledger] == [
        (record.charge, record.discharge, record.stored) for record in day.result.storage
    ]
    assert [e["slot"] - ledger[0]["slot"] for e in ledger] == list(range(96))
    plan = day.result.plan.storage
    assert plan is not None
    for name, planned in (("chargeWh", plan.charge_mw), ("dischargeWh", plan.discharge_mw)):
        recorded = [mw_from_wh_per_slot(entry[name]) for entry in ledger]
        assert recorded == pytest.approx(planned, abs=1e-4)


def test_the_operator_pays_for_the_throughput(day: Run) -> None:
    storage = day.scenario.storage
    assert storage is not None

    throughput = sum(record.charge + record.discharge for record in day.result.storage)

    expected = throughput * storage.compensation_usd_per_mwh
    assert day.result.compensation_paid == pytest.approx(expected, abs=1)
    assert day.result.compensation_paid > 0


def test_every_slot_with_orders_is_settled_once(day: Run) -> None:
    settled = [event["args"]["slot"] for event in day.chain.events("Exchange", "SlotSettled")]

    assert len(settled) == len(set(settled)) == day.result.slots_settled
    assert day.result.slots_settled == len({order.slot for order in day.result.orders})


def test_reputations_are_those_of_the_chain(day: Run) -> None:
    market = day.chain.market()
    owners = [
        event["args"]["owner"] for event in day.chain.events("Registry", "ParticipantRegistered")
    ]

    for owner, participant in zip(owners, day.result.participants, strict=True):
        assert len(participant.reputation) == 96
        account = market.account(owner)
        if participant.sold > 0:
            assert account.score == participant.reputation[-1] > participant.reputation[0]


def test_every_gas_figure_is_of_a_transaction_on_the_chain(day: Run) -> None:
    gas = day.result.gas

    assert len(gas["post"]) == len(gas["clear"]) == len(gas["settle"]) == day.result.slots_settled
    assert {"placeOffer", "placeBid"}.isdisjoint(gas)
    assert max(max(figures) for figures in gas.values()) < 16_700_000


@pytest.mark.parametrize("name", ["paper_day", "village_day"])
def test_orders_of_own_transactions_come_to_the_same_trades_and_the_same_money(
    name: str, request: pytest.FixtureRequest
) -> None:
    signed: Run = request.getfixturevalue(name)
    own: Run = request.getfixturevalue(f"{name}_of_own_transactions")

    placed = len(own.result.gas["placeOffer"]) + len(own.result.gas["placeBid"])
    assert placed == len(own.result.orders)
    assert "post" not in own.result.gas
    for field in ("orders", "trades", "storage", "lease_fees", "money"):
        assert getattr(own.result, field) == getattr(signed.result, field)
    for there, here in zip(own.result.participants, signed.result.participants, strict=True):
        assert asdict(there) == asdict(here)
    assert own.money_on_the_chain() == signed.money_on_the_chain()


@pytest.mark.parametrize("own", ["", "_of_own_transactions"])
@pytest.mark.parametrize("name", ["paper_day", "village_day"])
def test_the_export_of_a_day_is_verified(
    name: str, own: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    day: Run = request.getfixturevalue(name + own)
    write_export(tmp_path, read_market(day.chain, day.result.addresses["Exchange"]))

    result = CliRunner().invoke(app, ["verify", str(tmp_path), "--json"])

    checked = json.loads(result.stdout)["checked"]
    assert checked["orders"] == len(day.result.orders)
    assert checked["slots settled"] == day.result.slots_settled


def test_paper_day_trades_the_papers_energies_at_about_its_prices(paper_day: Run) -> None:
    assert paper_day.result.slots_settled == 15
    assert tuple(t.energy / 1_000 for t in paper_day.result.trades) == PAPER_TRADES_KWH
    assert paper_day.result.lease_fees == 262_006_250
    for settled, planned in zip(
        paper_day.result.trades, paper_day.result.plan.trades, strict=True
    ):  # reputations move during the day, and prices with them
        assert usd_per_kwh(settled.price) == pytest.approx(usd_per_kwh(planned.price), abs=0.01)


def test_a_village_day_settles_96_slots_and_leaves_nobody_worse_off(village_day: Run) -> None:
    assert village_day.result.slots_settled == 96
    for participant in village_day.result.participants:
        failed = participant.delivered < participant.sold
        assert failed or participant.bill <= participant.grid_alone_bill
    gains = [p.grid_alone_bill - p.bill for p in village_day.result.participants]
    assert sum(gains) > 0
