"""The outside world of a devnet, with an oracle beside it that works by hand."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from io import StringIO

import pytest

from oracle.chain.chains import AnvilChain, Chain
from oracle.chain.embedded import EmbeddedChain
from oracle.chain.manifest import Manifest, deployment_of
from oracle.chain.market import Market
from oracle.chain.signatures import development_key
from oracle.daemon.log import LogFormat, make_log
from oracle.day import run_scenario
from oracle.deploy import LEAD, deploy_scenario
from oracle.domain.book import Kind, Order
from oracle.domain.clock import starts_at
from oracle.domain.community import Shortfall
from oracle.domain.results import TradeRecord
from oracle.domain.scenario import Scenario
from oracle.errors import InvalidInputError
from oracle.plan import mechanism_of
from oracle.round import RoundRunner
from oracle.simulator import AskSetPoint, Move, Simulator, stand_still
from oracle.units import Bps, MicroUsdPerMwh, Slot, Wh
from tests.contracts.revertible import ask
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

SLOTS = 4

# Two sellers, of which one falls short and one has a battery, and a buyer; prices change.
COMMUNITY = a_community(
    [[20.0] * SLOTS, [30.0, 20.0, 30.0, 20.0], [-30.0] * SLOTS],
    [a_line(0, 2, 1), a_line(1, 2, 2)],
    prosumers=[a_prosumer("P1"), a_prosumer("P2", battery=a_battery()), a_prosumer("P3")],
    shortfalls=(Shortfall(prosumer=0, slot=1, delivered=Bps(6_000)),),
    tariff=a_tariff([0.3, 0.25, 0.3, 0.35], [0.05] * SLOTS),
)
SCENARIO = a_scenario(COMMUNITY, storage=a_storage(power_mw=0.03, capacity_mwh=0.09))


class Devnet:
    """A chain, the simulator, and an oracle; time is moved by hand."""

    def __init__(
        self, chain: Chain, scenario: Scenario = SCENARIO, ask: AskSetPoint = stand_still
    ) -> None:
        assert scenario.community is not None
        self.chain = chain
        self.scenario = scenario
        self.ask = ask
        oracle = development_key("oracle")
        self.manifest: Manifest = deploy_scenario(chain, scenario)
        self.market = Market(chain, deployment_of(chain, self.manifest))
        address = self.market.deployment.mechanism.address
        self.runner = RoundRunner(self.market, oracle, {address: mechanism_of(scenario.community)})
        self.said = StringIO()
        self.simulator = self.started()

    @property
    def first(self) -> Slot:
        return self.manifest.first_slot

    def started(self) -> Simulator:
        log = make_log(LogFormat.JSON, self.said)
        return Simulator(self.chain, self.manifest, self.scenario, self.ask, log)

    def begin(self, index: int) -> Slot:
        slot = Slot(self.first + index)
        self.chain.travel_to(starts_at(slot) + 1)  # a chain in the process mines a second before
        return slot

    def work(self, slot: Slot) -> None:
        """Do what the oracle does at the start of a slot."""
        over, closed = Slot(slot - 1), Slot(slot + 2)
        if self.market.cleared_trades(over) and self.market.settled_trades(over) is None:
            self.runner.settle(over)
        if self.market.cleared_trades(closed) is None:
            self.runner.clear(closed)

    def step(self, index: int) -> Slot:
        slot = self.begin(index)
        self.simulator.look()
        self.work(slot)
        self.simulator.look()
        assert self.simulator.through == slot
        return slot

    def trades(self) -> tuple[TradeRecord, ...]:
        """Return all settled trades of the scenario's slots, without the money."""
        names = [one.name for one in self.manifest.participants]
        found = []
        for index in range(SLOTS):
            slot = Slot(self.first + index)
            book = self.market.book(slot)
            found += [
                TradeRecord(
                    slot=index,
                    seller=names[book[trade.offer].participant - 1],
                    buyer=names[book[trade.bid].participant - 1],
                    energy=trade.energy,
                    price=trade.price,
                    lease_fee=trade.fee,
                    surplus=trade.surplus,
                    delivered=trade.delivered,
                )
                for trade in self.market.settled_trades(slot) or ()
            ]
        return tuple(found)


