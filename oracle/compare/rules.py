"""What can be compared: every mechanism, and the benchmark that no contract accepts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self

import numpy as np

from oracle.compare.measures import Measures, measures
from oracle.domain.book import Order, Trade
from oracle.domain.community import COMMUNITY, TradeGraph
from oracle.market.mechanism import Outcome, Parametrised, Round, Setting, Settings
from oracle.market.pool import IntArray, Side, paired, pool_of
from oracle.market.registry import MECHANISMS
from oracle.market.replay import matched
from oracle.market.vcg import VcgOutcome, vcg
from oracle.units import MicroUsdPerMwh


class Rule(Protocol):
    """What a comparison wants of a mechanism."""

    name: ClassVar[str]
    graphs: ClassVar[tuple[TradeGraph, ...]]
    settings: ClassVar[tuple[Setting, ...]]
    rule: ClassVar[str]

    @classmethod
    def of(cls, settings: Settings, export_price: MicroUsdPerMwh) -> Self:
        """Return the rule with its settings; `export_price` is what the grid pays."""

    def clear(self, market_round: Round) -> Outcome:
        """Return the outcome of a round."""


@dataclass(frozen=True)
class Vcg(Parametrised):
    """
    The Vickrey-Clarke-Groves auction, by pairs: the operator pays what buyers do not.

    Each order trades at the mean of its own payment, rounded down to the micro-USD/MWh.
    """

    name: ClassVar[str] = "vcg"
    graphs: ClassVar[tuple[TradeGraph, ...]] = (COMMUNITY,)
    rule: ClassVar[str] = (
        "the largest welfare; everybody pays what the others lose by it, so that no lie gains and "
        "the operator may have a deficit"
    )

    def payments(self, market_round: Round) -> VcgOutcome:
        """Return what everybody pays and gets, exactly: means are rounded in the trades."""
        return vcg(market_round)

    def clear(self, market_round: Round) -> Outcome:
        pool, found = pool_of(market_round), vcg(market_round)

        def of(side: Side, values: Sequence[int]) -> IntArray:
            return np.array([values[position] for position in side.position], dtype=np.int64)

        trades = []
        filled = of(pool.offers, found.sold), of(pool.bids, found.bought)
        for offer, bid, energy in paired(pool, *filled):
            price = found.received[offer] // found.sold[offer]
            surplus = found.paid[bid] // found.bought[bid] - price
            trade = matched(offer, bid, energy, price)
            trades.append(replace(trade, surplus=MicroUsdPerMwh(surplus)))
        return Outcome(trades=tuple(trades))


RULES: dict[str, type[Rule]] = {**MECHANISMS, Vcg.name: Vcg}


def rule_of(
    kind: type[Rule], settings: Settings, export_price: MicroUsdPerMwh = MicroUsdPerMwh(0)
) -> Rule:
    """Return a rule with these settings, and the defaults of the others."""
    return kind.of(with_defaults(kind, settings), export_price)


def with_defaults(kind: type[Rule], settings: Settings) -> dict[str, float | str]:
    """Return all settings of a rule: these, and the defaults of the others."""
    return {setting.key: setting.default for setting in kind.settings} | dict(settings)


def measured(
    rule: Rule,
    market_round: Round,
    trades: Sequence[Trade],
    values: Sequence[Order | None] | None = None,
) -> Measures:
    """Return what trades are worth as `measures` does; of VCG with its exact payments."""
    found = measures(market_round, trades, values)
    if not isinstance(rule, Vcg):
        return found
    payments = rule.payments(market_round)
    paid, operator = sum(payments.paid), payments.operator_balance
    buyers = found.buyers_surplus + found.paid - paid
    return replace(
        found,
        buyers_surplus=buyers,
        sellers_surplus=found.welfare - buyers - operator,
        operator=operator,
        received=sum(payments.received),
        paid=paid,
    )
