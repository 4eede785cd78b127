"""
Series over the slots of a run: lines, steps, areas and dots on one time axis.

The picture has 1000 × 400 units and is stretched to its frame; a slot is a column of it. A value
that holds for the whole slot (a power, a price) is drawn as a step, one that holds at its end (an
energy stored) as a line from end to end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from oracle.domain.scenario import Scenario
from oracle.units import HOURS_PER_DAY, SLOTS_PER_DAY, SLOTS_PER_HOUR
from scripts.report.axis import Axis, Tick, number, round_axis
from scripts.report.svg import markup, node, short
from scripts.slots import slot_number, slot_time

FloatArray = npt.NDArray[np.float64]
Kind = Literal["step", "line", "area"]

WIDTH = 1000.0
HEIGHT = 400.0
MAX_DAY_LABELS = 7
MAX_TABLE_SLOTS = 2 * SLOTS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """One quantity over the slots; `style` is a class of the style sheet that gives its colour."""

    label: str
    values: FloatArray  # (T,), NaN where there is none
    style: str
    kind: Kind = "step"
    base: FloatArray | None = None  # an area's lower edge; its upper edge is base + values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dots:
    """Single observations; many may lie in one slot."""

    label: str
    slots: npt.NDArray[np.int64]
    values: FloatArray
    style: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TimeChart:
    """A picture over the slots with all that the page puts around it."""

    title: str
    description: str
    unit: str
    digits: int
    picture: Markup
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]
    dots: tuple[Dots, ...] = field(default=())
    rows: tuple[tuple[str, ...], ...] = field(default=())

    @property
    def shown_values(self) -> list[list[float | None]]:
        """Return the values of each series, rounded, for the script of the page."""
        return [
            [
                None if np.isnan(value) else round(float(value), self.digits) + 0.0
                for value in one.values
            ]
            for one in self.series
        ]


def time_chart(
    scenario: Scenario,
    title: str,
    *,
    unit: str,
    digits: int,
    series: Sequence[Series],
    dots: Sequence[Dots] = (),
    remark: str = "",
    from_zero: bool = True,
) -> TimeChart:
    """Return the chart of these series, the first drawn lowest."""
    axis = _value_axis(series, dots, from_zero=from_zero)
    description = "; ".join(_spoken(one, unit, digits) for one in series)
    return TimeChart(
        title=title,
        description=f"{remark} {description}.".strip(),
        unit=unit,
        digits=digits,
        picture=_picture(scenario.slot_count, axis, series, dots, f"{title}, {unit}", description),
        x_ticks=time_ticks(scenario),
        y_ticks=axis.ticks(),
        series=tuple(series),
        dots=tuple(dots),
        rows=_table_rows(scenario, series, digits),
    )


def stacked(layers: Sequence[Series]) -> list[Series]:
    """Return the layers as areas, each standing on those before it."""
    base = np.zeros_like(layers[0].values)
    areas = []
    for layer in layers:
        areas.append(
            Series(
                label=layer.label, values=layer.values, style=layer.style, kind="area", base=base
            )
        )
        base = base + layer.values
    return areas


def time_ticks(scenario: Scenario) -> tuple[Tick, ...]:
    """Return ticks every four hours of one day, else at the starts of at most seven days."""
    slots = scenario.slot_count
    if slots > SLOTS_PER_DAY:
        days_apart = -(-slots // (MAX_DAY_LABELS * SLOTS_PER_DAY))
        starts = range(0, slots, days_apart * SLOTS_PER_DAY)
        return tuple(
            Tick(
                place=100 * start / slots,
                label=(scenario.first_slot + timedelta(days=start / SLOTS_PER_DAY + 0.5)).strftime(
                    "%a %d"
                ),
            )
            for start in starts
        )
    hours = range(0, HOURS_PER_DAY + 1, 4)
    return tuple(
        Tick(
            place=100 * hour * SLOTS_PER_HOUR / slots,
            label=(scenario.first_slot + timedelta(hours=hour)).strftime("%H:%M"),
        )
        for hour in hours
        if hour * SLOTS_PER_HOUR <= slots
    )


def step_path(values: FloatArray, axis: Axis) -> str:
    """Return the path that holds each value for the width of its slot."""
    width = WIDTH / len(values)
    parts: list[str] = []
    previous = np.nan
    for slot, value in enumerate(values):
        if np.isnan(value):
            if not np.isnan(previous):
                parts.append(f"H{short(slot * width)}")
        elif np.isnan(previous):
            parts.append(f"M{short(slot * width)} {_y(value, axis)}")
        elif value != previous:
            parts.append(f"H{short(slot * width)}V{_y(value, axis)}")
        previous = value
    if not np.isnan(previous):
        parts.append(f"H{short(WIDTH)}")
    return "".join(parts)


def line_path(values: FloatArray, axis: Axis) -> str:
    """Return the path through the values at the ends of their slots."""
    width = WIDTH / len(values)
    return "M" + "L".join(
        f"{short((slot + 1) * width)} {_y(value, axis)}" for slot, value in enumerate(values)
    )


def area_path(lower: FloatArray, upper: FloatArray, axis: Axis) -> str:
    """Return the outline between two series of steps."""
    width = WIDTH / len(upper)
    back = [f"V{_y(lower[-1], axis)}"]
    for slot in range(len(lower) - 1, 0, -1):
        if lower[slot - 1] != lower[slot]:
            back.append(f"H{short(slot * width)}V{_y(lower[slot - 1], axis)}")
    return step_path(upper, axis) + "".join(back) + "H0Z"


def dots_path(slots: npt.NDArray[np.int64], values: FloatArray, axis: Axis, count: int) -> str:
    """Return strokes without length, one per value: round caps make them dots of any scale."""
    places = WIDTH * (slots + 0.5) / count
    return "".join(
        f"M{short(place)} {_y(value, axis)}h0" for place, value in zip(places, values, strict=True)
    )


def _y(value: float, axis: Axis) -> str:
    return short(HEIGHT * (1 - axis.share(float(value))))


def _value_axis(series: Sequence[Series], dots: Sequence[Dots], *, from_zero: bool) -> Axis:
    edges = [one.values if one.base is None else one.values + one.base for one in series]
    every = np.concatenate([*edges, *(some.values for some in dots)])
    every = every[~np.isnan(every)]
    low, high = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
    return round_axis(min(low, 0.0), max(high, 0.0)) if from_zero else round_axis(low, high)


def _picture(
    count: int,
    axis: Axis,
    series: Sequence[Series],
    dots: Sequence[Dots],
    title: str,
    description: str,
) -> Markup:
    picture = node(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": f"{title}: {description}",
        },
    )
    if axis.low < 0 < axis.high:
        picture.append(node("path", {"d": f"M0 {_y(0.0, axis)}H{WIDTH:.0f}", "class": "zero"}))
    for one in series:
        if one.kind == "area":
            base = np.zeros_like(one.values) if one.base is None else one.base
            outline = area_path(base, base + one.values, axis)
            picture.append(node("path", {"d": outline, "class": f"area {one.style}"}))
        else:
            path = (step_path if one.kind == "step" else line_path)(one.values, axis)
            picture.append(node("path", {"d": path, "class": f"line {one.style}"}))
    for some in dots:
        path = dots_path(some.slots, some.values, axis, count)
        picture.append(node("path", {"d": path, "class": f"dots {some.style}"}))
    return markup(picture)


def _spoken(one: Series, unit: str, digits: int) -> str:
    known = one.values[~np.isnan(one.values)]
    if not known.size:
        return f"{one.label}: none"
    low, high = number(known.min(), digits), number(known.max(), digits)
    return f"{one.label}: {low} to {high} {unit}"


def _table_rows(
    scenario: Scenario, series: Sequence[Series], digits: int
) -> tuple[tuple[str, ...], ...]:
    """Return the values as a table; of more than two days the CSV files have them."""
    if scenario.slot_count > MAX_TABLE_SLOTS:
        return ()
    return tuple(
        (
            str(slot_number(slot)),
            slot_time(scenario, slot),
            *("" if np.isnan(x) else number(x, digits) for x in (s.values[slot] for s in series)),
        )
        for slot in range(scenario.slot_count)
    )