@pytest.fixture
def devnet() -> Devnet:
    return Devnet(EmbeddedChain())


def the_trades_of_a_run(scenario: Scenario = SCENARIO) -> tuple[TradeRecord, ...]:
    money = {"paid": None, "fee_paid": None, "surplus_paid": None, "compensation": None}
    trades = run_scenario(scenario, EmbeddedChain()).trades
    return tuple(replace(trade, **money) for trade in trades)  # type: ignore[arg-type]


def test_a_devnet_trades_as_a_run_of_its_scenario(devnet: Devnet) -> None:
    for index in range(-LEAD, SLOTS + 1):
        devnet.step(index)

    assert devnet.trades() == the_trades_of_a_run() != ()


def test_a_devnet_of_agents_without_a_tariff_trades_as_a_run() -> None:
    strategies = ("adaptive", "zero-intelligence", "adaptive")
    agents = tuple(
        replace(prosumer, strategy=strategy, margin=Bps(5_000))
        for prosumer, strategy in zip(COMMUNITY.prosumers, strategies, strict=True)
    )
    scenario = a_scenario(replace(COMMUNITY, prosumers=agents, seed=11, tariff=None))
    devnet = Devnet(EmbeddedChain(), scenario)

    for index in range(-LEAD, SLOTS + 1):
        devnet.step(index)

    assert devnet.trades() == the_trades_of_a_run(scenario) != ()


def test_a_simulator_that_is_started_anew_at_each_step_does_the_same(devnet: Devnet) -> None:
    for index in range(-LEAD, SLOTS + 1):
        slot = devnet.begin(index)
        devnet.started().look()
        devnet.work(slot)
        devnet.started().look()
        devnet.started().look()

    assert devnet.trades() == the_trades_of_a_run()


def test_the_profiles_begin_again_after_the_last_slot(devnet: Devnet) -> None:
    for index in range(-LEAD, SLOTS + 1):
        devnet.step(index)

    market, first = devnet.market, devnet.first
    for index in (0, 1):
        again = {order.participant for order in market.book(Slot(first + SLOTS + index))}
        assert again == {order.participant for order in market.book(Slot(first + index))}
    prices = [market.real_time_price(Slot(first + index)) for index in range(2 * SLOTS)]
    assert prices[:SLOTS] == prices[SLOTS:]


def test_the_prosumers_wait_for_the_oracle_for_most_of_a_slot(devnet: Devnet) -> None:
    devnet.step(-LEAD)
    slot = devnet.begin(1 - LEAD)
    devnet.step(2 - LEAD)
    assert slot + LEAD == devnet.first + 1
    late = devnet.begin(3 - LEAD)  # the first slot's trades are to be known before the fourth's

    devnet.simulator.look()
    assert devnet.market.book(Slot(late + LEAD)) == ()
    devnet.chain.travel_to(starts_at(late) + 800)
    devnet.simulator.look()

    assert len(devnet.market.book(Slot(late + LEAD))) > 0


def test_who_trades_with_a_prosumers_key_comes_first(devnet: Devnet) -> None:
    slot = Slot(devnet.first)
    mine = Order(kind=Kind.BID, participant=1, energy=Wh(1_000), price=MicroUsdPerMwh(500_000_000))
    devnet.chain.travel_to(starts_at(slot) - 4 * 900)
    devnet.market.place(development_key("P1 owner"), slot, mine)

    devnet.step(-LEAD)

    book = devnet.market.book(slot)
    assert [order.participant for order in book] == [1, 2, 3]
    assert (book[0].kind, book[0].energy) == (Kind.BID, 1_000)


