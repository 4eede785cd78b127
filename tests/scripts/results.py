"""Builders of results that look like those of a run; nothing here was optimised or settled."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from oracle.domain.community import (
    Community,
    FeeLadder,
    Line,
    MarketRules,
    Prosumer,
    Tariff,
)
from oracle.domain.power_system import (
    CapturePolicy,
    CarbonPolicy,
    DemandResponse,
    PowerSystem,
    ReservePolicy,
    SharedStorage,
    ThermalUnit,
)
from oracle.domain.results import (
    DayAheadResult,
    MoneyRecord,
    OrderRecord,
    ParticipantRecord,
    Plan,
    RealTimeResult,
    RunResult,
    StoragePlan,
    StorageSlotRecord,
    TradeRecord,
    UnitDispatch,
)
from oracle.domain.scenario import Scenario
from oracle.units import (
    SLOT_HOURS,
    SLOTS_PER_DAY,
    Bps,
    Meters,
    MicroUsd,
    MicroUsdPerMwh,
    MicroUsdPerMwhKm,
    Wh,
    amount_down,
    micro_usd_per_mwh_from_usd_per_kwh,
    mwh_from_wh,
    wh_from_mwh,
)

MIDNIGHT = datetime(2016, 5, 9, tzinfo=UTC)


def a_prosumer(name: str = "P1") -> Prosumer:
    return Prosumer(
        name=name,
        initial_reputation=Bps(8200),
        sale_cost=micro_usd_per_mwh_from_usd_per_kwh(0.05),
        utility=micro_usd_per_mwh_from_usd_per_kwh(0.4),
        saturation=Wh(85_000),
        cost_weight=Bps(5000),
    )


def the_rules(slots: int = SLOTS_PER_DAY) -> MarketRules:
    return MarketRules(
        mechanism="pairwise-nash",
        battery_policy="idle",
        first_trading_slot=0,
        last_trading_slot=slots - 1,
        min_trade=Wh(0),
        max_trade=Wh(75_000),
        floor_price=micro_usd_per_mwh_from_usd_per_kwh(0.05),
        real_time_price=micro_usd_per_mwh_from_usd_per_kwh(0.3),
        bond_price=micro_usd_per_mwh_from_usd_per_kwh(0.1),
        compensation_price=micro_usd_per_mwh_from_usd_per_kwh(0.05),
        reputation_memory=Bps(9500),
        reputation_full_value=MicroUsd(1_000_000),
    )


def a_tariff(slots: int = SLOTS_PER_DAY) -> Tariff:
    hour = np.arange(slots) // 4 % 24
    return Tariff(
        import_price=np.where((hour >= 17) & (hour < 21), 360_000_000, 290_000_000),
        export_price=np.full(slots, 80_000_000),
    )


def a_community(
    *names: str, slots: int = SLOTS_PER_DAY, tariff: bool = True, seed: int = 1
) -> Community:
    rng = np.random.default_rng(seed)
    hour = np.arange(slots) / 4 % 24
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) ** 1.5
    shape = 0.4 + 0.5 * np.exp(-(((hour - 19) / 2) ** 2)) + 0.2 * np.exp(-(((hour - 8) / 2) ** 2))
    peaks = np.where(np.arange(len(names)) % 2 == 0, 1800, 0)
    pv = peaks[:, None] * sun * rng.uniform(0.6, 1.0, (len(names), slots))
    load = 450 * shape * rng.uniform(0.5, 1.5, (len(names), slots))
    return Community(
        prosumers=tuple(a_prosumer(name) for name in names),
        lines=tuple(
            Line(first=first, second=second, distance=Meters(40 + 35 * abs(second - first)))
            for first in range(len(names))
            for second in range(first + 1, len(names))
            if second - first < 6
        ),
        ladder=FeeLadder(base=MicroUsdPerMwhKm(50_000_000), interval=Meters(100), growth=Bps(2500)),
        rules=the_rules(slots),
        pv=pv.astype(np.int64),
        load=load.astype(np.int64),
        tariff=a_tariff(slots) if tariff else None,
    )


def a_storage() -> SharedStorage:
    return SharedStorage(
        power_mw=40.0,
        capacity_mwh=180.0,
        min_soc=0.2,
        max_soc=0.9,
        initial_soc=0.2,
        charge_efficiency=0.98,
        discharge_efficiency=0.98,
        degradation_usd_per_mw_slot=1.43,
        compensation_usd_per_mwh=240.0,
    )


def a_unit(name: str, max_mw: float) -> ThermalUnit:
    return ThermalUnit(
        name=name,
        min_mw=0.35 * max_mw,
        max_mw=max_mw,
        cost_usd_per_h=900.0,
        cost_usd_per_mwh=17.0,
        cost_usd_per_mw2h=0.003,
        emission_t_per_mwh=0.9,
        capture=True,
        capture_mwh_per_t=0.2,
        capture_fixed_mw=5.0,
        ramp_mw_per_h=max_mw / 2,
        start_usd=6000.0,
        stop_usd=1500.0,
        min_up_h=12,
        min_down_h=12,
        initially_on=True,
    )


def a_power_system() -> PowerSystem:
    hour = np.arange(SLOTS_PER_DAY) / 4
    expected_mw = np.full(SLOTS_PER_DAY, 18.0)
    load_mw = 480 + 110 * np.sin((hour - 9) / 24 * 2 * np.pi) + 8 * np.sin(hour * 5)
    wind_mw = 105 + 45 * np.cos(hour / 24 * 2 * np.pi) + 6 * np.sin(hour * 7)
    return PowerSystem(
        units=(a_unit("U1", 400.0), a_unit("U2", 350.0)),
        carbon=CarbonPolicy(price_usd_per_t=12.0, allowance_t_per_mwh=0.7),
        capture=CapturePolicy(reading="energy", efficiency=0.8, max_share=0.96),
        reserve=ReservePolicy(load_fraction=0.05, installed_wind_fraction=0.05),
        installed_wind_mw=200.0,
        unserved_cost_usd_per_mwh=1000.0,
        trigger_mw=5.0,
        demand_response=(
            DemandResponse(
                name="DR1",
                cost_usd_per_mwh=5.0,
                expected_mw=expected_mw,
                min_mw=0.9 * expected_mw,
                max_mw=1.1 * expected_mw,
            ),
        ),
        storage=a_storage(),
        day_ahead_load_mw=load_mw.reshape(-1, 4).mean(axis=1),
        day_ahead_wind_mw=wind_mw.reshape(-1, 4).mean(axis=1),
        load_mw=load_mw,
        wind_mw=wind_mw,
    )


def a_storage_plan() -> StoragePlan:
    charge_mw = np.zeros(SLOTS_PER_DAY)
    charge_mw[3:16] = 38.8
    discharge_mw = np.zeros(SLOTS_PER_DAY)
    discharge_mw[39:48] = 33.0
    discharge_mw[71:76] = 37.0
    gain = 0.98 * charge_mw - discharge_mw / 0.98
    return StoragePlan(
        charge_mw=charge_mw,
        discharge_mw=discharge_mw,
        stored_mwh=36.0 + SLOT_HOURS * np.cumsum(gain),
        cost_usd=1417.5,
        profit_usd=59313.25,
    )


def a_real_time_result(system: PowerSystem, storage: StoragePlan | None) -> RealTimeResult:
    used = 0.98 if storage else 0.89
    wind_mw = np.minimum(system.wind_mw, 150 * used)
    rest_mw = system.load_mw + 18.0 - wind_mw
    if storage:
        rest_mw = rest_mw + storage.charge_mw - storage.discharge_mw
    units = []
    for unit, share in zip(system.units, (0.6, 0.4), strict=True):
        net_mw = share * rest_mw
        capture_mw = np.full(SLOTS_PER_DAY, 12.0) + 0.05 * net_mw
        gross_mw = net_mw + capture_mw
        captured_t = 0.6 * unit.emission_t_per_mwh * gross_mw * SLOT_HOURS
        units.append(
            UnitDispatch(
                name=unit.name,
                gross_mw=gross_mw,
                net_mw=net_mw,
                capture_mw=capture_mw,
                emitted_t=unit.emission_t_per_mwh * gross_mw * SLOT_HOURS - captured_t,
                captured_t=captured_t,
            )
        )
    return RealTimeResult(
        objective_usd=243000.0,
        total_cost_usd=243131.1234567891 if storage else 247356.0,
        operation_cost_usd=372537.0,
        carbon_cost_usd=-131243.0 if storage else -125351.0,
        co2_t=570.9 if storage else 1063.0,
        demand_response_cost_usd=170.0,
        wind_used_share=0.1 + 0.2 + 0.681 if storage else 0.892,
        unserved_mwh=-1e-12,
        units=tuple(units),
        wind_mw=wind_mw,
        shifted_mw={"DR1": 18.0 + 1.8 * np.sin(np.arange(SLOTS_PER_DAY))},
        unserved_mw=np.zeros(SLOTS_PER_DAY),
        storage=storage,
        p2p_cost_usd=262.01 if storage else None,
        build_s=0.0312345678,
        solve_s=0.0712345678,
        gap=4.123456e-7,
    )


def a_day_ahead_result(system: PowerSystem) -> DayAheadResult:
    always = np.ones(24, dtype=np.int64)
    peak = np.where((np.arange(24) >= 7) & (np.arange(24) < 21), 1, 0).astype(np.int64)
    commitment = dict(zip((unit.name for unit in system.units), (always, peak), strict=True))
    return DayAheadResult(
        commitment=commitment,
        gross_mw={name: np.multiply(hours, 300.0) for name, hours in commitment.items()},
        net_mw={name: np.multiply(hours, 280.0) for name, hours in commitment.items()},
        cost_usd=251000.0,
        triggered_slots=(5, 6, 7, 40, 41),
        build_s=0.02,
        solve_s=0.4,
        gap=0.0,
    )


def a_trade(slot: int = 40, seller: str = "P1", buyer: str = "P2", **changes: int) -> TradeRecord:
    trade = TradeRecord(
        slot=slot,
        seller=seller,
        buyer=buyer,
        energy=Wh(60_000),
        price=micro_usd_per_mwh_from_usd_per_kwh(0.11),
        lease_fee=micro_usd_per_mwh_from_usd_per_kwh(0.3),
    )
    return replace(trade, **changes)  # type: ignore[arg-type]


def settled(trade: TradeRecord, delivered_share: float = 1.0) -> TradeRecord:
    delivered = Wh(round(trade.energy * delivered_share))
    return replace(
        trade,
        delivered=delivered,
        paid=amount_down(delivered, trade.price),
        fee_paid=amount_down(delivered, trade.lease_fee),
        compensation=amount_down(
            Wh(trade.energy - delivered), micro_usd_per_mwh_from_usd_per_kwh(0.05)
        ),
    )


def a_scenario(
    *, community: Community | None, system: PowerSystem | None, **changes: object
) -> Scenario:
    slots = SLOTS_PER_DAY if community is None else community.load.shape[1]
    scenario = Scenario(
        name="small-day",
        description="A made-up day",
        first_slot=MIDNIGHT,
        slot_count=slots,
        power_system=system,
        community=community,
        storage=system.storage if system else None,
        synthetic=True,
        note="Made up for the tests.",
    )
    return replace(scenario, **changes)  # type: ignore[arg-type]


def a_system_plan(**scenario_changes: object) -> Plan:
    """A day with every part: power system, storage, and three prosumers without tariffs."""
    system = a_power_system()
    storage = a_storage_plan()
    community = a_community("P1", "P2", "P3", tariff=False)
    return Plan(
        scenario=a_scenario(community=community, system=system, **scenario_changes),
        day_ahead=a_day_ahead_result(system),
        without_sharing=a_real_time_result(system, None),
        with_sharing=a_real_time_result(system, storage),
        trades=tuple(
            a_trade(slot, energy=energy * 1000, price=price * 1_000_000)
            for slot, energy, price in zip(
                range(40, 55),
                (60, 67, 9, 68, 47, 7, 21, 41, 71, 72, 12, 72, 71, 36, 60),
                (110, 93, 262, 91, 155, 278, 209, 150, 82, 79, 245, 79, 82, 173, 110),
                strict=True,
            )
        ),
    )


def a_village_plan(*names: str, days: int = 1) -> Plan:
    """A community under tariffs, without a power system; trades by distance, not by a market."""
    community = a_community(*(names or HOUSES), slots=days * SLOTS_PER_DAY)
    scenario = a_scenario(community=community, system=None, name="small-village", synthetic=False)
    net = community.pv - community.load
    trades = []
    for slot in range(net.shape[1]):
        left = net[:, slot].copy()
        for line in sorted(community.lines, key=lambda line: line.distance):
            for seller, buyer in ((line.first, line.second), (line.second, line.first)):
                energy = min(left[seller], -left[buyer])
                if energy > 0:
                    left[seller] -= energy
                    left[buyer] += energy
                    trades.append(
                        TradeRecord(
                            slot=slot,
                            seller=community.prosumers[seller].name,
                            buyer=community.prosumers[buyer].name,
                            energy=Wh(int(energy)),
                            price=MicroUsdPerMwh(120_000_000 + 1000 * int(energy)),
                            lease_fee=MicroUsdPerMwh(50_000 * int(line.distance)),
                        )
                    )
    return Plan(scenario=scenario, trades=tuple(trades), storage=None, build_s=0.1, solve_s=0.2)


HOUSES = tuple(f"H{number}" for number in range(1, 15))


def the_orders(plan: Plan) -> tuple[OrderRecord, ...]:
    community = plan.scenario.community
    if community is None:
        return ()
    net = community.pv - community.load
    return tuple(
        OrderRecord(
            slot=slot,
            participant=prosumer.name,
            side="offer" if net[index, slot] > 0 else "bid",
            energy=Wh(int(abs(net[index, slot]))),
            limit_price=MicroUsdPerMwh(
                80_000_000 + 2_000_000 * index if net[index, slot] > 0 else 290_000_000
            ),
            reputation=Bps(8200),
        )
        for slot in range(net.shape[1])
        for index, prosumer in enumerate(community.prosumers)
        if net[index, slot] != 0
    )


def the_participants(
    plan: Plan, trades: tuple[TradeRecord, ...], seed: int = 2
) -> tuple[ParticipantRecord, ...]:
    rng = np.random.default_rng(seed)
    community = plan.scenario.community
    records = []
    for prosumer in () if community is None else community.prosumers:
        sales = [trade for trade in trades if trade.seller == prosumer.name]
        purchases = [trade for trade in trades if trade.buyer == prosumer.name]
        alone = MicroUsd(int(rng.integers(-2_000_000, 9_000_000)))
        steps = 8200 + np.cumsum(rng.integers(0, 9, plan.scenario.slot_count))
        records.append(
            ParticipantRecord(
                name=prosumer.name,
                bill=MicroUsd(alone - 30 * len(sales + purchases) ** 2),
                grid_alone_bill=alone,
                bought=Wh(sum(trade.energy for trade in purchases)),
                sold=Wh(sum(trade.energy for trade in sales)),
                delivered=Wh(sum(trade.delivered or 0 for trade in sales)),
                reputation=tuple(Bps(int(min(step, 10_000))) for step in steps),
            )
        )
    return tuple(records)


def the_ledger(storage: StoragePlan | None) -> tuple[StorageSlotRecord, ...]:
    if storage is None:
        return ()
    return tuple(
        StorageSlotRecord(
            slot=slot,
            charge=wh_from_mwh(float(storage.charge_mw[slot]) * SLOT_HOURS),
            discharge=wh_from_mwh(float(storage.discharge_mw[slot]) * SLOT_HOURS),
            stored=wh_from_mwh(float(storage.stored_mwh[slot])),
        )
        for slot in range(len(storage.charge_mw))
    )


def a_run(plan: Plan, **changes: object) -> RunResult:
    """The plan, settled: every trade delivered but the first, of which 60 % came."""
    trades = tuple(settled(trade, 1.0 if place else 0.6) for place, trade in enumerate(plan.trades))
    storage = plan.with_sharing.storage if plan.with_sharing else plan.storage
    fees = MicroUsd(sum(trade.fee_paid or 0 for trade in trades))
    result = RunResult(
        plan=plan,
        chain="embedded",
        hardfork="prague",
        addresses={"Exchange": "0x" + "a1" * 20, "Registry": "0x" + "b2" * 20},
        slots_settled=len({trade.slot for trade in trades}),
        orders=the_orders(plan),
        trades=trades,
        participants=the_participants(plan, trades),
        storage=the_ledger(storage),
        lease_fees=fees,
        compensation_paid=MicroUsd(
            round(240e6 * sum(mwh_from_wh(e.charge) for e in the_ledger(storage)))
        ),
        money=MoneyRecord(
            deposited=MicroUsd(1_000_000_000),
            withdrawn=MicroUsd(250_000_001),
            in_accounts=MicroUsd(749_999_999),
            token_balance=MicroUsd(749_999_999),
        ),
        gas={"clear": [210_000, 190_000, 250_001], "settle": [180_000, 170_001], "withdraw": []},
        seconds=12.34,
    )
    return replace(result, **changes)  # type: ignore[arg-type]
