"""What is signed once is used once: not on another chain, contract or slot, nor afterwards."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_utils.crypto import keccak
from web3.contract import Contract

from oracle.chain.market import Phase, SealedOrder, SignedOrder
from oracle.chain.signatures import Domain, sign_order, sign_reading
from oracle.domain.book import Order
from oracle.domain.clock import GATE_CLOSURE_SECONDS, starts_at
from oracle.units import SLOT_SECONDS, Slot, Wh
from tests.contracts.markets import (
    DEPOSIT,
    STRANGER,
    World,
    a_bid,
    a_cancellation,
    an_offer,
    meter_of,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


def order_for(world: World, slot: Slot, order: Order, **changes: object) -> SignedOrder:
    """Return an order signed for a domain that differs in one field."""
    domain = replace(world.market.exchange_domain, **changes)  # type: ignore[arg-type]
    owner = owner_of(order.participant)
    return SignedOrder(order=order, signature=sign_order(owner, domain, slot=slot, order=order))


@pytest.mark.parametrize("field", ["chain_id", "contract", "name"])
@pytest.mark.parametrize("for_wallets", [False, True])
def test_an_order_signed_for_another_chain_contract_or_name_is_worthless(
    world: World, exchange: Contract, field: str, for_wallets: bool
) -> None:
    slot = world.open_slot
    other = {
        "chain_id": world.chain.chain_id + 1,
        "contract": world.deployment.storage_ledger.address,
        "name": "Wattline StorageLedger",
    }[field]
    foreign = order_for(world, slot, a_bid(4, 1000, 250), **{field: other})

    with reverts(exchange, "WrongSigner", participant=4, owner=owner_of(4).address):
        world.post_alone(slot, foreign, for_wallets=for_wallets)
    world.post_alone(slot, order_for(world, slot, a_bid(4, 1000, 250)), for_wallets=for_wallets)


def test_an_order_is_not_replayed_on_a_second_exchange_with_the_same_participants(
    world: World,
) -> None:
    twin = world.deploy_exchange()
    slot = world.open_slot
    signed = world.sign(slot, a_bid(4, 1000, 250))

    receipt = world.send(
        STRANGER, "postForWallets", slot, [signed.order.pack()], [signed.signature], on=twin
    )

    assert len(twin.events.OrderSkipped().process_receipt(receipt)) == 1
    assert twin.functions.slotOf(slot).call()[0] == bytes(32)


def test_an_order_is_not_replayed_in_the_next_slot(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    signed = world.sign(slot, a_bid(4, 1000, 250))
    world.post_alone(slot, signed)

    with reverts(exchange, "WrongSigner", participant=4):
        world.post_alone(Slot(slot + 1), signed)


def test_an_order_is_not_posted_twice(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    signed = world.sign(slot, a_bid(4, 1000, 250))

    skipped = world.market.post(STRANGER, slot, [signed, signed])

    assert [one.reason.name for one in skipped] == ["OrderExists"]
    with reverts(exchange, "OrderExists", slot=slot):
        world.post_alone(slot, signed)
    assert len(world.market.book(slot)) == 1


def test_an_order_is_not_posted_again_after_its_cancellation(
    world: World, exchange: Contract
) -> None:
    slot = world.open_slot
    signed = world.sign(slot, a_bid(4, 1000, 250))
    world.post_alone(slot, signed)
    world.market.cancel(owner_of(4), slot)

    with reverts(exchange, "OrderExists", slot=slot):
        world.post_alone(slot, signed)


def test_a_cancellation_is_not_replayed_against_another_slots_order(
    world: World, exchange: Contract
) -> None:
    slot = world.open_slot
    world.place(slot, [a_bid(4, 1000, 250)])
    world.place(Slot(slot + 1), [a_bid(4, 1000, 250)])
    signed = world.sign(slot, a_cancellation(4))
    world.post_alone(slot, signed)

    with reverts(exchange, "NoOrder", slot=slot):
        world.post_alone(slot, signed)
    with reverts(exchange, "WrongSigner", participant=4):
        world.post_alone(Slot(slot + 1), signed)


def test_an_order_is_not_posted_once_its_nonce_is_spent(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    signed = world.sign(slot, replace(a_bid(4, 1000, 250), nonce=3))
    world.market.spend_nonces(owner_of(4), 4)

    with reverts(exchange, "NonceSpent", nonce=3, lowest=4):
        world.post_alone(slot, signed)


def test_nobody_spends_anothers_nonces(world: World, exchange: Contract) -> None:
    """There is no argument for whose they are."""
    world.market.spend_nonces(owner_of(3), 9)  # the neighbour in the word of accounts

    assert [argument["type"] for argument in exchange.functions.spendNonces.abi["inputs"]] == [
        "uint256"
    ]
    assert world.market.nonce(owner_of(4).address) == 0


def test_a_stranger_has_no_nonces_to_spend(world: World, exchange: Contract) -> None:
    with reverts(exchange, "NotAParticipant", owner=STRANGER.address):
        world.market.spend_nonces(STRANGER, 9)


def test_an_order_is_not_posted_after_its_slot(
    world: World, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    slot = world.open_slot
    signed = world.sign(slot, a_bid(4, 1000, 250))
    travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)

    with reverts(exchange, "GateClosed", slot=slot):
        world.post_alone(slot, signed)


def test_a_reading_is_no_order_and_an_order_no_reading(world: World, exchange: Contract) -> None:
    """Their typed data have types of their own, under one domain."""
    slot = world.open_slot
    key = owner_of(4)
    reading = sign_reading(
        key, world.market.exchange_domain, slot=slot, participant=4, energy=Wh(1000)
    )

    with reverts(exchange, "WrongSigner", participant=4):
        world.post_alone(slot, SignedOrder(order=a_bid(4, 1000, 250), signature=reading))


def test_a_seal_is_bound_to_its_owner_slot_chain_and_contract(sealed: World) -> None:
    """A copied seal is one that its thief cannot open."""
    slot = sealed.open_slot
    offer = an_offer(1, 1000, 80)
    salt = keccak(text="salt")
    view = sealed.exchange.functions.sealOf
    fields = (1, offer.energy, offer.price, offer.terms, salt)
    seal = view(owner_of(1).address, slot, *fields).call()
    sealed.send(owner_of(1), "commit", slot, seal)
    sealed.send(owner_of(2), "commit", slot, seal)
    sealed.send(owner_of(1), "commit", slot + 1, seal)
    sealed.now_runs_at(starts_at(slot) - GATE_CLOSURE_SECONDS)

    sealed.send(STRANGER, "reveal", slot, owner_of(1).address, *fields)
    thiefs = view(owner_of(2).address, slot, *fields).call()
    with reverts(sealed.exchange, "SealMismatch", given=thiefs, recorded=seal):
        sealed.attempt(owner_of(2), "reveal", slot, owner_of(2).address, *fields)
    sealed.now_runs_at(starts_at(Slot(slot + 1)) - GATE_CLOSURE_SECONDS)
    later = view(owner_of(1).address, slot + 1, *fields).call()
    with reverts(sealed.exchange, "SealMismatch", given=later, recorded=seal):
        sealed.attempt(STRANGER, "reveal", slot + 1, owner_of(1).address, *fields)
    assert len({bytes(seal), bytes(thiefs), bytes(later)}) == 3


def test_ens_an_unsealed_bid_is_not_replayed_in_the_next_round(sealed: World) -> None:
    """Once revealed, an order and its salt are everybody's; the next round has its own seal."""
    slot = sealed.open_slot
    offer = SealedOrder(order=an_offer(1, 1000, 80), salt=b"\7" * 32)
    fields = (1, 1000, offer.order.price, offer.order.terms, offer.salt)
    sealed.market.commit(owner_of(1), slot, offer)
    sealed.now_runs_at(starts_at(slot) - GATE_CLOSURE_SECONDS)
    sealed.market.reveal(STRANGER, owner_of(1).address, slot, offer)

    with reverts(sealed.exchange, "NoSeal", owner=owner_of(1).address, slot=slot):
        sealed.attempt(STRANGER, "reveal", slot, owner_of(1).address, *fields)
    sealed.now_runs_at(starts_at(Slot(slot + 1)) - GATE_CLOSURE_SECONDS)
    with reverts(sealed.exchange, "NoSeal", owner=owner_of(1).address, slot=slot + 1):
        sealed.attempt(STRANGER, "reveal", slot + 1, owner_of(1).address, *fields)


