"""
What a chain tells of a market block by block, and what a relay may be asked to send.

Addresses and hashes are lower-case hexadecimal beginning with 0x; integers are the chain's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
class OrderToPost:
    """A signed order for the relay; the signature is a key's 65 bytes, or a wallet's own."""

    slot: Slot
    order: Order
    signature: bytes
    is_wallets: bool = False


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
class Outgoing:
    """
    A signed transaction of a relay: what it takes to find it again, to send it again as it is, or
    to replace it. Signing is deterministic: the relay's key and these fields give the same bytes.
    """

    sender: str
    nonce: int
    call: str  # to the Exchange, in hexadecimal
    max_fee: int  # wei per gas, as the tip
    tip: int
    hashes: tuple[str, ...]  # those that it replaces and, last, its own: the chain takes one


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """
    A transaction of the relay that was mined.

    Of its orders those that are not among the skipped were recorded; of its readings those of the
    participants in `recorded`. With a `refusal` all of it failed.
    """

    transaction: str
    block: int
    skipped: tuple[SkippedEntry, ...] = ()
    recorded: frozenset[int] = frozenset()
    refusal: Refusal | None = None
