"""
Transactions of one key to one contract, which are found again by whoever remembers them.

A transaction is signed, remembered by the caller, sent, and awaited. Fees are the chain's
(EIP-1559): twice the base fee and the tip that the node asks for, up to a cap. One that stays
unmined is replaced by the same with higher fees; whichever of them is mined uses up their nonce, so
the call is made once.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import Any, cast

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.types import TxParams, TxReceipt

from oracle.chain.chains import GAS_LIMIT, MAX_FEE_WEI, Chain
from oracle.chain.reverts import translated
from oracle.domain.blocks import Outgoing
from oracle.errors import ChainUnavailable, ContractRevert, TransactionRefused

REPLACE_AFTER_S = 30.0  # two or three blocks of Ethereum
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.002, 0.5

OUT_OF_GAS = re.compile(r"out of ?gas|gas required exceeds|intrinsic gas", re.IGNORECASE)
TAKEN_ALREADY = re.compile(r"\balready ?(known|imported|in)|\bknown transaction", re.IGNORECASE)

Replaced = Callable[[Outgoing], None]  # is told of a replacement before it is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fees:
    max_fee: int
    tip: int


class Sender:
    """
    Sends calls of a contract, paid with a key; one at a time, which the caller sees to.

    The gas limit is fixed: an estimate would find the least with which a call succeeds, which of
    a call that goes on after a wallet ran out of gas is too little for the wallet.
    """

    def __init__(
        self,
        chain: Chain,
        target: ChecksumAddress,
        key: LocalAccount,
        *,
        max_fee_wei: int = MAX_FEE_WEI,
        replace_after_s: float = REPLACE_AFTER_S,
    ) -> None:
        self._chain = chain
        self._target = target
        self._key = key
        self._cap = max_fee_wei
        self._replace_after_s = replace_after_s

    def call(self, data: str, *, gas: int = GAS_LIMIT) -> bytes:
        """
        Return what a call would answer now.

        Raises
        ------
        ContractRevert
            If the contract refuses it, or it needs more gas.
        ChainUnavailable
            If the node does not answer.
        """
        asked = {"from": self._key.address, "to": self._target, "data": data, "gas": gas}
        try:
            with translated():
                return bytes(self._chain.w3.eth.call(cast("TxParams", asked)))
        except ChainUnavailable as error:
            if isinstance(error.__cause__, Web3RPCError) and OUT_OF_GAS.search(str(error)):
                raise ContractRevert("Error", {"reason": "out of gas"}) from error
            raise

    def sign(self, data: str) -> Outgoing:
        """
        Return a transaction with the next nonce and the fees of now; nothing is sent.

        Raises
        ------
        ChainUnavailable
            If the node does not answer, or gas costs more than the cap.
        """
        with translated():
            nonce = self._chain.w3.eth.get_transaction_count(self._key.address, "pending")
        fees = self._fees()
        return self._named(
            Outgoing(
                sender=self._key.address.lower(),
                nonce=nonce,
                call=data,
                max_fee=fees.max_fee,
                tip=fees.tip,
                hashes=(),
            )
        )

    def send(self, outgoing: Outgoing, replaced: Replaced) -> TxReceipt | None:
        """
        Send a transaction and wait for it.

        Returns None if the chain has taken another with its nonce.

        Raises
        ------
        TransactionRefused
            If the node does not take it.
        ChainUnavailable
            If the node does not answer or does not mine it in time: it may be on its way.
        """
        self._broadcast(outgoing)
        return self._awaited(outgoing, replaced)

    def resume(self, outgoing: Outgoing, replaced: Replaced) -> TxReceipt | None:
        """
        Find a transaction of an earlier life, send it again if the node has forgotten it, and wait.

        Returns None if it is lost: it never was sent or the chain took it back, and it would fail
        now, or the chain has taken another with its nonce, or its key is not ours any more.

        Raises
        ------
        ChainUnavailable
            If the node does not answer or does not mine it in time.
        """
        receipt = self._receipt(outgoing)
        if receipt is not None or outgoing.sender != self._key.address.lower():
            return receipt
        if not self._is_pending(outgoing):
            try:
                self.call(outgoing.call)
                self._broadcast(outgoing)
            except (ContractRevert, TransactionRefused):
                return self._receipt(outgoing)  # it may have been mined this moment
        return self._awaited(outgoing, replaced)

    def _awaited(self, outgoing: Outgoing, replaced: Replaced) -> TxReceipt | None:
        began = sent = monotonic()
        pause = SHORTEST_PAUSE_S
        while True:
            is_overtaken = pause == LONGEST_PAUSE_S and self._is_overtaken(outgoing)
            receipt = self._receipt(outgoing)
            if receipt is not None or is_overtaken:
                return receipt
            now = monotonic()
            if now - sent >= self._replace_after_s:
                outgoing, sent = self._dearer(outgoing, replaced), now
            if now - began >= self._chain.receipt_timeout_s:
                raise ChainUnavailable(
                    f"transaction {outgoing.hashes[-1]} is not mined yet; it is waited for"
                )
            sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _dearer(self, outgoing: Outgoing, replaced: Replaced) -> Outgoing:
        """Replace a transaction by one that nodes prefer, if the cap allows one."""
        try:
            fees = self._fees()
        except ChainUnavailable:
            return outgoing
        max_fee = min(self._cap, max(fees.max_fee, _raised(outgoing.max_fee)))
        tip = min(max_fee, max(fees.tip, _raised(outgoing.tip)))
        if max_fee <= _least_raised(outgoing.max_fee) or tip <= _least_raised(outgoing.tip):
            return outgoing
        replacement = self._named(replace(outgoing, max_fee=max_fee, tip=tip))
        replaced(replacement)
        try:
            self._broadcast(replacement)
        except TransactionRefused:
            return outgoing
        return replacement

    def _fees(self) -> _Fees:
        with translated():
            eth = self._chain.w3.eth
            base = int(eth.get_block("latest").get("baseFeePerGas", 0))
            asked = int(eth.max_priority_fee)
        tip = min(asked, self._cap)
        if base > self._cap:
            raise ChainUnavailable(f"gas costs {base} wei, more than the {self._cap} that we pay")
        return _Fees(max_fee=min(2 * base + tip, self._cap), tip=tip)

    def _broadcast(self, outgoing: Outgoing) -> None:
        try:
            with translated():
                self._chain.w3.eth.send_raw_transaction(self._signed(outgoing).raw_transaction)
        except ChainUnavailable as error:
            if not isinstance(error.__cause__, Web3RPCError):
                raise
            if not TAKEN_ALREADY.search(str(error)):
                raise TransactionRefused(str(error)) from error

    def _named(self, outgoing: Outgoing) -> Outgoing:
        """Return a transaction with its own hash as the last."""
        own = "0x" + bytes(self._signed(outgoing).hash).hex()
        return replace(outgoing, hashes=(*outgoing.hashes, own))

    def _signed(self, outgoing: Outgoing) -> Any:
        return self._key.sign_transaction(
            {
                "chainId": self._chain.chain_id,
                "type": 2,
                "nonce": outgoing.nonce,
                "to": self._target,
                "value": 0,
                "data": HexBytes(outgoing.call),
                "gas": GAS_LIMIT,
                "maxFeePerGas": outgoing.max_fee,
                "maxPriorityFeePerGas": outgoing.tip,
            }
        )

    def _receipt(self, outgoing: Outgoing) -> TxReceipt | None:
        for one in reversed(outgoing.hashes):
            with translated(), suppress(TransactionNotFound):
                return self._chain.w3.eth.get_transaction_receipt(HexBytes(one))
        return None

    def _is_pending(self, outgoing: Outgoing) -> bool:
        for one in reversed(outgoing.hashes):
            with translated(), suppress(TransactionNotFound):
                self._chain.w3.eth.get_transaction(HexBytes(one))
                return True
        return False

    def _is_overtaken(self, outgoing: Outgoing) -> bool:
        """Return whether a mined transaction has its nonce: look for the receipt after this."""
        with translated():
            count = self._chain.w3.eth.get_transaction_count(self._key.address, "latest")
        return count > outgoing.nonce


def _raised(wei: int) -> int:
    return wei + wei // 4 + 1


def _least_raised(wei: int) -> int:
    """Return what a node's pool wants more than, to replace a transaction."""
    return wei + wei // 10