def test_a_reading_given_to_settle_is_not_replayed_from_another_slot(
    world: World, exchange: Contract
) -> None:
    stage = world.cleared([an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    earlier = world.reading(Slot(stage.slot - 1), 1, 1000)

    with reverts(exchange, "WrongMeter", participant=1):
        world.market.settle(STRANGER, stage.slot, stage.book, stage.trades, [], [earlier])


def test_a_reading_for_another_exchange_is_not_settled_with(
    world: World, exchange: Contract
) -> None:
    stage = world.cleared([an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    domain = world.market.exchange_domain
    foreign = Domain(
        name=domain.name, chain_id=domain.chain_id, contract=world.deploy_exchange().address
    )
    signature = sign_reading(meter_of(1), foreign, slot=stage.slot, participant=1, energy=Wh(1000))
    reading = replace(world.reading(stage.slot, 1, 1000), signature=signature)

    with reverts(exchange, "WrongMeter", participant=1):
        world.market.settle(STRANGER, stage.slot, stage.book, stage.trades, [], [reading])


def test_a_settlement_is_not_replayed_with_readings_of_its_own(
    world: World, exchange: Contract
) -> None:
    stage = world.cleared([an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    reading = world.reading(stage.slot, 1, 1000)
    world.market.settle(STRANGER, stage.slot, stage.book, stage.trades, [], [reading])

    with reverts(exchange, "WrongPhase", phase=Phase.SETTLED):
        world.market.settle(STRANGER, stage.slot, stage.book, stage.trades, [], [reading])
    assert world.market.account(owner_of(4).address).free < DEPOSIT
