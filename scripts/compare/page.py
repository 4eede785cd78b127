"""compare.html: the mechanisms of a comparison as one self-contained page, in a report's look."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from oracle.compare.book import BookResult
from oracle.compare.days import DaysResult
from oracle.domain.scenario import Scenario
from oracle.scenario_files.book import BookFile
from oracle.units import kwh_from_wh, usd_from_micro_usd
from scripts.compare.gas import SlotGas
from scripts.compare.summary import (
    MeanPrices,
    all_saved,
    mean_prices,
    saved,
    share,
    traded_prices,
    usd,
)
from scripts.numbers import counted, number, signed
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
    """Return the page of a scenario's days as the text of one HTML file."""
    shown = [result for result in results if not result.refusal]
    mechanisms = counted(len(shown), "mechanism")
    return _html(
        shown,
        name=scenario.name,
        lead=scenario.description,
        facts=f"{number(scenario.slot_count, 0)} slots of 15 minutes · {mechanisms}, each planned "
        "off the chain over the same days",
        note=scenario.note,
        synthetic=scenario.synthetic,
        refused=[result for result in results if result.refusal],
        remarks=(),
        charts=_charts_of_days(shown) if shown else (),
        prices=_prices([(one.mechanism, traded_prices(one.measures)) for one in shown]),
        bills=_bills(shown),
        of_book=False,
        references=sorted({(result.graph, result.reference) for result in shown}),
        gas=gas,
    )


def book_html(book: BookFile, name: str, results: Sequence[BookResult]) -> str:
    """Return the page of a book as the text of one HTML file."""
    shown = [result for result in results if not result.refusal]
    routes = "one free pool" if book.fees is None else counted(len(book.fees), "line")
    orders, mechanisms = counted(len(book.orders), "order"), counted(len(shown), "mechanism")
    ignoring = ", ".join(result.mechanism for result in shown if result.ignores_fees)
    remarks = [f"Without lines and fees, in one free pool: {ignoring}"] if ignoring else []
    return _html(
        shown,
        name=name,
        lead="",
        facts=f"{orders}, {routes} · {mechanisms}",
        note="",
        synthetic=False,
        refused=[result for result in results if result.refusal],
        remarks=[*remarks, *(f"{one.mechanism}: {one.note}" for one in shown if one.note)],
        charts=(*_charts(shown, "share of the most"), _blocking(shown, "of an offer and a bid"))
        if shown
        else (),
        prices=_prices([(one.mechanism, mean_prices(one)) for one in shown]),
        bills=(),
        of_book=True,
        gas=(),
    )


def _html(shown: Sequence[BookResult] | Sequence[DaysResult], **context: Any) -> str:
    style = files("scripts.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    template = environment().get_template("compare.html.j2")
    return template.render(style=Markup(style), shown=shown, **context)  # noqa: S704  # ours


def _charts_of_days(shown: Sequence[DaysResult]) -> tuple[BarChart, ...]:
    names = [result.mechanism for result in shown]
    saved_usd = [usd_from_micro_usd(all_saved(result)) for result in shown]
    used_here = [_percent(result.self_consumption) for result in shown]
    from_here = [_percent(result.self_sufficiency) for result in shown]
    return (
        *_charts(shown, "share of what the reference makes of the days"),
        bar_chart(
            "Saved against the grid alone",
            names,
            [_part("all prosumers", "export", saved_usd)],
            unit="USD",
            digits=2,
        ),
        bar_chart(
            "Self-consumption",
            names,
            [_part("generation used here", "sun", used_here)],
            unit="%",
            digits=1,
        ),
        bar_chart(
            "Self-sufficiency",
            names,
            [_part("load served from here", "sun", from_here)],
            unit="%",
            digits=1,
        ),
        _blocking(shown, "summed over the slots"),
    )


def _charts(
    shown: Sequence[BookResult] | Sequence[DaysResult], share_label: str
) -> tuple[BarChart, ...]:
    """Return those that books and days have in common."""
    names = [result.mechanism for result in shown]
    found = [result.measures for result in shown]
    shares = [_percent(share(result.measures.welfare, result.most_welfare)) for result in shown]
    return (
        bar_chart("Welfare", names, [_part(share_label, "after", shares)], unit="%", digits=1),
        bar_chart(
            "Volume",
            names,
            [_part("traded", "discharge", [kwh_from_wh(one.volume) for one in found])],
            unit="kWh",
            digits=1,
        ),
        bar_chart(
            "Who gains",
            names,
            [
                _part("buyers", "buyer", [usd(one.buyers_surplus) for one in found]),
                _part("sellers", "seller", [usd(one.sellers_surplus) for one in found]),
                _part("operator", "import", [usd(one.operator) for one in found]),
            ],
            unit="USD",
            digits=2,
        ),
        bar_chart(
            "Lease fees",
            names,
            [_part("paid to the line owner", "paid", [usd(one.lease_fees) for one in found])],
            unit="USD",
            digits=2,
        ),
    )


def _blocking(shown: Sequence[BookResult] | Sequence[DaysResult], label: str) -> BarChart:
    return bar_chart(
        "Pairs that would rather trade with each other",
        [result.mechanism for result in shown],
        [_part(label, "before", [result.measures.blocking_pairs for result in shown])],
        unit="pairs",
        digits=0,
    )


def _part(label: str, style: str, values: Iterable[float | None]) -> Part:
    return Part(label=label, style=style, values=tuple(values))


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction


def _prices(found: Sequence[tuple[str, MeanPrices]]) -> tuple[PriceRow, ...]:
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
