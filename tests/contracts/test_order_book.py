"""Orders: who, when, how much, and what they lock."""

from collections.abc import Callable

import pytest
from web3.contract import Contract

from oracle.chain.market import Phase
from oracle.domain.book import Kind, Order
from oracle.domain.clock import GATE_CLOSURE_SECONDS, OPEN_SLOTS, slot_at, starts_at
from oracle.units import Bps, MicroUsd, MicroUsdPerMwh, Slot, Wh, amount_up
from tests.contracts.markets import (
    BOND,
    DEPOSIT,
    LATECOMER,
    PRICE_CAP,
    ROLES,
    SCORES,
    STRANGER,
    World,
    a_bid,
    a_cancellation,
    an_offer,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


def test_an_offer_bears_number_and_reputation_and_locks_its_bond(world: World) -> None:
    slot = world.open_slot
    offer = an_offer(1, 1501, 80)

    world.place(slot, [offer])

    account = world.market.account(owner_of(1).address)
    lock = amount_up(Wh(1501), BOND)
    assert (account.free, account.locked) == (DEPOSIT - lock, lock)
    assert world.market.book(slot) == (
        Order(
            kind=Kind.OFFER,
            participant=1,
            energy=Wh(1501),
            price=MicroUsdPerMwh(80_000_000),
            score=SCORES[0],
            terms=80_000_000,
        ),
    )


def test_a_bid_locks_its_highest_cost_rounded_up(world: World) -> None:
    slot = world.open_slot

    world.send(owner_of(4), "placeBid", slot, 3, 333_334, 0)

    account = world.market.account(owner_of(4).address)
    assert account.locked == 2  # 3 Wh at 0.333334 micro-USD each make 1.000002
    assert account.free == DEPOSIT - 2
    assert world.market.book(slot)[0].kind is Kind.BID


@pytest.mark.parametrize("name", ["placeOffer", "placeBid", "cancelOrder"])
def test_the_gate_closes_exactly_30_minutes_before_delivery(
    world: World, exchange: Contract, travel_to: Callable[[int], None], name: str
) -> None:
    slot = world.open_slot
    closes_at = starts_at(slot) - GATE_CLOSURE_SECONDS
    world.place(slot, [an_offer(2, 1000, 80)])
    arguments = [slot] if name == "cancelOrder" else [slot, 1000, 80, 0]
    owner = owner_of(2) if name == "cancelOrder" else owner_of(1)

    travel_to(closes_at - 1)
    world.attempt(owner, name, *arguments)
    assert world.market.phase(slot) is Phase.OPEN

    travel_to(closes_at)
    with reverts(exchange, "GateClosed", slot=slot, closedAt=closes_at):
        world.attempt(owner, name, *arguments)
    assert world.market.phase(slot) is Phase.CLOSED


def test_a_slot_opens_23_slots_ahead(
    world: World, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    last_open = slot_at(world.chain.now()) + OPEN_SLOTS
    slot = Slot(last_open + 1)

    world.attempt(owner_of(1), "placeOffer", last_open, 1000, 80, 0)
    with reverts(exchange, "NotOpenYet", slot=slot, lastOpen=last_open):
        world.attempt(owner_of(1), "placeOffer", slot, 1000, 80, 0)

    travel_to(starts_at(Slot(slot - OPEN_SLOTS)) - 1)
    with reverts(exchange, "NotOpenYet", slot=slot, lastOpen=last_open):
        world.attempt(owner_of(1), "placeOffer", slot, 1000, 80, 0)
    travel_to(starts_at(Slot(slot - OPEN_SLOTS)))
    world.attempt(owner_of(1), "placeOffer", slot, 1000, 80, 0)


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_the_first_slots_of_time_closed_before_it_began(
    world: World, exchange: Contract, slot: int
) -> None:
    with reverts(exchange, "GateClosed", slot=slot, closedAt=0):
        world.attempt(owner_of(1), "placeOffer", slot, 1000, 80, 0)


def test_an_order_for_the_last_slot_that_can_be_named_is_refused(
    world: World, exchange: Contract
) -> None:
    with reverts(exchange, "NotOpenYet", slot=2**32 - 1):
        world.attempt(owner_of(1), "placeOffer", 2**32 - 1, 1000, 80, 0)


def test_an_order_of_nothing_is_refused(world: World, exchange: Contract) -> None:
    with reverts(exchange, "ZeroEnergy"):
        world.attempt(owner_of(1), "placeOffer", world.open_slot, 0, 80, 0)
    with reverts(exchange, "ZeroEnergy"):
        world.attempt(owner_of(1), "placeBid", world.open_slot, 0, 80, 0)


@pytest.mark.parametrize("name", ["placeOffer", "placeBid"])
def test_no_price_is_above_the_cap(world: World, exchange: Contract, name: str) -> None:
    slot = world.open_slot

    world.attempt(owner_of(1), name, slot, 1000, PRICE_CAP, 0)
    with reverts(exchange, "PriceAboveCap", price=PRICE_CAP + 1, cap=PRICE_CAP):
        world.attempt(owner_of(1), name, slot, 1000, PRICE_CAP + 1, 0)


def test_who_is_no_participant_does_not_order(world: World, exchange: Contract) -> None:
    world.market.deposit(STRANGER, MicroUsd(10_000_000))

    with reverts(exchange, "NotAParticipant", owner=STRANGER.address):
        world.attempt(STRANGER, "placeBid", world.open_slot, 1000, 80, 0)


def test_an_order_needs_the_money_it_locks(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    owner = owner_of(1)
    energy = 1_000_000
    world.market.withdraw(owner, MicroUsd(DEPOSIT - 80))

    world.attempt(owner, "placeBid", slot, energy, 80, 0)
    with reverts(exchange, "InsufficientFree", freeMicroUsd=80, neededMicroUsd=81):
        world.attempt(owner, "placeBid", slot, energy, 81, 0)
    with reverts(exchange, "InsufficientFree", freeMicroUsd=80, neededMicroUsd=BOND):
        world.attempt(owner, "placeOffer", slot, energy, 80, 0)


@pytest.mark.parametrize("first", ["placeOffer", "placeBid"])
@pytest.mark.parametrize("second", ["placeOffer", "placeBid"])
def test_a_participant_has_one_order_per_slot(
    world: World, exchange: Contract, first: str, second: str
) -> None:
    slot = world.open_slot
    world.send(owner_of(1), first, slot, 1000, 80, 0)

    with reverts(exchange, "OrderExists", slot=slot):
        world.attempt(owner_of(1), second, slot, 1000, 80, 0)
    world.attempt(owner_of(1), second, slot + 1, 1000, 80, 0)
    world.attempt(owner_of(2), second, slot, 1000, 80, 0)


def test_a_cancellation_is_final_and_becomes_an_entry(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    world.place(slot, [an_offer(1, 1000, 80), a_bid(4, 1000, 250), a_cancellation(1)])

    assert [order.kind for order in world.market.book(slot)] == [
        Kind.OFFER,
        Kind.BID,
        Kind.CANCELLATION,
    ]
    assert not exchange.functions.hasOrder(owner_of(1).address, slot).call()
    assert exchange.functions.hasOrder(owner_of(4).address, slot).call()
    with reverts(exchange, "OrderExists", slot=slot):
        world.attempt(owner_of(1), "placeOffer", slot, 1000, 80, 0)
    with reverts(exchange, "NoOrder", slot=slot):
        world.attempt(owner_of(1), "cancelOrder", slot)


def test_there_must_be_an_order_to_cancel(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    world.place(slot, [an_offer(1, 1000, 80)])

    with reverts(exchange, "NoOrder", slot=slot + 1):
        world.attempt(owner_of(1), "cancelOrder", slot + 1)
    with reverts(exchange, "NoOrder", slot=slot + 1000):
        world.attempt(owner_of(1), "cancelOrder", slot + 1000)
    with reverts(exchange, "NoOrder", slot=slot):
        world.attempt(STRANGER, "cancelOrder", slot)


def test_a_cancelled_order_stays_locked_until_its_slot_is_done(world: World) -> None:
    stage = world.closed([an_offer(1, 1000, 80), a_cancellation(1)])
    locked = world.market.account(owner_of(1).address).locked

    world.clear(stage)
    world.settle(stage)

    account = world.market.account(owner_of(1).address)
    assert locked == 1000 * BOND // 1_000_000
    assert (account.free, account.locked) == (DEPOSIT, 0)


def test_the_window_of_orders_moves_on_with_the_clock(
    world: World, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    owner = owner_of(1)
    placed: list[int] = []

    for day in range(3):
        now = slot_at(world.chain.now())
        for slot in (now + 3 + day, now + OPEN_SLOTS - day):
            world.send(owner, "placeBid", slot, 10, 80, 0)
            placed.append(slot)
        travel_to(world.chain.now() + 7 * 3600 + 900 * day)

    for first in (placed[-2] - 1, placed[-1] - 1):
        live = [exchange.functions.hasOrder(owner.address, first + k).call() for k in range(3)]
        assert live == [False, True, False]
    for slot in placed:
        assert [order.participant for order in world.market.book(Slot(slot))] == [1]
    assert world.market.account(owner.address).locked == len(placed)


def test_an_order_for_the_last_open_slot_is_live_until_its_gate_closes(
    world: World, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    owner = owner_of(1)
    last = slot_at(world.chain.now()) + OPEN_SLOTS
    world.send(owner, "placeBid", last, 10, 80, 0)

    for slot in range(last - OPEN_SLOTS + 3, last, 4):
        travel_to(starts_at(Slot(slot - 2)) - 10)
        world.send(owner, "placeBid", slot, 10, 80, 0)
    travel_to(starts_at(Slot(last)) - GATE_CLOSURE_SECONDS - 1)

    assert exchange.functions.hasOrder(owner.address, last).call()
    world.attempt(owner, "cancelOrder", last)


def test_a_latecomer_orders_from_its_first_slot_on(
    world: World, exchange: Contract, registry: Contract, travel_to: Callable[[int], None]
) -> None:
    earliest = slot_at(world.chain.now()) + OPEN_SLOTS + 1
    first = earliest + 2
    joining = [(LATECOMER.address, LATECOMER.address, 0, 0)]
    world.send(ROLES.registrar, "register", joining, first, on=registry)
    world.market.deposit(LATECOMER, MicroUsd(10_000_000))
    travel_to(starts_at(Slot(first - 5)))

    with reverts(exchange, "NotYetParticipant", slot=first - 1, firstSlot=first):
        world.attempt(LATECOMER, "placeBid", first - 1, 1000, 80, 0)
    world.send(LATECOMER, "placeBid", first, 1000, 80, 0)

    assert world.market.account(LATECOMER.address).participant == 7
    assert world.market.book(Slot(first))[0].score == Bps(5000)


def test_a_latecomers_first_slot_may_be_a_year_ahead(
    world: World, exchange: Contract, registry: Contract
) -> None:
    joining = [(LATECOMER.address, LATECOMER.address, 0, 0)]
    first = slot_at(world.chain.now()) + 366 * 96
    world.send(ROLES.registrar, "register", joining, first, on=registry)
    world.market.deposit(LATECOMER, MicroUsd(10_000_000))
    slot = world.open_slot

    with reverts(exchange, "NotYetParticipant", slot=slot, firstSlot=first):
        world.attempt(LATECOMER, "placeBid", slot, 1000, 80, 0)
    assert exchange.functions.reputationOf(LATECOMER.address).call() == [0, 0]


def test_the_book_is_the_rolling_hash_of_its_entries(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    empty = exchange.functions.slotOf(slot).call()

    world.place(slot, [an_offer(1, 1000, 80)])
    one = exchange.functions.slotOf(slot).call()
    other = exchange.functions.slotOf(slot + 1).call()

    assert empty == [bytes(32)] * 3 == other
    assert one[0] != bytes(32)
    assert one[1:] == [bytes(32)] * 2
