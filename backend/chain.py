"""
The chain as the service sees it: what a reader tells of blocks, and what a relay may send.

The service knows no node and no library of one: `oracle.chain.source` implements these protocols,
with the records of `oracle.domain.blocks`.
"""

from collections.abc import Sequence
from typing import Protocol

from oracle.domain.blocks import (
    BlockHeader,
    ChainEvent,
    ChainSegment,
    ChainTransaction,
    MarketRules,
    MechanismTerms,
    OrderToPost,
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
    "Posted",
    "ReadingToPost",
    "Refusal",
    "SkippedEntry",
]


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

    Every method raises `oracle.errors.ChainUnavailable` where the node does not answer, and
    `oracle.errors.ContractRevert` with the contract's error where all of a call was refused.
    """

    def is_signed(self, owner: str, signed: OrderToPost) -> bool:
        """Return whether the owner, a key or a contract wallet, has signed the order."""

    def post_orders(self, slot: Slot, orders: Sequence[OrderToPost]) -> Posted:
        """Record orders of a slot in one transaction, if any of it works, and wait for it."""

    def post_readings(self, slot: Slot, readings: Sequence[ReadingToPost]) -> Posted:
        """Record readings of a slot in one transaction, and wait for it."""
