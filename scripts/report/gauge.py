"""Small pictures inside the cells of tables: two bills on one scale, a range of gas, a course."""

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from markupsafe import Markup

from scripts.report.svg import markup, node, short

WIDTH = 200.0
HEIGHT = 20.0


def two_bills(before: float, after: float, low: float, high: float) -> Markup:
    """Return two dots on the scale from low to high, joined, and its zero."""
    span = (high - low) or 1.0

    def place(value: float) -> str:
        return short(6 + (WIDTH - 12) * (value - low) / span)

    picture = _picture(HEIGHT)
    if low <= 0 <= high:
        picture.append(node("path", {"d": f"M{place(0.0)} 0V{HEIGHT:.0f}", "class": "zero"}))
    picture.append(node("path", {"d": f"M{place(before)} 10H{place(after)}", "class": "joint"}))
    picture.append(node("path", {"d": f"M{place(before)} 10h0", "class": "dot before"}))
    picture.append(node("path", {"d": f"M{place(after)} 10h0", "class": "dot after"}))
    return markup(picture)


def gas_range(least: int, median: int, most: int, bounds: tuple[int, int]) -> Markup:
    """Return least to most as a bar and the median as a dot, on a logarithmic scale."""
    low, high = math.log(max(1, bounds[0])), math.log(max(2, bounds[1]))
    span = (high - low) or 1.0

    def place(gas: int) -> str:
        return short(6 + (WIDTH - 12) * (math.log(max(1, gas)) - low) / span)

    picture = _picture(HEIGHT)
    picture.append(node("path", {"d": f"M{place(least)} 10H{place(most)}", "class": "joint"}))
    picture.append(node("path", {"d": f"M{place(median)} 10h0", "class": "dot after"}))
    return markup(picture)


def course(values: Sequence[float], low: float, high: float, *, height: float = 60.0) -> Markup:
    """Return the values as one line of steps, from left to right."""
    span = (high - low) or 1.0
    path = "M0 "
    previous: float | None = None
    for place, value in enumerate(values):
        if value == previous:
            continue
        top = short((height - 6) * (1 - (value - low) / span) + 3)
        path += top if previous is None else f"H{short(WIDTH * place / len(values))}V{top}"
        previous = value
    picture = _picture(height)
    picture.append(node("path", {"d": f"{path}H{WIDTH:.0f}", "class": "line after"}))
    return markup(picture)


def _picture(height: float) -> Element:
    return node(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH:.0f} {height:.0f}",
            "preserveAspectRatio": "none",
            "aria-hidden": "true",
            "class": "gauge",
        },
    )
