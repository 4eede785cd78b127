"""
One order book under many mechanisms.

Without fees all orders meet in one free pool, or, for a mechanism that knows lines only, over a
free line between every offer and every bid. With fees a mechanism that knows lines clears these,
and one that knows pools only clears the free pool. There is no real-time price, but for mechanisms
that use the grid's prices: it is their import price.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from time import perf_counter
from typing import Protocol, runtime_checkable

from oracle.compare.measures import NOTHING, Measures
from oracle.compare.optimum import largest_volume, largest_welfare
from oracle.compare.rules import Rule, measured, rule_of, with_defaults
from oracle.domain.book import MAX_PRICE, Kind, Order, Trade
from oracle.domain.community import COMMUNITY, FULL, TradeGraph
from oracle.errors import InvalidInputError, OracleError
from oracle.market.average_rounds import AverageRounds, opening_terms
from oracle.market.demand_bidding import DemandBidding
from oracle.market.matching import Matching
from oracle.market.mechanism import Edge, Round, Settings, community_round
from oracle.market.pairwise_nash import PairwiseNash, bid_terms
from oracle.market.sharing import BlendedPrices
from oracle.scenario_files.book import BookFile
from oracle.units import BPS, Bps, MicroUsdPerMwh, Wh

MAX_LINES = 40_000  # free lines between every offer and every bid
MAX_ORDERS = 20_000  # that the engine of flows clears in a minute
OPENING = (
    "takes the book's prices as opening prices, and the grid's as limits: by the book's, welfare "
    "may be negative, and there is no most"
)
NO_PRICE_LIMIT = MicroUsdPerMwh(MAX_PRICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPrices:
    """What the grid charges and pays, for the mechanisms that want to know."""

    import_price: MicroUsdPerMwh
    export_price: MicroUsdPerMwh


@dataclass(frozen=True, slots=True, kw_only=True)
class BookResult:
    """
    What a mechanism made of a book; `refusal` says in its place why it takes no such book.

    `most_welfare` (pico-USD) and `most_volume` are the most that the graph's routes allow; None
    where the book's prices are not the limits.
    """

    mechanism: str
    rule: str
    graph: TradeGraph
    uses_grid_prices: bool
    trades: tuple[Trade, ...] = ()
    measures: Measures = NOTHING
    most_welfare: int | None = 0
    most_volume: Wh | None = Wh(0)
    blended: BlendedPrices | None = None
    seconds: float = 0.0
    settings: Settings = field(default_factory=dict)
    ignores_fees: bool = False
    note: str = ""
    refusal: str = ""


@runtime_checkable
class _Blending(Protocol):
    """A mechanism whose long side has the rest from the grid."""

    def blended_prices(self, market_round: Round) -> BlendedPrices:
        """Return what each side pays or gets on average."""


class BookComparison:
    """A book under mechanisms; what they share is found once."""

    def __init__(
        self,
        book: BookFile,
        grid: GridPrices,
        settings: Mapping[str, Settings],
        engine: type[Rule],
    ) -> None:
        """`settings` are those that differ from defaults, per mechanism; `engine` is exact."""
        self._book = book
        self._grid = grid
        self._settings = settings
        self._engine = rule_of(engine, {})
        self._most = cache(self._largest)

    def result(self, kind: type[Rule]) -> BookResult:
        """Return what a mechanism makes of the book."""
        settings = self._settings.get(kind.name, {})
        graph = self.graph_of(kind)
        empty = BookResult(
            mechanism=kind.name,
            rule=kind.rule,
            graph=graph,
            uses_grid_prices=uses_grid_prices(kind),
            settings=with_defaults(kind, settings),
            ignores_fees=self._book.fees is not None and graph == COMMUNITY,
            note=OPENING if kind.name == AverageRounds.name else "",
        )
        try:
            mechanism = rule_of(kind, settings, self._grid.export_price)
            return self._cleared(empty, kind, mechanism)
        except OracleError as refusal:
            return replace(empty, refusal=str(refusal))

    def graph_of(self, kind: type[Rule]) -> TradeGraph:
        """Return which routes a mechanism clears."""
        first, other = (COMMUNITY, FULL) if self._book.fees is None else (FULL, COMMUNITY)
        return first if first in kind.graphs else other

    def _cleared(self, empty: BookResult, kind: type[Rule], mechanism: Rule) -> BookResult:
        orders = tuple(self._stated(kind, order) for order in self._book.orders)
        cap = self._grid.import_price if empty.uses_grid_prices else NO_PRICE_LIMIT
        market_round = self._round(empty.graph, orders, cap)
        if kind.name == Matching.name and len(orders) > MAX_ORDERS:
            raise InvalidInputError(f"expected at most {MAX_ORDERS:,} orders, got {len(orders):,}")
        started = perf_counter()
        trades = mechanism.clear(market_round).trades
        seconds = perf_counter() - started
        is_bounded = kind.name != AverageRounds.name
        most_welfare, most_volume = self._most(empty.graph) if is_bounded else (None, None)
        return replace(
            empty,
            trades=trades,
            measures=measured(mechanism, market_round, trades, self._book.orders),
            most_welfare=most_welfare,
            most_volume=most_volume,
            blended=(
                mechanism.blended_prices(market_round) if isinstance(mechanism, _Blending) else None
            ),
            seconds=seconds,
        )

    def _stated(self, kind: type[Rule], order: Order) -> Order:
        """
        Return an order as a mechanism wants it.

        Of `average-rounds` the book's prices are the opening ones, and the grid's are the limits.
        """
        is_bid = order.kind is Kind.BID
        if kind.name == AverageRounds.name:
            limit = self._grid.import_price if is_bid else self._grid.export_price
            return replace(order, price=limit, terms=opening_terms(order.price))
        if kind.name == PairwiseNash.name:
            return replace(order, terms=_linear_terms(order) if is_bid else order.price)
        return order

    def _round(self, graph: TradeGraph, orders: tuple[Order, ...], cap: MicroUsdPerMwh) -> Round:
        if graph == COMMUNITY:
            return community_round(orders, cap)
        return Round(orders=orders, edges=self._edges(orders, cap), real_time_price=cap)

    def _edges(self, orders: Sequence[Order], cap: MicroUsdPerMwh) -> tuple[Edge, ...]:
        fees = self._book.fees
        if fees is None:
            sides = [
                [k for k, order in enumerate(orders) if order.kind is kind]
                for kind in (Kind.OFFER, Kind.BID)
            ]
            if len(sides[0]) * len(sides[1]) > MAX_LINES:
                raise InvalidInputError(
                    f"expected at most {MAX_LINES:,} pairs of an offer and a bid, got "
                    f"{len(sides[0]) * len(sides[1]):,}: --fees says which have a line"
                )
            fees = {(i, j): MicroUsdPerMwh(0) for i in sides[0] for j in sides[1]}
        return tuple(
            Edge(offer=i, bid=j, fee=fee)
            for (i, j), fee in sorted(fees.items())
            if orders[i].price <= cap and orders[i].price + fee <= orders[j].price
        )

    def _largest(self, graph: TradeGraph) -> tuple[int, Wh]:
        if self._book.fees is None:  # free lines allow what the free pool does
            graph = COMMUNITY
        market_round = self._round(graph, self._book.orders, NO_PRICE_LIMIT)
        return largest_welfare(market_round, self._engine), largest_volume(market_round)


def uses_grid_prices(kind: type[Rule]) -> bool:
    """Return whether the grid's prices make a difference to a mechanism, besides as a cap."""
    one, other = (rule_of(kind, {}, MicroUsdPerMwh(price)) for price in (0, 1))
    return one != other or kind.name == DemandBidding.name


