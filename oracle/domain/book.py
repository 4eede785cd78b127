"""
Orders and trades as the chain records them: one word each, and the rolling hash's preimage.

The layouts are those of contracts/libraries/OrderLib.sol and TradeLib.sol; a test keeps them equal.
Positions in a book count from 0, participants from 1.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

from oracle.errors import InvalidInputError
from oracle.units import Bps, MicroUsd, MicroUsdPerMwh, Wh, amount_up

MAX_PARTICIPANTS = 1024
MAX_MANAGERS = 31
FIRST_MANAGER = MAX_PARTICIPANTS + 1  # managers have the numbers that follow the participants'
MAX_ENERGY = 2**32 - 1
MAX_PRICE = 2**48 - 1
MAX_TERMS = 2**96 - 1
MAX_NONCE = 2**20 - 1

# Set in an entry of a slot's readings, participant << 32 | energy:
CONTRADICTION = 1 << 255  # the meter has signed two values
COUNTER_READING = 1 << 254  # the grid operator speaks
MARKS = CONTRADICTION | COUNTER_READING


class Kind(IntEnum):
    """What an entry of the book is."""

    OFFER = 1
    BID = 2
    CANCELLATION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One entry of the book; a cancellation has kind, participant and nonce only."""

    kind: Kind
    participant: int
    energy: Wh = Wh(0)
    price: MicroUsdPerMwh = MicroUsdPerMwh(0)  # lowest of an offer; highest of a bid, with fee
    score: Bps = Bps(0)  # the owner's reputation when the order was recorded
    terms: int = 0  # what the mechanism wants to know besides
    nonce: int = 0  # of a signed order: it is good until its owner has spent this one

    def __post_init__(self) -> None:
        inside = (
            self.participant > 0  # in a book that was never on a chain any number
            and 0 <= self.energy <= MAX_ENERGY
            and 0 <= self.price <= MAX_PRICE
            and 0 <= self.score <= 0xFFFF
            and 0 <= self.terms <= MAX_TERMS
            and 0 <= self.nonce <= MAX_NONCE
        )
        if not inside:
            raise InvalidInputError(f"a field of this order does not fit its bits: {self}")

    def pack(self) -> int:
        """Return the order's word."""
        if self.participant > MAX_PARTICIPANTS:
            raise InvalidInputError(f"participant {self.participant} does not fit an order's word")
        return (
            self.kind << 248
            | self.participant << 232
            | self.score << 216
            | self.energy << 184
            | self.price << 136
            | self.nonce << 96
            | self.terms
        )

    def lock(self, bond_price: MicroUsdPerMwh) -> MicroUsd:
        """Return what it holds until it is settled: a bid its highest cost, an offer its bond."""
        return amount_up(self.energy, self.price if self.kind is Kind.BID else bond_price)

    @staticmethod
    def unpack(word: int) -> "Order":
        """Return the order of a word."""
        return Order(
            kind=Kind(word >> 248),
            participant=word >> 232 & 0xFFFF,
            score=Bps(word >> 216 & 0xFFFF),
            energy=Wh(word >> 184 & MAX_ENERGY),
            price=MicroUsdPerMwh(word >> 136 & MAX_PRICE),
            nonce=word >> 96 & MAX_NONCE,
            terms=word & MAX_TERMS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A trade between two entries of a book, named by their positions."""

    offer: int
    bid: int
    energy: Wh
    price: MicroUsdPerMwh
    fee: MicroUsdPerMwh
    surplus: MicroUsdPerMwh = MicroUsdPerMwh(0)  # paid besides by the buyer, to the operator
    pooled: bool = False  # through the manager of both, rather than over a line
    delivered: Wh = Wh(0)  # zero until the settlement says it; not in the word

    def pack(self) -> int:
        """Return the trade's word."""
        return (
            self.offer << 240
            | self.bid << 224
            | self.energy << 192
            | self.price << 144
            | self.fee << 96
            | self.surplus << 48
            | self.pooled
        )

    @staticmethod
    def unpack(word: int) -> "Trade":
        """Return the trade of a word."""
        return Trade(
            offer=word >> 240,
            bid=word >> 224 & 0xFFFF,
            energy=Wh(word >> 192 & MAX_ENERGY),
            price=MicroUsdPerMwh(word >> 144 & MAX_PRICE),
            fee=MicroUsdPerMwh(word >> 96 & MAX_PRICE),
            surplus=MicroUsdPerMwh(word >> 48 & MAX_PRICE),
            pooled=bool(word & 1),
        )

    def with_delivered(self, energy: Wh) -> "Trade":
        return replace(self, delivered=energy)


def live_orders(book: tuple[Order, ...]) -> tuple[Order | None, ...]:
    """Return the book with None for cancelled orders and cancellations."""
    gone = {order.participant for order in book if order.kind is Kind.CANCELLATION}
    return tuple(
        None if order.kind is Kind.CANCELLATION or order.participant in gone else order
        for order in book
    )
