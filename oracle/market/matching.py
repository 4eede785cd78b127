"""
A matching as a flow, and the exact duals that prove it optimal or the cycle that makes it better.

A transport of energy from offers to bids, of the largest weight, is a circulation root → offers →
bids → root at the least cost, −w on the edges. It is optimal exactly if its residual graph has no
negative cycle; then shortest distances are potentials and give duals (Ahuja, Magnanti and Orlin,
"Network Flows", Prentice Hall 1993, sections 3.5 and 9.3). All numbers are integers.
"""

from collections import deque
from collections.abc import Callable

from oracle.domain.book import Kind, Order
from oracle.market.mechanism import Edge, Round


class Matching:
    """A flow; nodes are positions in the book and ROOT; a residual arc has a cost and a limit."""

    ROOT = -1

    def __init__(
        self,
        market_round: Round,
        weight: Callable[[Edge], int],
        flow: dict[tuple[int, int], int],
    ) -> None:
        """`flow` is feasible and, for a quick repair, close to the optimum."""
        self._cost = {(edge.offer, edge.bid): -weight(edge) for edge in market_round.edges}
        self._capacity = {
            position: int(order.energy)
            for position, order in enumerate(market_round.orders)
            if order is not None
        }
        self._bids = dict.fromkeys(
            j for j, order in enumerate(market_round.orders) if is_bid(order)
        )
        self._flow = flow
        self._used = dict.fromkeys(self._capacity, 0)
        for (offer, bid), energy in self._flow.items():
            self._used[offer] += energy
            self._used[bid] += energy
        self._neighbours: dict[int, list[int]] = {position: [] for position in self._capacity}
        for offer, bid in self._cost:
            self._neighbours[offer].append(bid)
            self._neighbours[bid].append(offer)
        self._potential: dict[int, int] = {}

    def flows(self) -> dict[tuple[int, int], int]:
        return {pair: energy for pair, energy in self._flow.items() if energy > 0}

    def bid_duals(self) -> dict[int, int]:
        """Return v_j = max(0, π_root − π_j); u_i = max(0, π_i − π_root) completes the proof."""
        root = self._potential[self.ROOT]
        return {j: max(0, root - self._potential[j]) for j in self._bids}

    def is_tight(self, edge: Edge) -> bool:
        """Return whether an optimum may use an edge."""
        potential, root = self._potential, self._potential[self.ROOT]
        return (
            self._cost[edge.offer, edge.bid] + potential[edge.offer] == potential[edge.bid]
            and potential[edge.offer] >= root >= potential[edge.bid]
        )

    def is_filled(self, position: int) -> bool:
        """Return whether every optimum fills an order."""
        return self._potential[position] != self._potential[self.ROOT]

    def repair(self) -> None:
        """Cancel negative cycles until exact potentials exist; few are left by a float optimum."""
        while self.improve():
            pass

    def improve(self) -> int:
        """Return the weight gained by cancelling a negative cycle; 0 proves the flow optimal."""
        cycle = self._negative_cycle()
        if not cycle:
            return 0
        energy = min(self._residual(a, b) for a, b in cycle)
        gain = -energy * sum(self._cost_of(a, b) for a, b in cycle)
        for a, b in cycle:
            self._push(a, b, energy)
        return gain

    def _cost_of(self, a: int, b: int) -> int:
        if self.ROOT in (a, b):
            return 0
        return self._cost[a, b] if (a, b) in self._cost else -self._cost[b, a]

    def _arcs_from(self, node: int) -> list[tuple[int, int]]:
        """Return the residual arcs out of a node as (head, cost)."""
        if node == self.ROOT:
            return [(other, 0) for other in self._capacity if self._residual(self.ROOT, other) > 0]
        arcs = [(self.ROOT, 0)] if self._residual(node, self.ROOT) > 0 else []
        for other in self._neighbours[node]:
            if self._residual(node, other) > 0:
                arcs.append((other, self._cost_of(node, other)))
        return arcs

    def _residual(self, a: int, b: int) -> int:
        if a == self.ROOT:
            return self._used[b] if self._is_sink(b) else self._capacity[b] - self._used[b]
        if b == self.ROOT:
            return self._capacity[a] - self._used[a] if self._is_sink(a) else self._used[a]
        if (a, b) in self._cost:
            return min(self._capacity[a], self._capacity[b])  # the edge itself has no limit
        return self._flow.get((b, a), 0)

    def _is_sink(self, node: int) -> bool:
        return node in self._bids

    def _push(self, a: int, b: int, energy: int) -> None:
        if a == self.ROOT:
            self._used[b] += -energy if self._is_sink(b) else energy
        elif b == self.ROOT:
            self._used[a] += energy if self._is_sink(a) else -energy
        elif (a, b) in self._cost:
            self._flow[a, b] = self._flow.get((a, b), 0) + energy
        else:
            self._flow[b, a] -= energy

    def _negative_cycle(self) -> list[tuple[int, int]]:
        """
        Return the arcs of a negative cycle, or none and leave exact potentials.

        Bellman and Ford's algorithm with a queue; a node relaxed as often as there are nodes lies
        behind a negative cycle.
        """
        nodes = [self.ROOT, *self._capacity]
        potential = dict.fromkeys(nodes, 0)
        before: dict[int, int] = {}
        relaxed = dict.fromkeys(nodes, 0)
        queue, queued = deque(nodes), set(nodes)
        while queue:
            node = queue.popleft()
            queued.discard(node)
            for head, cost in self._arcs_from(node):
                if potential[node] + cost >= potential[head]:
                    continue
                potential[head] = potential[node] + cost
                before[head] = node
                relaxed[head] += 1
                if relaxed[head] >= len(nodes):
                    return _cycle_behind(head, before, len(nodes))
                if head not in queued:
                    queue.append(head)
                    queued.add(head)
        self._potential = potential
        return []


def _cycle_behind(node: int, before: dict[int, int], nodes: int) -> list[tuple[int, int]]:
    for _ in range(nodes):
        node = before[node]
    cycle, head = [], node
    while True:
        cycle.append((before[head], head))
        head = before[head]
        if head == node:
            return cycle


def is_bid(order: Order | None) -> bool:
    return order is not None and order.kind is Kind.BID
