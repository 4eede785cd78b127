"""
Chains that the oracle settles on: a local anvil, or any URL. The embedded one has its module.

All of them are driven in the same way: transactions are signed here, sent raw, and awaited one by
one; the clock is simulated, so the chain's time is moved. A transaction that fails is called again
to learn why.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from eth_abi.exceptions import EncodingError
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.abi import function_abi_to_4byte_selector, get_abi_input_types
from eth_utils.exceptions import ValidationError
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import BlockNotFound, Web3Exception
from web3.types import LogReceipt, Nonce, TxParams, TxReceipt, Wei

from oracle.chain.anvil import (
    HARDFORK,
    answers,
    connect,
    free_port,
    start_anvil,
    stop_anvil,
    web3_at,
)
from oracle.chain.artifacts import load_artifact
from oracle.chain.reverts import translated
from oracle.errors import ChainUnavailable, InvalidInputError

TRANSACTION_GAS = 21_000  # of one that calls nothing, and of others before their call
GAS_LIMIT = 16_000_000  # below the cap per transaction of EIP-7825
MAX_FEE_WEI = 100 * 10**9
TIP_WEI = 10**9
FUNDS_WEI = 8 * 10**18  # 1,024 participants fit the 10,000 coins of an account of anvil
DEVELOPMENT_NODES = ("anvil", "ethereumtester", "eth-tester", "hardhat")
FUNDER_VARIABLE = "WATTLINE_FUNDER_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The latest block."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A transaction of ours that was mined."""

    function: str
    transaction: str  # its hash
    gas: int


class Chain:
    """A chain and what we have sent to it; `gas` holds gasUsed of each call by function."""

    def __init__(self, name: str, w3: Web3, funder: LocalAccount | None = None) -> None:
        self.name = name
        self.w3 = w3
        self.hardfork = HARDFORK
        self.gas: dict[str, list[int]] = {}
        self.on_sent: Callable[[Sent], None] = lambda sent: None
        self.receipt_timeout_s = 60.0  # for a transaction that was taken to be mined
        self._funder = funder
        self._nonces: dict[ChecksumAddress, Nonce] = {}
        with translated():
            self.chain_id = w3.eth.chain_id

    def now(self) -> int:
        """Return the time of the latest block."""
        with translated():
            return int(self.w3.eth.get_block("latest")["timestamp"])

    def block_number(self) -> int:
        """Return the number of the latest block."""
        with translated():
            return int(self.w3.eth.block_number)

    def head(self) -> Head:
        """Return the latest block."""
        with translated():
            block = self.w3.eth.get_block("latest")
        return Head(
            number=int(block["number"]), hash=bytes(block["hash"]), time=int(block["timestamp"])
        )

    def has_block(self, number: int, block_hash: bytes) -> bool:
        """Return whether a block is still part of the chain; not so after a reorganisation."""
        try:
            with translated():
                return bytes(self.w3.eth.get_block(number)["hash"]) == block_hash
        except ChainUnavailable as error:
            if isinstance(error.__cause__, BlockNotFound):
                return False
            raise

    def forget_nonces(self) -> None:
        """Ask the node for the nonces again: it may have taken blocks back."""
        self._nonces.clear()

    def is_development(self) -> bool:
        """Return whether it is one that anybody starts for himself, where nothing is of worth."""
        with translated():
            return self.w3.client_version.lower().startswith(DEVELOPMENT_NODES)

    def logs(self, address: ChecksumAddress, first: int, last: int) -> list[LogReceipt]:
        """Return what a contract logged in the blocks from `first` to `last`, in order."""
        with translated():
            return self.w3.eth.get_logs({"address": address, "fromBlock": first, "toBlock": last})

    def travel_to(self, timestamp: int) -> None:
        """
        Move the chain's time on, so that the next transaction runs at `timestamp` or later.

        Nothing happens where it is later already.
        """
        if timestamp > self.now():
            self._travel(timestamp)

    def fund(self, addresses: Sequence[ChecksumAddress]) -> None:
        """Give each address the chain's own coin, to pay for gas."""
        for address in addresses:
            self._await(self._fund_one(address))

    def deploy(self, sender: LocalAccount, name: str, *arguments: Any) -> Contract:
        """Deploy a contract of the product and return it."""
        artifact = load_artifact(name)
        factory = self.w3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
        with _encoding(f"deploy {name}"):
            data = factory.constructor(*arguments).data_in_transaction
        receipt = self._send(sender, {"data": data}, f"deploy {name}")
        return factory(receipt["contractAddress"])

    def send(
        self, sender: LocalAccount, contract: Contract, name: str, *arguments: Any
    ) -> TxReceipt:
        """
        Call a function of a contract in a transaction.

        Raises
        ------
        ContractRevert
            With the contract's custom error, if it refused.
        """
        with _encoding(name):
            data = calldata(contract, name, arguments)
        return self._send(sender, {"to": contract.address, "data": data}, name)

    def close(self) -> None:
        """Release what the chain holds."""

    def _send(self, sender: LocalAccount, transaction: dict[str, Any], label: str) -> TxReceipt:
        address = sender.address
        nonce = self._nonces.pop(address, None)  # comes back if the node takes the transaction
        if nonce is None:
            with translated():
                nonce = self.w3.eth.get_transaction_count(address, "pending")
        signed = self._signed(sender, {"nonce": nonce, "gas": GAS_LIMIT, "value": 0, **transaction})
        with translated():
            receipt = self._await(self.w3.eth.send_raw_transaction(signed))
        self._nonces[address] = Nonce(nonce + 1)
        if receipt["status"] != 1:
            with translated():
                self.w3.eth.call(cast("TxParams", {"from": address, **transaction}))
            raise ChainUnavailable(f"{label} failed, and would not fail now: out of gas?")
        self.gas.setdefault(label, []).append(receipt["gasUsed"])
        transaction_hash = "0x" + bytes(receipt["transactionHash"]).hex()
        self.on_sent(Sent(function=label, transaction=transaction_hash, gas=receipt["gasUsed"]))
        return receipt

    def _signed(self, sender: LocalAccount, transaction: dict[str, Any]) -> HexBytes:
        envelope = {
            "chainId": self.chain_id,
            "type": 2,
            "maxFeePerGas": MAX_FEE_WEI,
            "maxPriorityFeePerGas": TIP_WEI,
        }
        return sender.sign_transaction({**envelope, **transaction}).raw_transaction

    def _await(self, transaction_hash: Any) -> TxReceipt:
        with translated():
            return self.w3.eth.wait_for_transaction_receipt(
                transaction_hash, timeout=self.receipt_timeout_s, poll_latency=0.002
            )

    def _fund_one(self, address: ChecksumAddress) -> Any:
        with translated():
            if self._funder is not None:
                nonce = self.w3.eth.get_transaction_count(self._funder.address, "pending")
                gift = {"nonce": nonce, "gas": TRANSACTION_GAS, "to": address, "value": FUNDS_WEI}
                return self.w3.eth.send_raw_transaction(self._signed(self._funder, gift))
            unlocked = self.w3.eth.accounts
            if not unlocked:
                raise ChainUnavailable(
                    f"no account to pay for gas: the node unlocks none, set {FUNDER_VARIABLE}"
                )
            return self.w3.eth.send_transaction(
                {
                    "from": unlocked[0],
                    "to": address,
                    "value": Wei(FUNDS_WEI),
                    "gas": TRANSACTION_GAS,
                }
            )

    def _travel(self, timestamp: int) -> None:
        with translated():
            answer = self.w3.provider.make_request("evm_setNextBlockTimestamp", [timestamp])  # type: ignore[arg-type]
            if "error" in answer:
                raise ChainUnavailable(
                    f"{self.name} cannot move its clock (evm_setNextBlockTimestamp): "
                    "expected a development chain such as anvil"
                )
            self.w3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]


