"""
The largest circulation of a network, exactly in integers: what every matching here is computed by.

A network has nodes and arcs (tail, head) with a capacity and, on each of some levels, a weight per
unit of flow. Sought is a flow that is conserved at every node and whose total weights are the
largest in lexicographic order: those of the first level, among these those of the second, and so
on; a matching is the circulation root → offers → bids → root.

What an arc's flow x leaves room for is its *residual*: more of it where x < capacity, less where
x > 0. Labels π of the nodes with, c being the weight,

    π_head ≤ π_tail − c  where x < capacity,     π_tail ≤ π_head + c  where x > 0

prove x the largest on a level, since they bound the weight of every cycle of the residual; and they
exist unless a cycle makes x better (Ahuja, Magnanti and Orlin, "Network Flows", Prentice Hall 1993,
sections 3.5 and 9.3). The next level may then change the arcs only for which both hold with
equality: so levels are solved one after the other, each in 64 bits.

Each level is first solved by HiGHS, in floats, over the arcs that lie on a cycle of what is left to
decide; the rounded vertex is then improved along cycles until labels exist. So no float reaches the
result, and the number of steps after the solver's is small: a step costs time in proportion to the
arcs, whatever the square of the nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

FAR = np.int64(1 << 60)  # no label is larger

TIME_LIMIT_S = 60.0
SOLVER_ARCS = 12  # fewer are improved along cycles in less time than a solver needs to start


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Nodes count from 0; the arrays have shape (arcs,), capacities are integers, at least 0."""

    nodes: int
    tail: IntArray
    head: IntArray
    capacity: IntArray

    def excess(self, flow: IntArray, arcs: BoolArray) -> IntArray:
        """Return by how much more leaves a node than reaches it over some arcs."""
        balance = np.zeros(self.nodes, dtype=np.int64)
        np.add.at(balance, self.tail[arcs], flow[arcs])
        np.subtract.at(balance, self.head[arcs], flow[arcs])
        return balance


class Bounds:
    """
    Differences label[head] ≤ label[tail] + length, as rows sorted by head.

    `label` in and out has shape (nodes,).
    """

    def __init__(self, tail: IntArray, head: IntArray, length: IntArray) -> None:
        order = np.argsort(head, kind="stable")
        self.order = order  # the place of each row among the arguments
        self.tail, self.head, self.length = tail[order], head[order], length[order]
        starts = np.ones(len(head), dtype=np.bool_)
        starts[1:] = self.head[1:] != self.head[:-1]
        self._first = np.flatnonzero(starts)
        self._heads, self._group = self.head[self._first], np.cumsum(starts) - 1

    def lowered(self, label: IntArray, before: IntArray | None = None) -> IntArray | None:
        """
        Return labels made to fit the rows' present tails, None if they fit already.

        `before`, if given, takes for each label that falls the row that lowers it.
        """
        if not len(self.tail):
            return None
        reached = label[self.tail] + self.length
        least = np.minimum.reduceat(reached, self._first)
        falls = least < label[self._heads]
        if not falls.any():
            return None
        if before is not None:
            rows = np.flatnonzero(falls[self._group] & (reached == least[self._group]))[::-1]
            before[self.head[rows]] = rows
        fallen = label.copy()
        fallen[self._heads[falls]] = least[falls]
        return fallen

    def distances(self, source: int, nodes: int) -> IntArray:
        """
        Return the largest labels of the nodes if the source's is 0: the lengths of shortest paths.

        The caller knows that no cycle is negative; what the source does not reach stays FAR.
        """
        label = np.full(nodes, FAR)
        label[source] = 0
        while (fallen := self.lowered(label)) is not None:
            label = fallen
        return label

    def ranks(self, label: IntArray, source: int) -> IntArray:
        """Return for each node the rows of a shortest path to it that holds with equality, or 0."""
        tight = label[self.tail] + self.length == label[self.head]
        tail, head = self.tail[tight], self.head[tight]
        rank = np.zeros(len(label), dtype=np.int64)
        seen = np.zeros(len(label), dtype=np.bool_)
        seen[source] = True
        front = seen
        while front.any():
            reached = np.zeros_like(seen)
            reached[head[front[tail]]] = True
            front = reached & ~seen
            rank[front] = rank.max() + 1
            seen |= front
        return rank


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residual:
    """What a flow leaves room for: rows of `bounds`, each an arc taken forward or backward."""

    bounds: Bounds
    arc: IntArray
    forward: BoolArray


def residual(
    network: Network, flow: IntArray, weight: IntArray, arcs: BoolArray | None = None
) -> Residual:
    """Return the residual of a flow on one level, of some arcs or all."""
    more, less = flow < network.capacity, flow > 0
    if arcs is not None:
        more, less = more & arcs, less & arcs
    up, down = np.flatnonzero(more), np.flatnonzero(less)
    bounds = Bounds(
        np.concatenate([network.tail[up], network.head[down]]),
        np.concatenate([network.head[up], network.tail[down]]),
        np.concatenate([-weight[up], weight[down]]),
    )
    arc = np.concatenate([up, down])[bounds.order]
    return Residual(bounds=bounds, arc=arc, forward=bounds.order < len(up))


