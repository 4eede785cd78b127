"""
The chain as the service sees it: what a reader tells of blocks, and what a relay may send.

The service knows no node and no library of one: `oracle.chain.source` implements these protocols.
Addresses and hashes are lower-case hexadecimal beginning with 0x; integers are the chain's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from oracle.domain.book import Order
from oracle.units import Bps, MicroUsd, MicroUsdPerMwh, Slot, Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """A block of the chain; `time` in Unix seconds."""

    number: int
    hash: str
    parent_hash: str
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEvent:
    """An event of one of the market's contracts."""

    block: int
    log_index: int
    transaction: str
    contract: str  # Exchange, Registry, LineLease or StorageLedger
    name: str
    values: Mapping[str, Any]  # as `oracle.domain.record.EventRecord` has them

    @property
    def slot(self) -> Slot | None:
        """The slot that the event is about."""
        return Slot(self.values["slot"]) if "slot" in self.values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainTransaction:
    """A transaction that left an event; `certificate` is what `clear` was given."""

    hash: str
    block: int
    contract: str
    function: str  # "deploy", "unseen" (passed on by another contract) or the one called
    sender: str
    gas_used: int
    status: int
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MechanismTerms:
    """A mechanism's contract; its name is empty where this version does not know it."""

    name: str
    parameters: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a contract passed over a signed order: its error, and the same in words."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSegment:
    """
    Blocks that follow each other, and what the market's contracts recorded in them.

    `tables` are the words of the code tables that announcements of lines and capacities name;
    `refusals` decode the reasons of skipped orders. Both are by the text in the event.
    """

    headers: tuple[BlockHeader, ...]
    events: tuple[ChainEvent, ...] = ()
    transactions: tuple[ChainTransaction, ...] = ()
    tables: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    mechanisms: Mapping[str, MechanismTerms] = field(default_factory=dict)
    refusals: Mapping[str, Refusal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What the contracts were deployed with and money depends on."""

    chain_id: int
    exchange: str
    first_block: int
    bond_price: MicroUsdPerMwh
    compensation_price: MicroUsdPerMwh
    memory: Bps
    full_value: MicroUsd
    seal_bond: MicroUsd  # zero where books are open


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainAccount:
    """An account as the Exchange has it."""

    free: MicroUsd
    participant: int
    score: Bps
    nonce: int


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

    def account(self, owner: str, block: int | None = None) -> ChainAccount:
        """Return an account as it stood after a block, by default the latest."""

    def phase(self, slot: Slot) -> int:
        """Return the phase of a slot at the latest block, as contracts/types/Market.sol counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderToPost:
    """A signed order for the relay; the signature is a key's 65 bytes, or a wallet's own."""

    slot: Slot
    order: Order
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingToPost:
    """A meter's signed reading for the relay; the signature is a key's 65 bytes."""

    slot: Slot
    participant: int
    energy: Wh
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedEntry:
    """An order of a batch, by its position in it, that was passed over."""

    position: int
    reason: Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A transaction of the relay; orders that are not among the skipped were recorded."""

    transaction: str
    block: int
    skipped: tuple[SkippedEntry, ...] = ()


class ChainRelay(Protocol):
    """
    Sends what others have signed, at the relay's cost; it has no right of its own.

    Every method raises `oracle.errors.ChainUnavailable` where the node does not answer, and
    `oracle.errors.ContractRevert` with the contract's error where all of a call was refused.
    """

    def is_signed(self, owner: str, signed: OrderToPost) -> bool:
        """Return whether the owner, a key or a contract wallet, has signed the order."""

    def simulate_orders(self, slot: Slot, orders: Sequence[OrderToPost]) -> None:
        """Call a batch of orders of a slot without sending it; what it skips is not seen."""

    def post_orders(self, slot: Slot, orders: Sequence[OrderToPost]) -> Posted:
        """Record orders of a slot in one transaction, and wait for it."""

    def simulate_readings(self, slot: Slot, readings: Sequence[ReadingToPost]) -> None:
        """Call a batch of readings of a slot without sending it."""

    def post_readings(self, slot: Slot, readings: Sequence[ReadingToPost]) -> Posted:
        """Record readings of a slot in one transaction, and wait for it."""
