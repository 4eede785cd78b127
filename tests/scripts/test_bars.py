"""Bars: where they begin and end, and what stands beside them."""

import re

import pytest

from scripts.report.bars import WIDTH, Part, bar_chart


def spans(picture: str) -> list[tuple[str, float, float]]:
    """Return style, start and end of each bar of a row."""
    return [
        (style, float(low), float(high))
        for low, high, style in re.findall(
            r'd="M([\d.]+) [\d.]+H([\d.]+)v[^"]*" class="area (\w+)"', picture
        )
    ]


def test_stacks_gains_to_the_right_of_zero_and_losses_to_the_left() -> None:
    chart = bar_chart(
        "Who gains",
        ["one", "other"],
        [
            Part(label="buyers", values=(3.0, 1.0), style="buyer"),
            Part(label="operator", values=(-1.0, None), style="paid"),
            Part(label="sellers", values=(0.0, 2.0), style="seller"),
        ],
        unit="USD",
        digits=1,
    )

    one, other = chart.rows
    zero, unit = WIDTH / 4, WIDTH / 4  # the axis goes from −1 to 3
    assert spans(one.picture) == [("buyer", zero, WIDTH), ("paid", zero - unit, zero)]
    assert spans(other.picture) == [
        ("buyer", zero, zero + unit),
        ("seller", zero + unit, zero + 3 * unit),
    ]
    assert one.numbers == ("3.0", "−1.0", "0.0")
    assert other.numbers == ("1.0", "–", "2.0")


@pytest.mark.parametrize("values", [(0.0,), (None,)])
def test_draws_nothing_of_nothing(values: tuple[float | None, ...]) -> None:
    chart = bar_chart(
        "Volume", ["one"], [Part(label="", values=values, style="after")], unit="kWh", digits=0
    )

    assert spans(chart.rows[0].picture) == []
