"""Signed orders: posted in batches by anybody, as good as those of their owners' own hands."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3.contract import Contract

from oracle.chain.market import Market
from oracle.domain.book import MAX_ENERGY, MAX_NONCE, MAX_PRICE, MAX_TERMS, Kind, Order
from oracle.domain.clock import GATE_CLOSURE_SECONDS, OPEN_SLOTS, slot_at, starts_at
from oracle.units import Bps, MicroUsd, MicroUsdPerMwh, Slot, Wh, amount_up
from tests.contracts.markets import (
    BOND,
    DEPOSIT,
    LATECOMER,
    PRICE_CAP,
    PROSUMERS,
    ROLES,
    SCORES,
    STRANGER,
    World,
    a_bid,
    a_book,
    a_cancellation,
    an_offer,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


def test_posted_orders_stand_in_the_book_like_those_of_their_owners(world: World) -> None:
    slot = world.open_slot
    own = Slot(slot + 1)
    world.place(own, a_book())

    skipped = world.post(slot, a_book())

    assert skipped == []
    assert world.market.book(slot) == world.market.book(own)
    for number in range(1, PROSUMERS + 1):
        account = world.market.account(owner_of(number).address)
        locks = [
            amount_up(order.energy, BOND if order.kind is Kind.OFFER else order.price)
            for order in a_book()
            if order.participant == number
        ]
        assert (account.free, account.locked) == (DEPOSIT - 2 * sum(locks), 2 * sum(locks))


def test_posted_and_placed_orders_form_one_book(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    first, second, third = an_offer(1, 1000, 80), a_bid(4, 900, 250), a_bid(5, 800, 250)

    world.place(slot, [first])
    world.post(slot, [second])
    world.place(slot, [third])
    stage = world.close(slot)
    world.clear(stage)

    assert [order.participant for order in stage.book] == [1, 4, 5]
    assert stage.book[0].score == SCORES[0]
    assert len(stage.trades) == 2


def test_whoever_posts_locks_and_risks_nothing(world: World) -> None:
    before = world.market.account(STRANGER.address)

    world.post(world.open_slot, a_book())

    assert world.market.account(STRANGER.address) == before


def test_a_batch_without_orders_changes_nothing(world: World, exchange: Contract) -> None:
    slot = world.open_slot

    assert world.post(slot, []) == []

    assert exchange.functions.slotOf(slot).call() == [bytes(32)] * 3


def test_a_signed_cancellation_takes_an_order_back(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    offer, bid = an_offer(1, 1000, 80), a_bid(4, 1000, 250)
    cancellation = replace(a_cancellation(1), nonce=5)

    assert world.post(slot, [offer, bid, cancellation]) == []

    assert [order.kind for order in world.market.book(slot)] == [
        Kind.OFFER,
        Kind.BID,
        Kind.CANCELLATION,
    ]
    assert world.market.book(slot)[2] == cancellation
    assert not exchange.functions.hasOrder(owner_of(1).address, slot).call()
    assert world.post(slot, [replace(offer, nonce=6), cancellation]) == ["OrderExists", "NoOrder"]


def test_the_nonce_stays_in_the_book(world: World) -> None:
    slot = world.open_slot
    bid = replace(a_bid(4, 1000, 250), nonce=MAX_NONCE)

    world.post(slot, [bid])

    assert world.market.book(slot) == (replace(bid, score=Bps(5000)),)


def test_posting_spends_no_nonce(world: World) -> None:
    slot = world.open_slot

    world.post(slot, [replace(a_bid(4, 1000, 250), nonce=7)])
    skipped = world.post(Slot(slot + 1), [replace(a_bid(4, 1000, 250), nonce=0)])

    assert skipped == []
    assert world.market.nonce(owner_of(4).address) == 0


@pytest.mark.parametrize("nonce", [0, 1, 6])
def test_a_spent_nonce_makes_an_order_worthless(
    world: World, exchange: Contract, nonce: int
) -> None:
    slot = world.open_slot
    order = world.sign(slot, replace(a_bid(4, 1000, 250), nonce=nonce))

    world.market.spend_nonces(owner_of(4), 7)

    assert world.market.nonce(owner_of(4).address) == 7
    with reverts(exchange, "NonceSpent", nonce=nonce, lowest=7):
        world.post_alone(slot, order)
    world.post_alone(slot, world.sign(slot, replace(a_bid(4, 1000, 250), nonce=7)))


def test_nonces_are_spent_upwards_only(world: World, exchange: Contract) -> None:
    owner = owner_of(4)
    world.market.spend_nonces(owner, 7)

    for below in (0, 6, 7, MAX_NONCE + 1, 2**256 - 1):
        with reverts(exchange, "NonceSpent", nonce=below, lowest=7):
            world.attempt(owner, "spendNonces", below)
    world.attempt(owner, "spendNonces", 8)
    world.attempt(owner, "spendNonces", MAX_NONCE)


def test_an_order_that_stands_survives_its_nonce(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    world.post(slot, [a_bid(4, 1000, 250)])

    world.market.spend_nonces(owner_of(4), 9)

    assert exchange.functions.hasOrder(owner_of(4).address, slot).call()


def test_a_nonce_leaves_money_orders_and_reputation_alone(world: World) -> None:
    slot = world.open_slot
    world.place(slot, [an_offer(1, 1000, 80)])
    before = world.market.account(owner_of(1).address)

    world.market.spend_nonces(owner_of(1), MAX_NONCE)

    assert world.market.account(owner_of(1).address) == before


def test_each_bad_order_is_skipped_and_the_others_stand(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    world.market.spend_nonces(owner_of(6), 3)
    poor = replace(a_bid(5, 4_000_000, 250), nonce=1)
    orders = [
        world.sign(slot, a_bid(4, 1000, 250)),
        world.sign(slot, replace(an_offer(1, 1000, 80), score=Bps(1))),
        world.sign(slot, an_offer(2, 1000, 80), key=STRANGER),
        world.sign(slot, replace(a_bid(4, 900, 250), nonce=1)),
        world.sign(slot, replace(an_offer(3, 1000, 80), participant=7), key=owner_of(3)),
        world.sign(slot, poor),
        world.sign(slot, a_bid(6, 1000, 250)),
        world.sign(slot, an_offer(3, 0, 80)),
        world.sign(slot, replace(an_offer(1, 9, 80), price=MicroUsdPerMwh(PRICE_CAP + 1))),
        world.sign(slot, a_cancellation(2)),
        world.sign(slot, an_offer(3, 1000, 80)),
    ]

    skipped = world.market.post(STRANGER, slot, orders)

    assert [(s.reason.name, s.order.participant) for s in skipped] == [
        ("BadOrder", 1),
        ("WrongSigner", 2),
        ("OrderExists", 4),
        ("NoSuchParticipant", 7),
        ("InsufficientFree", 5),
        ("NonceSpent", 6),
        ("ZeroEnergy", 3),
        ("PriceAboveCap", 1),
        ("NoOrder", 2),
    ]
    assert [order.participant for order in world.market.book(slot)] == [4, 3]
    stage = world.close(slot)
    world.clear(stage)


def test_an_order_that_is_skipped_leaves_its_account_alone(world: World) -> None:
    slot = world.open_slot
    before = [world.market.account(owner_of(n).address) for n in range(1, 7)]

    world.post(slot, [an_offer(1, 0, 80), a_bid(5, 4_000_000, 250), a_cancellation(2)])

    assert before == [world.market.account(owner_of(n).address) for n in range(1, 7)]
    assert world.market.book(slot) == ()


def test_every_order_has_its_signature(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    word = a_bid(4, 1000, 250).pack()

    for orders, signatures in (([word], []), ([], [(bytes(32), bytes(32))])):
        with reverts(exchange, "LengthsDiffer", first=len(orders), second=len(signatures)):
            world.attempt(STRANGER, "post", slot, orders, signatures)
    for orders, forms in (([word], []), ([], [b""])):
        with reverts(exchange, "LengthsDiffer", first=len(orders), second=len(forms)):
            world.attempt(STRANGER, "postForWallets", slot, orders, forms)


@pytest.mark.parametrize("name", ["post", "postForWallets"])
def test_orders_are_posted_until_the_gate_closes(
    world: World, exchange: Contract, travel_to: Callable[[int], None], name: str
) -> None:
    slot = world.open_slot
    closes_at = starts_at(slot) - GATE_CLOSURE_SECONDS

    travel_to(closes_at - 1)
    world.attempt(STRANGER, name, slot, [], [])
    travel_to(closes_at)
    with reverts(exchange, "GateClosed", slot=slot, closedAt=closes_at):
        world.attempt(STRANGER, name, slot, [], [])


@pytest.mark.parametrize("name", ["post", "postForWallets"])
def test_orders_are_posted_from_a_slots_opening_on(
    world: World, exchange: Contract, name: str
) -> None:
    last = slot_at(world.chain.now()) + OPEN_SLOTS

    world.attempt(STRANGER, name, last, [], [])
    with reverts(exchange, "NotOpenYet", slot=last + 1, lastOpen=last):
        world.attempt(STRANGER, name, last + 1, [], [])


def test_a_latecomers_order_is_posted_from_its_first_slot_on(
    world: World, exchange: Contract, registry: Contract, travel_to: Callable[[int], None]
) -> None:
    first = slot_at(world.chain.now()) + OPEN_SLOTS + 3
    joining = [(LATECOMER.address, LATECOMER.address, 0, 0)]
    world.send(ROLES.registrar, "register", joining, first, on=registry)
    world.market.deposit(LATECOMER, MicroUsd(10_000_000))
    travel_to(starts_at(Slot(first - 5)))
    bid = replace(a_bid(4, 100, 250), participant=7)

    def post(slot: Slot) -> None:
        world.post_alone(slot, world.sign(slot, bid, key=LATECOMER))

    with reverts(exchange, "NoSuchParticipant"):  # the slot's owners are those of its opening
        post(Slot(first - 1))
    post(Slot(first))
    assert world.market.account(LATECOMER.address).participant == 7
    assert world.market.book(Slot(first))[0].score == Bps(5000)


def test_an_order_of_a_number_that_is_no_participants_is_skipped(
    world: World, exchange: Contract
) -> None:
    slot = world.open_slot
    for number in (7, 1024):
        order = world.sign(slot, replace(a_bid(4, 9, 9), participant=number), key=owner_of(4))
        with reverts(exchange, "NoSuchParticipant", participant=number):
            world.post_alone(slot, order)
    for number in (0, 1025, 0xFFFF):
        word = a_bid(4, 9, 9).pack() & ~(0xFFFF << 232) | number << 232
        receipt = world.send(STRANGER, "postForWallets", slot, [word], [b""])
        events = exchange.events.OrderSkipped().process_receipt(receipt)
        assert [event["args"]["order"] for event in events] == [word]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from([Kind.OFFER, Kind.BID, Kind.CANCELLATION]),
    slot=st.integers(0, 2**32 - 1).map(Slot),
    participant=st.integers(1, 1024),
    energy=st.integers(0, MAX_ENERGY).map(Wh),
    price=st.integers(0, MAX_PRICE).map(MicroUsdPerMwh),
    nonce=st.integers(0, MAX_NONCE),
    terms=st.integers(0, MAX_TERMS),
)
def test_contract_and_python_sign_the_same_typed_data(
    founded: World,
    kind: Kind,
    slot: Slot,
    participant: int,
    energy: Wh,
    price: MicroUsdPerMwh,
    nonce: int,
    terms: int,
) -> None:
    order = Order(
        kind=kind,
        participant=participant,
        energy=energy,
        price=price,
        nonce=nonce,
        terms=terms,
    )
    key = owner_of(1)
    signed = Market(founded.chain, founded.deployment).signed(key, slot, order)

    digest = founded.exchange.functions.hashOf(slot, order.pack()).call()

    exchange = founded.exchange.functions
    assert exchange.isSignedBy(key.address, digest, signed.signature).call()