def grid_prices(
    book: BookFile,
    import_price: MicroUsdPerMwh | None = None,
    export_price: MicroUsdPerMwh | None = None,
) -> GridPrices:
    """Return the grid's prices; where not given, the highest and the lowest of the book."""
    prices = [order.price for order in book.orders] or [MicroUsdPerMwh(0)]
    found = GridPrices(
        import_price=max(prices) if import_price is None else import_price,
        export_price=min(prices) if export_price is None else export_price,
    )
    if found.export_price > found.import_price:
        raise InvalidInputError(
            f"--export-price: expected at most the import price of {found.import_price / 1e9:g} "
            f"USD/kWh, got {found.export_price / 1e9:g}"
        )
    return found


def _linear_terms(bid: Order) -> int:
    """
    Return the terms of a buyer whose utility is linear: a pair's price is the middle of its limits.

    The saturation is as far away as terms allow, which makes the utility linear but for one part in
    10⁷; the marginal utility at nothing makes up for that where the bid is filled.
    """
    saturation = Wh(2**32 - 1)
    slope = 2 * saturation - bid.energy
    utility = min((2 * saturation * bid.price + slope // 2) // slope, MAX_PRICE)
    return bid_terms(MicroUsdPerMwh(utility), saturation, Bps(BPS))
