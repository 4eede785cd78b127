"""Small communities and scenarios to test with; energies in kWh, prices in USD/kWh."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from oracle.domain.community import (
    Battery,
    Community,
    FeeLadder,
    IntArray,
    Line,
    MarketRules,
    Prosumer,
    Tariff,
)
from oracle.domain.scenario import Scenario
from oracle.units import (
    Bps,
    MicroUsdPerMwh,
    meters_from_km,
    micro_usd_from_usd,
    micro_usd_per_mwh_from_usd_per_kwh,
    micro_usd_per_mwh_km_from_usd_per_kwh_km,
    wh_from_kwh,
)


def usd_per_kwh(price: float) -> MicroUsdPerMwh:
    return micro_usd_per_mwh_from_usd_per_kwh(price)


def a_prosumer(name: str = "P1", **changes: Any) -> Prosumer:
    prosumer = Prosumer(
        name=name,
        initial_reputation=Bps(8200),
        sale_cost=usd_per_kwh(0.05),
        utility=usd_per_kwh(0.4),
        saturation=wh_from_kwh(85),
        cost_weight=Bps(5000),
    )
    return replace(prosumer, **changes)


def a_battery(**changes: Any) -> Battery:
    battery = Battery(
        min_energy=wh_from_kwh(15),
        max_energy=wh_from_kwh(200),
        initial_energy=wh_from_kwh(75),
        efficiency=Bps(9500),
        charge_ratio=Bps(9000),
    )
    return replace(battery, **changes)


def the_rules(**changes: Any) -> MarketRules:
    rules = MarketRules(
        mechanism="pairwise-nash",
        battery_policy="idle",
        first_trading_slot=0,
        last_trading_slot=95,
        min_trade=wh_from_kwh(1),
        max_trade=wh_from_kwh(75),
        floor_price=usd_per_kwh(0.05),
        real_time_price=usd_per_kwh(0.3),
        bond_price=usd_per_kwh(0.3),
        compensation_price=usd_per_kwh(0.3),
        reputation_memory=Bps(9500),
        reputation_full_value=micro_usd_from_usd(1),
    )
    return replace(rules, **changes)


def the_ladder() -> FeeLadder:
    """The ladder of paper-day."""
    return FeeLadder(
        base=micro_usd_per_mwh_km_from_usd_per_kwh_km(0.0037),
        interval=meters_from_km(50),
        growth=Bps(2500),
    )


def a_line(first: int, second: int, distance_km: float) -> Line:
    return Line(first=first, second=second, distance=meters_from_km(distance_km))


def a_tariff(import_price: Sequence[float], export_price: Sequence[float]) -> Tariff:
    return Tariff(
        import_price=np.array([usd_per_kwh(price) for price in import_price], dtype=np.int64),
        export_price=np.array([usd_per_kwh(price) for price in export_price], dtype=np.int64),
    )


def a_community(
    net_kwh: Sequence[Sequence[float]],
    lines: Sequence[Line],
    *,
    prosumers: Sequence[Prosumer] | None = None,
    **changes: Any,
) -> Community:
    """`net_kwh` is pv less load per prosumer and slot."""
    net = np.array([[wh_from_kwh(energy) for energy in row] for row in net_kwh], dtype=np.int64)
    known = {name: changes.pop(name) for name in list(changes) if name in _COMMUNITY}
    return Community(
        prosumers=tuple(prosumers or (a_prosumer(f"P{k + 1}") for k in range(len(net_kwh)))),
        lines=tuple(lines),
        ladder=known.get("ladder", the_ladder()),
        rules=the_rules(**changes),
        pv=_positive(net),
        load=_positive(-net),
        tariff=known.get("tariff"),
        shortfalls=known.get("shortfalls", ()),
        seed=known.get("seed", 0),
    )


def a_scenario(community: Community | None, **changes: Any) -> Scenario:
    """A scenario of as many slots as its community has."""
    scenario = Scenario(
        name="a-scenario",
        description="",
        first_slot=datetime(2024, 1, 15, tzinfo=UTC),
        slot_count=0 if community is None else community.pv.shape[1],
        power_system=None,
        community=community,
        storage=None,
    )
    return replace(scenario, **changes)


_COMMUNITY = ("ladder", "tariff", "shortfalls", "seed")


def _positive(energy: IntArray) -> IntArray:
    return np.maximum(energy, 0)
