"""
Why an order traded as it did.

Nothing here knows a mechanism: the slot is cleared again with one limit changed. The limit at which
an order would have traded, or traded more, is found by bisection, exact to the micro-USD/MWh where
more is traded the better the limit is. Who set a price is whose limit, a little higher or lower,
moves it; asked are the order itself, who it traded with and those with the nearest limits.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from oracle.compare.measures import all_in_price, blocking_partners, reservations
from oracle.domain.book import Kind, Trade
from oracle.explain.slot_market import SlotMarket
from oracle.units import MicroUsdPerMwh, Wh

NEAREST = 12  # orders that are asked whether they set a price, besides who traded
STEP = 1_000  # micro-USD/MWh, by which their limits are moved
GRID = -1  # in the place of a position: the grid's import price

FILLED, RATIONED, TIED, LIMIT, PRICE, RULE, NO_ROUTE, NO_ROOM, LEFT_OUT = (
    "filled",
    "rationed",
    "tied",
    "limit",
    "price",
    "rule",
    "no route",
    "no room",
    "left out",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What became of an order, and why; positions count in the book."""

    position: int
    traded: Wh
    trades: tuple[Trade, ...]
    reason: str
    routes: int  # to orders of the other side
    routes_with_room: int  # for a price between both limits
    best_reachable: MicroUsdPerMwh | None  # the limit it met at best, its fee counted in
    needed_limit: MicroUsdPerMwh | None  # at which it would have traded, or more
    would_trade: Wh  # there
    barred_by: MicroUsdPerMwh | None  # the one price, of bids all in, that its limit does not admit
    left_over: Wh  # of what it can reach with room for a price
    still_limit: MicroUsdPerMwh | None  # at worst for what it traded
    setters: tuple[int, ...]  # whose limits move its price, GRID for the import price
    asked: int  # how many were asked
    ties: tuple[int, ...]  # who has a limit of just that price
    would_rather: tuple[int, ...]  # with whom both would gain by trading otherwise
    clearings: int


