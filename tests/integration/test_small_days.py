"""Short days of small communities on the chain in the process: what a day must survive."""

import re
from dataclasses import replace
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from web3.contract import Contract
from web3.types import TxReceipt

from oracle.chain.deployment import PARTICIPANTS_PER_CALL
from oracle.chain.market import Market, SignedReading
from oracle.chain.signatures import development_key, sign_reading
from oracle.day import run_scenario
from oracle.domain.clock import READING_SECONDS, starts_at
from oracle.domain.community import Community, Shortfall
from oracle.domain.results import RunResult
from oracle.errors import OrderSkipped
from oracle.model.reputation import initial_reputation, updated
from oracle.round import ORDERS_PER_POST
from oracle.units import BPS, SLOT_SECONDS, SLOTS_PER_DAY, Bps, MicroUsd, Slot, Wh, wh_from_kwh
from tests.integration.remembering import RememberingEmbedded, Run
from tests.oracle.communities import (
    a_battery,
    a_community,
    a_line,
    a_prosumer,
    a_scenario,
    a_tariff,
    usd_per_kwh,
)
from tests.oracle.power_systems import a_storage, a_system, a_unit

pytestmark = pytest.mark.contract

LINE = a_line(0, 1, 1)
SELL_AND_BUY = [[20.0, 20.0], [-30.0, -30.0]]


def a_run(community: Community | None, **changes: object) -> Run:
    scenario = a_scenario(community, **changes)
    chain = RememberingEmbedded()
    return Run(scenario, chain, run_scenario(scenario, chain))


def account(run: Run, name: str) -> tuple[int, int]:
    record = run.chain.market().account(development_key(f"{name} owner").address)
    return record.locked, record.score


def bills(run: Run) -> list[tuple[object, ...]]:
    return [(p.name, p.bill, p.delivered, p.reputation) for p in run.result.participants]


def assert_no_money_lost(result: RunResult) -> None:
    assert result.money.difference == 0


def test_a_delivery_of_60_percent_is_refunded_compensated_and_remembered() -> None:
    short = Shortfall(prosumer=0, slot=1, delivered=Bps(6_000))
    run = a_run(a_community(SELL_AND_BUY, [LINE], shortfalls=(short,)))

    kept, broken = run.result.trades
    assert (kept.delivered, broken.delivered) == (20_000, 12_000)
    assert broken.paid == 12_000 * broken.price // 10**6
    assert broken.fee_paid == 12_000 * broken.lease_fee // 10**6
    assert broken.compensation == 8_000 * usd_per_kwh(0.3) // 10**6 == 2_400_000
    assert_no_money_lost(run.result)
    assert account(run, "P1")[0] == account(run, "P2")[0] == 0

    reputation = initial_reputation(Bps(8_200), Bps(9_500))
    scores = []
    for delivered in (20_000, 12_000):  # each slot sells for more than the full value
        reputation = updated(
            reputation, memory=Bps(9_500), weight=Bps(BPS), delivered=Wh(delivered), sold=Wh(20_000)
        )
        scores.append(reputation.score)
    seller, buyer = run.result.participants
    assert seller.reputation == tuple(scores)
    assert scores[1] < scores[0]
    assert account(run, "P1")[1] == scores[1]
    assert (seller.sold, seller.delivered, buyer.bought) == (40_000, 32_000, 40_000)


def test_a_day_of_sealed_rounds_trades_the_same_and_every_bond_comes_back() -> None:
    open_book = a_run(a_community(SELL_AND_BUY, [LINE]))

    sealed = a_run(a_community(SELL_AND_BUY, [LINE], seal_bond=MicroUsd(2_500_000)))

    assert sealed.result.trades == open_book.result.trades
    assert bills(sealed) == bills(open_book)
    assert len(sealed.result.gas["commit"]) == len(sealed.result.gas["reveal"]) == 4
    assert_no_money_lost(sealed.result)


def test_a_day_whose_readings_may_be_corrected_settles_later_and_with_the_same_money() -> None:
    short = Shortfall(prosumer=0, slot=1, delivered=Bps(6_000))
    at_once = a_run(a_community(SELL_AND_BUY, [LINE], shortfalls=(short,)))

    late = a_run(a_community(SELL_AND_BUY, [LINE], shortfalls=(short,), challenge_minutes=20))

    assert late.result.trades == at_once.result.trades
    assert bills(late) == bills(at_once)
    final_after_s = READING_SECONDS + 20 * 60
    for event in late.chain.events("Exchange", "SlotSettled"):
        block = late.chain.w3.eth.get_block(event["blockNumber"])
        ended_at = starts_at(event["args"]["slot"]) + SLOT_SECONDS
        assert block["timestamp"] >= ended_at + final_after_s
    assert_no_money_lost(late.result)


