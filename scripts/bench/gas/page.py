"""gas.html: the figures as one self-contained page, in the look of a run's report."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup

from scripts.bench.gas.community import SHAPES, Shape
from scripts.bench.gas.figures import GasFigures
from scripts.bench.gas.measures import (
    CLEAR_SETTLE,
    DATA_NOTE,
    IN_BATCH,
    MEASURES,
    NOTES,
    OWN,
    TERMS,
    Measure,
)
from scripts.bench.gas.price_list import TRANSACTION_CAP
from scripts.bench.gas.rivals import RIVALS, SOURCE
from scripts.report.axis import Axis, LogAxis, Tick, log_axis, round_axis
from scripts.report.page import environment
from scripts.report.svg import markup, node, short

WIDTH = 1000.0
HEIGHT = 400.0
STYLES: dict[Shape, str] = {"one-to-one": "mean", "dense": "paid"}
GAS_PER_MILLION = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A figure by the number of orders; floors and budgets are dashed."""

    label: str
    style: str
    points: tuple[tuple[int, float], ...]
    is_dashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeChart:
    """Curves over the number of orders, on a logarithmic axis."""

    title: str
    unit: str
    picture: Markup
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    curves: tuple[Curve, ...]


def gas_html(figures: Sequence[GasFigures]) -> str:
    """Return the page as the text of one HTML file."""
    style = files("scripts.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    return (
        environment()
        .get_template("gas.html.j2")
        .render(
            style=Markup(style),  # noqa: S704  # ours
            charts=gas_charts(figures),
            tables=[some for shape in SHAPES if (some := _of(shape, figures))],
            measures=MEASURES,
            terms=TERMS,
            rivals=RIVALS,
            source=SOURCE,
            data_note=DATA_NOTE,
            notes=NOTES,
            cap=TRANSACTION_CAP,
        )
    )


def size_chart(
    title: str, unit: str, curves: Sequence[Curve], *, is_logarithmic: bool = False
) -> SizeChart:
    """Return the chart of these curves, the first drawn lowest; sizes are on a logarithmic axis."""
    values = [value for curve in curves for _, value in curve.points]
    axis = log_axis(min(values), max(values)) if is_logarithmic else round_axis(0.0, max(values))
    sizes = sorted({size for curve in curves for size, _ in curve.points})
    return SizeChart(
        title=title,
        unit=unit,
        picture=_picture(title, unit, curves, sizes, axis),
        x_ticks=tuple(Tick(place=100 * _share(size, sizes), label=f"{size:,}") for size in sizes),
        y_ticks=axis.ticks(),
        curves=tuple(curves),
    )


def gas_charts(figures: Sequence[GasFigures]) -> list[SizeChart]:
    """Return the charts of the figures over the number of orders."""
    return [
        size_chart("Clear and settle", "gas per order", _curves(CLEAR_SETTLE, figures, SHAPES)),
        size_chart(
            "Recording in an own transaction", "gas per order", _curves(OWN, figures, SHAPES[-1:])
        ),
        size_chart(
            "Recording in signed batches", "gas per order", _curves(IN_BATCH, figures, SHAPES[-1:])
        ),
        size_chart("Largest transaction", "million gas", _largest(figures)),
    ]


def _curves(
    measure: Measure, figures: Sequence[GasFigures], shapes: Sequence[Shape]
) -> list[Curve]:
    """Return a measure with its floor and budget; what does not depend on the shape, once."""
    measured = [shape for shape in SHAPES if _of(shape, figures)]
    wanted = [shape for shape in shapes if shape in measured] or measured[-1:]
    curves = []
    for shape in wanted:
        some, style = _of(shape, figures), STYLES[shape]
        budget = measure.budget(shape)
        if budget is not None:
            held = [one for one in some if one.orders >= budget.from_orders]
            curves.append(
                _curve(
                    f"budget, {shape}: {budget.gas:,}", "import", held, _constant(budget.gas), True
                )
            )
        curves.append(_curve(f"floor, {shape}", style, some, measure.floor, True))
        curves.append(_curve(f"measured, {shape}", style, some, measure.gas, False))
    return [curve for curve in curves if curve.points]


def _largest(figures: Sequence[GasFigures]) -> list[Curve]:
    measured = [
        _curve(
            shape,
            STYLES[shape],
            _of(shape, figures),
            lambda one: one.largest_transaction_gas / GAS_PER_MILLION,
            False,
        )
        for shape in SHAPES
        if _of(shape, figures)
    ]
    some = _of(figures[-1].shape, figures)
    cap = _curve("cap", "import", some, _constant(TRANSACTION_CAP / GAS_PER_MILLION), True)
    return [cap, *measured]


def _curve(
    label: str,
    style: str,
    figures: Sequence[GasFigures],
    value: Callable[[GasFigures], float],
    is_dashed: bool,
) -> Curve:
    points = tuple((one.orders, float(value(one))) for one in figures)
    return Curve(label=label, style=style, points=points, is_dashed=is_dashed)


def _constant(value: float) -> Callable[[GasFigures], float]:
    return lambda _: value


def _of(shape: Shape, figures: Sequence[GasFigures]) -> list[GasFigures]:
    return [one for one in figures if one.shape == shape]


def _share(size: int, sizes: Sequence[int]) -> float:
    """Return where a size lies on the logarithmic axis, 0 to 1; a single one in the middle."""
    if len(sizes) == 1:
        return 0.5
    return math.log(size / sizes[0]) / math.log(sizes[-1] / sizes[0])


def _picture(
    title: str, unit: str, curves: Sequence[Curve], sizes: Sequence[int], axis: Axis | LogAxis
) -> Markup:
    digits = 0 if isinstance(axis, Axis) else 4
    spoken = "; ".join(
        f"{curve.label}: {curve.points[0][1]:,.{digits}f} at {curve.points[0][0]:,} orders, "
        f"{curve.points[-1][1]:,.{digits}f} at {curve.points[-1][0]:,}"
        for curve in curves
    )
    picture = node(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": f"{title}, {unit}: {spoken}",
        },
    )
    for curve in curves:
        places = [
            f"{short(WIDTH * _share(size, sizes))} {short(HEIGHT * (1 - axis.share(value)))}"
            for size, value in curve.points
        ]
        dashed = " dashed" if curve.is_dashed else ""
        picture.append(
            node("path", {"d": "M" + "L".join(places), "class": f"line {curve.style}{dashed}"})
        )
        if not curve.is_dashed:
            dots = "".join(f"M{place}h0" for place in places)
            picture.append(node("path", {"d": dots, "class": f"dots {curve.style}"}))
    return markup(picture)
