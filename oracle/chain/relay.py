"""Sends orders and readings that others have signed; its key pays for gas and has no right."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from web3.logs import DISCARD
from web3.types import EventData, TxReceipt

from oracle.chain.chains import MAX_FEE_WEI, TRANSACTION_GAS
from oracle.chain.decoding import hex_of
from oracle.chain.market import compact
from oracle.chain.reverts import decoded, refusal_of, translated
from oracle.chain.sender import REPLACE_AFTER_S, Replaced, Sender
from oracle.chain.source import MarketSource
from oracle.domain.blocks import (
    OrderToPost,
    Outgoing,
    Posted,
    ReadingToPost,
    Refusal,
    SkippedEntry,
)
from oracle.errors import ContractRevert
from oracle.units import Slot

PARITIES = (27, 28)  # last of the 65 bytes of a key's signature
UNKNOWN_CAUSE = Refusal(name="Failed", text="its transaction failed, and would not fail now")

# What a transaction pays for each byte before its call begins (EIP-2028).
ZERO_BYTE_GAS, OTHER_BYTE_GAS = 4, 16

Call = tuple[str, list[Any]]  # function of the Exchange and its arguments


class MarketRelay:
    """The relay as `backend.chain.ChainRelay` has it."""

    def __init__(
        self,
        source: MarketSource,
        key: LocalAccount,
        *,
        max_fee_wei: int = MAX_FEE_WEI,
        replace_after_s: float = REPLACE_AFTER_S,
    ) -> None:
        """`max_fee_wei` is the most that a unit of gas may cost, base fee and tip together."""
        self._exchange = source.exchange
        self._sender = Sender(
            source.chain,
            source.exchange.address,
            key,
            max_fee_wei=max_fee_wei,
            replace_after_s=replace_after_s,
        )

    def is_signed(self, owner: str, signed: OrderToPost) -> bool:
        """Ask with the gas that the contract gives a wallet, so that it would say the same."""
        with translated():
            digest = self._exchange.functions["hashOf"](signed.slot, signed.order.pack()).call({})
        asked = [to_checksum_address(owner), digest, signed.signature]
        data = self._exchange.encode_abi("isSignedBy", asked)
        try:
            answer = self._sender.call(data, gas=self._wallet_gas + _gas_before(data))
        except ContractRevert:
            return False
        return int.from_bytes(answer, "big") == 1

    def sign_orders(self, slot: Slot, orders: Sequence[OrderToPost]) -> Outgoing:
        return self._signed(_orders_call(slot, orders))

    def sign_readings(self, slot: Slot, readings: Sequence[ReadingToPost]) -> Outgoing:
        return self._signed(_readings_call(slot, readings))

    def send(self, outgoing: Outgoing, replaced: Replaced) -> Posted | None:
        return self._posted(outgoing, self._sender.send(outgoing, replaced))

    def resume(self, outgoing: Outgoing, replaced: Replaced) -> Posted | None:
        return self._posted(outgoing, self._sender.resume(outgoing, replaced))

    @cached_property
    def _wallet_gas(self) -> int:
        with translated():
            return int(self._exchange.functions["WALLET_GAS"]().call({}))

    def _signed(self, call: Call) -> Outgoing:
        """Sign a call that would work now; a refused transaction would cost as much."""
        function, arguments = call
        data = self._exchange.encode_abi(function, arguments)
        self._sender.call(data)
        return self._sender.sign(data)

    def _posted(self, outgoing: Outgoing, receipt: TxReceipt | None) -> Posted | None:
        if receipt is None:
            return None
        return Posted(
            transaction=hex_of(receipt["transactionHash"]),
            block=receipt["blockNumber"],
            skipped=tuple(
                SkippedEntry(
                    position=event["args"]["position"],
                    reason=refusal_of(decoded(event["args"]["reason"])),
                )
                for event in self._events("OrderSkipped", receipt)
            ),
            recorded=frozenset(
                entry >> 32 & 0xFFFF
                for event in self._events("ReadingsRecorded", receipt)
                for entry in event["args"]["entries"]
            ),
            refusal=None if receipt["status"] == 1 else self._cause(outgoing),
        )

    def _events(self, name: str, receipt: TxReceipt) -> list[EventData]:
        if not any(entry.get("name") == name for entry in self._exchange.abi):
            return []  # sealed orders are their owners' to send
        return list(self._exchange.events[name]().process_receipt(receipt, errors=DISCARD))

    def _cause(self, outgoing: Outgoing) -> Refusal:
        """Return why a transaction failed, as far as the same call fails now."""
        try:
            self._sender.call(outgoing.call)
        except ContractRevert as error:
            return refusal_of(error)
        return UNKNOWN_CAUSE


def _orders_call(slot: Slot, orders: Sequence[OrderToPost]) -> Call:
    """Return the cheaper call where keys have signed all orders, else that for wallets."""
    words = [one.order.pack() for one in orders]
    signatures = [one.signature for one in orders]
    if all(not one.is_wallets and _is_of_key(one.signature) for one in orders):
        return "post", [slot, words, [compact(signature) for signature in signatures]]
    return "postForWallets", [slot, words, signatures]


def _is_of_key(signature: bytes) -> bool:
    return len(signature) == 65 and signature[64] in PARITIES


def _readings_call(slot: Slot, readings: Sequence[ReadingToPost]) -> Call:
    fields = [(one.participant, one.energy, *compact(one.signature)) for one in readings]
    return "recordReadings", [slot, fields]


def _gas_before(data: str) -> int:
    content = bytes.fromhex(data.removeprefix("0x"))
    zeros = content.count(0)
    return TRANSACTION_GAS + ZERO_BYTE_GAS * zeros + OTHER_BYTE_GAS * (len(content) - zeros)
