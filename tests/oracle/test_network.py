"""The engine behind every matching, against linear programs of its own kind and by hand."""

from collections.abc import Sequence

import numpy as np

from oracle.market.network import IntArray, Network, find_labels, largest
from oracle.program import EQUAL, Program


def a_network(arcs: Sequence[tuple[int, int, int]]) -> Network:
    """Return a network of (tail, head, capacity)."""
    tail, head, capacity = np.array(arcs, dtype=np.int64).reshape(-1, 3).T
    nodes = 1 + max([*tail.tolist(), *head.tolist()], default=0)
    return Network(nodes=nodes, tail=tail, head=head, capacity=capacity)


def random_network(rng: np.random.Generator) -> Network:
    nodes, arcs = int(rng.integers(2, 8)), int(rng.integers(30))
    ends = [rng.integers(nodes, size=2).tolist() for _ in range(arcs)]
    largest_capacity = int(rng.choice([1, 5, 1000]))
    return a_network([(a, b, int(rng.integers(largest_capacity + 1))) for a, b in ends if a != b])


def best(network: Network, weight: IntArray) -> int:
    """Return the largest weight of a circulation, by a linear program with a row per node."""
    if not len(network.tail):
        return 0
    program = Program("circulation")
    flow = [
        program.variable(f"flow_{a}", 0.0, float(capacity), cost=-float(value))
        for a, (capacity, value) in enumerate(zip(network.capacity, weight, strict=True))
    ]
    for node in range(network.nodes):
        terms = [(flow[a], 1.0) for a in np.flatnonzero(network.tail == node)]
        terms += [(flow[a], -1.0) for a in np.flatnonzero(network.head == node)]
        if terms:
            program.require(f"balance_{node}", terms, EQUAL, 0.0)
    return round(-program.solve(time_limit_s=10.0).objective_usd)


def test_the_largest_flow_by_hand() -> None:
    network = a_network([(0, 1, 3), (0, 2, 4), (1, 3, 9), (2, 3, 9), (3, 0, 5)])

    flow = largest(network, [np.array([0, 0, 2, 1, 0])])

    assert flow.tolist() == [3, 2, 3, 2, 5]


def test_a_level_decides_only_what_the_ones_before_leave_open() -> None:
    network = a_network([(0, 1, 5), (0, 1, 5), (1, 0, 5)])

    flow = largest(network, [np.array([0, 0, 1]), np.array([0, 1, -9])])

    assert flow.tolist() == [0, 5, 5]


def test_nothing_flows_where_nothing_is_gained() -> None:
    network = a_network([(0, 1, 5), (1, 0, 5)])

    assert largest(network, [np.array([-2, 1])]).tolist() == [0, 0]
    assert largest(a_network([]), [np.array([], dtype=np.int64)]).tolist() == []


def test_a_flow_is_proved_or_made_larger() -> None:
    network, weight = a_network([(0, 1, 5), (1, 0, 4)]), np.array([1, 1])

    label, better = find_labels(network, np.array([4, 4]), weight)
    _, larger = find_labels(network, np.array([1, 1]), weight)

    assert better is None
    assert label[1] <= label[0] - 1
    assert larger is not None
    assert larger.tolist() == [4, 4]


def solved_and_proved(network: Network, levels: Sequence[IntArray]) -> IntArray:
    flow = largest(network, levels)
    everywhere = np.ones(len(flow), dtype=np.bool_)
    assert (network.excess(flow, everywhere) == 0).all()
    assert ((flow >= 0) & (flow <= network.capacity)).all()
    assert find_labels(network, flow, levels[0])[1] is None
    return flow


def test_random_networks_as_a_linear_program_solves_them() -> None:
    """Small ones are solved along cycles alone, larger ones by the solver first."""
    rng = np.random.default_rng(4)
    for _ in range(500):
        network = random_network(rng)
        first, second = rng.integers(-3, 4, size=(2, len(network.tail)))
        together = 100_000 * first + second  # more than all flow there is

        flow = solved_and_proved(network, [first, second])

        assert int((flow * together).sum()) == best(network, together)


def test_capacities_and_weights_of_48_bits_are_exact() -> None:
    rng = np.random.default_rng(5)
    for _ in range(100):
        network = random_network(rng)
        wide = Network(
            nodes=network.nodes,
            tail=network.tail,
            head=network.head,
            capacity=network.capacity * (2**32 - 1) // max(1, int(network.capacity.max(initial=1))),
        )

        solved_and_proved(wide, [rng.integers(-(2**48), 2**48, size=len(network.tail))])
