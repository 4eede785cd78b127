"""What ties a market to its scenario: each divergence is named, and an honest run has none."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from oracle.audit.dispatch import audit_dispatch
from oracle.audit.run import AuditedRun, audit_run
from oracle.chain.embedded import EmbeddedChain
from oracle.chain.record import read_market
from oracle.day import run_scenario
from oracle.domain.community import Community, Shortfall
from oracle.domain.record import DispatchRecord, EventRecord, MarketRecord
from oracle.domain.scenario import Scenario
from oracle.duals import dispatch_record
from oracle.errors import Divergence
from oracle.market.mechanism import Round
from oracle.units import Bps, MicroUsd, MicroUsdPerMwh, Wh
from tests.oracle.communities import (
    a_battery,
    a_community,
    a_line,
    a_prosumer,
    a_scenario,
    a_tariff,
)
from tests.oracle.power_systems import a_storage, a_system, a_unit

pytestmark = pytest.mark.contract

NET = [[20.0, 20.0, 10.0, -5.0], [-30.0, -8.0, -20.0, 9.0], [-4.0, 15.0, 15.0, -2.0]]
LINES = [a_line(0, 1, 1), a_line(1, 2, 0.5)]
SMALL = a_battery(initial_energy=Wh(15_000), max_energy=Wh(16_000))
SHORT = Shortfall(prosumer=2, slot=1, delivered=Bps(6_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as its export has it."""

    scenario: Scenario
    dispatch: DispatchRecord
    rounds: tuple[Round, ...]
    market: MarketRecord

    def audit(self) -> AuditedRun:
        return audit_run(self.scenario, self.dispatch, self.rounds, self.market)


def run_of(scenario: Scenario, *, sleep_s: int = 0) -> Run:
    """`sleep_s` is how long the oracle sleeps after the first orders."""
    with closing(EmbeddedChain()) as chain:
        naps = [sleep_s]

        def sleep(stage: str, done: int, total: int) -> None:
            if stage == "slots" and naps:
                chain.travel_to(chain.now() + naps.pop())

        result = run_scenario(scenario, chain, progress=sleep)
        market = read_market(chain, result.addresses["Exchange"])
    dispatch = dispatch_record(result.plan, None)
    rounds = audit_dispatch(scenario, dispatch).rounds
    return Run(scenario=scenario, dispatch=dispatch, rounds=rounds, market=market)


def prosumers() -> list[Any]:
    return [
        a_prosumer("P1", initial_reputation=Bps(9_000)),
        a_prosumer("P2", battery=SMALL, stores_purchases=True),
        a_prosumer("P3", initial_reputation=Bps(7_000)),
    ]


def a_village(**changes: Any) -> Community:
    """Four slots under a tariff whose price changes, with batteries and a shortfall."""
    tariff = a_tariff([0.3, 0.3, 0.4, 0.35], [0.08, 0.08, 0.05, 0.05])
    return a_community(
        NET, LINES, prosumers=prosumers(), tariff=tariff, shortfalls=(SHORT,), **changes
    )


@pytest.fixture(scope="module")
def village() -> Run:
    storage = a_storage(
        power_mw=0.02, capacity_mwh=0.04, initial_soc=0.5, charge_efficiency=0.9, min_soc=0.1
    )
    scenario = a_scenario(a_village(battery_policy="self-consumption"), storage=storage)
    return run_of(scenario)


def test_a_run_is_compared_in_full(village: Run) -> None:
    checked = village.audit().checked

    assert checked["slots of the storage as dispatched"] == 4
    assert checked["orders as in the scenario"] == 12
    assert checked["trades as planned"] == len(
        [trade for one in village.dispatch.outcomes for trade in one.trades]
    )
    assert checked["trades as planned"] >= 5
    assert "trades that the plan leaves open" not in checked
    assert any(charge or discharge for _, charge, discharge in stored(village.market))


