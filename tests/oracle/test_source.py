"""Blocks of a market read from a node, and the relay that sends what others have signed."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from oracle.chain.chains import EmbeddedChain
from oracle.chain.relay import MarketRelay
from oracle.chain.source import MarketSource
from oracle.domain.blocks import OrderToPost, ReadingToPost
from oracle.domain.book import Order
from oracle.domain.clock import starts_at
from oracle.errors import ChainUnavailable, ContractRevert, InvalidInputError
from oracle.units import SLOT_SECONDS, Slot
from tests.backend.index.worlds import NodeWorld
from tests.contracts.markets import (
    BOND,
    COMPENSATION,
    FULL_VALUE,
    LATECOMER,
    MEMORY,
    STRANGER,
    World,
    a_bid,
    a_book,
    an_offer,
    meter_of,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import RevertibleChain

pytestmark = [pytest.mark.contract, pytest.mark.node]


@pytest.fixture(scope="module")
def world() -> Iterator[NodeWorld]:
    world = NodeWorld(some_terms())
    with closing(world.chain):
        yield world


@pytest.fixture
def relay(world: NodeWorld) -> MarketRelay:
    return MarketRelay(world.source(), LATECOMER)


def handed_in(world: World, slot: Slot, order: Order, *, forged: bool = False) -> OrderToPost:
    signed = world.sign(slot, order, key=STRANGER if forged else None)
    return OrderToPost(slot=slot, order=order, signature=signed.signature)


def a_meter_reading(world: World, slot: Slot, participant: int, *, by: int) -> ReadingToPost:
    reading = world.reading(slot, participant, 5, meter=meter_of(by))
    return ReadingToPost(
        slot=slot, participant=participant, energy=reading.energy, signature=reading.signature
    )


def test_says_the_rules_of_the_market(world: NodeWorld) -> None:
    rules = world.source().rules()

    assert (rules.chain_id, rules.exchange) == (31337, world.exchange.address.lower())
    assert (rules.bond_price, rules.compensation_price) == (BOND, COMPENSATION)
    assert (rules.memory, rules.full_value, rules.seal_bond) == (MEMORY, FULL_VALUE, 0)


def test_blocks_follow_each_other_up_to_the_head(world: NodeWorld) -> None:
    source = world.source()
    head = source.head()

    segment = source.segment(0, head.number)

    assert segment.headers[-1] == head
    assert source.header(head.number + 1) is None
    parents = [header.hash for header in segment.headers[:-1]]
    assert [header.parent_hash for header in segment.headers[1:]] == parents
    block = world.chain.w3.eth.get_block(head.number)
    assert (head.time, head.hash) == (block["timestamp"], block["hash"].to_0x_hex())


def test_a_transaction_has_its_function_sender_gas_and_certificate(world: NodeWorld) -> None:
    slot, first = world.open_slot, world.chain.block_number() + 1
    world.post(slot, a_book())
    stage = world.close(slot)
    world.clear(stage)

    found = world.source().segment(first, world.chain.block_number()).transactions

    assert [(one.contract, one.function) for one in found] == [
        ("Exchange", "post"),
        ("Exchange", "clear"),
    ]
    assert {one.sender for one in found} == {STRANGER.address.lower()}
    assert [one.certificate for one in found] == [None, stage.outcome.certificate]
    assert [one.gas_used for one in found] == [
        world.chain.gas[name][-1] for name in ("post", "clear")
    ]


def test_the_deployment_is_told_from_calls(world: NodeWorld) -> None:
    found = world.source().segment(0, world.chain.block_number()).transactions

    deployed = {one.contract for one in found if one.function == "deploy"}
    assert deployed == {"Registry", "LineLease", "StorageLedger", "Exchange"}


def test_what_another_contract_passed_on_is_not_seen(world: NodeWorld) -> None:
    wallet = RevertibleChain.deploy_mock(world.chain, STRANGER, "MockWallet", STRANGER.address)  # type: ignore[arg-type]
    slot = world.open_slot
    world.place(slot, a_book())
    stage = world.close(slot)
    outcome = stage.trade_words, stage.outcome.certificate
    clear = world.exchange.encode_abi("clear", [slot, stage.book_words, *outcome])

    block = world.send(STRANGER, "act", world.exchange.address, clear, on=wallet)["blockNumber"]

    (passed_on,) = world.source().segment(block, block).transactions
    assert (passed_on.contract, passed_on.function) == ("Exchange", "unseen")
    assert passed_on.certificate is None


def test_blocks_that_are_not_there_may_come(world: NodeWorld) -> None:
    after = world.chain.block_number() + 1

    with pytest.raises(ChainUnavailable, match="reorganised while it was read"):
        world.source().segment(after, after)


@pytest.mark.parametrize("address", ["0x" + 40 * "1", "0x12", "nobody"])
def test_an_address_without_an_exchange_is_refused(address: str, world: NodeWorld) -> None:
    with pytest.raises(InvalidInputError, match=f"^{address}: "):
        MarketSource(world.chain, address)


def test_another_contract_is_no_exchange(world: NodeWorld) -> None:
    with pytest.raises(InvalidInputError, match="there is no Exchange at this address"):
        MarketSource(world.chain, world.deployment.registry.address)


def test_a_chain_in_the_process_is_refused() -> None:
    world = World(EmbeddedChain(), some_terms())  # type: ignore[arg-type]

    with pytest.raises(InvalidInputError, match="expected a chain that is a node with a URL"):
        MarketSource(world.chain, world.exchange.address).head()


def test_posts_orders_and_says_which_were_passed_over(world: NodeWorld, relay: MarketRelay) -> None:
    slot = world.open_slot
    forged = handed_in(world, slot, an_offer(2, 900, 80), forged=True)
    orders = [handed_in(world, slot, an_offer(1, 1000, 80)), forged]

    posted = relay.post_orders(slot, orders)

    assert [order.participant for order in world.market.book(slot)] == [1]
    owner = owner_of(2).address.lower()
    (skipped,) = posted.skipped
    assert (skipped.position, skipped.reason.name) == (1, "WrongSigner")
    assert skipped.reason.text == f"WrongSigner(participant=2, owner={owner})"
    assert posted.block == world.chain.block_number()
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

    posted = relay.post_orders(slot, [odd])

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
    wallet = RevertibleChain.deploy_mock(world.chain, STRANGER, "MockWallet", STRANGER.address)  # type: ignore[arg-type]
    slot = world.open_slot
    own, forged = (handed_in(world, slot, a_bid(4, 10, 90), forged=by) for by in (True, False))

    assert relay.is_signed(wallet.address, own)
    assert not relay.is_signed(wallet.address, forged)


def test_a_batch_that_is_refused_is_refused_before_it_is_sent(
    world: NodeWorld, relay: MarketRelay
) -> None:
    slot, block = world.open_slot, world.chain.block_number()
    orders = [handed_in(world, slot, an_offer(1, 1000, 80))]
    too_early = Slot(slot + 100)

    with pytest.raises(ContractRevert, match="NotOpenYet"):
        relay.post_orders(too_early, [replace(orders[0], slot=too_early)])

    assert world.chain.block_number() == block


def test_posts_readings_of_their_meters_alone(world: NodeWorld, relay: MarketRelay) -> None:
    slot = world.open_slot
    world.now_runs_at(starts_at(slot) + SLOT_SECONDS)
    readings = [a_meter_reading(world, slot, number, by=number) for number in (1, 2)]
    forged = a_meter_reading(world, slot, 3, by=4)

    with pytest.raises(ContractRevert, match="WrongMeter"):
        relay.post_readings(slot, [forged])
    posted = relay.post_readings(slot, readings)

    assert posted.skipped == ()
    assert world.market.readings(slot) == [1 << 32 | 5, 2 << 32 | 5]
