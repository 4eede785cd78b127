"""The relay on a node: what it sends of others', what it pays, and what it finds again."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from oracle.chain.relay import MarketRelay
from oracle.domain.blocks import OrderToPost, Outgoing, Posted, ReadingToPost
from oracle.domain.book import Order
from oracle.domain.clock import starts_at
from oracle.errors import ChainUnavailable, ContractRevert, TransactionRefused
from oracle.units import SLOT_SECONDS, Slot
from tests.backend.index.worlds import NodeWorld
from tests.contracts.attacks.test_signatures import Manner
from tests.contracts.markets import (
    LATECOMER,
    STRANGER,
    World,
    a_bid,
    an_offer,
    meter_of,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import deploy_mock

pytestmark = [pytest.mark.contract, pytest.mark.node]

GWEI = 10**9


@pytest.fixture(scope="module")
def world() -> Iterator[NodeWorld]:
    world = NodeWorld(some_terms())
    with closing(world.chain):
        yield world


@pytest.fixture
def relay(world: NodeWorld) -> MarketRelay:
    return MarketRelay(world.source(), LATECOMER)


@pytest.fixture
def idle_miner(world: NodeWorld) -> Iterator[None]:
    """A node that mines when it is told to, and never by itself."""
    world.ask("evm_setAutomine", False)
    yield
    world.ask("anvil_dropAllTransactions")
    world.ask("evm_setAutomine", True)


def handed_in(world: World, slot: Slot, order: Order, *, forged: bool = False) -> OrderToPost:
    signed = world.sign(slot, order, key=STRANGER if forged else None)
    return OrderToPost(slot=slot, order=order, signature=signed.signature)


def a_meter_reading(
    world: World, slot: Slot, participant: int, *, by: int, energy: int = 5
) -> ReadingToPost:
    reading = world.reading(slot, participant, energy, meter=meter_of(by))
    return ReadingToPost(
        slot=slot, participant=participant, energy=reading.energy, signature=reading.signature
    )


def never(replacement: Outgoing) -> None:
    raise AssertionError(f"replaced by {replacement}")


def sent(relay: MarketRelay, outgoing: Outgoing) -> Posted:
    posted = relay.send(outgoing, never)
    assert posted is not None
    return posted


def pool_of(world: NodeWorld) -> dict[str, Any]:
    """Return the relay's transactions that wait to be mined, by nonce."""
    waiting: dict[str, Any] = world.ask("txpool_content")["pending"]
    by_sender = {sender.lower(): found for sender, found in waiting.items()}
    found: dict[str, Any] = by_sender.get(LATECOMER.address.lower(), {})
    return found


def mine(world: NodeWorld) -> None:
    """Mine a block, within the second of the last so that no gate closes by it."""
    world.ask("evm_mine")


def test_posts_orders_and_says_which_were_passed_over(world: NodeWorld, relay: MarketRelay) -> None:
    slot = world.open_slot
    forged = handed_in(world, slot, an_offer(2, 900, 80), forged=True)
    orders = [handed_in(world, slot, an_offer(1, 1000, 80)), forged]

    posted = sent(relay, relay.sign_orders(slot, orders))

    assert [order.participant for order in world.market.book(slot)] == [1]
    owner = owner_of(2).address.lower()
    (skipped,) = posted.skipped
    assert (skipped.position, skipped.reason.name) == (1, "WrongSigner")
    assert skipped.reason.text == f"WrongSigner(participant=2, owner={owner})"
    assert posted.block == world.chain.block_number()
    assert posted.refusal is None
    (transaction,) = world.source().segment(posted.block, posted.block).transactions
    assert transaction.hash == posted.transaction
    assert transaction.sender == LATECOMER.address.lower()


@pytest.mark.parametrize("end", [b"", b"\x00", b"\x02"])
def test_a_signature_of_no_keys_form_goes_the_wallets_way(
    end: bytes, world: NodeWorld, relay: MarketRelay
) -> None:
    slot = world.open_slot
    order = handed_in(world, slot, an_offer(3, 1000, 80))
    odd = replace(order, signature=order.signature[:64] + end)

    posted = sent(relay, relay.sign_orders(slot, [odd]))

    assert [one.reason.name for one in posted.skipped] == ["WrongSigner"]
    (transaction,) = world.source().segment(posted.block, posted.block).transactions
    assert transaction.function == "postForWallets"


def test_knows_who_signed(world: NodeWorld, relay: MarketRelay) -> None:
    slot = world.open_slot
    own, forged = (handed_in(world, slot, a_bid(4, 10, 90), forged=by) for by in (False, True))

    assert relay.is_signed(owner_of(4).address, own)
    assert relay.is_signed(owner_of(4).address.lower(), own)
    assert not relay.is_signed(owner_of(4).address, forged)
    assert not relay.is_signed(owner_of(5).address, own)


def test_asks_a_wallet_who_signed(world: NodeWorld, relay: MarketRelay) -> None:
    wallet = deploy_mock(world.chain, STRANGER, "MockWallet", STRANGER.address)
    slot = world.open_slot
    own, forged = (handed_in(world, slot, a_bid(4, 10, 90), forged=by) for by in (True, False))

    assert relay.is_signed(wallet.address, own)
    assert not relay.is_signed(wallet.address, forged)


