"""The chain that is embedded in the process: eth-tester on py-evm."""

import ast
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from eth_tester.exceptions import ValidationError as TesterValidationError
from eth_typing import BlockNumber, ChecksumAddress
from eth_utils.address import to_canonical_address
from hexbytes import HexBytes
from web3 import EthereumTesterProvider, Web3
from web3.exceptions import ContractLogicError, Web3ValidationError
from web3.types import LogReceipt, RPCEndpoint, RPCResponse

from oracle.chain.chains import Chain, Head
from oracle.chain.reverts import translated

# py-evm stamps no block before the wall's clock. From 2050 on nothing depends on that: the same run
# leaves the same bytes, whenever it is made.
GENESIS = 2_524_608_000


class EmbeddedChain(Chain):
    """eth-tester on py-evm, in this process."""

    def __init__(self) -> None:
        genesis = PyEVMBackend.generate_genesis_params({"timestamp": GENESIS})
        self.tester = EthereumTester(PyEVMBackend(genesis_parameters=genesis))
        super().__init__("embedded", Web3(_Provider(self.tester)))

    def head(self) -> Head:
        """Read the header itself: eth-tester makes up a whole block first."""
        header = self.tester.backend.chain.get_canonical_head()
        return Head(number=header.block_number, hash=bytes(header.hash), time=header.timestamp)

    def logs(self, address: ChecksumAddress, first: int, last: int) -> list[LogReceipt]:
        """Read the blocks themselves: eth-tester searches all later ones for each transaction."""
        chain = self.tester.backend.chain
        found: list[LogReceipt] = []
        for number in range(first, min(last, self.block_number()) + 1):
            block = chain.get_canonical_block_by_number(number)
            receipts = block.get_receipts(chain.chaindb)
            found += _logs_of(block, receipts, address)
        return found

    def _travel(self, timestamp: int) -> None:
        with translated(), _as_a_node_would_say():
            self.tester.time_travel(timestamp)


class _Provider(EthereumTesterProvider):
    """Asks eth-tester, and fails as a provider of any other node does."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        with _as_a_node_would_say():
            return super().make_request(method, params)


@contextmanager
def _as_a_node_would_say() -> Iterator[None]:
    """Turn exceptions of eth-tester into those of web3."""
    try:
        yield
    except TransactionFailed as error:
        raise ContractLogicError(data="0x" + _bytes_of(str(error)).hex()) from error
    except TesterValidationError as error:
        raise Web3ValidationError(str(error)) from error


def _logs_of(block: Any, receipts: Sequence[Any], address: ChecksumAddress) -> list[LogReceipt]:
    """Return what a contract logged in a block of py-evm, as a node would tell it."""
    logs = [(index, log) for index, receipt in enumerate(receipts) for log in receipt.logs]
    return [
        {
            "address": address,
            "blockHash": HexBytes(block.hash),
            "blockNumber": BlockNumber(block.number),
            "data": HexBytes(log.data),
            "logIndex": position,
            "removed": False,
            "topics": [HexBytes(topic.to_bytes(32, "big")) for topic in log.topics],
            "transactionHash": HexBytes(block.transactions[index].hash),
            "transactionIndex": index,
        }
        for position, (index, log) in enumerate(logs)
        if log.address == to_canonical_address(address)
    ]


def _bytes_of(text: str) -> bytes:
    """Return the revert data that eth-tester prints as the text of a bytes literal."""
    found = re.search(r"b(['\"]).*\1", text, re.DOTALL)
    value = ast.literal_eval(found.group()) if found else b""
    return value if isinstance(value, bytes) else b""
