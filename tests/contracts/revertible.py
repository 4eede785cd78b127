"""
Chains that can be put back to where they were.

Tests run on anvil, which executes contracts many times faster; with WATTLINE_TEST_CHAIN=embedded on
the chain in the process, which is what the coverage of contracts looks into.
"""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3.contract import Contract
from web3.types import LogReceipt, TxReceipt

from oracle.chain.chains import MAX_FEE_WEI, AnvilChain, Chain
from oracle.chain.embedded import EmbeddedChain

ARTIFACTS = Path(__file__).parent / "artifacts"


class RevertibleChain(Chain, ABC):
    """A chain with marks."""

    @abstractmethod
    def mark(self) -> Any:
        """Return where the chain stands."""

    @abstractmethod
    def put_back(self, mark: Any) -> None:
        """Put the chain back, any number of times; marks made since are of no use afterwards."""


def revertible_chain() -> RevertibleChain:
    """Start a chain, which has to be closed."""
    if os.environ.get("WATTLINE_TEST_CHAIN") == "embedded":
        return RevertibleEmbedded()
    return RevertibleAnvil()


def deploy_mock(chain: Chain, sender: LocalAccount, name: str, *arguments: Any) -> Contract:
    """Deploy a contract of contracts/mocks."""
    artifact = json.loads((ARTIFACTS / f"{name}.json").read_text())
    factory = chain.w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    data = factory.constructor(*arguments).data_in_transaction
    receipt = chain._send(sender, {"data": data}, f"deploy {name}")
    return factory(receipt["contractAddress"])


def ask(chain: Chain, method: str, *arguments: object) -> Any:
    """Ask a node for what only development chains do."""
    answer = chain.w3.provider.make_request(method, list(arguments))  # type: ignore[arg-type]
    assert "error" not in answer, answer
    return answer["result"]


def send_raw(chain: Chain, sender: LocalAccount, contract: Contract, data: bytes) -> TxReceipt:
    """Send calldata that no function may have made."""
    call = {"to": contract.address, "data": HexBytes(data)}
    return chain._send(sender, call, "raw calldata")


@dataclass(slots=True)
class _Snapshot:
    """A state that anvil keeps; it forgets it when it is put back to it."""

    number: str


class RevertibleAnvil(AnvilChain, RevertibleChain):
    """An anvil whose blocks are a second apart, however long a test takes."""

    def __init__(self) -> None:
        super().__init__()
        ask(self, "anvil_setBlockTimestampInterval", 1)

    def mark(self) -> _Snapshot:
        return _Snapshot(ask(self, "evm_snapshot"))

    def put_back(self, mark: _Snapshot) -> None:
        assert ask(self, "evm_revert", mark.number) is True, "the chain was put back before a mark"
        mark.number = ask(self, "evm_snapshot")
        self.forget_nonces()


class RevertibleEmbedded(EmbeddedChain, RevertibleChain):
    """
    An embedded chain with marks.

    eth-tester goes on to find transactions and blocks that were left behind: so no two transactions
    are equal here, and logs are read from the blocks that really lead to the latest.
    """

    def __init__(self) -> None:
        super().__init__()
        self._signatures = 0

    def mark(self) -> Any:
        return self.tester.take_snapshot()

    def put_back(self, mark: Any) -> None:
        self.tester.revert_to_snapshot(mark)
        self.forget_nonces()

    def logs(self, address: ChecksumAddress, first: int, last: int) -> list[LogReceipt]:
        blocks = [block for block in self._blocks_down_to(first) if block.number <= last]
        return [log for block in reversed(blocks) for log in self._logs_of(block, address.lower())]

    def _travel(self, timestamp: int) -> None:
        """Let calls run at `timestamp`, as on a node: eth-tester's run a second earlier."""
        super()._travel(timestamp + 1)

    def _blocks_down_to(self, first: int) -> Iterator[Any]:
        chain = self.tester.backend.chain
        block = chain.get_block_by_hash(chain.get_canonical_head().hash)
        while block.number >= first:
            yield block
            block = chain.get_block_by_hash(block.header.parent_hash)

    def _logs_of(self, block: Any, address: str) -> Iterator[LogReceipt]:
        receipts = block.get_receipts(self.tester.backend.chain.chaindb)
        logs = [log for receipt in receipts for log in receipt.logs]
        for position, log in enumerate(logs):
            if "0x" + log.address.hex() == address:
                yield {
                    "address": to_checksum_address(log.address),
                    "blockHash": HexBytes(block.hash),
                    "blockNumber": block.number,
                    "data": HexBytes(log.data),
                    "logIndex": position,
                    "removed": False,
                    "topics": [HexBytes(topic.to_bytes(32, "big")) for topic in log.topics],
                    "transactionHash": HexBytes(bytes(32)),
                    "transactionIndex": 0,
                }

    def _signed(self, sender: LocalAccount, transaction: dict[str, Any]) -> HexBytes:
        self._signatures += 1
        return super()._signed(
            sender, {**transaction, "maxFeePerGas": MAX_FEE_WEI + self._signatures}
        )
