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
ours. HiGHS solves two linear programs in floats with small weights, one for energy and fees, one
for the ties among its optima. The rounded vertex of each is repaired and proved with the exact
potentials of `oracle.market.matching`, so no float reaches the outcome.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from oracle.domain.book import Kind, Trade
from oracle.domain.community import FULL, Prosumer, TradeGraph
from oracle.errors import ContractRevert
from oracle.market.matching import Matching, is_bid
from oracle.market.mechanism import (
    Edge,
    Outcome,
    Round,
    WithoutParameters,
    price_limits,
    require_feasible,
)
from oracle.market.terms import Quote, Stated
from oracle.program import AT_MOST, EQUAL, Program
from oracle.units import BPS, Bps, MicroUsdPerMwh, Wh

REPUTATION_SCALE = 10**8  # micro-USD per USD, times Wh per MWh, over the basis points of R

MAX_DUAL_BYTES = 24  # no optimum needs larger duals

TIME_LIMIT_S = 60.0

FEE_BITS = 48
LOTS = 1 << 32
WORD = 1 << 256
# odd numbers: 2^256 over the golden ratio, and the fraction of the square root of 2
LOT_FACTORS = (
    0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3A27251F86C6A11D0C18E95,
    0x6A09E667F3BCC908B2FB1366EA957D3E3ADEC17512775099DA2F590B0667322B,
)


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
class Weights:
    """The integer weights w_ij of a round."""

    entries: int

    def __call__(self, edge: Edge | Trade) -> int:
        before_lot = self.untied(edge) * self.entries**3 + self.tie(edge)
        return before_lot * self.entries * LOTS + lot(edge.offer, edge.bid)

    def untied(self, edge: Edge | Trade) -> int:
        """Return the weight of energy and fee alone."""
        return ((self.entries + 1) << FEE_BITS) - edge.fee

    def tie(self, edge: Edge | Trade) -> int:
        """Return what prefers early orders."""
        return (self.entries - edge.offer) * (self.entries - edge.bid)


def lot(offer: int, bid: int) -> int:
    """
    Return 32 bits that depend on a pair's positions in no simple way, so that no sums agree.

    A multiplication, a shift and another, as in SplitMix (Steele, Lea and Flood, "Fast splittable
    pseudorandom number generators", OOPSLA 2014), on 256 bits.
    """
    mixed = (offer << 16 | bid) * LOT_FACTORS[0] % WORD
    return (mixed ^ mixed >> 128) * LOT_FACTORS[1] % WORD >> 224


@dataclass(frozen=True)
class PairwiseNash(WithoutParameters):
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
        weights = Weights(len(market_round.orders))
        untied = Matching(market_round, weights.untied, _largest_energy_least_fee(market_round))
        untied.repair()
        matching = Matching(market_round, weights, _early_orders_first(market_round, untied))
        matching.repair()
        flows = matching.flows()
        duals = matching.bid_duals()
        served: dict[int, int] = {}
        for (_, bid), energy in flows.items():
            served[bid] = served.get(bid, 0) + energy
        fees = {(edge.offer, edge.bid): edge.fee for edge in market_round.edges}
        trades = tuple(
            self._priced(market_round, pair, Wh(flows[pair]), fee, Wh(served[pair[1]]))
            for pair, fee in fees.items()
            if pair in flows
        )
        return Outcome(trades=trades, certificate=_packed(duals))

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
        weights = Weights(len(market_round.orders))
        flow = {(trade.offer, trade.bid): int(trade.energy) for trade in trades}
        matching = Matching(market_round, weights, flow)
        gain = matching.improve()
        if gain:
            primal = sum(weights(trade) * trade.energy for trade in trades)
            raise ContractRevert("NotOptimal", {"primal": primal, "reached": primal + gain})
        return _packed(matching.bid_duals())

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
        weights = Weights(len(market_round.orders))
        offer_duals: dict[int, int] = {}
        for edge in market_round.edges:
            least = offer_duals.get(edge.offer, 0)
            offer_duals[edge.offer] = max(least, weights(edge) - duals[edge.bid])
        dual = sum(
            value * market_round.order(position).energy
            for position, value in [*duals.items(), *offer_duals.items()]
        )
        primal = sum(weights(trade) * trade.energy for trade in outcome.trades)
        if primal != dual:
            raise ContractRevert("NotOptimal", {"primal": primal, "dual": dual})
        served: dict[int, int] = {}
        for trade in outcome.trades:
            served[trade.bid] = served.get(trade.bid, 0) + trade.energy
        for position, trade in enumerate(outcome.trades):
            pair = trade.offer, trade.bid
            expected = self._priced(
                market_round, pair, trade.energy, trade.fee, Wh(served[trade.bid])
            ).price
            if trade.price != expected:
                raise ContractRevert(
                    "WrongPrice",
                    {"position": position, "price": trade.price, "expected": expected},
                )

    def _priced(
        self,
        market_round: Round,
        pair: tuple[int, int],
        energy: Wh,
        fee: MicroUsdPerMwh,
        served: Wh,
    ) -> Trade:
        offer, bid = pair
        trade = Trade(offer=offer, bid=bid, energy=energy, price=MicroUsdPerMwh(0), fee=fee)
        low, high = price_limits(market_round, trade)
        seller = market_round.order(offer)
        price = nash_price(
            cost=min(MicroUsdPerMwh(seller.terms & (1 << 48) - 1), seller.price),
            terms=market_round.order(bid).terms,
            served=served,
            score=seller.score,
            fee=fee,
            low=low,
            high=high,
        )
        return Trade(offer=offer, bid=bid, energy=energy, price=price, fee=fee)