def test_a_meter_reads_no_more_than_there_is(devnet: Devnet) -> None:
    slot = Slot(devnet.first)
    boast = Order(
        kind=Kind.OFFER, participant=1, energy=Wh(90_000), price=MicroUsdPerMwh(60_000_000)
    )
    devnet.chain.travel_to(starts_at(slot) - 4 * 900)
    devnet.market.place(development_key("P1 owner"), slot, boast)

    for index in range(-LEAD, 2):
        devnet.step(index)

    book, trades = devnet.market.book(slot), devnet.market.settled_trades(slot) or ()
    sold = sum(t.energy for t in trades if book[t.offer].participant == 1)
    delivered = sum(t.delivered for t in trades if book[t.offer].participant == 1)
    assert (sold, delivered) == (30_000, 20_000)


def test_a_spent_nonce_does_not_stop_a_prosumer(devnet: Devnet) -> None:
    devnet.market.spend_nonces(development_key("P1 owner"), 5)

    devnet.step(-LEAD)

    assert [order.nonce for order in devnet.market.book(devnet.first)] == [5, 0, 0]


def test_who_is_short_of_money_pays_in(devnet: Devnet) -> None:
    owner = development_key("P3 owner")
    devnet.market.withdraw(owner, devnet.market.account(owner.address).free)

    devnet.step(-LEAD)

    assert devnet.market.account(owner.address).free > 0
    assert len(devnet.market.book(devnet.first)) == 3


def test_the_storage_does_what_it_is_told_and_waits_until_it_is() -> None:
    answers: dict[Slot, Move] = {}
    devnet = Devnet(EmbeddedChain(), ask=answers.get)
    for index in range(-LEAD, 1):
        devnet.step(index)
    slot = devnet.begin(1)
    devnet.simulator.look()
    devnet.work(slot)
    devnet.simulator.look()
    assert devnet.simulator.through == slot - 1
    assert devnet.market.next_storage_slot() == devnet.first

    answers[devnet.first] = Move(Wh(1_000), Wh(0))
    devnet.simulator.look()

    assert devnet.simulator.through == slot
    assert devnet.market.next_storage_slot() == devnet.first + 1


def test_a_storage_that_nobody_tells_anything_for_long_stands_still() -> None:
    devnet = Devnet(EmbeddedChain(), ask=lambda slot: None)
    before = devnet.market.deployment.storage_ledger.functions["storedWh"]().call()

    devnet.begin(9)
    devnet.simulator.look()

    assert devnet.market.next_storage_slot() == devnet.first + 1
    assert devnet.market.stored_after(devnet.first) == before
    assert "no-set-point" in devnet.said.getvalue()


def test_a_market_of_other_people_is_refused(devnet: Devnet) -> None:
    community = replace(
        COMMUNITY, prosumers=(a_prosumer("Q1"), *COMMUNITY.prosumers[1:]), shortfalls=()
    )

    with pytest.raises(InvalidInputError, match="its participants are not those"):
        Simulator(
            devnet.chain,
            devnet.manifest,
            a_scenario(community),
            stand_still,
            make_log(LogFormat.JSON, devnet.said),
        )


@pytest.fixture
def anvil() -> Iterator[AnvilChain]:
    with closing(AnvilChain()) as chain:
        yield chain


@pytest.mark.node
@pytest.mark.parametrize("reader", [Devnet.started, lambda devnet: devnet.simulator])
def test_what_a_chain_takes_back_is_done_again(
    anvil: AnvilChain, reader: Callable[[Devnet], Simulator]
) -> None:
    devnet = Devnet(anvil)
    for index in range(-LEAD, 2):
        slot = devnet.step(index)
    books = [devnet.market.book(Slot(slot + LEAD)), devnet.market.book(slot)]
    ask(anvil, "anvil_reorg", 3, [])
    anvil.forget_nonces()

    devnet.work(slot)
    simulator = reader(devnet)
    simulator.look()
    devnet.work(slot)
    simulator.look()

    assert [devnet.market.book(Slot(slot + LEAD)), devnet.market.book(slot)] == books
    for index in range(2, SLOTS + 1):
        devnet.step(index)
    assert devnet.trades() == the_trades_of_a_run()
