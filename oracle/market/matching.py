"""
The mechanism `matching`: the largest welfare over lines and managers, and prices that nobody would
trade otherwise at; twin of contracts/mechanisms/Matching.sol.

The assignment game with fees (Shapley and Shubik, "The assignment game I: the core", International
Journal of Game Theory 1, 1971), in its transport form, with managers as nodes:

    max   Σ_ij w_ij x_ij + Σ_jm v_jm y_jm − Σ_im (s_i + f_im) y_im                      (A1)
    s.t.  what an order trades ≤ its energy, x_ij ≤ c_ij, y_im ≤ c_im,
          Σ_i y_im = Σ_j y_jm for each manager m

=============  ==================  ==============  ==============================================
Symbol         Name in the code    Unit            Meaning
=============  ==================  ==============  ==============================================
x_ij, y_im     flow                Wh              energy over a line, over an order's spoke
s_i, b_j       price               micro-USD/MWh   an offer's lowest, a bid's highest price
f_ij, f_im     fee                 micro-USD/MWh   of a line, of a spoke
c_ij, c_im     capacity            Wh              of a line, of a spoke
R              real_time_price     micro-USD/MWh   no seller gets more
w_ij           welfare             micro-USD/MWh   min(b_j − f_ij, R) − s_i
v_jm           welfare             micro-USD/MWh   min(b_j − f_jm, R)
u_i, w_j       gain                micro-USD/MWh   dual of an offer, of a bid: what it gains
λ_m            gain of a manager   micro-USD/MWh   dual of a manager: the price there
θ              theta               –               which duals are the prices
=============  ==================  ==============  ==============================================

The duals u_i, w_j ≥ 0 and 0 ≤ λ_m ≤ R satisfy, each with equality where the energy is neither zero
nor at its limit, and as given where it is zero, the other way where it is at its limit (A2):

    u_i = 0 for an offer that is not sold out, w_j = 0 for a bid that is not filled
    u_i + w_j ≥ w_ij,    u_i + s_i + f_im ≥ λ_m,    λ_m + w_j ≥ v_jm

A seller gets s_i + u_i. A buyer pays that, the fees, and the rents that (A2) leaves at the lines
and spokes that are at their limits, as surplus: all together b_j − w_j, or less where R binds.

Among optima, energy of early orders comes first, each Wh at entries − position. All ways to pair
the same orders are equal here, so lots of 80 bits decide between them, as two levels of 40: were
they drawn at random, a book of 1,024 orders with 8,192 lines of at most 75,000 Wh would leave two
optima with a chance below 10⁻¹⁵, see `lots`. They are fixed, and sums of many agree somewhere: that
any two pairs at 1,024 positions could swap partners (3·10¹¹ ways) has a chance of 10⁻¹², that any
three could (2·10¹⁷ ways) one of 10⁻⁶; but nothing rules out that dozens can, if somebody chooses
the positions of them all. The trades through a manager are then those of both sides in the book's
order, as in `pool`.

Duals that satisfy (A2) form a lattice: u and λ rise together and w falls. θ = seller-best takes the
largest u, buyer-best the smallest, average the middle u = ⌊(u⁺ + u⁻) / 2⌋, w = ⌈(w⁺ + w⁻) / 2⌉,
which satisfies (A2) again: with π = (u, −w, λ) every line of (A2) bounds a difference of two π by
an integer, and rounding both ends of such a bound down keeps it.

The certificate has a word for each entry of the book and each manager:

    tie-break 128, signed | second gain 48 | second rank 16 | first gain 48 | first rank 16

The first gains are those of the seller-best duals, or of the buyer-best ones where θ is buyer-best;
only average has second ones, the buyer-best. They prove, in one pass over routes and orders:

* that trades are optimal, as (A2) holds: for any energies within their limits the weights of (A1)
  sum to at most Σ energy · gain + Σ capacity · rent, and to just that where (A2) holds;
* that the tie is broken rightly: where (A2) holds with equality under the first gains, tie-breaks
  satisfy the same conditions with the weights of ties: times · 2¹¹², lots, their halves 2⁵⁶ apart.
  Pairs (gain, tie-break) in lexicographic order are then duals of the pairs (welfare, tie), for
  which the same sums hold;
* that the duals are the extreme ones: each node has a bound of (A2) from the root, or from a node
  of lower rank, that holds with equality. Going down these bounds ends at the root, since ranks
  fall; their sum along the way is an upper bound of the node's π, and its π attains it. Buyer-best,
  all bounds are taken the other way round. Ranks are needed as bounds of sum zero may form circles.

(A1) and (A2) are printed but for managers, capacities and R, which are ours, as is the tie.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from oracle.domain.book import MAX_PRICE, Kind, Order, Trade
from oracle.domain.community import COMMUNITY, FULL, HYBRID, TradeGraph
from oracle.errors import ContractRevert, InvalidInputError
from oracle.market.lots import lot
from oracle.market.mechanism import (
    NO_LIMIT,
    Outcome,
    Parametrised,
    Round,
    Setting,
    Settings,
    Spoke,
    require_feasible,
)
from oracle.market.network import (
    Bounds,
    IntArray,
    find_labels,
    is_tight,
    largest,
    residual,
)
from oracle.market.pool import require_length
from oracle.market.trade_network import ROOT, TradeNetwork, column, trade_network
from oracle.units import MicroUsdPerMwh

SELLER_BEST, AVERAGE, BUYER_BEST = range(3)
THETAS = ("seller-best", "average", "buyer-best")  # as a scenario names them

WORD_BYTES = 32
# Half a lot; and where halves and times are in a tie-break. A label sums at most 2¹³ weights along
# paths, a condition two labels and a weight: below 2⁵⁵ for halves, which leaves 2¹⁵ for times.
HALF_BITS = 40
LOT_SHIFT = 56
TIME_SHIFT = 2 * LOT_SHIFT
PLACES = FIRST, SECOND = 0, 64  # where the gains of an extreme are in a certificate's word


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extreme:
    """The seller-best or buyer-best duals; shape (entries + managers,)."""

    gain: IntArray  # u of offers, w of bids, λ of managers; micro-USD/MWh
    rank: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """What a route is worth, level by level; each of shape (arcs,)."""

    welfare: IntArray  # (A1), micro-USD/MWh
    time: IntArray
    high_lots: IntArray
    low_lots: IntArray

    @property
    def ties(self) -> tuple[tuple[IntArray, int], ...]:
        """Return the levels that break ties, and where each is in a tie-break."""
        return (self.time, TIME_SHIFT), (self.high_lots, LOT_SHIFT), (self.low_lots, 0)

    @property
    def levels(self) -> tuple[IntArray, ...]:
        return self.welfare, self.time, self.high_lots, self.low_lots


@dataclass(frozen=True)
class Matching(Parametrised):
    """See the module docstring; `theta` is SELLER_BEST, AVERAGE or BUYER_BEST."""

    theta: int = AVERAGE

    name: ClassVar[str] = "matching"
    contract: ClassVar[str] = "Matching"
    graphs: ClassVar[tuple[TradeGraph, ...]] = (FULL, COMMUNITY, HYBRID)
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(key="theta", default=THETAS[AVERAGE], choices=THETAS),
    )
    capacities: ClassVar[bool] = True
    rule: ClassVar[str] = (
        "the largest welfare after fees; each order at its own price, the same for all its energy, "
        "at which neither it nor anybody else would rather trade otherwise"
    )

    def __post_init__(self) -> None:
        if self.theta not in range(len(THETAS)):
            raise InvalidInputError(f"matching: expected theta 0, 1 or 2, got {self.theta}")

    @classmethod
    def of(cls, settings: Settings, export_price: MicroUsdPerMwh) -> Self:
        return cls(THETAS.index(str(settings.get("theta", THETAS[AVERAGE]))))

    @property
    def _thetas(self) -> tuple[int, ...]:
        """Return the extremes that a certificate holds."""
        return (SELLER_BEST, BUYER_BEST) if self.theta == AVERAGE else (self.theta,)

    def clear(self, market_round: Round) -> Outcome:
        """
        Return the optimal outcome.

        Raises
        ------
        SolverError
            If HiGHS does not solve the linear program.
        """
        routes = trade_network(market_round)
        weights = weights_of(routes, market_round.real_time_price)
        flow = largest(routes.network, weights.levels)
        certificate = self._certificate(routes, weights, flow, market_round.real_time_price)
        gains = self._gains(market_round, certificate)
        trades = [
            self._priced(market_round, gains, trade)
            for trade in (*routes.line_trades(flow), *routes.pooled_trades(flow))
        ]
        trades.sort(key=lambda trade: (trade.offer, trade.pooled))  # stable: edges keep their order
        return Outcome(trades=tuple(trades), certificate=certificate)

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """
        Return a certificate of trades, found without a solver.

        Raises
        ------
        ContractRevert
            Where they are not feasible, or no certificate proves them.
        """
        require_feasible(market_round, trades)
        routes = trade_network(market_round)
        weights = weights_of(routes, market_round.real_time_price)
        flow = routes.flow_of(trades)
        certificate = self._certificate(routes, weights, flow, market_round.real_time_price)
        self.verify(market_round, Outcome(trades=tuple(trades), certificate=certificate))
        return certificate

    def verify(self, market_round: Round, outcome: Outcome) -> None:
        """
        Check an outcome as the exchange and the contract do.

        Raises
        ------
        ContractRevert
            Under the name of the contract's error.
        """
        require_feasible(market_round, outcome.trades)
        _Check(market_round, outcome, self._thetas).run()
        gains = self._gains(market_round, outcome.certificate)
        for position, trade in enumerate(outcome.trades):
            expected = self._priced(market_round, gains, trade)
            for given, due in (
                (trade.price, expected.price),
                (trade.surplus, expected.surplus),
            ):
                if given != due:
                    raise ContractRevert(
                        "WrongPrice", {"position": position, "price": given, "expected": due}
                    )

    def _certificate(
        self, routes: TradeNetwork, weights: Weights, flow: IntArray, price_cap: int
    ) -> bytes:
        _require_optimal(routes, weights, flow)
        extremes = [extreme(routes, weights, flow, price_cap, theta) for theta in self._thetas]
        ties = _tie_breaks(routes, weights, flow, extremes[0])
        words = [tie << 128 & (1 << 256) - 1 for tie in ties]
        for place, duals in zip(PLACES, extremes, strict=False):
            for node, (gain, rank) in enumerate(
                zip(duals.gain.tolist(), duals.rank.tolist(), strict=True)
            ):
                words[node] |= (gain << 16 | rank) << place
        return b"".join(word.to_bytes(WORD_BYTES, "big") for word in words)

    def _gains(self, market_round: Round, certificate: bytes) -> list[int]:
        """Return what each entry of the book gains, u or w, at the prices of θ."""
        gains = []
        for position, order in enumerate(market_round.orders):
            word = _word(certificate, position)
            gain = _gain(word, FIRST)
            if self.theta == AVERAGE:
                rounding = order is not None and order.kind is Kind.BID
                gain = (gain + _gain(word, SECOND) + rounding) // 2
            gains.append(gain)
        return gains

    def _priced(self, market_round: Round, gains: Sequence[int], trade: Trade) -> Trade:
        """Return a trade with the price and the surplus that the gains of its orders leave."""
        price = market_round.order(trade.offer).price + gains[trade.offer]
        high = market_round.order(trade.bid).price
        cap = int(market_round.real_time_price)
        if trade.pooled:
            fee = _spoke(market_round, trade.bid).fee
            value = min(high - fee, cap) - (trade.fee - fee)
        else:
            value = min(high - trade.fee, cap)
        return replace(
            trade,
            price=MicroUsdPerMwh(price),
            surplus=MicroUsdPerMwh(value - price - gains[trade.bid]),
        )


def weights_of(routes: TradeNetwork, price_cap: int) -> Weights:
    """Return the weights of a network without a grid, (A1) and what breaks ties."""
    lines = _lots(routes.offer, routes.bid)
    spokes = _lots(*(ends - 1 for ends in routes.spoke_ends))
    return Weights(
        welfare=routes.weights(
            lines=np.minimum(routes.price[routes.bid] - routes.line_fee, price_cap)
            - routes.price[routes.offer],
            spokes=np.where(
                routes.is_offer[routes.spoke_order],
                -routes.price[routes.spoke_order] - routes.spoke_fee,
                np.minimum(routes.price[routes.spoke_order] - routes.spoke_fee, price_cap),
            ),
        ),
        time=routes.weights(orders=routes.entries - routes.live),
        high_lots=routes.weights(lines=lines[0], spokes=spokes[0]),
        low_lots=routes.weights(lines=lines[1], spokes=spokes[1]),
    )


def extreme(
    routes: TradeNetwork, weights: Weights, flow: IntArray, price_cap: int, theta: int
) -> Extreme:
    """Return the seller-best or the buyer-best duals of an optimal flow."""
    entries, managers = routes.entries, routes.managers
    bounds = residual(routes.network, flow, weights.welfare).bounds
    offers, bids = 1 + np.flatnonzero(routes.is_offer), 1 + np.flatnonzero(routes.is_bid)
    hubs = 1 + entries + np.arange(managers)
    root = np.full(entries + managers, ROOT)
    tail = np.concatenate([bounds.tail, offers, root[: len(bids)], root[:managers], hubs])
    head = np.concatenate([bounds.head, root[: len(offers)], bids, hubs, root[:managers]])
    length = np.concatenate(
        [bounds.length, 0 * offers, 0 * bids, np.full(managers, price_cap), 0 * hubs]
    )
    if theta == SELLER_BEST:
        bounds = Bounds(tail, head, length)
        label = distance = bounds.distances(ROOT, routes.network.nodes)
    else:
        bounds = Bounds(head, tail, length)
        distance = bounds.distances(ROOT, routes.network.nodes)
        label = -distance
    gain = label[1:].copy()
    gain[:entries][routes.is_bid] *= -1
    gain[:entries][~(routes.is_offer | routes.is_bid)] = 0
    return Extreme(gain=gain, rank=bounds.ranks(distance, ROOT)[1:])


def _tie_breaks(
    routes: TradeNetwork, weights: Weights, flow: IntArray, duals: Extreme
) -> list[int]:
    """Return for each entry and manager what proves that ties are broken rightly."""
    label = np.concatenate([[ROOT], duals.gain])
    is_bid = 1 + np.flatnonzero(routes.is_bid)
    label[is_bid] *= -1
    arcs = is_tight(routes.network, label, weights.welfare)
    ties = [0] * len(duals.gain)
    for weight, shift in weights.ties:
        label, _ = find_labels(routes.network, flow, weight, arcs)
        arcs &= is_tight(routes.network, label, weight)
        label -= label[ROOT]
        label[is_bid] *= -1
        ties = [tie + (level << shift) for tie, level in zip(ties, label[1:].tolist(), strict=True)]
    return ties


def _require_optimal(routes: TradeNetwork, weights: Weights, flow: IntArray) -> None:
    """Refuse a flow that a cycle of the residual makes better, and name a route of the cycle."""
    network = routes.network
    arcs = np.ones(len(network.tail), dtype=np.bool_)
    for weight in weights.levels:
        label, better = find_labels(network, flow, weight, arcs)
        if better is not None:
            arc = np.flatnonzero(better != flow)[0]
            tail, head = int(network.tail[arc]), int(network.head[arc])
            raise _contradiction((tail or head) - 1, (head or tail) - 1)
        arcs &= is_tight(network, label, weight)


def _contradiction(tail: int, head: int) -> ContractRevert:
    """Return the refusal of a route between two nodes, or of a node's own limit."""
    return ContractRevert("DualsContradict", {"tail": tail, "head": head})