def stored(market: MarketRecord) -> list[tuple[int, int, int]]:
    return [(entry.slot, entry.charge, entry.discharge) for entry in market.storage]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seal_bond": MicroUsd(1_000_000)},
        {"challenge_minutes": 30},
    ],
)
def test_a_run_without_a_tariff_agrees_with_its_scenario(changes: dict[str, Any]) -> None:
    """Scores move the prices of bids there."""
    community = a_community(NET, LINES, prosumers=prosumers(), shortfalls=(SHORT,), **changes)

    checked = run_of(a_scenario(community)).audit().checked

    assert checked["orders as in the scenario"] == 12
    assert checked["trades as planned"] >= 5


def agents() -> list[Any]:
    """P1 sells more than is wanted, P3 buys and sells; both learn, and P2 draws its prices."""
    strategies = ("adaptive", "zero-intelligence", "adaptive")
    return [
        replace(prosumer, strategy=strategy, margin=Bps(5_000))
        for prosumer, strategy in zip(prosumers(), strategies, strict=True)
    ]


@pytest.fixture(scope="module")
def village_of_agents() -> Run:
    community = replace(a_village(), prosumers=tuple(agents()), seed=11)
    return run_of(a_scenario(community))


def test_a_run_of_agents_agrees_with_its_scenario(village_of_agents: Run) -> None:
    checked = village_of_agents.audit().checked

    assert checked["orders as in the scenario"] == 12
    assert checked["trades as planned"] >= 3
    prices = [order["price"] for order in orders_of(village_of_agents, participant=1)]
    assert len(set(prices)) == len(prices) > 2


def test_a_run_of_agents_without_a_tariff_agrees_with_its_scenario() -> None:
    community = a_community(NET, LINES, prosumers=agents(), shortfalls=(SHORT,), seed=11)

    checked = run_of(a_scenario(community)).audit().checked

    assert checked["orders as in the scenario"] == 12


def test_agents_learn_nothing_from_a_slot_that_was_voided() -> None:
    """The first is, while the orders of the next two miss their gates."""
    community = replace(a_village(), prosumers=tuple(agents()), seed=11)

    run = run_of(a_scenario(community), sleep_s=2_700)

    assert run.audit().missed["slots not cleared in time"] == 1
    first, last = (order["price"] for order in orders_of(run, participant=3))
    assert (first, last) == (190_000_000, 200_000_000)  # half of the rooms below 0.30, 0.35


def test_what_agents_would_not_have_ordered_is_named(village_of_agents: Run) -> None:
    """The learnt margin of a slot, and the seed."""
    asked = orders_of(village_of_agents, participant=1)[-1]["price"]
    last = len([one for one in village_of_agents.market.events if one.name == "OrdersPosted"]) - 1
    moved = event("OrdersPosted", ordered(0, price=asked + 1), nth=last)
    reseeded = community(seed=12)

    for tamper, number in ((moved, 1), (reseeded, 2)):
        with pytest.raises(Divergence, match=f"price of participant {number}'s order: expected "):
            tamper(village_of_agents).audit()


def orders_of(run: Run, participant: int) -> list[dict[str, Any]]:
    return [
        order
        for one in run.market.events
        if one.name == "OrdersPosted"
        for order in one.values["orders"]
        if order["participant"] == participant
    ]


def test_trades_that_follow_other_limits_than_the_plans_are_left_open() -> None:
    """P1's score falls with what it does not bring, and P3's limit falls behind P2's."""
    community = a_community(
        [[10.0] * 8, [-8.0] * 8, [-8.0] * 8],
        [],
        prosumers=[
            a_prosumer("P1", initial_reputation=Bps(9_000)),
            a_prosumer("P2"),
            a_prosumer("P3", utility=MicroUsdPerMwh(299_000_000), cost_weight=Bps(4_000)),
        ],
        shortfalls=tuple(Shortfall(prosumer=0, slot=k, delivered=Bps(0)) for k in range(3)),
        real_time_price=MicroUsdPerMwh(5_000_000_000),
        mechanism="uniform",
        trade_graph="community",
    )

    checked = run_of(a_scenario(community)).audit().checked

    assert checked["orders as in the scenario"] == 24
    assert checked["trades as planned"] > 0
    assert checked["trades that the plan leaves open"] > 0


