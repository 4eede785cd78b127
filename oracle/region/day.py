"""
A feeder's day: every round cleared by the community's mechanism and checked by its `verify`.

What is kept of a day is its totals by slot and one digest of all books, trades and certificates, so
that a region of any size needs little memory and two runs are known to agree to the byte.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from hashlib import sha256

from oracle.domain.book import Kind
from oracle.market.mechanism import Outcome, Round
from oracle.model.prosumers import Rest
from oracle.plan import mechanism_of, plan_trades
from oracle.region.feeder import RegionTerms, feeder
from oracle.units import NO_MONEY, MicroUsd, Wh, amount_down

NO_ENERGY = Wh(0)
WORD_BYTES = 32
ORDERS_PER_POST = 100  # as in oracle.round, which knows chains and so takes long to load


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTotals:
    """What was ordered and traded in a slot, in one round or in several; `+` adds rounds."""

    rounds: int = 0  # with an order
    rounds_with_trades: int = 0
    posts: int = 0  # batches in which the orders come
    orders: int = 0
    idle_orders: int = 0  # in rounds without trades
    offers: int = 0
    lines: int = 0  # from an offer to a bid that could trade over them
    trades: int = 0
    sellers: int = 0  # whose meters are to be read
    certificate_bytes: int = 0
    traded: Wh = NO_ENERGY
    paid: MicroUsd = NO_MONEY  # by the buyers, lease fees included
    lease_fees: MicroUsd = NO_MONEY
    imported: Wh = NO_ENERGY  # from the grid, after the trades
    exported: Wh = NO_ENERGY

    def __add__(self, other: "SlotTotals") -> "SlotTotals":
        sums = (one + two for one, two in zip(astuple(self), astuple(other), strict=True))
        return SlotTotals(**dict(zip(COLUMNS, sums, strict=True)))


COLUMNS = tuple(field.name for field in fields(SlotTotals))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederDay:
    """What became of a feeder, which count from 0, in each slot of its day."""

    number: int
    slots: tuple[SlotTotals, ...]
    digest: bytes  # SHA-256 of the rounds


def clear_feeder(terms: RegionTerms, number: int) -> FeederDay:
    """
    Make a feeder, clear and check its day, and return what became of it.

    Raises
    ------
    ContractRevert
        Under the name of the contract's error, if an outcome is not the mechanism's.
    SolverError
        If HiGHS does not solve a round.
    """
    community = feeder(terms, number)
    mechanism = mechanism_of(community)
    rounds: list[tuple[Round, Outcome]] = []

    def checked(market_round: Round) -> Outcome:
        outcome = mechanism.clear(market_round)
        mechanism.verify(market_round, outcome)
        rounds.append((market_round, outcome))
        return outcome

    rests = plan_trades(community, checked).rests
    return FeederDay(
        number=number,
        slots=tuple(_totals(*one, rest) for one, rest in zip(rounds, rests, strict=True)),
        digest=_digest(rounds),
    )


def _totals(market_round: Round, outcome: Outcome, rests: Sequence[Rest]) -> SlotTotals:
    trades = outcome.trades
    return SlotTotals(
        rounds=int(bool(market_round.orders)),
        rounds_with_trades=int(bool(trades)),
        posts=-(-len(market_round.orders) // ORDERS_PER_POST),
        orders=len(market_round.orders),
        idle_orders=0 if trades else len(market_round.orders),
        offers=sum(order is not None and order.kind is Kind.OFFER for order in market_round.orders),
        lines=len(market_round.edges),
        trades=len(trades),
        sellers=len({trade.offer for trade in trades}),
        certificate_bytes=len(outcome.certificate),
        traded=Wh(sum(trade.energy for trade in trades)),
        paid=MicroUsd(
            sum(
                amount_down(trade.energy, trade.price) + amount_down(trade.energy, trade.fee)
                for trade in trades
            )
        ),
        lease_fees=MicroUsd(sum(amount_down(trade.energy, trade.fee) for trade in trades)),
        imported=Wh(sum(rest.imported for rest in rests)),
        exported=Wh(sum(rest.exported for rest in rests)),
    )


def _digest(rounds: Sequence[tuple[Round, Outcome]]) -> bytes:
    """Return the hash of what the chain would be given: words with their numbers before them."""
    hashed = sha256()
    for market_round, outcome in rounds:
        words = [order.pack() for order in market_round.orders if order is not None]
        hashed.update(len(words).to_bytes(WORD_BYTES, "big"))
        words += [trade.pack() for trade in outcome.trades]
        hashed.update(len(words).to_bytes(WORD_BYTES, "big"))
        hashed.update(b"".join(word.to_bytes(WORD_BYTES, "big") for word in words))
        hashed.update(len(outcome.certificate).to_bytes(WORD_BYTES, "big"))
        hashed.update(outcome.certificate)
    return hashed.digest()
