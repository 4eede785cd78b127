"""Sends orders and readings that others have signed; its key pays for gas and has no right."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from web3.logs import DISCARD
from web3.types import TxReceipt

from oracle.chain.chains import GAS_LIMIT
from oracle.chain.decoding import hex_of
from oracle.chain.market import compact
from oracle.chain.reverts import decoded, refusal_of, translated
from oracle.chain.source import MarketSource
from oracle.domain.blocks import OrderToPost, Posted, ReadingToPost, SkippedEntry
from oracle.units import Slot

PARITIES = (27, 28)  # last of the 65 bytes of a key's signature
Call = tuple[str, list[Any]]  # function of the Exchange and its arguments


class MarketRelay:
    """The relay as `backend.chain.ChainRelay` has it; sends one transaction at a time."""

    def __init__(self, source: MarketSource, key: LocalAccount) -> None:
        self._chain = source.chain
        self._exchange = source.exchange
        self._key = key
        self._lock = Lock()

    def is_signed(self, owner: str, signed: OrderToPost) -> bool:
        functions = self._exchange.functions
        with translated():
            digest = functions["hashOf"](signed.slot, signed.order.pack()).call({})
            is_signed: bool = functions["isSignedBy"](
                to_checksum_address(owner), digest, signed.signature
            ).call({})
        return is_signed

    def post_orders(self, slot: Slot, orders: Sequence[OrderToPost]) -> Posted:
        receipt = self._send(_orders_call(slot, orders))
        skipped = self._exchange.events.OrderSkipped().process_receipt(receipt, errors=DISCARD)
        return Posted(
            transaction=hex_of(receipt["transactionHash"]),
            block=receipt["blockNumber"],
            skipped=tuple(
                SkippedEntry(
                    position=event["args"]["position"],
                    reason=refusal_of(decoded(event["args"]["reason"])),
                )
                for event in skipped
            ),
        )

    def post_readings(self, slot: Slot, readings: Sequence[ReadingToPost]) -> Posted:
        receipt = self._send(_readings_call(slot, readings))
        return Posted(transaction=hex_of(receipt["transactionHash"]), block=receipt["blockNumber"])

    def _send(self, call: Call) -> TxReceipt:
        """Send a call that would work now; a refused transaction would cost as much."""
        function, arguments = call
        with translated():
            self._exchange.functions[function](*arguments).call(
                {"from": self._key.address, "gas": GAS_LIMIT}
            )
        with self._lock:
            return self._chain.send(self._key, self._exchange, function, *arguments)


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
