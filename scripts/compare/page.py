"""compare.html: the mechanisms of a comparison as one self-contained page, in a report's look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup

from oracle.compare.days import DaysResult
from oracle.domain.scenario import Scenario
from oracle.units import kwh_from_wh, usd_from_micro_usd
from scripts.compare.gas import SlotGas
from scripts.compare.summary import all_saved, saved, share, traded_prices, usd
from scripts.numbers import signed
from scripts.report.bars import BarChart, Part, bar_chart
from scripts.report.gauge import two_bills
from scripts.report.page import environment


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """What buyers pay and sellers get under one mechanism, USD/kWh, with its picture."""

    name: str
    seller: float
    buyer: float
    picture: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    """What each mechanism saved one prosumer against the grid alone; a cell per mechanism."""

    name: str
    alone_usd: float
    saved: tuple[str, ...]
    worse: tuple[bool, ...]


def compare_html(
    scenario: Scenario, results: Sequence[DaysResult], gas: Sequence[SlotGas] = ()
) -> str:
    """Return the page as the text of one HTML file."""
    style = files("scripts.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    shown = [result for result in results if not result.refusal]
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            style=Markup(style),  # noqa: S704  # ours
            scenario=scenario,
            shown=shown,
            refused=[result for result in results if result.refusal],
            charts=_charts(shown) if shown else (),
            prices=_prices(shown),
            bills=_bills(shown),
            references=sorted({(result.graph, result.reference) for result in shown}),
            gas=gas,
        )
    )


def _charts(shown: Sequence[DaysResult]) -> tuple[BarChart, ...]:
    names = [result.mechanism for result in shown]

    def part(label: str, style: str, value: Callable[[DaysResult], float | None]) -> Part:
        return Part(label=label, style=style, values=tuple(value(result) for result in shown))

    def percent(fraction: float | None) -> float | None:
        return None if fraction is None else 100 * fraction

    return (
        bar_chart(
            "Welfare",
            names,
            [
                part(
                    "share of what the reference makes of the days",
                    "after",
                    lambda one: percent(share(one.measures.welfare, one.most_welfare)),
                )
            ],
            unit="%",
            digits=1,
        ),
        bar_chart(
            "Volume",
            names,
            [part("traded", "discharge", lambda one: kwh_from_wh(one.measures.volume))],
            unit="kWh",
            digits=1,
        ),
        bar_chart(
            "Who gains",
            names,
            [
                part("buyers", "buyer", lambda one: usd(one.measures.buyers_surplus)),
                part("sellers", "seller", lambda one: usd(one.measures.sellers_surplus)),
                part("operator", "import", lambda one: usd(one.measures.operator)),
            ],
            unit="USD",
            digits=2,
        ),
        bar_chart(
            "Lease fees",
            names,
            [part("paid to the line owner", "paid", lambda one: usd(one.measures.lease_fees))],
            unit="USD",
            digits=2,
        ),
        bar_chart(
            "Saved against the grid alone",
            names,
            [part("all prosumers", "export", lambda one: usd_from_micro_usd(all_saved(one)))],
            unit="USD",
            digits=2,
        ),
        bar_chart(
            "Self-consumption",
            names,
            [part("generation used here", "sun", lambda one: percent(one.self_consumption))],
            unit="%",
            digits=1,
        ),
        bar_chart(
            "Self-sufficiency",
            names,
            [part("load served from here", "sun", lambda one: percent(one.self_sufficiency))],
            unit="%",
            digits=1,
        ),
        bar_chart(
            "Pairs that would rather trade with each other",
            names,
            [part("summed over the slots", "before", lambda one: one.measures.blocking_pairs)],
            unit="pairs",
            digits=0,
        ),
    )


def _prices(shown: Sequence[DaysResult]) -> tuple[PriceRow, ...]:
    found = [(result.mechanism, traded_prices(result.measures)) for result in shown]
    both = [
        (name, mean.seller, mean.buyer)
        for name, mean in found
        if mean.seller is not None and mean.buyer is not None
    ]
    low = min((min(seller, buyer) for _, seller, buyer in both), default=0.0)
    high = max((max(seller, buyer) for _, seller, buyer in both), default=0.0)
    return tuple(
        PriceRow(name=name, seller=seller, buyer=buyer, picture=two_bills(seller, buyer, low, high))
        for name, seller, buyer in both
    )


def _bills(shown: Sequence[DaysResult]) -> tuple[BillRow, ...]:
    if not shown:
        return ()
    return tuple(
        BillRow(
            name=same[0].name,
            alone_usd=usd_from_micro_usd(same[0].grid_alone_bill),
            saved=tuple(signed(usd_from_micro_usd(saved(one)), 2) for one in same),
            worse=tuple(saved(one) < 0 for one in same),
        )
        for same in zip(*(result.households for result in shown), strict=True)
    )
