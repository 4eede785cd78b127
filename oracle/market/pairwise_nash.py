"""
The mechanism `pairwise-nash`: the largest served deficit at the least lease fee, each pair at its
Nash price; twin of contracts/mechanisms/PairwiseNash.sol.

Matching, per slot:

    max   Σ_ij w_ij x_ij                                                                (36)
    s.t.  Σ_j x_ij ≤ offer_i,   Σ_i x_ij ≤ bid_j,   x_ij ≥ 0 over edges (i, j)          (31) (35)
          w_ij = ((M − fee_ij) T + (n − i)(n − j)) L + lot_ij

With n entries in the book, M = (n + 1) 2⁴⁸ puts energy before fees of 48 bits, T = n³ fees before
ties, and (n − i)(n − j) lets early orders come first, early offers with early bids; among what even
this leaves equal, 32 bits drawn from the positions decide, below L = n 2³². The three suffice
because two matchings differ by cycles of at most n edges. Duals u_i, v_j ≥ 0 with u_i + v_j ≥ w_ij
prove an outcome optimal where Σ offer_i u_i + Σ bid_j v_j = Σ w_ij x_ij; v is the certificate.

Price, the quantities being given:

    p* = ½ { c + [ k (1 − P / 2 P_sat) + w₂ R / P ] / w₁ − F }                          (37)

clipped to the limits (33).

=========  =====================  ==============  =============================================
Symbol     Name in the code       Unit            Meaning
=========  =====================  ==============  =============================================
x          energy                 Wh              energy of a trade
P          served                 Wh              energy served to the bid, over all its sellers
c          cost                   micro-USD/MWh   the seller's cost of sale, at most its price
k          utility                micro-USD/MWh   the buyer's marginal utility at nothing
P_sat      saturation             Wh              energy at which it is zero
w₁, w₂     weight, BPS − weight   basis points    the buyer's weights of cost and reputation
R          score                  basis points    the seller's reputation
F          fee                    micro-USD/MWh   the pair's lease fee
=========  =====================  ==============  =============================================

(31), (33) and (35) are printed, (36) and (37) inferred; the weights' scale, ties and rounding are
ours. `oracle.market.network` finds the optimum level by level: energy, fees, times, lots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from oracle.domain.book import Kind, Trade
from oracle.domain.community import FULL, Prosumer, TradeGraph
from oracle.errors import ContractRevert
from oracle.market.lots import LOT_BITS, lot
from oracle.market.mechanism import (
    Edge,
    Outcome,
    Parametrised,
    Round,
    price_limits,
    require_feasible,
)
from oracle.market.network import IntArray, find_labels, is_tight, largest
from oracle.market.terms import Quote, Stated
from oracle.market.trade_network import ROOT, TradeNetwork, column, trade_network
from oracle.units import BPS, Bps, MicroUsdPerMwh, Wh

REPUTATION_SCALE = 10**8  # micro-USD per USD, times Wh per MWh, over the basis points of R

MAX_DUAL_BYTES = 24  # no optimum needs larger duals

FEE_BITS = 48


def offer_terms(cost: MicroUsdPerMwh) -> int:
    """Return the terms of an offer."""
    return int(cost)


def bid_terms(utility: MicroUsdPerMwh, saturation: Wh, weight: Bps) -> int:
    """Return the terms of a bid."""
    return utility << 48 | saturation << 16 | weight


def nash_price(
    *,
    cost: MicroUsdPerMwh,
    terms: int,
    served: Wh,
    score: Bps,
    fee: MicroUsdPerMwh,
    low: MicroUsdPerMwh,
    high: MicroUsdPerMwh,
) -> MicroUsdPerMwh:
    """
    Return (37) clipped to [low, high]: one rounded division, exact halves in the buyer's favour.

    A bid whose terms hold no utility curve or weight pays its highest price.
    """
    utility, saturation, weight = terms >> 48, terms >> 16 & 0xFFFFFFFF, terms & 0xFFFF
    if saturation == 0 or weight == 0 or weight > BPS:
        return high
    numerator = (
        (cost - fee) * 2 * saturation * weight * served
        + utility * BPS * (2 * saturation - served) * served
        + (BPS - weight) * score * REPUTATION_SCALE * 2 * saturation
    )
    divisor = 4 * saturation * weight * served
    price = (2 * numerator + divisor - 1) // (2 * divisor)
    return MicroUsdPerMwh(min(max(price, low), high))


def highest_all_in_price(
    *, utility: MicroUsdPerMwh, saturation: Wh, weight: Bps, energy: Wh, score: Bps
) -> MicroUsdPerMwh:
    """Return the price plus fee at which the buyer's utility (13) of `energy` is zero, or 0."""
    numerator = (
        utility * BPS * (2 * saturation - energy) * energy
        + (BPS - weight) * score * REPUTATION_SCALE * 2 * saturation
    )
    return MicroUsdPerMwh(max(0, numerator // (2 * saturation * weight * energy)))


@dataclass(frozen=True, slots=True)
class Scales:
    """What makes one integer of the levels of a weight; see the module docstring."""

    entries: int

    def weight(self, trade: Edge | Trade) -> int:
        """Return w_ij."""
        tie = (self.entries - trade.offer) * (self.entries - trade.bid)
        return self.whole((1, -trade.fee, tie, lot(trade.offer, trade.bid)))

    def whole(self, levels: Sequence[int]) -> int:
        """Return energy, fee, tie and lot as one number."""
        energy, fee, tie, lots = levels
        n = self.entries
        return ((energy * (n + 1 << FEE_BITS) + fee) * n**3 + tie) * (n << LOT_BITS) + lots


@dataclass(frozen=True)
class PairwiseNash(Parametrised):
    """See the module docstring."""

    name: ClassVar[str] = "pairwise-nash"
    contract: ClassVar[str] = "PairwiseNash"
    graphs: ClassVar[tuple[TradeGraph, ...]] = (FULL,)
    rule: ClassVar[str] = (
        "the largest energy at the least lease fees; each pair at the price that shares the gains "
        "of its own two tastes, within its limits"
    )

    @classmethod
    def stated(cls, prosumer: Prosumer, quote: Quote) -> Stated:
        """Return the stated price, with the tastes that enter (37)."""
        if quote.kind is Kind.OFFER:
            return Stated(price=quote.price, terms=offer_terms(prosumer.sale_cost))
        terms = bid_terms(prosumer.utility, prosumer.saturation, prosumer.cost_weight)
        return Stated(price=quote.price, terms=terms)

    def clear(self, market_round: Round) -> Outcome:
        """
        Return the optimal outcome.

        Raises
        ------
        SolverError
            If HiGHS does not solve the linear program.
        """
        routes = _lines(market_round)
        levels = _levels(routes)
        flow = largest(routes.network, levels)
        duals, _ = _bid_duals(routes, levels, flow)
        trades = tuple(routes.line_trades(flow))
        prices = _prices(market_round, trades)
        return Outcome(
            trades=tuple(
                replace(trade, price=price) for trade, price in zip(trades, prices, strict=True)
            ),
            certificate=_packed(duals),
        )

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """
        Return a certificate of trades, found without a solver.

        Raises
        ------
        ContractRevert
            Where they are not feasible, or not optimal: no certificate proves them.
        """
        require_feasible(market_round, trades)
        _require_plain(trades)
        routes = _lines(market_round)
        duals, better = _bid_duals(routes, _levels(routes), routes.flow_of(trades))
        if better is not None:
            scales = Scales(routes.entries)
            primal, reached = (
                sum(scales.weight(trade) * trade.energy for trade in some)
                for some in (trades, routes.line_trades(better))
            )
            raise ContractRevert("NotOptimal", {"primal": primal, "reached": reached})
        return _packed(duals)

    def verify(self, market_round: Round, outcome: Outcome) -> None:
        """
        Check an outcome as the exchange and the contract do.

        Raises
        ------
        ContractRevert
            Under the name of the contract's error.
        """
        require_feasible(market_round, outcome.trades)
        _require_plain(outcome.trades)
        duals = _unpacked(market_round, outcome.certificate)
        weight = Scales(len(market_round.orders)).weight
        offer_duals: dict[int, int] = {}
        for edge in market_round.edges:
            least = offer_duals.get(edge.offer, 0)
            offer_duals[edge.offer] = max(least, weight(edge) - duals[edge.bid])
        dual = sum(
            value * market_round.order(position).energy
            for position, value in [*duals.items(), *offer_duals.items()]
        )
        primal = sum(weight(trade) * trade.energy for trade in outcome.trades)
        if primal != dual:
            raise ContractRevert("NotOptimal", {"primal": primal, "dual": dual})
        expected = _prices(market_round, outcome.trades)
        for position, (trade, due) in enumerate(zip(outcome.trades, expected, strict=True)):
            if trade.price != due:
                raise ContractRevert(
                    "WrongPrice", {"position": position, "price": trade.price, "expected": due}
                )


def _prices(market_round: Round, trades: Sequence[Trade]) -> list[MicroUsdPerMwh]:
    """Return the Nash prices of trades."""
    served: dict[int, int] = {}
    for trade in trades:
        served[trade.bid] = served.get(trade.bid, 0) + trade.energy
    prices = []
    for trade in trades:
        low, high = price_limits(market_round, trade)
        seller = market_round.order(trade.offer)
        price = nash_price(
            cost=min(MicroUsdPerMwh(seller.terms & (1 << 48) - 1), seller.price),
            terms=market_round.order(trade.bid).terms,
            served=Wh(served[trade.bid]),
            score=seller.score,
            fee=trade.fee,
            low=low,
            high=high,
        )
        prices.append(price)
    return prices


def _lines(market_round: Round) -> TradeNetwork:
    """Return the network of a round's lines; the mechanism knows no managers."""
    return trade_network(replace(market_round, spokes=()))


def _levels(routes: TradeNetwork) -> tuple[IntArray, ...]:
    """Return the weights of energy, fees, times and lots, which `Scales` makes one of."""
    early = routes.entries - routes.offer, routes.entries - routes.bid
    lots = zip(routes.offer.tolist(), routes.bid.tolist(), strict=True)
    return (
        routes.weights(lines=1),
        routes.weights(lines=-routes.line_fee),
        routes.weights(lines=early[0] * early[1]),
        routes.weights(lines=column(lot(*pair) for pair in lots)),
    )


def _bid_duals(
    routes: TradeNetwork, levels: Sequence[IntArray], flow: IntArray
) -> tuple[dict[int, int], IntArray | None]:
    """
    Return v_j of a flow and None; or, of one that is not optimal, nothing and a better one.

    v_j = max(0, π_root − π_j); u_i = max(0, π_i − π_root) completes the proof.
    """
    network = routes.network
    arcs = np.ones(len(network.tail), dtype=np.bool_)
    bids = np.flatnonzero(routes.is_bid)
    by_level = []
    for weight in levels:
        label, better = find_labels(network, flow, weight, arcs)
        if better is not None:
            return {}, better
        arcs &= is_tight(network, label, weight)
        by_level.append((label[ROOT] - label[1 + bids]).tolist())
    scales = Scales(routes.entries)
    wholes = map(scales.whole, zip(*by_level, strict=True))
    return {j: max(0, whole) for j, whole in zip(bids.tolist(), wholes, strict=True)}, None


def _require_plain(trades: Sequence[Trade]) -> None:
    for position, trade in enumerate(trades):
        if trade.pooled or trade.surplus:
            raise ContractRevert("NotPlain", {"position": position})


def _packed(duals: dict[int, int]) -> bytes:
    """Return the certificate: the width of a dual in bytes, then the duals in the book's order."""
    width = max(((v.bit_length() + 7) // 8 for v in duals.values()), default=0)
    return bytes([width]) + b"".join(duals[j].to_bytes(width, "big") for j in sorted(duals))


def _unpacked(market_round: Round, certificate: bytes) -> dict[int, int]:
    bids = [j for j, order in enumerate(market_round.orders) if order and order.kind is Kind.BID]
    width = certificate[0] if certificate else 0
    expected = 1 + width * len(bids) if width <= MAX_DUAL_BYTES else 0
    if len(certificate) != expected:
        raise ContractRevert("BadCertificate", {"length": len(certificate), "expected": expected})
    return {
        j: int.from_bytes(certificate[1 + k * width : 1 + (k + 1) * width], "big")
        for k, j in enumerate(bids)
    }
