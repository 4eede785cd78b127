"""A chain in the process that can be put back to where it was."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3.contract import Contract
from web3.types import LogReceipt, TxReceipt

from oracle.chain.chains import MAX_FEE_WEI
from oracle.chain.embedded import EmbeddedChain

ARTIFACTS = Path(__file__).parent / "artifacts"


class RevertibleChain(EmbeddedChain):
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
        self._nonces.clear()

    def deploy_mock(self, sender: LocalAccount, name: str, *arguments: Any) -> Contract:
        """Deploy a contract of contracts/mocks."""
        artifact = json.loads((ARTIFACTS / f"{name}.json").read_text())
        factory = self.w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        data = factory.constructor(*arguments).data_in_transaction
        receipt = self._send(sender, {"data": data}, f"deploy {name}")
        return factory(receipt["contractAddress"])

    def send_raw(self, sender: LocalAccount, contract: Contract, data: bytes) -> TxReceipt:
        """Send calldata that no function may have made."""
        return self._send(sender, {"to": contract.address, "data": HexBytes(data)}, "raw calldata")

    def logs(self, address: ChecksumAddress, first: int, last: int) -> list[LogReceipt]:
        blocks = [block for block in self._blocks_down_to(first) if block.number <= last]
        return [log for block in reversed(blocks) for log in self._logs_of(block, address.lower())]

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
