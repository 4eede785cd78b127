"""The page: everything that the template needs, put together from one run."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from oracle.domain.results import Plan, RunResult, TradeRecord
from oracle.market.registry import MECHANISMS
from oracle.units import (
    SLOTS_PER_DAY,
    MicroUsd,
    Wh,
    kwh_from_wh,
    mwh_from_wh,
    usd_from_micro_usd,
    usd_per_kwh,
)
from scripts import paper
from scripts.comparison import comparison_rows
from scripts.numbers import counted
from scripts.report.axis import number, signed
from scripts.report.chart import TimeChart
from scripts.report.community import bills, community_charts, reputations
from scripts.report.gauge import gas_range
from scripts.report.network import network
from scripts.report.order_book import busiest_slot, order_books
from scripts.report.power_system import committed_units, power_system_charts, storage_charts
from scripts.slots import slot_number, slot_ranges, slot_time, starts_at
from scripts.summary import gas_statistics, storage_of

MAX_TRADES = 60
MAX_PAIRS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class GasRow:
    """The gas of one function with its picture."""

    function: str
    count: int
    least: int
    median: int
    most: int
    picture: Markup


def report_html(result: RunResult) -> str:
    """Return the report as the text of one HTML file."""
    return environment().get_template("report.html.j2").render(_context(result))


@cache
def environment() -> Environment:
    """Return where the templates are, with the filters for our units."""
    found = Environment(
        loader=PackageLoader("scripts.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        number=number,
        signed=signed,
        counted=counted,
        usd=lambda amount: number(usd_from_micro_usd(amount), 6),
        kwh=lambda energy: number(kwh_from_wh(energy), 3),
        mwh=lambda energy: number(mwh_from_wh(energy), 6),
        price=lambda price: f"{usd_per_kwh(price):.4f}",
        slot=slot_number,
    )
    return found


def _context(result: RunResult) -> dict[str, Any]:
    plan = result.plan
    scenario = plan.scenario
    storage = storage_of(plan)
    system_charts = power_system_charts(plan)
    battery_charts = storage_charts(scenario, storage)
    market_charts = community_charts(result)
    community = scenario.community
    return {
        "style": _asset("report.css"),
        "script": _asset("report.js"),
        "result": result,
        "scenario": scenario,
        "mechanism": None if community is None else MECHANISMS[community.rules.mechanism],
        "day": _day(result),
        "times": [slot_time(scenario, slot) for slot in range(scenario.slot_count)],
        "energy_traded": Wh(sum(trade.energy for trade in result.trades)),
        "saved": MicroUsd(sum(one.grid_alone_bill - one.bill for one in result.participants)),
        "paper": paper,
        "paper_cases": paper.compared_cases(plan),
        "paper_trades": paper.compared_trades(scenario, result.trades),
        "comparison": comparison_rows(plan),
        "system_charts": system_charts,
        "units": committed_units(plan),
        "triggered": _triggered(plan),
        "storage": storage,
        "storage_charts": battery_charts,
        "ledger": [entry for entry in result.storage if entry.charge or entry.discharge],
        "market_charts": market_charts,
        "books": order_books(scenario, result.orders, result.trades),
        "busiest": busiest_slot(result.trades, result.orders),
        "network": network(community, result.trades) if community is not None else None,
        "max_pairs": MAX_PAIRS,
        "max_trades": MAX_TRADES,
        "shortfalls": [trade for trade in result.trades if _fell_short(trade)],
        "bills": bills(result.participants),
        "reputations": reputations(result.participants),
        "gas": _gas_rows(result),
        "data": _data(result, (*system_charts, *battery_charts, *market_charts)),
    }


def _asset(name: str) -> Markup:
    """Return a file of ours that goes into the page as it is."""
    text = files("scripts.report").joinpath("templates", name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704  # ours, with nothing of a scenario in it


def _day(result: RunResult) -> str:
    scenario = result.plan.scenario
    half_a_day = SLOTS_PER_DAY // 2  # the date at noon, wherever midnight is
    first = starts_at(scenario, half_a_day)
    last = starts_at(scenario, max(half_a_day, scenario.slot_count - half_a_day))
    if first.date() == last.date():
        return first.strftime("%d %B %Y")
    return f"{first.strftime('%d %B')} to {last.strftime('%d %B %Y')}"


def _triggered(plan: Plan) -> str:
    """Return the slots of (18) as ranges."""
    active = np.zeros(plan.scenario.slot_count + 1, dtype=np.bool_)
    active[list(plan.day_ahead.triggered_slots) if plan.day_ahead else []] = True
    return slot_ranges(active[1:])


def _fell_short(trade: TradeRecord) -> bool:
    return trade.delivered is not None and trade.delivered < trade.energy


def _gas_rows(result: RunResult) -> tuple[GasRow, ...]:
    statistics = gas_statistics(result.gas)
    if not statistics:
        return ()
    bounds = (
        min(s["min"] for s in statistics.values()),
        max(s["max"] for s in statistics.values()),
    )
    return tuple(
        GasRow(
            function=function,
            count=used["count"],
            least=used["min"],
            median=used["median"],
            most=used["max"],
            picture=gas_range(used["min"], used["median"], used["max"], bounds),
        )
        for function, used in statistics.items()
    )


def _data(result: RunResult, charts: tuple[TimeChart, ...]) -> dict[str, Any]:
    """Return what the script shows for a chosen slot; chain integers, slots counted from 0."""
    community = result.plan.scenario.community
    names = [] if community is None else [prosumer.name for prosumer in community.prosumers]
    index = {name: place for place, name in enumerate(names)}
    return {
        "names": names,
        "charts": [
            {"unit": chart.unit, "digits": chart.digits, "series": chart.shown_values}
            for chart in charts
        ],
        "orders": [
            [o.slot, index[o.participant], o.side == "offer", o.energy, o.limit_price, o.reputation]
            for o in result.orders
        ],
        "trades": [
            [t.slot, index[t.seller], index[t.buyer], t.energy, t.price, t.lease_fee, t.delivered]
            for t in result.trades
        ],
    }