def _halves(tail: int, head: int) -> tuple[int, int]:
    """Return the high and the low half of a route's lot."""
    return divmod(lot(tail, head, 2 * HALF_BITS), 1 << HALF_BITS)


def _lots(tails: IntArray, heads: IntArray) -> tuple[IntArray, IntArray]:
    halves = [_halves(*ends) for ends in zip(tails.tolist(), heads.tolist(), strict=True)]
    return column(high for high, _ in halves), column(low for _, low in halves)


def tie_of(tail: int, head: int) -> int:
    """Return what a route's lot counts in tie-breaks."""
    high, low = _halves(tail, head)
    return high << LOT_SHIFT | low


def _word(certificate: bytes, node: int) -> int:
    return int.from_bytes(certificate[WORD_BYTES * node : WORD_BYTES * (node + 1)], "big")


def _gain(word: int, place: int) -> int:
    return word >> place + 16 & MAX_PRICE


def _tie_break(word: int) -> int:
    tie = word >> 128
    return tie - (tie >> 127 << 128)


def _spoke(market_round: Round, position: int) -> Spoke:
    """Return the spoke of an order that has one."""
    spoke = market_round.spokes[position]
    if spoke is None:
        raise IndexError(f"entry {position} of the book has no manager")
    return spoke


class _Pass:
    """What is checked, and what has been found, of one extreme; shape (nodes,)."""

    def __init__(self, words: Sequence[int], *, is_seller_best: bool, place: int) -> None:
        self.is_seller_best, self.breaks_ties = is_seller_best, place == FIRST
        self.gains = [_gain(word, place) for word in words]
        self.ranks = [word >> place & 0xFFFF for word in words]
        self.bounded = [False] * len(words)
        self._ties = [_tie_break(word) for word in words]

    def order(self, node: int, *, time: int, is_offer: bool, used: int, has_left: bool) -> None:
        """Check what an order gains by itself."""
        gain, tie = self.gains[node], self._ties[node] + (time << TIME_SHIFT)
        if gain and has_left:
            raise _contradiction(node, node)
        if self.breaks_ties and not gain and ((has_left and tie > 0) or (used and tie < 0)):
            raise _contradiction(node, node)
        if has_left if is_offer == self.is_seller_best else not gain:
            self.bounded[node] = True

    def route(
        self, tail: int, head: int, *, to_bid: bool, welfare: int, energy: int, capacity: int
    ) -> None:
        """Refuse what contradicts (A2) on a route; note which end bounds the other."""
        sign = 1 if to_bid else -1
        more, less = energy < capacity or capacity == NO_LIMIT, energy > 0
        slack = tie = self.gains[tail] + sign * self.gains[head] - welfare
        if slack == 0 and self.breaks_ties:
            tie = self._ties[tail] + sign * self._ties[head] - tie_of(tail, head)
        if (tie < 0 and more) or (tie > 0 and less):
            raise _contradiction(tail, head)
        if slack:
            return
        down, up = (more, less) if self.is_seller_best else (less, more)
        if down and self.ranks[tail] < self.ranks[head]:
            self.bounded[head] = True
        if up and self.ranks[head] < self.ranks[tail]:
            self.bounded[tail] = True


