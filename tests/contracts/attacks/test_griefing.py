"""Whoever wants to hold others up pays for it, and does not succeed."""

from dataclasses import replace

import pytest
from web3.contract import Contract

from oracle.chain.market import SealedOrder, compact
from oracle.domain.book import Order
from oracle.domain.clock import GATE_CLOSURE_SECONDS, starts_at
from oracle.units import MicroUsd, Slot, Wh, amount_up
from tests.contracts.markets import (
    BOND,
    DEPOSIT,
    PROSUMERS,
    STRANGER,
    World,
    a_bid,
    a_book,
    an_offer,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

SKIP_GAS = 12_000  # with a signature check of 3,000 and an event of about 2,500


def junk(size: int) -> tuple[list[int], list[tuple[bytes, bytes]]]:
    """Return orders that nobody signed, and signatures of nobody."""
    order = a_bid(4, 1000, 250)
    words = [replace(order, nonce=nonce).pack() for nonce in range(size)]
    return words, [(bytes([1]) * 32, bytes([1]) * 32)] * size


def test_spam_in_a_batch_costs_the_poster_alone(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    words, signatures = junk(100)
    before = [world.market.account(owner_of(n).address) for n in range(1, PROSUMERS + 1)]

    receipt = world.send(STRANGER, "post", slot, words, signatures)

    assert len(exchange.events.OrderSkipped().process_receipt(receipt)) == 100
    assert receipt["gasUsed"] < 100_000 + 100 * SKIP_GAS
    assert exchange.functions.slotOf(slot).call()[0] == bytes(32)
    assert before == [world.market.account(owner_of(n).address) for n in range(1, PROSUMERS + 1)]


def test_a_good_order_stands_among_spam(world: World) -> None:
    slot = world.open_slot
    words, signatures = junk(20)
    signed = world.sign(slot, an_offer(1, 1000, 80))

    world.send(
        STRANGER,
        "post",
        slot,
        [*words[:10], signed.order.pack(), *words[10:]],
        [*signatures[:10], compact(signed.signature), *signatures[10:]],
    )

    assert [order.participant for order in world.market.book(slot)] == [1]


def test_nobody_crowds_others_out_of_a_book(world: World, exchange: Contract) -> None:
    """One order and one cancellation each: a book is as long as there are participants."""
    slot = world.open_slot
    for nonce in range(5):
        world.post(slot, [replace(a_bid(4, 10, 250), nonce=nonce)])

    assert len(world.market.book(slot)) == 1
    world.market.cancel(owner_of(4), slot)
    with reverts(exchange, "OrderExists", slot=slot):
        world.attempt(owner_of(4), "placeBid", slot, 10, 9, 0)
    with reverts(exchange, "NoOrder", slot=slot):
        world.attempt(owner_of(4), "cancelOrder", slot)


def test_an_offer_of_energy_that_is_not_there_stakes_its_bond(world: World) -> None:
    slot = world.open_slot

    world.place(slot, [an_offer(1, 400_000, 80)])

    assert world.market.account(owner_of(1).address).locked == amount_up(Wh(400_000), BOND)


def test_an_offer_above_what_the_account_can_bond_is_skipped(
    world: World, exchange: Contract
) -> None:
    slot = world.open_slot
    most = DEPOSIT * 1_000_000 // BOND

    with reverts(
        exchange,
        "InsufficientFree",
        freeMicroUsd=DEPOSIT,
        neededMicroUsd=amount_up(Wh(most + 1), BOND),
    ):
        world.post_alone(slot, world.sign(slot, an_offer(1, most + 1, 80)))
    world.post_alone(slot, world.sign(slot, an_offer(1, most, 80)))


def test_an_account_that_was_emptied_after_signing_does_not_sink_the_batch(
    world: World,
) -> None:
    slot = world.open_slot
    signed = [world.sign(slot, order) for order in a_book()]
    world.market.withdraw(owner_of(4), DEPOSIT)

    skipped = world.market.post(STRANGER, slot, signed)

    assert [one.reason.name for one in skipped] == ["InsufficientFree"]
    assert [order.participant for order in world.market.book(slot)] == [1, 2, 5, 6, 3]


def test_one_owner_twice_in_a_batch_has_its_first_order(world: World) -> None:
    slot = world.open_slot
    first, second = a_bid(4, 1000, 250), replace(a_bid(4, 2000, 260), nonce=1)

    assert world.post(slot, [first, second]) == ["OrderExists"]

    assert [order.energy for order in world.market.book(slot)] == [1000]


def test_a_poster_that_leaves_orders_out_cannot_clear_without_those_that_stand(
    world: World, exchange: Contract
) -> None:
    """Whom one poster leaves out, another posts, or the owner itself places; the book is one."""
    slot = world.open_slot
    orders = a_book()
    world.post(slot, orders[:3])
    world.post(slot, orders[3:5])
    world.place(slot, [orders[5]])
    stage = world.close(slot)
    assert len(stage.book) == 6

    for left_out in range(6):
        book = [word for k, word in enumerate(stage.book_words) if k != left_out]
        with reverts(exchange, "BookMismatch"):
            world.attempt(STRANGER, "clear", slot, book, [], b"\0")
    world.clear(stage)


def test_a_poster_chooses_the_place_in_the_book_and_nothing_else(world: World) -> None:
    slot = world.open_slot
    orders: list[Order] = [a_bid(4, 1000, 250), an_offer(1, 1000, 80)]

    world.post(slot, orders[::-1])

    book = world.market.book(slot)
    assert [replace(order, score=orders[0].score) for order in book] == orders[::-1]


def test_a_seal_with_no_money_behind_it_costs_its_bond(
    sealed: World,
) -> None:
    """Who seals more than it can pay is silent; the others share its bond and are not held up."""
    slot = sealed.open_slot
    bid = replace(a_bid(4, 1000, 400), energy=Wh(2**32 - 1))
    for order in (bid, an_offer(1, 1000, 80)):
        sealed.market.commit(
            owner_of(order.participant), slot, SealedOrder(order=order, salt=bytes(31) + b"\1")
        )
    sealed.now_runs_at(starts_at(slot) - GATE_CLOSURE_SECONDS)
    with reverts(sealed.exchange, "InsufficientFree"):
        sealed.market.reveal(
            STRANGER, owner_of(4).address, slot, SealedOrder(order=bid, salt=bytes(31) + b"\1")
        )
    sealed.market.reveal(
        STRANGER,
        owner_of(1).address,
        slot,
        SealedOrder(order=an_offer(1, 1000, 80), salt=bytes(31) + b"\1"),
    )
    sealed.now_runs_at(starts_at(slot))

    sealed.market.void(STRANGER, slot, sealed.market.book(slot))

    bond = sealed.exchange.functions.sealBondMicroUsd().call()
    assert sealed.market.account(owner_of(1).address).free == DEPOSIT + bond
    assert sealed.market.account(owner_of(4).address).free == DEPOSIT - bond


def test_island_bids_that_are_not_revealed_cost_their_bond(sealed: World) -> None:
    slot = sealed.open_slot
    sealed.send(owner_of(4), "commit", slot, b"\5" * 32)
    sealed.now_runs_at(starts_at(slot))

    sealed.market.void(STRANGER, slot, ())

    bond = sealed.exchange.functions.sealBondMicroUsd().call()
    assert sealed.market.account(owner_of(4).address).free == DEPOSIT - bond


def test_dust_deposits_and_withdrawals_leave_no_crumb(world: World, exchange: Contract) -> None:
    for amount in (1, 2, 3):
        world.market.deposit(STRANGER, MicroUsd(amount))
    world.market.withdraw(STRANGER, MicroUsd(6))

    assert world.market.account(STRANGER.address).free == 0
    assert world.market.token_balance(exchange.address) == 7 * DEPOSIT


def test_tokens_sent_without_a_deposit_are_nobodys_and_stop_nothing(
    world: World, exchange: Contract
) -> None:
    token = world.deployment.token
    world.send(STRANGER, "mint", exchange.address, 12_345, on=token)

    world.market.deposit(STRANGER, MicroUsd(5))

    assert world.market.account(STRANGER.address).free == 5
    assert world.money() == 7 * DEPOSIT + 5


@pytest.mark.parametrize("call", ["clear", "settle", "void"])
def test_a_call_for_a_slot_of_another_age_is_refused(
    world: World, exchange: Contract, call: str
) -> None:
    stage = world.closed()
    of_call: dict[str, list[object]] = {
        "clear": [stage.book_words, stage.trade_words, stage.outcome.certificate],
        "settle": [stage.book_words, stage.trade_words, [], []],
        "void": [stage.book_words],
    }
    arguments = of_call[call]
    early = {"clear": "GateOpen", "settle": "WrongPhase", "void": "VoidTooEarly"}[call]
    late = {"clear": "ClearingTooLate", "settle": "WrongPhase", "void": "NothingRecorded"}[call]

    for slot in (Slot(stage.slot + 1), Slot(2**32 - 1)):
        with reverts(exchange, early, slot=slot):
            world.attempt(STRANGER, call, slot, *arguments)
    with reverts(exchange, late, slot=5):
        world.attempt(STRANGER, call, Slot(5), *arguments)
