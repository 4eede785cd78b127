"""What the report shows of a community: surplus and deficit, prices, bills, reputations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from oracle.domain.community import Community
from oracle.domain.results import OrderRecord, ParticipantRecord, RunResult, TradeRecord
from oracle.domain.scenario import Scenario
from oracle.units import (
    SLOT_HOURS,
    WH_PER_KWH,
    MicroUsdPerMwh,
    Wh,
    fraction_from_bps,
    kwh_from_wh,
    usd_from_micro_usd,
    usd_per_kwh,
)
from scripts.report.axis import Tick, round_axis
from scripts.report.chart import Dots, Series, TimeChart, time_chart
from scripts.report.gauge import course, two_bills

FloatArray = npt.NDArray[np.float64]

KWH_DIGITS = 3
PRICE_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What trading was worth to one prosumer, with its picture; money in USD, energy in kWh."""

    name: str
    alone_usd: float
    bill_usd: float
    saved_usd: float
    sold_kwh: float
    bought_kwh: float
    delivered_kwh: float
    picture: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Reputation:
    """The course of one prosumer's score."""

    name: str
    first: float
    least: float
    last: float
    picture: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Reputations:
    """The courses of all prosumers on one scale."""

    courses: tuple[Reputation, ...]
    low: Tick
    high: Tick


def community_charts(result: RunResult) -> tuple[TimeChart, ...]:
    """Return generation and load, the market's volume, and the prices; none without prosumers."""
    scenario = result.plan.scenario
    community = scenario.community
    if community is None:
        return ()
    return (
        _profile_chart(scenario, community),
        _volume_chart(scenario, result.orders, result.trades),
        _price_chart(scenario, community, result.trades),
    )


def bills(participants: Sequence[ParticipantRecord]) -> tuple[Bill, ...]:
    """Return every prosumer's bills, drawn on one scale."""
    if not participants:
        return ()
    amounts = [usd_from_micro_usd(one.bill) for one in participants]
    amounts += [usd_from_micro_usd(one.grid_alone_bill) for one in participants]
    low, high = min(*amounts, 0.0), max(*amounts, 0.0)
    return tuple(
        Bill(
            name=one.name,
            alone_usd=usd_from_micro_usd(one.grid_alone_bill),
            bill_usd=usd_from_micro_usd(one.bill),
            saved_usd=usd_from_micro_usd(one.grid_alone_bill) - usd_from_micro_usd(one.bill),
            sold_kwh=kwh_from_wh(one.sold),
            bought_kwh=kwh_from_wh(one.bought),
            delivered_kwh=kwh_from_wh(one.delivered),
            picture=two_bills(
                usd_from_micro_usd(one.grid_alone_bill), usd_from_micro_usd(one.bill), low, high
            ),
        )
        for one in participants
    )


def reputations(participants: Sequence[ParticipantRecord]) -> Reputations | None:
    """Return every prosumer's score over the slots, on one scale."""
    if not participants:
        return None
    scores = [[fraction_from_bps(score) for score in one.reputation] for one in participants]
    axis = round_axis(min(map(min, scores)), max(map(max, scores)))
    ticks = axis.ticks()
    return Reputations(
        courses=tuple(
            Reputation(
                name=one.name,
                first=values[0],
                least=min(values),
                last=values[-1],
                picture=course(values, axis.low, axis.high),
            )
            for one, values in zip(participants, scores, strict=True)
        ),
        low=ticks[0],
        high=ticks[-1],
    )


def _profile_chart(scenario: Scenario, community: Community) -> TimeChart:
    def kilowatts(energy: npt.NDArray[np.int64]) -> FloatArray:
        total: FloatArray = energy.sum(axis=0) / WH_PER_KWH / SLOT_HOURS
        return total

    return time_chart(
        scenario,
        "All prosumers: generation and load",
        unit="kW",
        digits=2,
        series=[
            Series(label="generation", values=kilowatts(community.pv), style="sun", kind="area"),
            Series(label="load", values=kilowatts(community.load), style="load"),
        ],
    )


def _volume_chart(
    scenario: Scenario, orders: Iterable[OrderRecord], trades: Sequence[TradeRecord]
) -> TimeChart:
    orders = tuple(orders)
    series = [
        Series(
            label="traded",
            values=_per_slot(scenario, ((trade.slot, trade.energy) for trade in trades)),
            style="traded",
            kind="area",
        ),
    ]
    for side, label in (("offer", "offered"), ("bid", "bid for")):
        placed = ((order.slot, order.energy) for order in orders if order.side == side)
        series.append(Series(label=label, values=_per_slot(scenario, placed), style=f"{side}s"))
    return time_chart(
        scenario,
        "The market's volume per slot",
        unit="kWh",
        digits=KWH_DIGITS,
        series=series,
    )


def _per_slot(scenario: Scenario, energies: Iterable[tuple[int, Wh]]) -> FloatArray:
    total = np.zeros(scenario.slot_count)
    for slot, energy in energies:
        total[slot] += kwh_from_wh(energy)
    return total


def _price_chart(
    scenario: Scenario, community: Community, trades: Sequence[TradeRecord]
) -> TimeChart:
    slots = np.array([trade.slot for trade in trades], dtype=np.int64)
    prices = np.array([usd_per_kwh(trade.price) for trade in trades])
    paid = prices + np.array([usd_per_kwh(trade.lease_fee) for trade in trades])
    energies = np.array([kwh_from_wh(trade.energy) for trade in trades])
    with np.errstate(invalid="ignore"):
        mean = np.bincount(slots, prices * energies, scenario.slot_count) / np.bincount(
            slots, energies, scenario.slot_count
        )
    return time_chart(
        scenario,
        "Prices",
        unit="$/kWh",
        digits=PRICE_DIGITS,
        series=[
            *_bounds(scenario, community),
            Series(label="mean price of the trades", values=mean, style="mean"),
        ],
        dots=[
            Dots(label="price + lease fee of a trade", slots=slots, values=paid, style="paid"),
            Dots(label="price of a trade", slots=slots, values=prices, style="price"),
        ],
    )


def _bounds(scenario: Scenario, community: Community) -> list[Series]:
    tariff = community.tariff
    if tariff is None:
        rules = community.rules
        flat = (
            ("floor of the prices", rules.floor_price, "export"),
            ("real-time price of the grid", rules.real_time_price, "import"),
        )
        return [
            Series(
                label=label, values=np.full(scenario.slot_count, usd_per_kwh(price)), style=style
            )
            for label, price, style in flat
        ]
    return [
        Series(label="the grid pays", values=_usd_per_kwh(tariff.export_price), style="export"),
        Series(label="the grid charges", values=_usd_per_kwh(tariff.import_price), style="import"),
    ]


def _usd_per_kwh(prices: npt.NDArray[np.int64]) -> FloatArray:
    return np.array([usd_per_kwh(MicroUsdPerMwh(int(price))) for price in prices])