def test_who_is_registered_by_a_second_transaction_trades_from_the_first_slot_on() -> None:
    idle = [[0.0, 0.0]] * PARTICIPANTS_PER_CALL
    line = a_line(PARTICIPANTS_PER_CALL, PARTICIPANTS_PER_CALL + 1, 1)

    run = a_run(a_community([*idle, *SELL_AND_BUY], [line]))

    seller = f"P{PARTICIPANTS_PER_CALL + 1}"
    assert [(t.slot, t.seller, t.energy) for t in run.result.trades] == [
        (0, seller, 20_000),
        (1, seller, 20_000),
    ]
    assert_no_money_lost(run.result)


def test_what_everybody_saves_is_the_grids_margin_less_the_lease_fees() -> None:
    short = Shortfall(prosumer=0, slot=1, delivered=Bps(6_000))
    tariff = a_tariff([0.3, 0.3], [0.08, 0.08])

    result = a_run(a_community(SELL_AND_BUY, [LINE], shortfalls=(short,), tariff=tariff)).result

    saved = sum(p.grid_alone_bill - p.bill for p in result.participants)
    avoided, forgone = 32_000 * usd_per_kwh(0.3), 40_000 * usd_per_kwh(0.08)
    assert saved == (avoided - forgone) // 10**6 - result.lease_fees


def test_the_buyer_of_a_short_delivery_pays_less_than_with_the_grid_alone() -> None:
    short = Shortfall(prosumer=0, slot=0, delivered=Bps(0))
    community = a_community(
        SELL_AND_BUY, [LINE], shortfalls=(short,), tariff=a_tariff([0.3, 0.3], [0.08, 0.08])
    )

    seller, buyer = a_run(community).result.participants

    assert buyer.bill < buyer.grid_alone_bill
    assert seller.delivered == 20_000


def test_a_bond_pays_even_where_nothing_is_delivered() -> None:
    shorts = tuple(Shortfall(prosumer=0, slot=slot, delivered=Bps(0)) for slot in (0, 1))
    run = a_run(a_community(SELL_AND_BUY, [LINE], shortfalls=shorts))

    assert [(t.delivered, t.paid, t.fee_paid) for t in run.result.trades] == [(0, 0, 0)] * 2
    assert run.result.lease_fees == 0
    assert_no_money_lost(run.result)


def test_an_idle_battery_is_none_the_better_for_a_shortfall() -> None:
    prosumers = [a_prosumer("P1", battery=a_battery()), a_prosumer("P2", battery=a_battery())]
    short = Shortfall(prosumer=0, slot=0, delivered=Bps(5_000))
    nets = [[40.0, 40.0], [-10.0, -10.0]]
    whole = a_run(a_community(nets, [LINE], prosumers=prosumers))
    broken = a_run(a_community(nets, [LINE], prosumers=prosumers, shortfalls=(short,)))

    for there, here in zip(broken.result.trades, whole.result.trades, strict=True):
        assert (there.slot, there.energy) == (here.slot, here.energy)
    assert broken.result.participants[0].bill > whole.result.participants[0].bill


def test_deposits_last_though_better_reputations_raise_what_a_bid_locks() -> None:
    tastes = {"sale_cost": usd_per_kwh(0), "utility": usd_per_kwh(0)}
    prosumers = [
        a_prosumer("P1", initial_reputation=Bps(500), **tastes),
        a_prosumer("P2", **tastes),
    ]
    slots = 12
    community = a_community(
        [[4.0] * slots, [-4.0] * slots],
        [a_line(0, 1, 0.001)],
        prosumers=prosumers,
        floor_price=usd_per_kwh(0),
        reputation_memory=Bps(5_000),
        reputation_full_value=1,
    )

    run = a_run(community)

    limits = [order.limit_price for order in run.result.orders if order.side == "bid"]
    assert limits[-1] > 2 * limits[0]
    assert_no_money_lost(run.result)


def test_each_slot_has_its_own_real_time_price() -> None:
    imports = [0.30, 0.30, 0.10, 0.25]
    community = a_community([[20.0] * 4, [-30.0] * 4], [LINE], tariff=a_tariff(imports, [0.02] * 4))

    run = a_run(community)

    market = run.chain.market()
    on_chain = [market.real_time_price(Slot(run.first_slot + k)) for k in range(4)]
    assert on_chain == [usd_per_kwh(price) for price in imports]
    assert len(run.result.trades) == 4
    for trade in run.result.trades:
        assert trade.price + trade.lease_fee <= usd_per_kwh(imports[trade.slot])


