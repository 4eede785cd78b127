"""Blocks of a market read from a node."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from oracle.chain.embedded import EmbeddedChain
from oracle.chain.source import MarketSource
from oracle.errors import ChainUnavailable, InvalidInputError
from tests.backend.index.worlds import NodeWorld
from tests.contracts.markets import (
    BOND,
    COMPENSATION,
    FULL_VALUE,
    MEMORY,
    STRANGER,
    World,
    a_book,
    some_terms,
)
from tests.contracts.revertible import deploy_mock

pytestmark = [pytest.mark.contract, pytest.mark.node]


@pytest.fixture(scope="module")
def world() -> Iterator[NodeWorld]:
    world = NodeWorld(some_terms())
    with closing(world.chain):
        yield world


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
    wallet = deploy_mock(world.chain, STRANGER, "MockWallet", STRANGER.address)
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
