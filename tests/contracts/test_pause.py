"""A pause stops what would bring in new risk, and nothing that gives money back."""

import pytest
from web3.contract import Contract

from oracle.chain.market import Phase, SealedOrder
from oracle.domain.clock import GATE_CLOSURE_SECONDS, READING_SECONDS, starts_at
from oracle.units import SLOT_SECONDS
from tests.contracts.markets import (
    CHALLENGE_SECONDS,
    DEPOSIT,
    ROLES,
    STRANGER,
    World,
    a_bid,
    a_book,
    an_offer,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


@pytest.fixture
def paused(world: World) -> World:
    world.market.pause(ROLES.operator)
    return world


def test_deposits_and_orders_are_stopped(paused: World, exchange: Contract) -> None:
    slot = paused.open_slot
    signed = paused.sign(slot, a_bid(4, 1000, 250))
    word = signed.order.pack()

    for name, arguments in (
        ("deposit", [1]),
        ("placeOffer", [slot, 1, 1, 0]),
        ("placeBid", [slot, 1, 1, 0]),
        ("post", [slot, [], []]),
        ("postForWallets", [slot, [word], [signed.signature]]),
    ):
        with reverts(exchange, "EnforcedPause"):
            paused.attempt(owner_of(4), name, *arguments)


def test_money_leaves_during_a_pause(paused: World) -> None:
    paused.market.withdraw(owner_of(4), DEPOSIT)

    assert paused.market.token_balance(owner_of(4).address) == DEPOSIT


def test_an_order_is_cancelled_and_nonces_spent_during_a_pause(
    world: World, exchange: Contract
) -> None:
    slot = world.open_slot
    world.place(slot, [an_offer(1, 1000, 80)])
    world.market.pause(ROLES.operator)

    world.market.cancel(owner_of(1), slot)
    world.market.spend_nonces(owner_of(1), 3)

    assert not exchange.functions.hasOrder(owner_of(1).address, slot).call()


def test_a_slot_is_cleared_read_and_settled_during_a_pause(world: World) -> None:
    stage = world.closed()
    world.market.pause(ROLES.operator)

    world.clear(stage)
    world.read(stage.slot, stage.sold())
    world.settle(stage)

    assert world.market.phase(stage.slot) is Phase.SETTLED
    assert world.market.account(owner_of(1).address).locked == 0


def test_a_contradiction_and_a_correction_are_recorded_during_a_pause(watched: World) -> None:
    stage = watched.cleared()
    watched.market.pause(ROLES.operator)
    watched.read(stage.slot, {2: 5, 3: 5})

    one, other = watched.reading(stage.slot, 1, 5), watched.reading(stage.slot, 1, 6)
    watched.market.report_contradiction(STRANGER, stage.slot, one, other)
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, stage.sold()[1])
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS + READING_SECONDS + CHALLENGE_SECONDS)
    watched.settle(stage)

    assert watched.market.phase(stage.slot) is Phase.SETTLED


def test_a_slot_becomes_void_during_a_pause(world: World) -> None:
    stage = world.closed(a_book())
    world.market.pause(ROLES.operator)
    world.now_runs_at(starts_at(stage.slot))

    world.market.void(STRANGER, stage.slot, stage.book)

    assert world.market.account(owner_of(1).address).free == DEPOSIT


def test_the_provider_is_paid_during_a_pause(paused: World) -> None:
    paused.market.pay_compensation(STRANGER)


def test_a_seal_is_opened_but_none_is_taken_during_a_pause(sealed: World) -> None:
    slot = sealed.open_slot
    offer = SealedOrder(order=an_offer(1, 1000, 80), salt=b"\1" * 32)
    sealed.market.commit(owner_of(1), slot, offer)
    sealed.market.pause(ROLES.operator)

    with reverts(sealed.exchange, "EnforcedPause"):
        sealed.attempt(owner_of(2), "commit", slot, b"\1" * 32)
    with reverts(sealed.exchange, "EnforcedPause"):
        sealed.attempt(owner_of(2), "deposit", 1)
    sealed.market.withdraw(owner_of(2), DEPOSIT)
    sealed.now_runs_at(starts_at(slot) - GATE_CLOSURE_SECONDS)
    sealed.market.reveal(STRANGER, owner_of(1).address, slot, offer)
    assert sealed.market.book(slot)[0].participant == 1


def test_the_market_goes_on_after_a_pause(paused: World, exchange: Contract) -> None:
    paused.market.unpause(ROLES.operator)

    assert paused.post(paused.open_slot, a_book()) == []
    with reverts(exchange, "ExpectedPause"):
        paused.attempt(ROLES.operator, "unpause")


def test_only_the_operator_pauses(world: World, exchange: Contract) -> None:
    for caller in (STRANGER, owner_of(1), ROLES.provider, ROLES.registrar):
        for name in ("pause", "unpause"):
            with reverts(exchange, "OwnableUnauthorizedAccount", account=caller.address):
                world.attempt(caller, name)
    world.market.pause(ROLES.operator)
    with reverts(exchange, "EnforcedPause"):
        world.attempt(ROLES.operator, "pause")