class AnvilChain(Chain):
    """A local anvil that this object starts and stops."""

    def __init__(self) -> None:
        port = free_port()
        self._process = start_anvil(port)
        try:
            w3 = connect(f"http://127.0.0.1:{port}", self._process)
            super().__init__("anvil", w3)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop the node that we started."""
        stop_anvil(self._process)


def calldata(contract: Contract, name: str, arguments: Sequence[Any]) -> bytes:
    """
    Return the calldata of a call.

    The contract's own `encode_abi` walks through lists in Python several times: of a thousand
    orders that takes longer than to clear them.

    Raises
    ------
    EncodingError
        If an argument does not fit its type.
    """
    abi = contract.get_function_by_name(name).abi
    encoded: bytes = contract.w3.codec.encode(get_abi_input_types(abi), arguments)
    return function_abi_to_4byte_selector(abi) + encoded


@contextmanager
def _encoding(label: str) -> Iterator[None]:
    """Say in one line that an argument does not fit its type, instead of listing the ABI."""
    try:
        yield
    except (Web3Exception, EncodingError, ValidationError) as error:
        raise InvalidInputError(f"{label}: an argument does not fit the contract") from error


def open_chain(name: str) -> Chain:
    """
    Return the chain called `name`: "embedded", "anvil", or a URL of a JSON-RPC node.

    Raises
    ------
    ChainUnavailable
        If the node does not answer or cannot be started.
    InvalidInputError
        If `name` is none of these.
    """
    if name == "embedded":
        # Importing eth-tester and py-evm takes longer than most commands.
        from oracle.chain.embedded import EmbeddedChain

        return EmbeddedChain()
    if name == "anvil":
        return AnvilChain()
    if not name.startswith(("http://", "https://")):
        raise InvalidInputError(
            f"--chain {name}: expected embedded, anvil, or a URL such as http://127.0.0.1:8545"
        )
    w3 = web3_at(name)
    if not answers(w3):
        raise ChainUnavailable(f"{name}: no Ethereum node answers there")
    return Chain(name, w3, _funder())


def _funder() -> LocalAccount | None:
    key = os.environ.get(FUNDER_VARIABLE)
    if not key:
        return None
    try:
        account: LocalAccount = Account.from_key(key)
    except ValueError as error:
        raise InvalidInputError(f"{FUNDER_VARIABLE}: expected a private key of 32 bytes") from error
    return account