def test_a_run_goes_on_over_midnight() -> None:
    slots = 2 * SLOTS_PER_DAY
    nets = [[0.0] * slots, [0.0] * slots]
    for slot in (0, SLOTS_PER_DAY - 1, SLOTS_PER_DAY, slots - 1):
        nets[0][slot], nets[1][slot] = 20.0, -20.0

    result = a_run(a_community(nets, [LINE], last_trading_slot=slots - 1)).result

    assert [trade.slot for trade in result.trades] == [0, 95, 96, 191]
    assert len(result.participants[0].reputation) == slots
    assert_no_money_lost(result)


def test_purchases_are_stored_within_their_share_of_the_battery() -> None:
    battery = a_battery(initial_energy=wh_from_kwh(185), charge_ratio=Bps(BPS))
    prosumers = [a_prosumer("P1"), a_prosumer("P2", battery=battery, stores_purchases=True)]
    community = a_community([[60.0] * 6, [-10.0] * 6], [LINE], prosumers=prosumers)

    result = a_run(community).result

    assert sum(trade.energy for trade in result.trades) == 60_000 + 15_000
    assert_no_money_lost(result)


def test_a_community_without_lines_orders_and_settles_without_trades() -> None:
    result = a_run(a_community(SELL_AND_BUY, [])).result

    assert result.trades == ()
    assert result.slots_settled == 2
    assert len(result.orders) == 4
    assert_no_money_lost(result)
    for participant in result.participants:
        assert participant.bill == participant.grid_alone_bill


def test_participants_without_orders_pay_nothing_in_and_get_nothing_out() -> None:
    result = a_run(a_community([*SELL_AND_BUY, [0.0, 0.0]], [LINE])).result

    idle = result.participants[2]
    assert (idle.bill, idle.sold, idle.bought) == (0, 0, 0)
    assert set(idle.reputation) == {8_200}


def test_a_day_without_any_orders_runs() -> None:
    result = a_run(a_community([[0.0, 0.0]] * 2, [LINE])).result

    assert (result.slots_settled, result.orders, result.trades) == (0, (), ())
    assert_no_money_lost(result)


def test_a_storage_without_a_power_system_is_recorded_as_the_tariff_moves_it() -> None:
    tariff = a_tariff([0.1, 0.4], [0.05, 0.05])
    community = a_community([[20.0, 0.0], [-30.0, -30.0]], [LINE], tariff=tariff)

    result = a_run(community, storage=a_storage(power_mw=0.03, capacity_mwh=0.09)).result

    first, second = result.storage
    assert first.charge > 0 == first.discharge
    assert second.discharge == first.charge  # no losses
    assert_no_money_lost(result)


def test_a_power_system_without_prosumers_records_its_storage() -> None:
    storage = a_storage(compensation_usd_per_mwh=10.0)
    system = a_system(a_unit(cost_usd_per_mw2h=0.1), storage=storage)
    run = a_run(None, power_system=system, storage=storage, slot_count=96)

    result = run.result
    assert len(result.storage) == 96
    assert (result.orders, result.trades, result.participants) == ((), (), ())
    assert_no_money_lost(result)


class Rival:
    """A stranger that clears and settles each slot just before the day's oracle."""

    def __init__(self, chain: RememberingEmbedded) -> None:
        self._chain = chain
        self._steps = 0

    def overtake(self, stage: str, done: int, total: int) -> None:
        """To be called at the end of the oracle's steps, of which the first is 3 slots early."""
        if stage != "slots":
            return
        self._steps += 1
        slots = {event["args"]["slot"] for event in self._chain.events("Exchange", "OrdersPosted")}
        if not slots:
            return
        next_slot = Slot(min(slots) + self._steps - 3)
        self._chain.travel_to(starts_at(next_slot))
        rival, market = self._chain.stranger("rival"), self._chain.market()
        rival.clear(Slot(next_slot + 2))
        over = Slot(next_slot - 1)
        for trade in market.cleared_trades(over) or ():
            self._read(market, over, trade.energy)
            rival.settle(over)

    def _read(self, market: Market, slot: Slot, energy: Wh) -> None:
        meter = development_key("P1 meter")
        signature = sign_reading(
            meter, market.exchange_domain, slot=slot, participant=1, energy=energy
        )
        reading = SignedReading(participant=1, energy=energy, signature=signature)
        market.record_readings(development_key("rival"), slot, [reading])


def test_a_day_goes_on_where_a_stranger_clears_and_settles_first() -> None:
    community = a_community([[20.0] * 3, [-30.0] * 3], [LINE])
    plain = a_run(community).result
    chain = RememberingEmbedded()
    rival = Rival(chain)

    result = run_scenario(a_scenario(community), chain, progress=rival.overtake)

    for name in ("SlotCleared", "SlotSettled"):
        submitters = {event["args"]["submitter"] for event in chain.events("Exchange", name)}
        assert submitters == {development_key("rival").address}
    assert result.trades == plain.trades
    assert result.participants[0].bill == plain.participants[0].bill
    assert result.money == plain.money