def test_a_power_system_without_prosumers_agrees_with_its_scenario() -> None:
    storage = a_storage(degradation_usd_per_mw_slot=0.01, compensation_usd_per_mwh=5.0)
    load_mw = 50.0 + 20.0 * np.sin(np.arange(96) / 8.0)
    system = a_system(a_unit(), load_mw=load_mw, storage=storage)
    scenario = a_scenario(None, slot_count=96, power_system=system, storage=storage)

    checked = run_of(scenario).audit().checked

    assert checked["slots of the storage as dispatched"] == 96


def test_a_scenario_in_which_nobody_trades_agrees() -> None:
    checked = (
        run_of(a_scenario(a_community([[5.0, 0.0], [4.0, 3.0]], [a_line(0, 1, 1)]))).audit().checked
    )

    assert checked["orders as in the scenario"] == 3
    assert checked["trades as planned"] == 0


Tamper = Callable[[Run], Run]


def constant(**changes: Any) -> Tamper:
    def tamper(run: Run) -> Run:
        constants = replace(run.market.constants, **changes)
        return replace(run, market=replace(run.market, constants=constants))

    return tamper


def rating(**changes: Any) -> Tamper:
    return lambda run: constant(storage=replace(run.market.constants.storage, **changes))(run)


def table(file: str, line: int, **changes: Any) -> Tamper:
    def tamper(run: Run) -> Run:
        rows = list(getattr(run.market, file))
        rows[line - 2] = replace(rows[line - 2], **changes)
        changed: dict[str, Any] = {file: tuple(rows)}
        return replace(run, market=replace(run.market, **changed))

    return tamper


def event(name: str, change: Callable[[dict[str, Any]], Any], *, nth: int = 0) -> Tamper:
    """Change the values of the nth event of a name; without it where the change is falsehood."""

    def tamper(run: Run) -> Run:
        events: list[EventRecord] = []
        chosen = [one for one in run.market.events if one.name == name][nth]
        for one in run.market.events:
            values = change(dict(one.values)) if one is chosen else one.values
            if values:
                events.append(replace(one, values=values))
        return replace(run, market=replace(run.market, events=tuple(events)))

    return tamper


def lost(values: dict[str, Any]) -> None:
    """Leave nothing of an event."""


def ordered(entry: int, **changes: Any) -> Callable[[dict[str, Any]], Any]:
    def change(values: dict[str, Any]) -> dict[str, Any]:
        orders = [dict(order) for order in values["orders"]]
        orders[entry] |= changes
        return values | {"orders": orders}

    return change


def ordered_less(values: dict[str, Any]) -> dict[str, Any]:
    """Leave the last order out, which the slot's trades do not need."""
    return values | {"orders": values["orders"][:-1]}