def _require_plain(trades: Sequence[Trade]) -> None:
    for position, trade in enumerate(trades):
        if trade.pooled or trade.surplus:
            raise ContractRevert("NotPlain", {"position": position})


def _largest_energy_least_fee(market_round: Round) -> dict[tuple[int, int], int]:
    """Return energies that are optimal but for ties, in floats' precision."""
    largest_fee = max((edge.fee for edge in market_round.edges), default=0)
    bonus = 2.0 * (len(market_round.orders) + 1)  # no detour of fees outweighs one Wh more served
    costs = [edge.fee / max(largest_fee, 1) - bonus for edge in market_round.edges]
    return _transport(market_round, market_round.edges, costs, lambda position: False)


def _early_orders_first(market_round: Round, untied: Matching) -> dict[tuple[int, int], int]:
    """Return the one of the optima that lets early orders come first, in floats' precision."""
    edges = [edge for edge in market_round.edges if untied.is_tight(edge)]
    weights = Weights(len(market_round.orders))
    costs = [-weights.tie(edge) / max(1, weights.entries) for edge in edges]
    return _transport(market_round, edges, costs, untied.is_filled)


def _transport(
    market_round: Round,
    edges: Sequence[Edge],
    costs: Sequence[float],
    is_filled: Callable[[int], bool],
) -> dict[tuple[int, int], int]:
    """Return a vertex of the transport problem (36), rounded to Wh and made to fit its limits."""
    if not edges:
        return {}
    program = Program("transport of a slot")
    energy = [program.variable(f"energy_{e}", cost=cost) for e, cost in enumerate(costs)]
    own: dict[int, list[int]] = {}
    for e, edge in enumerate(edges):
        own.setdefault(edge.offer, []).append(e)
        own.setdefault(edge.bid, []).append(e)
    left = {position: int(market_round.order(position).energy) for position in own}
    for position, of_order in own.items():
        sense = EQUAL if is_filled(position) else AT_MOST
        words = f"energy of entry {position} of the book"
        terms = [(energy[e], 1.0) for e in of_order]
        program.require(f"E36_limit_{position}", terms, sense, left[position], words, "Wh")
    program.solve(time_limit_s=TIME_LIMIT_S)

    flow = {}
    for e, edge in enumerate(edges):
        rounded = min(round(energy[e].value()), left[edge.offer], left[edge.bid])
        if rounded > 0:
            flow[edge.offer, edge.bid] = rounded
            left[edge.offer] -= rounded
            left[edge.bid] -= rounded
    return flow


def _packed(duals: dict[int, int]) -> bytes:
    """Return the certificate: the width of a dual in bytes, then the duals in the book's order."""
    width = max(((v.bit_length() + 7) // 8 for v in duals.values()), default=0)
    return bytes([width]) + b"".join(duals[j].to_bytes(width, "big") for j in sorted(duals))


def _unpacked(market_round: Round, certificate: bytes) -> dict[int, int]:
    bids = [j for j, order in enumerate(market_round.orders) if is_bid(order)]
    width = certificate[0] if certificate else 0
    expected = 1 + width * len(bids) if width <= MAX_DUAL_BYTES else 0
    if len(certificate) != expected:
        raise ContractRevert("BadCertificate", {"length": len(certificate), "expected": expected})
    return {
        j: int.from_bytes(certificate[1 + k * width : 1 + (k + 1) * width], "big")
        for k, j in enumerate(bids)
    }
