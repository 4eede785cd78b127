"""
What a region's rounds would cost on one chain, from the receipts of a few measured rounds.

A round is posted in signed batches, cleared, its sellers' readings recorded, and settled. The gas
of each of these grows in proportion with the orders n, trades t and readings r, in the form

    post      posts · a + n · b                    readings   rounds · a + r · b
    clear     rounds · a + n · b + t · c           settle     rounds · a + n · b + t · c
    void      rounds · a + n · b

so that a slot's gas follows from its sums, whatever the rounds. The coefficients are those that
give three measured rounds exactly: a small one, a large one, and one as large with more trades; a
fourth says how far off they are. The bytes of the transactions' calldata are estimated alike.

Every market has contracts of its own; the chain carries nothing else. Rounds without trades are
cleared and settled as others are: that is what the oracle does. Orders come in batches that are
full, as the busiest relay would post them; each in a transaction of its own costs more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal

from oracle.errors import InvalidInputError
from oracle.region.day import SlotTotals
from oracle.units import SLOT_SECONDS, SLOTS_PER_DAY

Call = Literal["post", "clear", "readings", "settle", "void"]
SENT: tuple[Call, ...] = ("post", "clear", "readings", "settle")  # of a round that is not voided
CALLS: tuple[Call, ...] = (*SENT, "void")

BLOB_BYTES = 4096 * 31  # that fit a blob of EIP-4844: 4,096 field elements with 31 whole bytes each


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRound:
    """A round that was sent to a chain: gas of its receipts and bytes of its calldata, by call."""

    orders: int
    trades: int
    readings: int
    gas: Mapping[Call, int]
    calldata: Mapping[Call, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """What a call costs: `base` once, the others for each."""

    base: Fraction
    order: Fraction = Fraction(0)
    trade: Fraction = Fraction(0)
    reading: Fraction = Fraction(0)

    def of(self, calls: int, slot: SlotTotals) -> int:
        """Return what some calls of a slot's rounds cost in all, rounded up."""
        return ceil(
            self.base * calls
            + self.order * slot.orders
            + self.trade * slot.trades
            + self.reading * slot.sellers
        )


Costs = Mapping[Call, Coefficients]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCosts:
    """What calls cost in gas and in bytes, and how far a round that was not used is off."""

    gas: Costs
    calldata: Costs
    own_order_gas: int  # an order in a transaction of its owner's
    largest_relative_error: float  # of gas, over the calls of the round that was not used
    hardfork: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """
    What a chain takes.

    Raises
    ------
    InvalidInputError
        If one of the numbers is not positive.
    """

    block_gas: int
    block_seconds: int

    def __post_init__(self) -> None:
        for name, value in (("gas", self.block_gas), ("seconds", self.block_seconds)):
            if value < 1:
                raise InvalidInputError(f"{name} of a block: expected at least 1, got {value}")

    @property
    def slot_gas(self) -> int:
        """The most gas of a delivery slot."""
        return self.block_gas * SLOT_SECONDS // self.block_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The estimate for a region's day; slots count from 0."""

    transactions: Mapping[Call, int]
    gas: Mapping[Call, int]
    calldata: Mapping[Call, int]
    slot_gas: tuple[int, ...]
    own_orders_gas: int  # of all orders, each in a transaction of its own, instead of `post`
    saved_by_voiding: int  # gas, if rounds without trades were voided instead
    blocks: int  # full ones that the day's gas fills
    share_of_day: float  # of the chain's gas
    busiest_slot: int
    share_of_busiest_slot: float
    feeders_by_day: int  # that the chain carries, if the load were even
    feeders_by_slot: int  # in the busiest slot, each slot's load in a slot's time
    clearing_seconds: int  # that all clearings of the busiest slot take, one full block after other
    blobs: int  # that the calldata fill as they are

    @property
    def total_gas(self) -> int:
        return sum(self.gas.values())