class Explainer:
    """Clears a slot again and again."""

    def __init__(self, market: SlotMarket) -> None:
        self._market = market
        self._clearings = 0

    def explain(self, position: int) -> Explanation:
        """Return what became of a live order."""
        self._clearings = 0
        market, order = self._market, self._market.book[position]
        own = tuple(t for t in market.trades if position in (t.offer, t.bid))
        traded = _energy(position, own)
        routes = self._routes(position)
        reached = routes.values()
        best = None if not routes else (min if order.kind is Kind.BID else max)(reached)
        fills = market.traded()
        partners = {k for k, limit in routes.items() if self._leaves_room(position, limit)}
        left_over = Wh(sum(market.book[k].energy - fills[k] for k in partners))
        needed, there = (None, ()) if traded == order.energy else self._needed(position, traded)
        barred_by = None if needed is None else self._barred_by(position, needed, there, left_over)
        setters, asked = self._setters(position, own)
        market_round = market.round()
        reserved = reservations(market_round, market.trades)
        return Explanation(
            position=position,
            traded=traded,
            trades=own,
            reason=self._reason(position, traded, routes, partners, needed, barred_by, left_over),
            routes=len(routes),
            routes_with_room=len(partners),
            best_reachable=best,
            needed_limit=needed,
            would_trade=_energy(position, there),
            barred_by=barred_by,
            left_over=left_over,
            still_limit=self._still(position, traded) if traded else None,
            setters=setters,
            asked=asked,
            ties=tuple(k for k in market.live() if self._is_tied(k, own)),
            would_rather=tuple(blocking_partners(market_round, reserved, position)),
            clearings=self._clearings,
        )

    def _cleared(
        self, limits: dict[int, MicroUsdPerMwh], price: MicroUsdPerMwh | None = None
    ) -> Sequence[Trade]:
        self._clearings += 1
        return self._market.mechanism.clear(self._market.round(limits, price)).trades

    def _traded(self, position: int, limit: int) -> Wh:
        return _energy(position, self._cleared({position: MicroUsdPerMwh(limit)}))

    def _routes(self, position: int) -> dict[int, MicroUsdPerMwh]:
        """Return the orders that one can reach: their limits, with the fee on the way there."""
        order = self._market.book[position]
        is_bid = order.kind is Kind.BID
        found = {}
        for other in self._market.live():
            entry = self._market.book[other]
            if entry.kind is order.kind:
                continue
            pair = (other, position) if is_bid else (position, other)
            fees = self._fees(*pair)
            if fees:
                cost = min(fees)
                found[other] = MicroUsdPerMwh(entry.price + (cost if is_bid else -cost))
        return found

    def _fees(self, offer: int, bid: int) -> list[int]:
        """Return the fee of each route between two orders."""
        market = self._market
        seller, buyer = (market.book[k].participant for k in (offer, bid))
        found = [market.fees[seller, buyer]] if (seller, buyer) in market.fees else []
        spokes = market.round().spokes
        one, other = (spokes[offer], spokes[bid]) if spokes else (None, None)
        if one is not None and other is not None and one.manager == other.manager:
            found.append(MicroUsdPerMwh(one.fee + other.fee))
        return [int(fee) for fee in found]

    def _leaves_room(self, position: int, reached: int) -> bool:
        order = self._market.book[position]
        return reached <= order.price if order.kind is Kind.BID else reached >= order.price

    def _needed(self, position: int, traded: Wh) -> tuple[MicroUsdPerMwh | None, Sequence[Trade]]:
        """Return the first better limit at which an order trades more, and all trades there."""
        order = self._market.book[position]
        best = self._market.price_cap if order.kind is Kind.BID else 0
        if self._traded(position, best) <= traded:
            return None, ()
        found = _bisected(order.price, best, lambda price: self._traded(position, price) > traded)
        limit = MicroUsdPerMwh(found)
        return limit, self._cleared({position: limit})

    def _barred_by(
        self, position: int, needed: MicroUsdPerMwh, there: Sequence[Trade], left_over: Wh
    ) -> MicroUsdPerMwh | None:
        """
        Return the price of the slot, where it alone keeps an order from more.

        That is so where others are left to trade with, or where the order needs no better limit
        than this price. Of a slot without trades it is the price that there would have been.
        """
        order = self._market.book[position]
        is_bid = order.kind is Kind.BID
        prices = {all_in_price(t) if is_bid else t.price for t in self._market.trades or there}
        if len(prices) != 1:
            return None
        price = prices.pop()
        admits = price <= order.price if is_bid else price >= order.price
        return price if not admits and (left_over or needed == price) else None

    def _reason(
        self,
        position: int,
        traded: Wh,
        routes: Mapping[int, MicroUsdPerMwh],
        partners: Set[int],
        needed: MicroUsdPerMwh | None,
        barred_by: MicroUsdPerMwh | None,
        left_over: Wh,
    ) -> str:
        order = self._market.book[position]
        if traded == order.energy:
            return FILLED
        if not routes:
            return NO_ROUTE
        if not partners:
            return NO_ROOM
        if needed is None:
            return RATIONED if traded else LEFT_OUT
        if barred_by is not None:
            return PRICE
        if abs(needed - order.price) == 1 and self._has_equals(position):
            return TIED
        return RULE if left_over or not self._came_too_late(position, traded, partners) else LIMIT

    def _has_equals(self, position: int) -> bool:
        """Return whether another order of the same side has the same limit."""
        book, order = self._market.book, self._market.book[position]
        return any(
            (book[k].kind, book[k].price) == (order.kind, order.price)
            for k in self._market.live()
            if k != position
        )

    def _came_too_late(self, position: int, traded: Wh, partners: Set[int]) -> bool:
        """
        Return whether orders with better limits had what this one could reach, by rank.

        Where limits rank, no more than one of them is filled in part, with its equals.
        """
        book, order = self._market.book, self._market.book[position]
        is_bid = order.kind is Kind.BID
        pairs = [(t.bid, t.offer) if is_bid else (t.offer, t.bid) for t in self._market.trades]
        rivals = {
            k
            for k, partner in pairs
            if partner in partners
            and (book[k].price > order.price if is_bid else book[k].price < order.price)
        }
        fills = self._market.traded()
        in_part = {book[k].price for k in rivals if fills[k] < book[k].energy}
        if traded:
            in_part.add(order.price)
        return bool(rivals) and len(in_part) <= 1

    def _still(self, position: int, traded: Wh) -> MicroUsdPerMwh:
        """Return the worst limit at which an order trades what it did."""
        order = self._market.book[position]
        worst = 0 if order.kind is Kind.BID else self._market.price_cap

        def still(price: int) -> bool:
            return self._traded(position, price) >= traded

        if still(worst):
            return MicroUsdPerMwh(worst)
        return MicroUsdPerMwh(_bisected(worst, order.price, still))

    def _setters(self, position: int, own: Sequence[Trade]) -> tuple[tuple[int, ...], int]:
        """Return whose limits move an order's prices, and how many were asked."""
        if not own:
            return (), 0
        before = _prices(position, own)
        asked = self._candidates(position, own)
        found = []
        for other in asked:
            for step in (-STEP, STEP):
                if other == GRID:
                    price = max(0, self._market.real_time_price + step)
                    trades = self._cleared({}, MicroUsdPerMwh(price))
                else:
                    limit = self._market.book[other].price + step
                    limit = min(max(limit, 0), self._market.price_cap)
                    trades = self._cleared({other: MicroUsdPerMwh(limit)})
                after = _prices(position, [t for t in trades if position in (t.offer, t.bid)])
                if after and after != before:
                    found.append(other)
                    break
        return tuple(found), len(asked)

    def _is_tied(self, position: int, own: Sequence[Trade]) -> bool:
        order = self._market.book[position]
        is_bid = order.kind is Kind.BID
        return any(order.price == (all_in_price(t) if is_bid else t.price) for t in own)

    def _candidates(self, position: int, own: Sequence[Trade]) -> list[int]:
        first = [position, *(t.bid if t.offer == position else t.offer for t in own), GRID]
        price = own[0].price
        nearest = sorted(
            (k for k in self._market.live() if k not in first),
            key=lambda k: abs(self._market.book[k].price - price),
        )
        return [*dict.fromkeys(first), *nearest[:NEAREST]]


def _bisected(fails: int, holds: int, condition: Callable[[int], bool]) -> int:
    """Return the number next to where a condition that holds at one end begins to hold."""
    while abs(holds - fails) > 1:
        middle = (fails + holds) // 2
        if condition(middle):
            holds = middle
        else:
            fails = middle
    return holds


def _prices(position: int, own: Sequence[Trade]) -> list[int]:
    """Return the prices of an order's trades; of a bid all in."""
    return sorted({t.price if t.offer == position else all_in_price(t) for t in own})


def _energy(position: int, trades: Sequence[Trade]) -> Wh:
    """Return how much an order trades."""
    return Wh(sum(trade.energy for trade in trades if position in (trade.offer, trade.bid)))
