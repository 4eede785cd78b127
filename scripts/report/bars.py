"""
Bars: one row per name, drawn from a common zero; several values of a name are one stack.

Bars are horizontal so that names of any length fit beside them, and each row carries its number:
nothing is said by length or colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from scripts.report.axis import Axis, number, round_axis
from scripts.report.svg import markup, node, short

WIDTH = 1000.0
ROW_HEIGHT = 26.0
BAR = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One quantity of every bar; `style` is a class of the style sheet that gives its colour."""

    label: str
    values: tuple[float | None, ...]  # one per name; None where there is none
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRow:
    """A name, its bar, and its numbers."""

    name: str
    picture: Markup
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Bars with all that the page puts around them."""

    title: str
    unit: str
    parts: tuple[Part, ...]
    rows: tuple[BarRow, ...]


def bar_chart(
    title: str, names: Sequence[str], parts: Sequence[Part], *, unit: str, digits: int
) -> BarChart:
    """Return the bars of these parts, stacked from zero to either side by their sign."""
    totals = [0.0]
    for place in range(len(names)):
        values = [part.values[place] or 0.0 for part in parts]
        totals.append(sum(value for value in values if value > 0))
        totals.append(sum(value for value in values if value < 0))
    axis = round_axis(min(totals), max(totals))
    return BarChart(
        title=title,
        unit=unit,
        parts=tuple(parts),
        rows=tuple(
            BarRow(
                name=name,
                picture=_bar(axis, parts, place),
                numbers=tuple(_said(part.values[place], digits) for part in parts),
            )
            for place, name in enumerate(names)
        ),
    )


def _bar(axis: Axis, parts: Sequence[Part], place: int) -> Markup:
    """Return one row; its numbers stand beside it, so that it is hidden from readers aloud."""
    picture = node(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH:.0f} {ROW_HEIGHT:.0f}",
            "preserveAspectRatio": "none",
            "aria-hidden": "true",
            "class": "bar",
        },
    )
    top = (ROW_HEIGHT - BAR) / 2
    ends = {True: 0.0, False: 0.0}
    for part in parts:
        value = part.values[place]
        if not value:
            continue
        start = ends[value > 0]
        ends[value > 0] = start + value
        low, high = sorted((_x(axis, start), _x(axis, start + value)))
        path = f"M{short(low)} {short(top)}H{short(high)}v{short(BAR)}H{short(low)}Z"
        picture.append(node("path", {"d": path, "class": f"area {part.style}"}))
    zero = short(_x(axis, 0.0))
    picture.append(node("path", {"d": f"M{zero} 0V{short(ROW_HEIGHT)}", "class": "zero"}))
    return markup(picture)


def _x(axis: Axis, value: float) -> float:
    return WIDTH * axis.share(value)


def _said(value: float | None, digits: int) -> str:
    return "–" if value is None else number(value, digits)