def call_costs_of(
    small: MeasuredRound,
    large: MeasuredRound,
    dense: MeasuredRound,
    unused: MeasuredRound,
    *,
    own_order_gas: int,
    hardfork: str,
) -> CallCosts:
    """
    Return what calls cost, by three rounds, and how far the fourth is off.

    Raises
    ------
    InvalidInputError
        If the rounds do not differ as the module's docstring says.
    """
    if not (small.orders < large.orders == dense.orders and large.trades < dense.trades):
        raise InvalidInputError(
            "measured rounds: expected a small one, a large one, and one as large with more trades"
        )
    points = small, large, dense
    gas = {call: _through(call, [_of(one, one.gas[call]) for one in points]) for call in CALLS}
    calldata = {
        call: _through(call, [_of(one, one.calldata[call]) for one in points]) for call in CALLS
    }
    slot = SlotTotals(orders=unused.orders, trades=unused.trades, sellers=unused.readings)
    off = (abs(gas[call].of(1, slot) - unused.gas[call]) / unused.gas[call] for call in CALLS)
    return CallCosts(
        gas=gas,
        calldata=calldata,
        own_order_gas=own_order_gas,
        largest_relative_error=max(off),
        hardfork=hardfork,
    )


def settlement_of(
    slots: Sequence[SlotTotals], feeders: int, costs: CallCosts, chain: Chain
) -> Settlement:
    """Return what the rounds of a region's slots would cost on a chain; shape (slots,)."""
    total = sum(slots, SlotTotals())
    slot_gas = tuple(
        sum(costs.gas[call].of(_calls(slot)[call], slot) for call in SENT) for slot in slots
    )
    gas = {call: sum(_cost(costs.gas, call, slot) for slot in slots) for call in SENT}
    calldata = {call: sum(_cost(costs.calldata, call, slot) for slot in slots) for call in SENT}
    busiest = max(range(len(slots)), key=slot_gas.__getitem__)
    day_gas = chain.slot_gas * SLOTS_PER_DAY
    clearing = costs.gas["clear"].of(slots[busiest].rounds, slots[busiest])
    return Settlement(
        transactions=_calls(total),
        gas=gas,
        calldata=calldata,
        slot_gas=slot_gas,
        own_orders_gas=costs.own_order_gas * total.orders,
        saved_by_voiding=_saved(costs.gas, total),
        blocks=-(-sum(slot_gas) // chain.block_gas),
        share_of_day=sum(slot_gas) / day_gas,
        busiest_slot=busiest,
        share_of_busiest_slot=slot_gas[busiest] / chain.slot_gas,
        feeders_by_day=feeders * day_gas // max(1, sum(slot_gas)),
        feeders_by_slot=feeders * chain.slot_gas // max(1, slot_gas[busiest]),
        clearing_seconds=-(-clearing // chain.block_gas) * chain.block_seconds,
        blobs=-(-sum(calldata.values()) // BLOB_BYTES),
    )


def _calls(slot: SlotTotals) -> dict[Call, int]:
    """Return how many transactions a slot's rounds are."""
    return {
        "post": slot.posts,
        "clear": slot.rounds,
        "readings": slot.rounds_with_trades,
        "settle": slot.rounds,
    }


def _cost(costs: Costs, call: Call, slot: SlotTotals) -> int:
    return costs[call].of(_calls(slot)[call], slot)


def _saved(costs: Costs, total: SlotTotals) -> int:
    """Return by how much less voiding costs than clearing and settling where nobody trades."""
    idle = SlotTotals(orders=total.idle_orders)
    rounds = total.rounds - total.rounds_with_trades
    done = costs["clear"].of(rounds, idle) + costs["settle"].of(rounds, idle)
    return done - costs["void"].of(rounds, idle)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    orders: int
    trades: int
    readings: int
    cost: int


def _of(one: MeasuredRound, cost: int) -> _Point:
    return _Point(orders=one.orders, trades=one.trades, readings=one.readings, cost=cost)


def _through(call: Call, points: Sequence[_Point]) -> Coefficients:
    """Return the coefficients of a call that give three points: small, large, and dense."""
    small, large, dense = points
    rise = large.cost - small.cost
    if call == "readings":
        reading = Fraction(rise, large.readings - small.readings)
        return Coefficients(base=small.cost - reading * small.readings, reading=reading)
    trade = Fraction(0)
    if call in ("clear", "settle"):
        trade = Fraction(dense.cost - large.cost, dense.trades - large.trades)
    order = (rise - trade * (large.trades - small.trades)) / (large.orders - small.orders)
    base = small.cost - order * small.orders - trade * small.trades
    return Coefficients(base=base, order=order, trade=trade)
