"""
The chain as the service sees it: what a reader tells of blocks, and what a relay may send.

The service knows no node and no library of one: `oracle.chain.source` implements these protocols,
with the records of `oracle.domain.blocks`.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from oracle.domain.blocks import (
    BlockHeader,
    ChainEvent,
    ChainSegment,
    ChainTransaction,
    MarketRules,
    MechanismTerms,
    OrderToPost,
    Outgoing,
    Posted,
    ReadingToPost,
    Refusal,
    SkippedEntry,
)
from oracle.units import Slot

__all__ = [
    "BlockHeader",
    "ChainEvent",
    "ChainReader",
    "ChainRelay",
    "ChainSegment",
    "ChainTransaction",
    "MarketRules",
    "MechanismTerms",
    "OrderToPost",
    "Outgoing",
    "Posted",
    "ReadingToPost",
    "Refusal",
    "Replaced",
    "SkippedEntry",
]

Replaced = Callable[[Outgoing], None]  # is told of a replacement before it is sent


class ChainReader(Protocol):
    """
    Reads a market from a node; safe to share between threads.

    Every method raises `oracle.errors.ChainUnavailable` where the node does not answer.
    """

    def rules(self) -> MarketRules:
        """Return the constants of the market; read once."""

    def head(self) -> BlockHeader:
        """Return the latest block."""

    def header(self, number: int) -> BlockHeader | None:
        """Return a block; None where the chain is not that long."""

    def segment(self, first: int, last: int) -> ChainSegment:
        """Return the blocks from `first` to `last`, which must be there."""


class ChainRelay(Protocol):
    """
    Sends what others have signed, at the relay's cost; it has no right of its own.

    One transaction at a time: its user remembers what is signed before it is sent, and signs the
    next when that has come to its end. Every method raises `oracle.errors.ChainUnavailable` where
    the node does not answer.
    """

    def is_signed(self, owner: str, signed: OrderToPost) -> bool:
        """Return whether the owner, a key or a contract wallet, has signed the order."""

    def sign_orders(self, slot: Slot, orders: Sequence[OrderToPost]) -> Outgoing:
        """
        Return a transaction that records orders of a slot.

        Raises `oracle.errors.ContractRevert` where all of it would be refused.
        """

    def sign_readings(self, slot: Slot, readings: Sequence[ReadingToPost]) -> Outgoing:
        """Return a transaction that records readings of a slot; raises as `sign_orders`."""

    def send(self, outgoing: Outgoing, replaced: Replaced) -> Posted | None:
        """
        Send a transaction and wait for it; None if the chain took another with its nonce.

        Raises `oracle.errors.TransactionRefused` where the node does not take it, and
        `oracle.errors.ChainUnavailable` where it may be on its way.
        """

    def resume(self, outgoing: Outgoing, replaced: Replaced) -> Posted | None:
        """
        Find a transaction again that was sent, or was to be, and wait for it; None if it is lost.

        The node is sent what it has forgotten, if that would still work.
        """
