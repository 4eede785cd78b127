"""
The network over which a round's energy flows: orders, managers and the grid as nodes.

root → offer → bid → root over lines, offer → manager → bid over spokes. Nodes are the root, 0, the
entries of the book, 1 + position, the managers, entries + m, and the grid, where there is one,
last: root → grid → manager at the import price, manager → grid → root at the export price. A spoke
is one arc for all the pairs that it joins, so a pool of n orders has n arcs, not n².
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from oracle.domain.book import Kind, Trade
from oracle.market.mechanism import NO_LIMIT, Round
from oracle.market.network import BoolArray, IntArray, Network
from oracle.market.pool import coupled
from oracle.units import MicroUsdPerMwh, Wh

ROOT = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What the grid charges and pays at a manager; it is never at its limit."""

    import_price: MicroUsdPerMwh
    export_price: MicroUsdPerMwh


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TradeNetwork:
    """
    A round as a network; its arcs are, in this order, orders, lines, spokes, and the grid's.

    Columns of orders have shape (entries,), zero where an entry is not live; `offer` and `bid` of
    lines have shape (lines,); `spoke_order` and `spoke_manager`, from 1, have shape (spokes,).
    """

    network: Network
    is_offer: BoolArray
    is_bid: BoolArray
    energy: IntArray  # Wh
    price: IntArray  # micro-USD/MWh
    live: IntArray  # positions of live orders; their arcs are the first
    offer: IntArray
    bid: IntArray
    line_fee: IntArray
    spoke_order: IntArray
    spoke_manager: IntArray
    spoke_fee: IntArray
    managers: int
    grid: Grid | None = None
    _cuts: tuple[int, int, int] = field(kw_only=True)

    @property
    def entries(self) -> int:
        return len(self.energy)

    @property
    def spoke_ends(self) -> tuple[IntArray, IntArray]:
        """Return the tails and the heads of the spokes' arcs."""
        return self.of_spokes(self.network.tail), self.of_spokes(self.network.head)

    def of_orders(self, arcs: IntArray) -> IntArray:
        """Return the part of an array of arcs that belongs to the live orders."""
        return arcs[: self._cuts[0]]

    def of_lines(self, arcs: IntArray) -> IntArray:
        return arcs[self._cuts[0] : self._cuts[1]]

    def of_spokes(self, arcs: IntArray) -> IntArray:
        return arcs[self._cuts[1] : self._cuts[2]]

    def of_grid(self, arcs: IntArray) -> IntArray:
        """Return the part for supply, demand, and then import and export of each manager."""
        return arcs[self._cuts[2] :]

    def weights(
        self,
        *,
        orders: IntArray | int = 0,
        lines: IntArray | int = 0,
        spokes: IntArray | int = 0,
        grid: IntArray | int = 0,
    ) -> IntArray:
        """Return weights of all arcs from those of each part."""
        weight = np.zeros(len(self.network.tail), dtype=np.int64)
        self.of_orders(weight)[:] = orders
        self.of_lines(weight)[:] = lines
        self.of_spokes(weight)[:] = spokes
        self.of_grid(weight)[:] = grid
        return weight

    def grid_weights(self) -> IntArray:
        """Return what energy from and to the grid is worth, micro-USD/MWh."""
        if self.grid is None:
            return self.weights()
        prices = [0, -self.grid.import_price, int(self.grid.export_price)]
        return self.weights(grid=np.repeat(prices, [2, self.managers, self.managers]))

    def flow_of(self, trades: Sequence[Trade]) -> IntArray:
        """Return the flow that trades are."""
        flow = np.zeros(len(self.network.tail), dtype=np.int64)
        used, pooled = (np.zeros(self.entries, dtype=np.int64) for _ in range(2))
        over = {}
        for trade in trades:
            for position in (trade.offer, trade.bid):
                used[position] += trade.energy
                pooled[position] += trade.energy * trade.pooled
            if not trade.pooled:
                over[trade.offer, trade.bid] = int(trade.energy)
        pairs = zip(self.offer.tolist(), self.bid.tolist(), strict=True)
        self.of_orders(flow)[:] = used[self.live]
        self.of_lines(flow)[:] = [over.get(pair, 0) for pair in pairs]
        self.of_spokes(flow)[:] = pooled[self.spoke_order]
        return flow

    def line_trades(self, flow: IntArray) -> Iterator[Trade]:
        """Yield the trades over lines in their edges' order, without prices."""
        energy = self.of_lines(flow)
        used = np.flatnonzero(energy)
        columns = (self.offer[used], self.bid[used], energy[used], self.line_fee[used])
        for offer, bid, amount, fee in zip(*(column.tolist() for column in columns), strict=True):
            yield Trade(
                offer=offer,
                bid=bid,
                energy=Wh(amount),
                price=MicroUsdPerMwh(0),
                fee=MicroUsdPerMwh(fee),
            )

    def pooled_trades(self, flow: IntArray) -> Iterator[Trade]:
        """Yield the trades through each manager, without prices: both sides in the book's order."""
        energy = self.of_spokes(flow)
        sells = self.is_offer[self.spoke_order]
        for manager in range(1, self.managers + 1):
            ours = (self.spoke_manager == manager) & (energy > 0)
            sold, bought = np.flatnonzero(ours & sells), np.flatnonzero(ours & ~sells)
            for i, j, amount in coupled(energy[sold], energy[bought]):
                offer, bid = sold[i], bought[j]
                yield Trade(
                    offer=int(self.spoke_order[offer]),
                    bid=int(self.spoke_order[bid]),
                    energy=amount,
                    price=MicroUsdPerMwh(0),
                    fee=MicroUsdPerMwh(int(self.spoke_fee[offer] + self.spoke_fee[bid])),
                    pooled=True,
                )


