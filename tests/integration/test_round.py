"""One slot from the chain alone: anybody clears, settles and voids, and may die in between."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from oracle.chain.chains import AnvilChain
from oracle.chain.market import Market, Phase
from oracle.domain.clock import GATE_CLOSURE_SECONDS, slot_at, starts_at
from oracle.errors import ChainUnavailable, ContractRevert
from oracle.market.mechanism import Mechanism
from oracle.market.pairwise_nash import PairwiseNash
from oracle.round import RoundRunner
from oracle.units import SLOT_SECONDS, MicroUsdPerMwh, Slot
from tests.contracts.markets import (
    DEPOSIT,
    LATECOMER,
    PROSUMERS,
    REAL_TIME_PRICE,
    ROLES,
    STRANGER,
    World,
    a_bid,
    a_book,
    a_cancellation,
    an_offer,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import revertible_chain

pytestmark = pytest.mark.contract


@pytest.fixture
def world() -> Iterator[World]:
    with closing(revertible_chain()) as chain:
        world = World(chain, some_terms())
        for number in range(1, PROSUMERS + 1):
            world.market.deposit(owner_of(number), DEPOSIT)
        yield world


def an_oracle(world: World) -> RoundRunner:
    """An oracle that has seen nothing yet, with an account that has no part in the market."""
    mechanisms: dict[str, Mechanism] = {world.deployment.mechanism.address: PairwiseNash()}
    return RoundRunner(Market(world.chain, world.deployment), LATECOMER, mechanisms)


def a_closed_slot(world: World) -> Slot:
    slot = world.open_slot
    world.place(slot, a_book())
    world.chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)
    return slot


def locked(world: World) -> list[int]:
    market = world.market
    return [market.account(owner_of(n).address).locked for n in range(1, PROSUMERS + 1)]


def test_a_fresh_oracle_settles_what_another_cleared(world: World) -> None:
    slot = a_closed_slot(world)

    cleared = an_oracle(world).clear(slot)
    assert cleared is not None
    sold = {cleared.book[t.offer].participant: 10**6 for t in cleared.trades}
    world.read(slot, sold)
    settled = an_oracle(world).settle(slot)

    assert settled is not None
    assert len(settled.trades) >= 4
    assert settled.book == cleared.book
    assert settled.trades == tuple(t.with_delivered(t.energy) for t in cleared.trades)
    assert an_oracle(world).outcome(slot) == settled
    assert locked(world) == [0] * PROSUMERS


def test_a_slot_without_orders_has_nothing_to_clear_settle_or_void(world: World) -> None:
    slot = world.open_slot
    world.chain.travel_to(starts_at(slot) + SLOT_SECONDS)

    assert an_oracle(world).clear(slot) is None
    assert an_oracle(world).settle(slot) is None
    assert an_oracle(world).outcome(slot) is None
    assert an_oracle(world).void(slot) is False


def test_a_book_with_a_cancelled_order_clears_without_it(world: World) -> None:
    slot = world.open_slot
    book = (an_offer(1, 10_000, 80), a_bid(4, 8_000, 250), an_offer(2, 6_000, 90))
    world.place(slot, (*book, a_cancellation(1)))
    world.chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)

    cleared = an_oracle(world).clear(slot)

    assert cleared is not None
    assert [(trade.offer, trade.bid, trade.energy) for trade in cleared.trades] == [(2, 1, 6_000)]


def test_an_open_slot_is_not_cleared(world: World) -> None:
    slot = world.open_slot
    world.place(slot, a_book())

    with pytest.raises(ContractRevert) as refusal:
        an_oracle(world).clear(slot)

    assert refusal.value.name == "GateOpen"


def test_the_second_to_clear_is_refused(world: World) -> None:
    slot = a_closed_slot(world)
    an_oracle(world).clear(slot)

    with pytest.raises(ContractRevert) as refusal:
        an_oracle(world).clear(slot)

    assert refusal.value.name == "WrongPhase"
    assert refusal.value.values == {"slot": slot, "phase": Phase.CLEARED}


def test_settling_waits_for_readings_until_their_deadline_and_then_counts_them_as_nothing(
    world: World,
) -> None:
    slot = a_closed_slot(world)
    an_oracle(world).clear(slot)
    world.read(slot, {1: 10**6})

    with pytest.raises(ContractRevert) as refusal:
        an_oracle(world).settle(slot)
    world.chain.travel_to(starts_at(slot) + SLOT_SECONDS + 3600)
    settled = an_oracle(world).settle(slot)

    assert refusal.value.name == "ReadingsIncomplete"
    assert settled is not None
    for trade in settled.trades:
        seller = settled.book[trade.offer].participant
        assert trade.delivered == (trade.energy if seller == 1 else 0)


def test_a_slot_not_cleared_in_time_is_voided_and_its_locks_released(world: World) -> None:
    slot = a_closed_slot(world)
    assert min(locked(world)) > 0

    with pytest.raises(ContractRevert, match="VoidTooEarly"):
        an_oracle(world).void(slot)
    world.chain.travel_to(starts_at(slot))
    with pytest.raises(ContractRevert, match="ClearingTooLate"):
        an_oracle(world).clear(slot)
    voided = an_oracle(world).void(slot)

    assert voided is True
    assert locked(world) == [0] * PROSUMERS
    assert world.market.phase(slot) is Phase.VOID
    assert an_oracle(world).void(slot) is False
    assert an_oracle(world).settle(slot) is None


def test_a_mechanism_that_the_oracle_does_not_know_is_an_error(world: World) -> None:
    slot = a_closed_slot(world)
    oracle = RoundRunner(world.market, LATECOMER, {})

    with pytest.raises(ChainUnavailable, match="a mechanism unknown here"):
        oracle.clear(slot)


def test_an_announced_price_holds_from_its_slot_on(world: World) -> None:
    first = Slot(slot_at(world.chain.now()) + 30)
    dearer = MicroUsdPerMwh(REAL_TIME_PRICE + 1)

    world.market.announce_real_time_prices(ROLES.operator, {first: dearer})

    prices = [world.market.real_time_price(Slot(first + k)) for k in (-1, 0, 1)]
    assert prices == [REAL_TIME_PRICE, dearer, dearer]


@pytest.mark.node
def test_a_week_of_prices_that_change_every_slot_fits_the_chain() -> None:
    chain = AnvilChain()
    try:
        world = World(chain, some_terms())  # type: ignore[arg-type]
        first = slot_at(chain.now()) + 30
        prices = {Slot(first + k): MicroUsdPerMwh(10**8 + k) for k in range(672)}

        world.market.announce_real_time_prices(ROLES.operator, prices)

        assert world.market.real_time_price(Slot(first + 671)) == 10**8 + 671
        assert len(chain.gas["announceRealTimePrices"]) == 3
    finally:
        chain.close()


def test_nobody_needs_a_right_to_run_the_market(world: World) -> None:
    slot = a_closed_slot(world)
    cleared = an_oracle(world).clear(slot)
    assert cleared is not None
    sold = {cleared.book[trade.offer].participant: 0 for trade in cleared.trades}
    world.read(slot, sold)

    an_oracle(world).settle(slot)

    for stranger in (LATECOMER, STRANGER):
        account = world.market.account(stranger.address)
        assert (account.free, account.locked, account.participant) == (0, 0, 0)
