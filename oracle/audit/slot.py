"""An account, and a slot with its book, as the ledger keeps them."""

from dataclasses import dataclass, field

from oracle.audit.faults import fault
from oracle.audit.hashes import NOTHING, SETTLED, VOID, outcome_hash, rolling_hash
from oracle.domain.book import Kind, Order, Trade
from oracle.domain.record import EventRecord, Values
from oracle.errors import InvalidInputError
from oracle.model.reputation import Reputation

NOBODY = "0x" + 40 * "0"


@dataclass(slots=True)
class Account:
    """What an owner has, and the last slot that changed it."""

    free: int = 0
    locked: int = 0
    participant: int = 0
    nonce: int = 0
    first_slot: int = 0
    reputation: Reputation = field(default_factory=Reputation)
    touched: int | None = None


@dataclass(slots=True)
class SlotLedger:
    """A slot's book and what became of it."""

    book: list[Order] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)  # of the entries of the book
    cleared: tuple[Trade, ...] | None = None
    settled: bool = False
    void: bool = False
    readings: list[int] = field(default_factory=list)
    seals: dict[str, str] = field(default_factory=dict)  # owner → seal that is not opened
    revealed: int = 0

    @property
    def outcome(self) -> str:
        """What the Exchange stores as the slot's outcome."""
        if self.settled:
            return SETTLED
        if self.void:
            return VOID
        return NOTHING if self.cleared is None else outcome_hash(self.book, self.cleared)

    @property
    def phase(self) -> str:
        if self.settled:
            return "settled"
        if self.void:
            return "void"
        return "recorded" if self.cleared is None else "cleared"


def book_hash(plain: SlotLedger) -> str:
    return rolling_hash(order.pack() for order in plain.book) if plain.book else NOTHING


def readings_hash(plain: SlotLedger) -> str:
    return rolling_hash(plain.readings) if plain.readings else NOTHING


def order_of(event: EventRecord, fields: Values) -> Order:
    try:
        return Order(**{**fields, "kind": Kind(fields["kind"])})
    except (ValueError, TypeError, KeyError, InvalidInputError) as error:
        raise fault(event, f"order: {error}") from error


def trade_of(event: EventRecord, fields: Values) -> Trade:
    try:
        return Trade(**fields)
    except TypeError as error:
        raise fault(event, f"trade: {error}") from error
