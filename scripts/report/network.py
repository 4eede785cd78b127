"""
The community as a graph: prosumers on a circle, neighbours by distance side by side.

An arrow leads from seller to buyer; its width is the energy, its colour the lease fee. Leased lines
without trades are thin. The circle, and not a map: with sparse lines most distances are unknown.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from markupsafe import Markup

from oracle.domain.community import Community
from oracle.domain.results import TradeRecord
from oracle.units import Wh, kwh_from_wh, usd_per_kwh
from scripts.numbers import counted
from scripts.report.axis import number
from scripts.report.svg import markup, node, short

WIDTH = 860.0
MARGIN = 62.0  # above the topmost and below the lowest prosumer, for their names
NODE_RADIUS = 11.0
FEE_STYLES = 5  # q1 to q5 in the style sheet
MAX_LABEL = 14  # characters
WIDEST, THINNEST = 9.0, 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeClass:
    """Fees that share a colour, in USD/kWh."""

    style: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Everything that one prosumer sold to another."""

    seller: str
    buyer: str
    trades: int
    energy_kwh: float
    mean_price_usd_per_kwh: float  # by energy
    lease_fee_usd_per_kwh: float  # by energy, where it changed
    fee_style: int  # 1 = the cheapest
    key: str  # index of the seller, index of the buyer

    @property
    def sentence(self) -> str:
        """Return the pair as the picture's tooltip says it."""
        return (
            f"{self.seller} → {self.buyer}: {number(self.energy_kwh, 3)} kWh in"
            f" {counted(self.trades, 'trade')}, mean price {self.mean_price_usd_per_kwh:.4f} $/kWh,"
            f" lease fee {self.lease_fee_usd_per_kwh:.4f} $/kWh"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The picture, what it shows as rows, and what its colours mean."""

    picture: Markup
    pairs: tuple[Pair, ...]  # the largest first
    fees: tuple[FeeClass, ...]


def network(community: Community, trades: Sequence[TradeRecord]) -> Network:
    """Return the picture of all the trades of the run."""
    names = [prosumer.name for prosumer in community.prosumers]
    fees = fee_classes(trades)
    pairs = _pairs(names, trades, fees)
    places = _places(community)
    top = min(place[1] for place in places) - MARGIN
    height = max(place[1] for place in places) + MARGIN - top
    picture = node(
        "svg",
        {
            "viewBox": f"0 {short(top)} {WIDTH:.0f} {short(height)}",
            "role": "img",
            "aria-label": f"Trades on the lines of the community: {len(pairs)} pairs traded;"
            " the table beside the picture has them all.",
        },
    )
    index = {name: place for place, name in enumerate(names)}
    traded = {frozenset((index[pair.seller], index[pair.buyer])) for pair in pairs}
    for line in community.lines:
        if {line.first, line.second} not in traded:
            picture.append(_line(places[line.first], places[line.second]))
    largest = max((pair.energy_kwh for pair in pairs), default=1.0)
    for pair in reversed(pairs):
        width = THINNEST + (WIDEST - THINNEST) * pair.energy_kwh / largest
        ends = places[index[pair.seller]], places[index[pair.buyer]]
        picture.append(_arrow(pair, *ends, width))
    for name, place in zip(names, places, strict=True):
        picture.append(_prosumer(name, place, trades))
    return Network(picture=markup(picture), pairs=tuple(pairs), fees=fees)


def circle_order(community: Community) -> list[int]:
    """Return the prosumers in an order that puts short lines between neighbours."""
    distance: dict[tuple[int, int], int] = {}
    for line in community.lines:
        distance[line.first, line.second] = distance[line.second, line.first] = line.distance
    order = [0]
    left = set(range(1, len(community.prosumers)))
    while left:
        near = {one: distance.get((order[-1], one), math.inf) for one in left}
        order.append(min(left, key=lambda one: (near[one], one)))
        left.remove(order[-1])
    return order


def fee_classes(trades: Iterable[TradeRecord]) -> tuple[FeeClass, ...]:
    """Return the classes of the fees paid: each fee its own where they are few, else fifths."""
    fees = sorted({usd_per_kwh(trade.lease_fee) for trade in trades})
    if len(fees) <= FEE_STYLES:
        steps = max(1, len(fees) - 1)
        return tuple(
            FeeClass(style=1 + round((FEE_STYLES - 1) * place / steps), low=fee, high=fee)
            for place, fee in enumerate(fees)
        )
    width = (fees[-1] - fees[0]) / FEE_STYLES
    return tuple(
        FeeClass(style=place + 1, low=fees[0] + place * width, high=fees[0] + (place + 1) * width)
        for place in range(FEE_STYLES)
    )


def _style(fee: float, classes: Sequence[FeeClass]) -> int:
    return next((one.style for one in classes if fee <= one.high + 1e-12), FEE_STYLES)


def _pairs(
    names: Sequence[str], trades: Iterable[TradeRecord], fees: Sequence[FeeClass]
) -> list[Pair]:
    index = {name: place for place, name in enumerate(names)}
    groups: dict[tuple[str, str], list[TradeRecord]] = {}
    for trade in trades:
        groups.setdefault((trade.seller, trade.buyer), []).append(trade)
    pairs = []
    for (seller, buyer), group in groups.items():
        energy = sum(trade.energy for trade in group)
        fee = sum(trade.energy * usd_per_kwh(trade.lease_fee) for trade in group) / energy
        pairs.append(
            Pair(
                seller=seller,
                buyer=buyer,
                trades=len(group),
                energy_kwh=kwh_from_wh(Wh(energy)),
                mean_price_usd_per_kwh=sum(t.energy * usd_per_kwh(t.price) for t in group) / energy,
                lease_fee_usd_per_kwh=fee,
                fee_style=_style(fee, fees),
                key=f"{index[seller]}-{index[buyer]}",
            )
        )
    return sorted(pairs, key=lambda pair: (-pair.energy_kwh, pair.key))


def _places(community: Community) -> list[tuple[float, float]]:
    order = circle_order(community)
    places = [(0.0, 0.0)] * len(order)
    radius = min(240.0, 90.0 + 15.0 * len(order))
    for position, prosumer in enumerate(order):
        angle = 2 * math.pi * position / len(order) - math.pi / 2
        places[prosumer] = (
            WIDTH / 2 + radius * math.cos(angle),
            radius * math.sin(angle),
        )
    return places


def _line(first: tuple[float, float], second: tuple[float, float]) -> Element:
    path = f"M{short(first[0])} {short(first[1])}L{short(second[0])} {short(second[1])}"
    return node("path", {"d": path, "class": "lease"})


def _arrow(
    pair: Pair, start: tuple[float, float], end: tuple[float, float], width: float
) -> Element:
    """Return a bent line with a head, so that the two directions of a pair lie side by side."""
    across, down = end[0] - start[0], end[1] - start[1]
    length = math.hypot(across, down) or 1.0
    bend_x = (start[0] + end[0]) / 2 - 0.14 * down
    bend_y = (start[1] + end[1]) / 2 + 0.14 * across
    run = math.hypot(end[0] - bend_x, end[1] - bend_y) or 1.0
    unit_x, unit_y = (end[0] - bend_x) / run, (end[1] - bend_y) / run
    head = min(8.0 + 1.2 * width, 0.3 * length)
    tip_x, tip_y = end[0] - unit_x * (NODE_RADIUS + 3), end[1] - unit_y * (NODE_RADIUS + 3)
    back_x, back_y = tip_x - unit_x * head, tip_y - unit_y * head
    half = 0.45 * head
    left = f"{short(back_x - unit_y * half)} {short(back_y + unit_x * half)}"
    right = f"{short(back_x + unit_y * half)} {short(back_y - unit_x * half)}"
    curve = (
        f"M{short(start[0])} {short(start[1])}"
        f"Q{short(bend_x)} {short(bend_y)} {short(back_x)} {short(back_y)}"
    )
    return node(
        "g",
        {"class": f"trade q{pair.fee_style}", "data-pair": pair.key},
        node("title", {}, pair.sentence),
        node("path", {"d": curve, "class": "shaft", "stroke-width": width}),
        node("path", {"d": f"M{short(tip_x)} {short(tip_y)}L{left}L{right}Z", "class": "head"}),
    )


def _prosumer(name: str, place: tuple[float, float], trades: Iterable[TradeRecord]) -> Element:
    sold = kwh_from_wh(Wh(sum(trade.energy for trade in trades if trade.seller == name)))
    bought = kwh_from_wh(Wh(sum(trade.energy for trade in trades if trade.buyer == name)))
    role = "seller" if sold > bought else "buyer" if bought > sold else "idle"
    right = place[0] > WIDTH / 2 + 1
    middle = abs(place[0] - WIDTH / 2) <= 1
    away_x = 0.0 if middle else (NODE_RADIUS + 8) * (1 if right else -1)
    away_y = 0.0 if not middle else (-34.0 if place[1] < 0 else 26.0)
    anchor = "middle" if middle else "start" if right else "end"
    label = name if len(name) <= MAX_LABEL else name[: MAX_LABEL - 1] + "…"
    amounts = [f"sold {number(sold, 1)}"] if sold else []
    amounts += [f"bought {number(bought, 1)}"] if bought else []
    return node(
        "g",
        {"class": f"prosumer {role}"},
        node("title", {}, f"{name}: sold {number(sold, 3)} kWh, bought {number(bought, 3)} kWh"),
        node("circle", {"cx": place[0], "cy": place[1], "r": NODE_RADIUS}),
        node(
            "text",
            {"x": place[0] + away_x, "y": place[1] + away_y, "text-anchor": anchor},
            node("tspan", {"class": "name"}, label),
            node(
                "tspan",
                {"class": "amount", "x": place[0] + away_x, "dy": "1.2em"},
                ", ".join(amounts) or "no trade",
            ),
        ),
    )