def find_labels(
    network: Network, flow: IntArray, weight: IntArray, arcs: BoolArray | None = None
) -> tuple[IntArray, IntArray | None]:
    """Return labels that prove a flow the largest on a level and None; or any, and a larger one."""
    room = residual(network, flow, weight, arcs)
    label, cycles = _labels_or_cycles(room.bounds, np.zeros(network.nodes, dtype=np.int64))
    return label, _along(network, flow, room, cycles) if cycles else None


def is_tight(network: Network, label: IntArray, weight: IntArray) -> BoolArray:
    """Return for each arc whether the next level may change it."""
    return np.asarray(label[network.tail] - label[network.head] == weight)


def largest(network: Network, weights: Sequence[IntArray]) -> IntArray:
    """
    Return the flow whose weights are lexicographically the largest, level by level.

    Weights, and their sums along paths, stay below 2^60 in size.

    Raises
    ------
    SolverError
        If HiGHS does not solve a level's linear program.
    """
    flow = np.zeros(len(network.tail), dtype=np.int64)
    arcs = np.ones(len(network.tail), dtype=np.bool_)
    for weight in weights:
        core = _on_cycles(network, arcs & (network.capacity > 0))
        if not core.any():
            break
        flow = _near(network, flow, weight, core)
        flow, label = _improved(network, flow, weight, core)
        arcs = core & is_tight(network, label, weight)
    return flow


def _near(network: Network, flow: IntArray, weight: IntArray, arcs: BoolArray) -> IntArray:
    """Return a flow that differs on some arcs only, the largest there in floats' precision."""
    if np.count_nonzero(arcs) < SOLVER_ARCS:
        return flow
    from oracle.solver import largest_flow  # only here: who checks an outcome needs no solver

    excess = network.excess(flow, arcs)
    used = np.flatnonzero(np.bincount(network.tail[arcs], minlength=network.nodes))
    used = np.union1d(used, network.head[arcs])
    place = np.zeros(network.nodes, dtype=np.int64)
    place[used] = np.arange(len(used))
    found = flow.copy()
    found[arcs] = largest_flow(
        tail=place[network.tail[arcs]],
        head=place[network.head[arcs]],
        capacity=network.capacity[arcs],
        weight=weight[arcs],
        excess=excess[used],
        time_limit_s=TIME_LIMIT_S,
    )
    is_flow = bool((network.excess(found, arcs) == excess).all())
    return found if is_flow else flow  # else rounding has lost a unit: cycles find the way alone


def _improved(
    network: Network, flow: IntArray, weight: IntArray, arcs: BoolArray
) -> tuple[IntArray, IntArray]:
    """Return the largest flow on a level, and labels that prove it; some arcs may change."""
    label = np.zeros(network.nodes, dtype=np.int64)
    while True:
        room = residual(network, flow, weight, arcs)
        label, cycles = _labels_or_cycles(room.bounds, label)
        if not cycles:
            return flow, label
        flow = _along(network, flow, room, cycles)


def _along(
    network: Network, flow: IntArray, room: Residual, cycles: Sequence[IntArray]
) -> IntArray:
    """Return a flow with as much more along disjoint cycles of its residual as they have room."""
    flow = flow.copy()
    for cycle in cycles:
        arc, forward = room.arc[cycle], room.forward[cycle]
        left = np.where(forward, network.capacity[arc] - flow[arc], flow[arc])
        flow[arc] += np.where(forward, left.min(), -left.min())
    return flow


def _labels_or_cycles(bounds: Bounds, label: IntArray) -> tuple[IntArray, list[IntArray]]:
    """
    Return labels within all bounds and no cycles; or some disjoint negative cycles, as rows.

    Bellman and Ford's algorithm from any labels, all rows at once. A cycle among the rows that
    lowered a label last is negative; it is looked for after 1, 2, 4, … rounds, since until labels
    fit there is one in the end.
    """
    before = np.full(len(label), -1, dtype=np.int64)
    rounds, look = 0, 1
    while (fallen := bounds.lowered(label, before)) is not None:
        label = fallen
        rounds += 1
        if rounds == look:
            look *= 2
            cycles = _cycles(bounds, before)
            if cycles:
                return label, cycles
    return label, []


def _cycles(bounds: Bounds, before: IntArray) -> list[IntArray]:
    """Return the cycles of the rows `before` each node, which are disjoint; -1 is no row."""
    stop = len(before)
    ahead = np.append(np.where(before >= 0, bounds.tail[before], stop), stop)
    for _ in range(stop.bit_length()):  # after this many doublings the walk is on its cycle
        ahead = ahead[ahead]
    cycles, seen = [], set()
    for start in np.unique(ahead[:-1]).tolist():
        if start == stop or start in seen:
            continue
        rows, node = [], start
        while node not in seen:
            seen.add(node)
            rows.append(before[node])
            node = int(bounds.tail[before[node]])
        cycles.append(np.array(rows, dtype=np.int64))
    return cycles


def _on_cycles(network: Network, arcs: BoolArray) -> BoolArray:
    """Return the arcs left after those of nodes with one arc are taken away, again and again."""
    while True:
        ends = np.concatenate([network.tail[arcs], network.head[arcs]])
        degree = np.bincount(ends, minlength=network.nodes)
        kept = arcs & (degree[network.tail] > 1) & (degree[network.head] > 1)
        if (kept == arcs).all():
            return kept
        arcs = kept