@pytest.mark.parametrize(
    "manner",
    [Manner.REFUSING, Manner.REVERTING, Manner.BURNING_GAS, Manner.JUNK, Manner.FLOODING],
)
def test_a_wallet_that_misbehaves_has_not_signed(
    manner: Manner, world: NodeWorld, relay: MarketRelay
) -> None:
    wallet = deploy_mock(world.chain, STRANGER, "MockWallet", STRANGER.address)
    world.send(STRANGER, "behave", int(manner), world.exchange.address, b"", on=wallet)

    signed = handed_in(world, world.open_slot, a_bid(4, 10, 90), forged=True)

    assert not relay.is_signed(wallet.address, signed)


def a_thrifty_wallet(world: NodeWorld, loops: int) -> str:
    """
    Return a wallet that takes any signature after so many loops of 26 gas.

    Its code: PUSH3 loops, then JUMPDEST PUSH1 1 SWAP1 SUB DUP1 PUSH1 4 JUMPI, then the magic value
    of ERC-1271, left-aligned, as the answer.
    """
    loop = "62" + f"{loops:06x}" + "5b" + "6001" + "90" + "03" + "80" + "6004" + "57"
    answer = "63" + "1626ba7e" + "60e0" + "1b" + "6000" + "52" + "6020" + "6000" + "f3"
    address = "0x" + f"{loops:040x}"
    world.ask("anvil_setCode", address, "0x" + loop + answer)
    return address


def test_a_wallet_gets_as_much_gas_as_the_contract_gives_it(
    world: NodeWorld, relay: MarketRelay
) -> None:
    """A loop takes 26 gas: 4,000 are within the contract's 150,000 and 5,700 are not, quite."""
    signed = handed_in(world, world.open_slot, a_bid(4, 10, 90))

    answers = [relay.is_signed(a_thrifty_wallet(world, loops), signed) for loops in (4_000, 5_700)]

    assert answers == [True, False]


def test_a_batch_that_is_refused_is_refused_before_it_is_sent(
    world: NodeWorld, relay: MarketRelay
) -> None:
    slot, block = world.open_slot, world.chain.block_number()
    orders = [handed_in(world, slot, an_offer(1, 1000, 80))]
    too_early = Slot(slot + 100)

    with pytest.raises(ContractRevert, match="NotOpenYet"):
        relay.sign_orders(too_early, [replace(orders[0], slot=too_early)])

    assert world.chain.block_number() == block


def test_a_call_for_which_no_gas_is_enough_is_refused_too(
    world: NodeWorld, relay: MarketRelay
) -> None:
    slot = world.open_slot
    endless = replace(handed_in(world, slot, a_bid(4, 10, 90)), signature=150_000 * b"\x01")

    with pytest.raises(ContractRevert, match="out of gas"):
        relay.sign_orders(slot, [replace(endless, is_wallets=True)] * 3)


def test_fees_are_the_chains_and_capped(world: NodeWorld, relay: MarketRelay) -> None:
    slot = world.open_slot
    orders = [handed_in(world, slot, an_offer(1, 1000, 80))]
    base = int(world.chain.w3.eth.get_block("latest")["baseFeePerGas"])
    asked = int(world.chain.w3.eth.max_priority_fee)
    poor = MarketRelay(world.source(), LATECOMER, max_fee_wei=base + 1)
    poorer = MarketRelay(world.source(), LATECOMER, max_fee_wei=base - 1)

    plain, capped = relay.sign_orders(slot, orders), poor.sign_orders(slot, orders)

    assert (plain.max_fee, plain.tip) == (2 * base + asked, asked)
    assert capped.max_fee == base + 1
    assert capped.tip <= capped.max_fee
    with pytest.raises(ChainUnavailable, match=f"gas costs {base} wei, more than the {base - 1}"):
        poorer.sign_orders(slot, orders)


def test_a_node_that_takes_no_transaction_is_said(world: NodeWorld, relay: MarketRelay) -> None:
    slot = world.open_slot
    outgoing = relay.sign_orders(slot, [handed_in(world, slot, an_offer(1, 1000, 80))])
    old = replace(outgoing, nonce=0)

    sent(relay, outgoing)

    with pytest.raises(TransactionRefused, match=r"the node refused: .*nonce"):
        relay.send(old, never)


def test_a_transaction_of_an_earlier_life_is_found_again(
    world: NodeWorld, relay: MarketRelay
) -> None:
    slot, nonces = world.open_slot, world.chain.w3.eth.get_transaction_count
    orders = [handed_in(world, slot, an_offer(2, 1000, 80))]
    outgoing = relay.sign_orders(slot, orders)
    first = sent(relay, outgoing)
    count = nonces(LATECOMER.address)

    again = MarketRelay(world.source(), LATECOMER).resume(outgoing, never)

    assert again == first
    assert nonces(LATECOMER.address) == count


