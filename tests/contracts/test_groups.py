"""Owner groups: who trades with itself under two names earns no reputation by it."""

from collections.abc import Callable
from typing import Any

import pytest
from web3.contract import Contract

from oracle.domain.book import Order
from oracle.domain.clock import OPEN_SLOTS, slot_at, starts_at
from oracle.model.reputation import Reputation, initial_reputation, updated, weight_down
from oracle.units import MicroUsd, Slot, Wh, amount_down
from tests.contracts.markets import (
    DEPOSIT,
    FULL_VALUE,
    MEMORY,
    PROSUMERS,
    ROLES,
    SCORES,
    Stage,
    World,
    a_bid,
    an_offer,
    meter_of,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


def group_word(participant: int, group: int) -> int:
    return group << 160 | int(owner_of(participant).address, 16)


@pytest.fixture
def earliest(world: World) -> Slot:
    """The first slot that an announcement may reach."""
    return Slot(slot_at(world.chain.now()) + OPEN_SLOTS + 1)


def announce(world: World, groups: dict[int, int], slot: Slot) -> None:
    world.send(
        ROLES.registrar,
        "announceGroups",
        list(groups),
        list(groups.values()),
        slot,
        on=world.deployment.registry,
    )


def settled_in(
    world: World, slot: Slot, orders: list[Order], share: float = 1.0
) -> tuple[Stage, Reputation]:
    """Trade and settle in a slot; return it and the reputation of the first seller."""
    world.now_runs_at(starts_at(Slot(slot - 8)))
    assert world.open_slot == slot
    stage = world.cleared(orders)
    world.read(slot, {seller: int(sold * share) for seller, sold in stage.sold().items()})
    world.settle(stage)
    r, s = world.exchange.functions.reputationOf(owner_of(1).address).call()
    return stage, Reputation(r, s)


def moved(value: int, delivered: int, sold: int) -> Reputation:
    """Return the reputation of the first seller after one slot."""
    return updated(
        initial_reputation(SCORES[0], MEMORY),
        memory=MEMORY,
        weight=weight_down(MicroUsd(value), FULL_VALUE),
        delivered=Wh(delivered),
        sold=Wh(sold),
    )


PAIR = [an_offer(1, 1000, 80), a_bid(4, 1000, 250)]


def test_a_group_earns_no_reputation_from_itself(world: World, earliest: Slot) -> None:
    announce(world, {1: 7, 4: 7}, earliest)

    stage, after = settled_in(world, earliest, PAIR)

    assert sum(trade.energy for trade in stage.trades) == 1000
    assert after == initial_reputation(SCORES[0], MEMORY)


def test_a_group_loses_no_reputation_to_itself(world: World, earliest: Slot) -> None:
    announce(world, {1: 7, 4: 7}, earliest)

    _, after = settled_in(world, earliest, PAIR, share=0.0)

    assert after == initial_reputation(SCORES[0], MEMORY)


def test_money_flows_inside_a_group_as_elsewhere(world: World, earliest: Slot) -> None:
    announce(world, {1: 7, 4: 7}, earliest)

    stage, _ = settled_in(world, earliest, PAIR)

    goods = amount_down(stage.trades[0].energy, stage.trades[0].price)
    fee = amount_down(stage.trades[0].energy, stage.trades[0].fee)
    assert world.market.account(owner_of(1).address).free == DEPOSIT + goods
    assert world.market.account(owner_of(4).address).free == DEPOSIT - goods - fee


@pytest.mark.parametrize("groups", [{1: 7, 4: 8}, {1: 7}, {4: 7}, {1: 0, 4: 0}, {2: 7, 5: 7}])
def test_strangers_earn_reputation_from_each_other(
    world: World, earliest: Slot, groups: dict[int, int]
) -> None:
    announce(world, groups, earliest)

    stage, after = settled_in(world, earliest, PAIR)

    value = amount_down(stage.trades[0].energy, stage.trades[0].price)
    assert after == moved(value, 1000, 1000)


def test_of_two_buyers_only_the_stranger_counts(world: World, earliest: Slot) -> None:
    announce(world, {1: 7, 4: 7}, earliest)
    orders = [an_offer(1, 2000, 80), a_bid(4, 1500, 250), a_bid(5, 500, 250)]

    stage, after = settled_in(world, earliest, orders, share=0.5)

    other = next(trade for trade in stage.trades if trade.bid == 2)
    value = amount_down(other.energy, other.price)
    assert [trade.energy for trade in stage.trades] == [1500, 500]
    assert after == moved(value, 250, 500)


def test_a_group_holds_from_its_slot_on(
    world: World, registry: Contract, earliest: Slot, travel_to: Callable[[int], None]
) -> None:
    announce(world, {1: 7, 4: 65_535}, earliest)
    announce(world, {1: 0}, Slot(earliest + 1))

    before, during, after = (registry.functions.ownersOf(earliest + k).call() for k in (-1, 0, 1))
    assert before == [group_word(n, 0) for n in range(1, PROSUMERS + 1)]
    assert [during[0], during[3]] == [group_word(1, 7), group_word(4, 65_535)]
    assert [after[0], after[3]] == [group_word(1, 0), group_word(4, 65_535)]
    assert during[1:3] == before[1:3]


def test_newcomers_may_belong_to_a_group_and_keep_those_of_the_others(
    world: World, registry: Contract, earliest: Slot
) -> None:
    announce(world, {1: 7}, earliest)
    meter = meter_of(1).address
    newcomer = "0x" + "0" * 38 + "99"

    world.send(
        ROLES.registrar, "register", [(newcomer, meter, 7, 0)], Slot(earliest + 2), on=registry
    )

    words = registry.functions.ownersOf(earliest + 2).call()
    assert (words[0], words[6]) == (group_word(1, 7), 7 << 160 | 0x99)
    assert len(registry.functions.ownersOf(earliest + 1).call()) == PROSUMERS


def test_only_participants_belong_to_groups(
    world: World, registry: Contract, earliest: Slot
) -> None:
    def attempt(*arguments: Any) -> None:
        world.attempt(ROLES.registrar, "announceGroups", *arguments, earliest, on=registry)

    for participant in (0, 7, 65_535):
        with reverts(registry, "NoSuchParticipant", participant=participant):
            attempt([participant], [1])
    with reverts(registry, "LengthsDiffer", first=1, second=2):
        attempt([1], [1, 2])
    with reverts(registry, "LengthsDiffer", first=2, second=1):
        attempt([1, 2], [1])


def test_a_group_is_announced_by_the_registrar(
    world: World, registry: Contract, earliest: Slot
) -> None:
    for caller in (owner_of(1), ROLES.operator, ROLES.provider):
        with reverts(registry, "OwnableUnauthorizedAccount", account=caller.address):
            world.attempt(caller, "announceGroups", [1], [1], earliest, on=registry)
