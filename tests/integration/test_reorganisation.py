"""A chain that takes blocks back: what they held is done again, with the same money."""

from collections.abc import Iterator

import pytest

from oracle.chain.chains import AnvilChain
from oracle.chain.market import Market, Phase
from oracle.domain.clock import GATE_CLOSURE_SECONDS, starts_at
from oracle.market.mechanism import Mechanism
from oracle.market.pairwise_nash import PairwiseNash
from oracle.round import RoundRunner
from oracle.units import SLOT_SECONDS, Slot
from tests.contracts.markets import (
    DEPOSIT,
    LATECOMER,
    PROSUMERS,
    World,
    a_book,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import ask

pytestmark = [pytest.mark.contract, pytest.mark.node]


@pytest.fixture
def world() -> Iterator[World]:
    chain = AnvilChain()
    try:
        world = World(chain, some_terms())  # type: ignore[arg-type]
        for number in range(1, PROSUMERS + 1):
            world.market.deposit(owner_of(number), DEPOSIT)
        yield world
    finally:
        chain.close()


def an_oracle(world: World) -> RoundRunner:
    mechanisms: dict[str, Mechanism] = {world.deployment.mechanism.address: PairwiseNash()}
    return RoundRunner(Market(world.chain, world.deployment), LATECOMER, mechanisms)


def take_back(world: World, blocks: int) -> None:
    ask(world.chain, "anvil_reorg", blocks, [])
    world.chain.forget_nonces()


def a_closed_slot(world: World) -> Slot:
    slot = world.open_slot
    assert world.post(slot, a_book()) == []
    world.chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)
    return slot


def test_a_clearing_that_was_taken_back_is_done_again(world: World) -> None:
    slot = a_closed_slot(world)
    first = an_oracle(world)
    cleared = first.clear(slot)
    take_back(world, 1)
    assert world.market.phase(slot) is Phase.CLOSED

    again = an_oracle(world).clear(slot)

    assert again == cleared
    assert world.market.phase(slot) is Phase.CLEARED


def test_an_oracle_forgets_what_was_taken_back(world: World) -> None:
    slot = a_closed_slot(world)
    stale = an_oracle(world)
    cleared = stale.clear(slot)
    assert stale.outcome(slot) == cleared
    take_back(world, 1)

    assert stale.outcome(slot) is None
    assert stale.clear(slot) == cleared


def test_a_clearing_that_was_taken_back_too_late_to_repeat_it_is_voided(world: World) -> None:
    slot = a_closed_slot(world)
    stale = an_oracle(world)
    stale.clear(slot)
    take_back(world, 1)
    world.chain.travel_to(starts_at(slot) + SLOT_SECONDS)

    assert stale.settle(slot) is None
    assert stale.void(slot) is True
    for number in range(1, PROSUMERS + 1):
        account = world.market.account(owner_of(number).address)
        assert (account.free, account.locked) == (DEPOSIT, 0)


def test_a_settlement_that_was_taken_back_pays_once(world: World) -> None:
    slot = a_closed_slot(world)
    cleared = an_oracle(world).clear(slot)
    assert cleared is not None
    sold: dict[int, int] = {}
    for trade in cleared.trades:
        seller = cleared.book[trade.offer].participant
        sold[seller] = sold.get(seller, 0) + trade.energy
    world.chain.travel_to(starts_at(slot) + SLOT_SECONDS)
    readings = [world.reading(slot, number, energy) for number, energy in sold.items()]
    an_oracle(world).settle(slot, readings)
    money = [world.market.account(person) for person in world.people()]
    take_back(world, 1)
    assert world.market.phase(slot) is Phase.CLEARED

    an_oracle(world).settle(slot, readings)

    assert [world.market.account(person) for person in world.people()] == money
