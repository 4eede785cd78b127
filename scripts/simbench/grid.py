"""
One low-voltage grid: what stands at its buses, how far they are apart, what its cables carry.

SimBench gives every line end a node of its own, joined to its bus by a switch; closed switches
therefore count as lines of no length. Ratings are apparent powers, taken at a power factor of one.
"""

import heapq
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from oracle.errors import InvalidInputError
from scripts.simbench.dataset import DataSet

LOADS = ("id", "node", "profile", "pLoad", "sR", "subnet")
PLANTS = ("id", "node", "type", "profile", "pRES", "sR", "subnet")
STORAGES = ("id", "node", "chargeLevel", "sR", "eStore", "etaStore", "subnet")
LINES = ("id", "nodeA", "nodeB", "type", "length", "loadingMax", "subnet")
LINE_TYPES = ("id", "iMax")
SWITCHES = ("id", "nodeA", "nodeB", "cond", "subnet")
TRANSFORMERS = ("id", "nodeLV", "type", "loadingMax", "subnet")
TRANSFORMER_TYPES = ("id", "sR", "vmLV")

KW_PER_MW = 1_000
KV_A_TO_KW = 1.0  # kV times A, at a power factor of one


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A load or a plant: its profile, per unit, times its power."""

    profile: str
    power_kw: float
    rating_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BusBattery:
    """The batteries of a bus, added up."""

    capacity_kwh: float
    initial_kwh: float
    power_kw: float
    efficiency: float


@dataclass(slots=True, kw_only=True)
class Bus:
    """What stands at one bus."""

    number: int
    loads: list[Source] = field(default_factory=list)
    plants: list[Source] = field(default_factory=list)
    batteries: list[BusBattery] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The shortest way from one bus to another, and the weakest cable on it."""

    distance_km: float
    capacity_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The buses that have something to trade, in the order of their numbers."""

    name: str
    buses: tuple[Bus, ...]
    transformer_kw: float
    to_transformer: tuple[Path, ...]
    between: Mapping[tuple[int, int], Path]  # by position in `buses`, first < second


def read_grid(data: DataSet, name: str) -> Grid:
    """Return a low-voltage grid of the data set."""
    buses: dict[str, Bus] = {}
    _add_sources(data, name, buses)
    if not name.startswith("LV") or not buses:
        raise InvalidInputError(
            f"GRID: expected a low-voltage grid of SimBench, such as LV1.101, got {name}"
        )
    transformer = _only(data.rows("Transformer", TRANSFORMERS, name), f"transformer of {name}")
    kind = data.all_rows("TransformerType", TRANSFORMER_TYPES)[transformer["type"]]
    rating_kw = _kw(kind, "sR") * _number(transformer, "loadingMax") / 100
    network = _network(data, name, voltage_kv=_number(kind, "vmLV"))

    nodes = sorted(buses, key=lambda node: buses[node].number)
    between = {}
    for first, node in enumerate(nodes):
        paths = _paths_from(node, network)
        for second in range(first + 1, len(nodes)):
            between[first, second] = _path_to(nodes[second], paths)
    from_transformer = _paths_from(transformer["nodeLV"], network)
    return Grid(
        name=name,
        buses=tuple(buses[node] for node in nodes),
        transformer_kw=rating_kw,
        to_transformer=tuple(_path_to(node, from_transformer) for node in nodes),
        between=between,
    )


def nearest_pairs(
    between: Mapping[tuple[int, int], Path], count: int, *, nearest: int, at_most: int
) -> list[tuple[int, int]]:
    """
    Return the pairs of `count` buses that get a line: each bus and its `nearest` others.

    Short lines go first: no bus gets more than `at_most`, however many it is among the nearest of.
    """
    distance = {pair: path.distance_km for pair, path in between.items()}
    wanted: set[tuple[int, int]] = set()
    for bus in range(count):
        others = [(min(bus, other), max(bus, other)) for other in range(count) if other != bus]
        wanted.update(sorted(others, key=lambda pair: (distance[pair], pair))[:nearest])
    chosen = []
    ends = [0] * count
    for first, second in sorted(wanted, key=lambda pair: (distance[pair], pair)):
        if ends[first] < at_most and ends[second] < at_most:
            ends[first] += 1
            ends[second] += 1
            chosen.append((first, second))
    return sorted(chosen)


def _add_sources(data: DataSet, name: str, buses: dict[str, Bus]) -> None:
    for row in data.rows("Load", LOADS, name):
        source = Source(
            profile=row["profile"], power_kw=_kw(row, "pLoad"), rating_kw=_kw(row, "sR")
        )
        _bus(buses, row["node"]).loads.append(source)
    for row in data.rows("RES", PLANTS, name):
        source = Source(profile=row["profile"], power_kw=_kw(row, "pRES"), rating_kw=_kw(row, "sR"))
        _bus(buses, row["node"]).plants.append(source)
    for row in data.rows("Storage", STORAGES, name):
        capacity_kwh = _kw(row, "eStore")
        battery = BusBattery(
            capacity_kwh=capacity_kwh,
            initial_kwh=capacity_kwh * _number(row, "chargeLevel"),
            power_kw=_kw(row, "sR"),
            efficiency=_number(row, "etaStore"),
        )
        _bus(buses, row["node"]).batteries.append(battery)


def _bus(buses: dict[str, Bus], node: str) -> Bus:
    number = re.search(r"(\d+)$", node)
    if number is None:
        raise InvalidInputError(f'{node}: expected the name of a bus, such as "LV1.101 Bus 5"')
    return buses.setdefault(node, Bus(number=int(number[1])))


def _network(data: DataSet, name: str, *, voltage_kv: float) -> dict[str, list[tuple[str, Path]]]:
    """Return the neighbours of each node with the line, or the closed switch, in between."""
    network: dict[str, list[tuple[str, Path]]] = {}

    def join(row: dict[str, str], path: Path) -> None:
        network.setdefault(row["nodeA"], []).append((row["nodeB"], path))
        network.setdefault(row["nodeB"], []).append((row["nodeA"], path))

    types = data.all_rows("LineType", LINE_TYPES)
    for row in data.rows("Line", LINES, name):
        current_a = _number(types[row["type"]], "iMax") * _number(row, "loadingMax") / 100
        capacity_kw = math.sqrt(3) * voltage_kv * current_a * KV_A_TO_KW
        join(row, Path(distance_km=_number(row, "length"), capacity_kw=capacity_kw))
    for row in data.rows("Switch", SWITCHES, name):
        if row["cond"] == "1":
            join(row, Path(distance_km=0.0, capacity_kw=math.inf))
    return network


def _paths_from(start: str, network: Mapping[str, list[tuple[str, Path]]]) -> dict[str, Path]:
    """Return the shortest path to every node that can be reached (Dijkstra)."""
    found: dict[str, Path] = {}
    queue = [(0.0, start, math.inf)]
    while queue:
        distance_km, node, capacity_kw = heapq.heappop(queue)
        if node in found:
            continue
        found[node] = Path(distance_km=distance_km, capacity_kw=capacity_kw)
        for other, step in network.get(node, ()):
            if other not in found:
                narrowest = min(capacity_kw, step.capacity_kw)
                heapq.heappush(queue, (distance_km + step.distance_km, other, narrowest))
    return found


def _path_to(node: str, paths: Mapping[str, Path]) -> Path:
    if node not in paths:
        raise InvalidInputError(f"{node}: expected a bus that lines join to the rest of the grid")
    return paths[node]


def _only(rows: list[dict[str, str]], what: str) -> dict[str, str]:
    if len(rows) != 1:
        raise InvalidInputError(f"Transformer.csv: expected one {what}, got {len(rows)}")
    return rows[0]


def _kw(row: Mapping[str, str], column: str) -> float:
    """Return MW, MVA or MWh in thousandths."""
    return _number(row, column) * KW_PER_MW


def _number(row: Mapping[str, str], column: str) -> float:
    try:
        return float(row[column])
    except ValueError as error:
        raise InvalidInputError(
            f"{row['id']}: expected a number in column {column}, got {row[column]}"
        ) from error