def test_a_transaction_that_the_node_never_saw_is_sent(
    world: NodeWorld, relay: MarketRelay
) -> None:
    slot = world.open_slot
    outgoing = relay.sign_orders(slot, [handed_in(world, slot, an_offer(3, 1000, 80))])

    posted = relay.resume(outgoing, never)

    assert posted is not None
    assert posted.transaction == outgoing.hashes[-1]
    assert [order.participant for order in world.market.book(slot)][-1] == 3


def test_a_transaction_whose_nonce_another_has_is_lost(
    world: NodeWorld, relay: MarketRelay
) -> None:
    slot = world.open_slot
    one, other = (
        relay.sign_orders(slot, [handed_in(world, slot, a_bid(number, 10, 90))])
        for number in (4, 5)
    )
    sent(relay, one)

    assert relay.resume(other, never) is None


def test_a_transaction_that_would_fail_by_now_is_not_sent(
    world: NodeWorld, relay: MarketRelay
) -> None:
    slot = world.open_slot
    outgoing = relay.sign_orders(slot, [handed_in(world, slot, a_bid(6, 10, 90))])
    world.now_runs_at(starts_at(slot))
    count = world.chain.w3.eth.get_transaction_count(LATECOMER.address)

    assert relay.resume(outgoing, never) is None

    assert world.chain.w3.eth.get_transaction_count(LATECOMER.address) == count


def test_a_transaction_that_fails_says_why(
    world: NodeWorld, relay: MarketRelay, idle_miner: None
) -> None:
    slot = world.open_slot
    outgoing = relay.sign_orders(slot, [handed_in(world, slot, a_bid(6, 10, 90))])
    waiting = Thread(target=lambda: found.append(relay.send(outgoing, never)))
    found: list[Posted | None] = []
    waiting.start()
    while not pool_of(world):
        waiting.join(0.01)

    world.now_runs_at(starts_at(slot))
    waiting.join(30)

    (posted,) = found
    assert posted is not None
    assert posted.refusal is not None
    assert posted.refusal.name == "GateClosed"
    assert posted.transaction == outgoing.hashes[-1]


def test_a_stuck_transaction_is_replaced_by_a_dearer_one(
    world: NodeWorld, idle_miner: None
) -> None:
    relay = MarketRelay(world.source(), LATECOMER, replace_after_s=0.2)
    slot = world.open_slot
    outgoing = relay.sign_orders(slot, [handed_in(world, slot, an_offer(1, 1000, 80))])
    replaced: list[Outgoing] = []
    found: list[Posted | None] = []
    waiting = Thread(target=lambda: found.append(relay.send(outgoing, replaced.append)))
    waiting.start()
    while len(replaced) < 2:
        waiting.join(0.01)

    (pending,) = pool_of(world).values()
    world.ask("evm_setAutomine", True)
    mine(world)
    waiting.join(30)

    (posted,) = found
    assert posted is not None
    assert posted.transaction in replaced[-1].hashes
    assert replaced[0].hashes[:-1] == outgoing.hashes
    assert {one.nonce for one in replaced} == {outgoing.nonce}
    assert int(pending["maxFeePerGas"], 16) >= outgoing.max_fee * 5 // 4
    assert replaced[0].tip > outgoing.tip * 11 // 10
    assert len([one for one in world.market.book(slot) if one.participant == 1]) == 1


def test_no_replacement_costs_more_than_the_cap(world: NodeWorld, idle_miner: None) -> None:
    slot = world.open_slot
    orders = [handed_in(world, slot, an_offer(2, 1000, 80))]
    now = MarketRelay(world.source(), LATECOMER).sign_orders(slot, orders)
    world.chain.receipt_timeout_s, before = 1.0, world.chain.receipt_timeout_s
    relay = MarketRelay(world.source(), LATECOMER, max_fee_wei=now.max_fee + 1, replace_after_s=0.1)

    with pytest.raises(ChainUnavailable, match="is not mined yet"):
        relay.send(relay.sign_orders(slot, orders), never)

    world.chain.receipt_timeout_s = before


def test_posts_readings_of_their_meters_alone(world: NodeWorld, relay: MarketRelay) -> None:
    slot = world.open_slot
    world.now_runs_at(starts_at(slot) + SLOT_SECONDS)
    readings = [a_meter_reading(world, slot, number, by=number) for number in (1, 2)]
    forged = a_meter_reading(world, slot, 3, by=4)

    with pytest.raises(ContractRevert, match="WrongMeter"):
        relay.sign_readings(slot, [forged])
    posted = sent(relay, relay.sign_readings(slot, readings))

    assert posted.recorded == {1, 2}
    assert world.market.readings(slot) == [1 << 32 | 5, 2 << 32 | 5]


def test_says_which_readings_were_passed_over(world: NodeWorld, relay: MarketRelay) -> None:
    slot = world.open_slot
    world.now_runs_at(starts_at(slot) + SLOT_SECONDS)
    world.read(slot, {1: 5})
    second, first = (a_meter_reading(world, slot, number, by=number, energy=6) for number in (1, 2))

    posted = sent(relay, relay.sign_readings(slot, [second, first]))

    assert posted.recorded == {2}
    assert world.market.readings(slot) == [1 << 32 | 5, 2 << 32 | 6]