def traded(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda values: (
        values | {"trades": [values["trades"][0] | changes, *values["trades"][1:]]}
    )


def scenario(**changes: Any) -> Tamper:
    return lambda run: replace(run, scenario=replace(run.scenario, **changes))


def community(**changes: Any) -> Tamper:
    def tamper(run: Run) -> Run:
        assert run.scenario.community is not None
        return scenario(community=replace(run.scenario.community, **changes))(run)

    return tamper


def in_column(name: str, amount: float) -> Tamper:
    def tamper(run: Run) -> Run:
        (one,) = run.dispatch.optimisations
        moved = replace(one, columns=one.columns | {name: one.columns[name] + amount})
        return replace(run, dispatch=replace(run.dispatch, optimisations=(moved,)))

    return tamper


TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "a bond": (constant(bond_price=7), r"constants.json: bond_price: expected 300000000 by the "),
    "a price of what is missing": (constant(compensation_price=7), "constants.json: compensation"),
    "a memory": (constant(reputation_memory=9_499), "constants.json: reputation_memory: expected"),
    "a full value": (constant(reputation_full_value=7), "constants.json: reputation_full_value: "),
    "a challenge": (
        constant(challenge_seconds=60),
        "constants.json: challenge_seconds: expected 0",
    ),
    "a seal's bond": (constant(seal_bond=60), "constants.json: seal_bond: expected 0"),
    "a price cap": (constant(price_cap=60), "constants.json: price_cap: expected 10000000000"),
    "a storage's power": (
        rating(max_slot=10**9),
        "constants.json: storage.max_slot: expected 5000",
    ),
    "a storage's floor": (
        rating(min_stored=0),
        "constants.json: storage.min_stored: expected 4000",
    ),
    "a storage's size": (
        rating(max_stored=10**9),
        "constants.json: storage.max_stored: expected 40",
    ),
    "an efficiency": (rating(charge_efficiency=9_500), "constants.json: storage.charge_efficiency"),
    "a compensation": (rating(compensation=1), "constants.json: storage.compensation: expected 0"),
    "a ladder": (
        community(ladder=replace(a_village().ladder, growth=Bps(1))),
        "ladders.csv line 2",
    ),
    "a mechanism": (
        table("mechanisms", 2, name="Lottery"),
        "mechanisms.csv line 2: name: expected ",
    ),
    "a price": (
        table("prices", 3, price=400_000_001),
        r"prices.csv line 3: price: expected 400000000",
    ),
    "a price of the scenario": (
        community(tariff=a_tariff([0.3, 0.3, 0.4, 0.34], [0.08, 0.08, 0.05, 0.05])),
        "prices.csv line 4: price: expected 340000000 by the scenario, came 350000000",
    ),
    "a distance": (table("lines", 2, distance=999), r"lines.csv line 2: distance in m of \(1, 2\)"),
    "a line more": (
        community(lines=tuple(LINES[:1])),
        r"lines.csv line 4: distance in m of \(2, 3\)",
    ),
    "a line less": (
        community(lines=(*LINES, a_line(0, 2, 1))),
        r"record \d+ LinesAnnounced: distance in m of \(1, 3\): expected 1000, came no line",
    ),
    "a group": (
        table("owners", 2, group=7),
        "owners.csv line 2: group: expected 0 by the scenario",
    ),
    "a reputation": (
        event("ParticipantRegistered", lambda v: v | {"initialScoreBps": 9_001}),
        r"record \d+ ParticipantRegistered: initialScoreBps by the scenario: expected 9000, ",
    ),
    "a stranger": (
        event("ParticipantRegistered", lost, nth=2),
        r"owners.csv: number of participants: expected 3 by the scenario, came 2",
    ),
    "another day's market": (
        event("StorageRecorded", lost),
        r"events.jsonl: first slot: expected \d+ or that of a later day by the scenario, came",
    ),
    "a charge": (
        event("StorageRecorded", lambda v: v | {"chargeWh": v["chargeWh"] + 1}, nth=1),
        r"record \d+ StorageRecorded: chargeWh by the dispatch: expected \d+, came \d+",
    ),
    "what was stored at first": (
        event("StorageRecorded", lambda v: v | {"storedWh": v["storedWh"] + 1}),
        r"record \d+ StorageRecorded: storedWh by the dispatch: expected \d+, came \d+",
    ),
    "a slot that the storage lost": (
        event("StorageRecorded", lost, nth=3),
        r"events.jsonl: expected what the storage did, came none",
    ),
    "a column of the storage": (
        in_column("charge_mw_2", -0.001),
        r"record \d+ StorageRecorded: (dis)?chargeWh by the dispatch: expected \d+, came \d+",
    ),
    "a slot after the last": (
        scenario(slot_count=3),
        r"record \d+ StorageRecorded: slot: expected one before \d+ by the scenario",
    ),
    "an order's energy": (
        event("OrdersPosted", ordered(0, energy=19_999)),
        r"record \d+ OrdersPosted: energy of participant 1's order: expected 20000, came 19999",
    ),
    "an order's kind": (
        event("OrdersPosted", ordered(0, kind=2)),
        r"record \d+ OrdersPosted: kind of participant 1's order: expected 1, came 2",
    ),
    "an order's terms": (
        event("OrdersPosted", ordered(0, terms=1)),
        r"record \d+ OrdersPosted: terms of participant 1's order: expected \d+, came 1",
    ),
    "an order's price": (
        event("OrdersPosted", ordered(1, price=300_000_001)),
        r"record \d+ OrdersPosted: price of participant 2's order: expected from 300000000 to ",
    ),
    "an order's owner": (
        event("OrdersPosted", ordered(0, participant=2)),
        r"record \d+ OrdersPosted: kind of participant 2's order: expected 2, came 1",
    ),
    "a second order": (
        event("OrdersPosted", ordered(1, participant=1, kind=1, energy=20_000, price=80_000_000)),
        r"record \d+ OrdersPosted: expected no such order of participant 1, came one",
    ),
    "an order after the scenario": (
        event("OrdersPosted", lambda v: v | {"slot": v["slot"] + 1}, nth=3),
        r"record \d+ OrdersPosted: expected no order outside of the scenario's slots",
    ),
    "a prosumer's load": (
        community(load=np.array([[wh + 1 for wh in row] for row in a_village().load])),
        r"record \d+ OrdersPosted: energy of participant 1's order: expected \d+, came \d+",
    ),
    "a trade": (
        event("SlotCleared", traded(energy=1)),
        r"record \d+ SlotCleared: trades by the plan: expected .*, came ",
    ),
    "a fee": (
        event("SlotCleared", traded(fee=1)),
        r"record \d+ SlotCleared: trades by the plan: expected .*, came ",
    ),
    "a clearing": (event("SlotCleared", lost), "events.jsonl: expected SlotCleared, came none"),
    "a settlement": (event("SlotSettled", lost), "events.jsonl: expected SlotSettled, came none"),
    "a delivery": (
        community(shortfalls=(replace(SHORT, delivered=Bps(5_999)),)),
        r"record \d+ SlotSettled: delivered by the scenario: expected \[.*, came \[",
    ),
}