class Overtaken(RememberingEmbedded):
    """A chain on which a stranger sees each batch of signed orders and sends it first."""

    def send(
        self, sender: LocalAccount, contract: Contract, name: str, *arguments: Any
    ) -> TxReceipt:
        if name == "post":
            self.fund([development_key("rival").address])
            super().send(development_key("rival"), contract, name, *arguments)
        return super().send(sender, contract, name, *arguments)


def test_a_day_goes_on_where_a_stranger_posts_the_signed_orders_first() -> None:
    scenario = a_scenario(a_community(SELL_AND_BUY, [LINE]))
    chain = Overtaken()

    result = run_scenario(scenario, chain)

    posters = {event["args"]["poster"] for event in chain.events("Exchange", "OrdersPosted")}
    assert posters == {development_key("rival").address}
    assert result.trades == run_scenario(scenario, RememberingEmbedded()).trades != ()
    assert_no_money_lost(result)


def test_orders_are_posted_in_batches_that_a_transaction_holds() -> None:
    crowd = ORDERS_PER_POST + 1
    community = a_community([[20.0]] * crowd, [a_line(0, 1, 1)])

    result = a_run(community).result

    assert len(result.orders) == crowd
    assert len(result.gas["post"]) == 2
    assert max(result.gas["post"]) < 1_200_000
    assert_no_money_lost(result)


@pytest.mark.parametrize("energy", [12_000, 20_000], ids=["short", "all that was sold"])
def test_a_bill_says_what_a_seller_whose_meter_overstated_paid(energy: int) -> None:
    """Of 20 kWh sold in the second slot the meter says that 24 came, and the operator fewer."""
    more = Shortfall(prosumer=0, slot=1, delivered=Bps(12_000))
    community = a_community(SELL_AND_BUY, [LINE], shortfalls=(more,), challenge_minutes=20)
    chain = RememberingEmbedded()
    operator = development_key("system operator")

    def correct(stage: str, done: int, total: int) -> None:
        if stage == "slots":
            slots = [e["args"]["slot"] for e in chain.events("Exchange", "ReadingsRecorded")]
            if len(slots) == 2:
                chain.market().correct_reading(operator, Slot(slots[1]), 1, Wh(energy))

    result = run_scenario(a_scenario(community), chain, progress=correct)

    is_short = energy < 20_000
    assert [trade.delivered for trade in result.trades] == [20_000, energy]
    assert result.trades[1].compensation == is_short * 20 * usd_per_kwh(0.3) // 1_000
    moved = {"Deposited": 0, "Withdrawn": 0}
    for name in moved:
        for event in chain.events("Exchange", name):
            if event["args"]["owner"] == development_key("P1 owner").address:
                moved[name] += event["args"]["amount"]
    earned = sum((trade.paid or 0) - (trade.compensation or 0) for trade in result.trades)
    assert earned == moved["Withdrawn"] - moved["Deposited"]


class Withdrawing:
    """An owner that makes its signed orders worthless when the day has begun."""

    def __init__(self, chain: RememberingEmbedded) -> None:
        self._chain = chain
        self._is_done = False

    def spend(self, stage: str, done: int, total: int) -> None:
        if stage == "slots" and not self._is_done:
            self._chain.market().spend_nonces(development_key("P2 owner"), 1)
            self._is_done = True


def test_a_signed_order_that_is_skipped_ends_the_run_with_one_line() -> None:
    chain = RememberingEmbedded()
    scenario = a_scenario(a_community(SELL_AND_BUY, [LINE]))

    with pytest.raises(OrderSkipped) as refusal:
        run_scenario(scenario, chain, progress=Withdrawing(chain).spend)

    said = r"slot \d+, order of participant 2: .*: NonceSpent\(nonce=0, lowest=1\)"
    assert re.fullmatch(said, str(refusal.value))


def test_the_order_of_another_in_place_of_ours_is_no_reason_to_go_on() -> None:
    chain = RememberingEmbedded()
    scenario = a_scenario(a_community(SELL_AND_BUY, [LINE]))

    def forestall(stage: str, done: int, total: int) -> None:
        if stage == "slots" and "post" in chain.gas and "placeBid" not in chain.gas:
            market, owner = chain.market(), development_key("P2 owner")
            last = max(event["args"]["slot"] for event in chain.events("Exchange", "OrdersPosted"))
            order = replace(market.book(last)[1], energy=Wh(1))
            market.place(owner, Slot(last + 1), order)

    with pytest.raises(
        OrderSkipped, match="order of participant 2: the contract refused: OrderExists"
    ):
        run_scenario(scenario, chain, progress=forestall)