class _Check:
    """What the contract goes through, in its order."""

    def __init__(self, market_round: Round, outcome: Outcome, thetas: Sequence[int]) -> None:
        """Refuse a certificate of another length, and trades through a manager paired otherwise."""
        self._round = market_round
        self._entries = len(market_round.orders)
        managers = max((spoke.manager for spoke in market_round.spokes if spoke), default=0)
        nodes = self._entries + managers
        require_length(outcome, WORD_BYTES * nodes)
        words = [_word(outcome.certificate, node) for node in range(nodes)]
        self._passes = [
            _Pass(words, is_seller_best=theta == SELLER_BEST, place=place)
            for theta, place in zip(thetas, PLACES, strict=False)
        ]
        self._used, self._pooled = [0] * self._entries, [0] * self._entries
        self._over: dict[tuple[int, int], int] = {}
        last_bid: dict[int, int] = {}
        for position, trade in enumerate(outcome.trades):
            for index in (trade.offer, trade.bid):
                self._used[index] += trade.energy
                self._pooled[index] += trade.energy * trade.pooled
            if not trade.pooled:
                self._over[trade.offer, trade.bid] = int(trade.energy)
                continue
            manager = _spoke(market_round, trade.offer).manager
            if trade.bid < last_bid.get(manager, 0):
                raise ContractRevert("NotPaired", {"position": position})
            last_bid[manager] = trade.bid

    def run(self) -> None:
        """Refuse gains unless they are the extreme duals, or ties that are broken otherwise."""
        for edge in self._round.edges:
            high, low = self._round.order(edge.bid).price, self._round.order(edge.offer).price
            for each in self._passes:
                each.route(
                    edge.offer,
                    edge.bid,
                    to_bid=True,
                    welfare=min(high - edge.fee, self._round.real_time_price) - low,
                    energy=self._over.get((edge.offer, edge.bid), 0),
                    capacity=edge.capacity,
                )
        for node, order in enumerate(self._round.orders):
            if order is not None:
                self._order(node, order)
        self._managers()
        for node in range(len(self._passes[0].gains)):
            is_live = node >= self._entries or self._round.orders[node] is not None
            if is_live and not all(each.bounded[node] for each in self._passes):
                raise ContractRevert("NotExtreme", {"node": node})

    def _order(self, node: int, order: Order) -> None:
        """Check what an order gains by itself, and its spoke."""
        is_offer, used = order.kind is Kind.OFFER, self._used[node]
        for each in self._passes:
            each.order(
                node,
                time=self._entries - node,
                is_offer=is_offer,
                used=used,
                has_left=used < order.energy,
            )
        spoke = self._round.spokes[node] if self._round.spokes else None
        if spoke is None:
            return
        hub = self._entries + spoke.manager - 1
        value = min(order.price - spoke.fee, self._round.real_time_price)
        for each in self._passes:
            each.route(
                node if is_offer else hub,
                hub if is_offer else node,
                to_bid=not is_offer,
                welfare=-order.price - spoke.fee if is_offer else value,
                energy=self._pooled[node],
                capacity=spoke.capacity,
            )

    def _managers(self) -> None:
        price_cap = self._round.real_time_price
        for node in range(self._entries, len(self._passes[0].gains)):
            for each in self._passes:
                if each.gains[node] > price_cap:
                    raise _contradiction(node, node)
                if each.gains[node] == (price_cap if each.is_seller_best else 0):
                    each.bounded[node] = True
