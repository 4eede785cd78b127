"""
What an export holds: everything that the contracts of a market recorded, as plain records.

`oracle.chain.record` reads them from a chain, `oracle.export_files` writes and reads them as files,
`oracle.audit` re-derives them. Addresses and hashes are lower-case hexadecimal texts beginning with
0x; integers are the chain's own.
"""

from dataclasses import dataclass
from typing import Any

from oracle.domain.book import Trade
from oracle.domain.community import FeeLadder
from oracle.units import Bps, Meters, MicroUsd, MicroUsdPerMwh, Slot, Wh

Values = dict[str, Any]  # an event's values by name: integers, texts, and lists or objects of them

UNSEEN = "unseen"  # instead of a function: another contract made the call
POST, POST_FOR_WALLETS = "post", "postForWallets"
CALLS_OF: dict[str, tuple[str, ...]] = {  # what may have been called, by the event that it left
    "OrdersPosted": (POST, POST_FOR_WALLETS),
    "OrderSkipped": (POST, POST_FOR_WALLETS),
    "OrderRevealed": ("reveal",),
    "SlotCleared": ("clear",),
    "ReadingsRecorded": ("recordReadings", "reportContradiction", "correctReading"),
    "SlotSettled": ("settle",),
    "StorageRecorded": ("record",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One event of one of the contracts; `position` counts all of them in the chain's order."""

    position: int
    block: int
    time: int  # of the block, in Unix seconds
    transaction: str
    contract: str  # Exchange, Registry, LineLease or StorageLedger
    address: str  # of the contract that logged it
    name: str
    values: Values

    @property
    def slot(self) -> Slot | None:
        """The slot that the event is about."""
        return Slot(self.values["slot"]) if "slot" in self.values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    Which function left an event of `CALLS_OF`, by the first bytes of its transaction's calldata.

    Where a transaction called another contract, which then called ours, what it passed on is not
    to be seen: the function is `UNSEEN`, and no signature, certificate or salt is there.
    """

    event: int
    function: str
    orders: int  # that a post was given, taken and skipped; 0 of other functions


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearCall:
    """What the transaction that cleared a slot carried besides what its event tells."""

    event: int  # position of its SlotCleared
    certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedStatement:
    """One signed reading of a transaction; `energies` are what the meter signed, in Wh."""

    event: int  # position of the event that the transaction left; of settle its SlotSettled
    participant: int  # 0 for the storage's meter
    energies: tuple[Wh, ...]
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSignature:
    """The signature of one order of an OrdersPosted, from 0, or of an OrderSkipped, which is 0."""

    event: int
    entry: int
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealedSalt:
    """The salt that opened a seal."""

    event: int  # position of the OrderRevealed
    salt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """The constants of the StorageLedger."""

    max_slot: Wh
    min_stored: Wh
    max_stored: Wh
    charge_efficiency: Bps
    discharge_efficiency: Bps
    compensation: MicroUsdPerMwh
    meter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """What the contracts were deployed with and cannot change."""

    chain_id: int
    first_block: int
    last_block: int
    addresses: dict[str, str]  # TestDollar or another token, Registry, LineLease, …, Exchange
    price_cap: MicroUsdPerMwh
    bond_price: MicroUsdPerMwh
    compensation_price: MicroUsdPerMwh
    reputation_memory: Bps
    reputation_full_value: MicroUsd
    challenge_seconds: int  # after the readings' deadline; zero where slots are settled at once
    seal_bond: MicroUsd  # of a sealed order; zero where books are open
    storage: Rating


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerEntry:
    """A participant as the Registry's table has it from a slot on."""

    since: Slot
    participant: int
    owner: str
    group: int  # owners of one group other than 0 earn no reputation from each other


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterEntry:
    """A participant's meter from a slot on, as the Registry's table has it."""

    since: Slot
    participant: int
    meter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEntry:
    """A line from a slot on, as LineLease's table has it."""

    since: Slot
    seller: int
    buyer: int
    distance: Meters


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityEntry:
    """The capacity of a line from a slot on; lines without one have no entry."""

    since: Slot
    seller: int
    buyer: int
    capacity: Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderEntry:
    """The fee ladder from a slot on."""

    since: Slot
    ladder: FeeLadder


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceEntry:
    """The real-time price from a slot on."""

    since: Slot
    price: MicroUsdPerMwh


@dataclass(frozen=True, slots=True, kw_only=True)
class MechanismEntry:
    """The mechanism from a slot on; `name` is that of its contract, empty where unknown."""

    since: Slot
    mechanism: str
    name: str
    parameters: tuple[int, ...] = ()  # those that its contract names


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """An account at the end."""

    owner: str
    free: MicroUsd
    participant: int
    nonce: int  # the lowest that is not spent
    r: int
    s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotHashes:
    """What the Exchange stores of a slot at the end."""

    slot: Slot
    book: str
    outcome: str
    readings: str
    sealed: int  # orders that were sealed, and how many of them were revealed
    revealed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageEntry:
    """What the StorageLedger stores of a slot."""

    slot: Slot
    charge: Wh
    discharge: Wh
    stored: Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Single values at the end."""

    stored: Wh
    next_storage_slot: Slot
    compensation_earned: MicroUsd
    compensation_paid: MicroUsd
    token_balance: MicroUsd
    operator: str
    registrar: str
    line_owner: str
    storage_provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOutcome:
    """What a slot's trades were planned to be, and what proves them."""

    slot: int  # index in the scenario, from 0
    trades: tuple[Trade, ...]
    certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimisation:
    """A program's solution and its certificate, by the names of columns and rows."""

    name: str
    objective_usd: float
    bound_usd: float  # no solution costs less
    gap: float  # (objective − bound) / objective
    exclusive_slots: tuple[int, ...]  # slots with integers of (7) and (8), from 0
    columns: dict[str, float]
    duals: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRecord:
    """
    What was computed off the chain for a scenario.

    `days` is None where all of it was run, `mechanism` where it was the scenario's own.
    """

    days: int | None
    mechanism: str | None = None
    outcomes: tuple[PlannedOutcome, ...]
    optimisations: tuple[Optimisation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRecord:
    """Everything that a market's contracts recorded up to a block."""

    constants: Constants
    events: tuple[EventRecord, ...]
    calls: tuple[Call, ...]
    clears: tuple[ClearCall, ...]
    statements: tuple[SignedStatement, ...]
    order_signatures: tuple[OrderSignature, ...]
    salts: tuple[RevealedSalt, ...]
    owners: tuple[OwnerEntry, ...]
    meters: tuple[MeterEntry, ...]
    lines: tuple[LineEntry, ...]
    capacities: tuple[CapacityEntry, ...]
    ladders: tuple[LadderEntry, ...]
    prices: tuple[PriceEntry, ...]
    mechanisms: tuple[MechanismEntry, ...]
    accounts: tuple[AccountState, ...]
    slots: tuple[SlotHashes, ...]
    storage: tuple[StorageEntry, ...]
    totals: Totals