def unheard(values: dict[str, Any]) -> dict[str, Any]:
    """As if no reading had come before the deadline."""
    return values | {"heard": [], "delivered": [0 for _ in values["delivered"]]}


def voided(run: Run) -> Run:
    """As if nobody had cleared the last slot in time."""
    events = [
        replace(one, name="SlotVoided") if one.name == "SlotCleared" and one.slot == last else one
        for last in [max(one.slot or 0 for one in run.market.events)]
        for one in run.market.events
    ]
    return replace(run, market=replace(run.market, events=tuple(events)))


@pytest.mark.parametrize(
    ("tamper", "what", "count"),
    [
        (event("OrdersPosted", ordered_less), "orders that did not come in", 1),
        (event("SlotSettled", unheard), "readings that did not come in", 1),
        (voided, "slots not cleared in time", 1),
    ],
)
def test_what_an_interrupted_run_missed_is_counted(
    village: Run, tamper: Tamper, what: str, count: int
) -> None:
    assert village.audit().missed == {}

    found = tamper(village).audit()

    assert found.missed[what] == count
    assert found.doubt is not None
    assert what in found.doubt.what
    assert found.doubt.slot is not None


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_what_a_run_was_not_is_named(village: Run, kind: str) -> None:
    tamper, expected = TAMPERINGS[kind]

    with pytest.raises(Divergence) as caught:
        tamper(village).audit()

    assert caught.value.slot is not None
    assert re.match(expected, f"{caught.value.record}: {caught.value.what}"), caught.value


def test_a_dispatch_without_its_market_is_refused(village: Run) -> None:
    nothing = replace(
        village.market,
        events=tuple(e for e in village.market.events if e.slot is None),
    )

    with pytest.raises(Divergence, match="expected the scenario's orders and storage, came none"):
        replace(village, market=nothing).audit()


def test_a_trade_that_other_scores_allow_is_left_open(village: Run) -> None:
    """As where a bid would not have met an offer with the scores of the plan."""
    first = village.rounds[0]
    other = replace(village, rounds=(replace(first, edges=first.edges[1:]), *village.rounds[1:]))

    checked = other.audit().checked

    assert checked["trades that the plan leaves open"] >= 1
