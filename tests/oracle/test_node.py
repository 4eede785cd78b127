"""The node of a devnet: what is on disk, and a clock that goes on where it was."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from web3 import HTTPProvider, Web3

from oracle.chain.anvil import free_port
from oracle.chain.node import Node
from oracle.chain.signatures import development_key
from oracle.deploy import deploy_scenario
from oracle.errors import ChainUnavailable, InvalidInputError
from tests.oracle.communities import a_community, a_line, a_scenario

pytestmark = pytest.mark.node

GENESIS = 1_462_744_800
SOMEBODY = development_key("somebody")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "node"


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    """Nodes that are stopped in the end."""
    started: list[Node] = []
    yield started
    for node in started:
        if node.is_running():
            node.stop()


def started(folder: Path, nodes: list[Node]) -> Node:
    node = Node(folder, free_port(), genesis=GENESIS)
    node.start(folder.parent / "node.log")
    nodes.append(node)
    return node


def killed(node: Node) -> None:
    assert node.pid is not None
    os.kill(node.pid, signal.SIGKILL)
    while node.is_running():
        pass


def test_a_new_chain_begins_at_its_genesis_and_time_stands_but_for_transactions(
    folder: Path, nodes: list[Node]
) -> None:
    node = started(folder, nodes)
    assert node.head().time == GENESIS

    node.chain().fund([SOMEBODY.address])

    assert node.head().time == GENESIS + 1


def test_the_clock_moves_on_and_never_back(folder: Path, nodes: list[Node]) -> None:
    node = started(folder, nodes)

    node.move_to(GENESIS + 900)
    node.move_to(GENESIS + 100)

    assert node.head().time == GENESIS + 900


@pytest.mark.contract
def test_blocks_receipts_logs_and_contracts_are_there_after_a_stop(
    folder: Path, nodes: list[Node]
) -> None:
    node = started(folder, nodes)
    scenario = a_scenario(a_community([[20.0], [-30.0]], [a_line(0, 1, 1)]))
    manifest = deploy_scenario(node.chain(), scenario)
    exchange = manifest.address("Exchange")
    before = node.head()
    logs = node.chain().logs(exchange, 0, before.number)
    assert logs
    node.stop()

    again = started(folder, nodes)

    chain = again.chain()
    assert again.head() == before
    assert chain.logs(exchange, 0, before.number) == logs
    assert chain.w3.eth.get_transaction_receipt(logs[0]["transactionHash"])["status"] == 1
    assert chain.w3.eth.get_block(1)["number"] == 1
    chain.fund([SOMEBODY.address])
    assert again.head().time == before.time + 1


def test_a_node_that_is_killed_goes_on_with_what_was_written(
    folder: Path, nodes: list[Node]
) -> None:
    node = started(folder, nodes)
    node.move_to(GENESIS + 900)
    node.save()
    written = node.head()
    node.move_to(GENESIS + 1_800)
    killed(node)

    node.start(folder.parent / "node.log")

    assert node.head() == written


def test_the_state_is_written_in_one_piece(
    folder: Path, nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    node = started(folder, nodes)
    node.save()
    whole = node.state.read_bytes()
    node.move_to(GENESIS + 900)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        node.save()

    assert node.state.read_bytes() == whole
    assert json.loads(whole)["block"]


def test_a_node_that_is_gone_cannot_be_written(folder: Path, nodes: list[Node]) -> None:
    node = started(folder, nodes)
    killed(node)

    with pytest.raises(ChainUnavailable, match="does not answer"):
        node.save()


def test_a_state_that_is_none_is_refused(folder: Path, nodes: list[Node]) -> None:
    folder.mkdir()
    (folder / "state.json").write_text("{}")

    with pytest.raises(InvalidInputError, match="expected the state of an anvil"):
        started(folder, nodes)


def test_coins_are_given_without_a_transaction(folder: Path, nodes: list[Node]) -> None:
    node = started(folder, nodes)

    node.give_coins([SOMEBODY.address])

    w3 = Web3(HTTPProvider(node.url))
    assert w3.eth.get_balance(SOMEBODY.address) == 10**24
    assert node.head().number == 0