def trade_network(market_round: Round, grid: Grid | None = None) -> TradeNetwork:
    """Return the network of a round, with the grid at every manager if there is one."""
    entries = len(market_round.orders)
    book = [order for order in market_round.orders if order is not None]
    live = column(i for i, order in enumerate(market_round.orders) if order is not None)
    is_offer, is_bid = (np.zeros(entries, dtype=np.bool_) for _ in range(2))
    is_offer[live] = [order.kind is Kind.OFFER for order in book]
    is_bid[live] = [order.kind is Kind.BID for order in book]
    energy, price = (np.zeros(entries, dtype=np.int64) for _ in range(2))
    energy[live] = [order.energy for order in book]
    price[live] = [order.price for order in book]

    edges = market_round.edges
    offer, bid = column(edge.offer for edge in edges), column(edge.bid for edge in edges)
    spokes = [
        (position, spoke)
        for position, spoke in enumerate(market_round.spokes)
        if spoke is not None and market_round.orders[position] is not None
    ]
    spoke_order = column(position for position, _ in spokes)
    spoke_manager = column(spoke.manager for _, spoke in spokes)
    managers = int(spoke_manager.max(initial=0))

    sells = is_offer[live], is_offer[spoke_order]
    order_node, manager_node = 1 + live, entries + spoke_manager
    tails = [
        np.where(sells[0], ROOT, order_node),
        1 + offer,
        np.where(sells[1], 1 + spoke_order, manager_node),
    ]
    heads = [
        np.where(sells[0], order_node, ROOT),
        1 + bid,
        np.where(sells[1], manager_node, 1 + spoke_order),
    ]
    capacities = [
        energy[live],
        _limits(np.minimum(energy[offer], energy[bid]), column(edge.capacity for edge in edges)),
        _limits(energy[spoke_order], column(spoke.capacity for _, spoke in spokes)),
    ]
    nodes = 1 + entries + managers
    if grid is not None:
        every = entries + 1 + np.arange(managers)
        tails.append(np.concatenate([[ROOT, nodes], np.full(managers, nodes), every]))
        heads.append(np.concatenate([[nodes, ROOT], every, np.full(managers, nodes)]))
        capacities.append(np.full(2 + 2 * managers, 1 + energy.sum()))
        nodes += 1
    return TradeNetwork(
        network=Network(
            nodes=nodes,
            tail=np.concatenate(tails),
            head=np.concatenate(heads),
            capacity=np.concatenate(capacities),
        ),
        is_offer=is_offer,
        is_bid=is_bid,
        energy=energy,
        price=price,
        live=live,
        offer=offer,
        bid=bid,
        line_fee=column(edge.fee for edge in edges),
        spoke_order=spoke_order,
        spoke_manager=spoke_manager,
        spoke_fee=column(spoke.fee for _, spoke in spokes),
        managers=managers,
        grid=grid,
        _cuts=(len(live), len(live) + len(edges), len(live) + len(edges) + len(spokes)),
    )


def _limits(most: IntArray, capacity: IntArray) -> IntArray:
    """Return capacities; what none can bind is just out of reach, so that floats stay small."""
    return np.where(capacity == NO_LIMIT, most + 1, np.minimum(capacity, most + 1))


def column(values: Iterable[int]) -> IntArray:
    """Return integers as an array."""
    return np.fromiter(values, dtype=np.int64)
