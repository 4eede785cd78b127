"""Writes a scenario folder: scenario.toml, the tables, README.md and the licence of the data."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from oracle.units import SLOT_HOURS, SLOTS_PER_DAY
from scripts.simbench import synthetic
from scripts.simbench.dataset import Profiles
from scripts.simbench.grid import Grid
from scripts.simbench.prosumers import VillageBattery, Villager
from scripts.simbench.readme import readme
from scripts.simbench.village import Village

NOTE = (
    "Loads, PV, batteries, lines and ratings: SimBench (ODbL 1.0); "
    "tariff, tastes, market rules and shared storage: synthetic"
)


def write_folder(village: Village, folder: Path) -> None:
    """Write every file of the scenario; files of the same names are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    licence = resources.files("scripts.simbench").joinpath("ODbL-1.0.txt")
    for name, content in {
        "scenario.toml": _scenario_toml(village),
        "prosumers.csv": _prosumers_csv(village),
        "tariff.csv": _tariff_csv(village.profiles),
        "README.md": _readme(village),
        "LICENSE": licence.read_text(encoding="utf-8"),
    }.items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")


def _scenario_toml(village: Village) -> str:
    blocks = [
        _top(village),
        _storage(village.grid),
        _table(
            "[line_lease]",
            base_usd_per_kwh_km=synthetic.LEASE_USD_PER_KWH_KM,
            interval_km=synthetic.LEASE_INTERVAL_KM,
            growth=synthetic.LEASE_GROWTH,
        ),
        _table(
            "[market]",
            mechanism="pairwise-nash",
            battery_policy="self-consumption",
            min_trade_kwh=synthetic.MIN_TRADE_KWH,
            max_trade_kwh=_rounded(village.grid.transformer_kw * SLOT_HOURS),
            reputation_full_value_usd=synthetic.REPUTATION_FULL_VALUE_USD,
        ),
    ]
    blocks += [_prosumer(villager) for villager in village.villagers]
    names = [villager.name for villager in village.villagers]
    blocks += [
        _table(
            "[[lines]]",
            between=[names[first], names[second]],
            distance_km=_rounded(max(village.grid.between[first, second].distance_km, 0.001)),
        )
        for first, second in village.pairs
    ]
    blocks += [
        _table(
            "[[shortfalls]]",
            prosumer=shortfall.prosumer,
            slot=shortfall.slot,
            delivered_share=shortfall.delivered_share,
        )
        for shortfall in village.shortfalls
    ]
    return "\n".join(blocks)


def _top(village: Village) -> str:
    profiles = village.profiles
    days = len(profiles.local_hours) // SLOTS_PER_DAY
    return _table(
        "# Contains information from SimBench, made available under the ODbL 1.0; see README.md.",
        name=village.name,
        description=(
            f"Low-voltage grid {village.grid.name} of SimBench, scenario "
            f"{village.simbench_scenario}: {len(village.villagers)} prosumers, {days} days from "
            f"{profiles.first_slot:%Y-%m-%d}"
        ),
        note=NOTE,
        first_slot=profiles.first_slot.isoformat(),
        slot_minutes=15,
    )


def _storage(grid: Grid) -> str:
    power_kw = round(grid.transformer_kw * synthetic.STORAGE_SHARE_OF_TRANSFORMER)
    return _table(
        "[storage]",
        power_mw=_rounded(power_kw / 1000),
        capacity_mwh=_rounded(power_kw * synthetic.STORAGE_HOURS / 1000),
        min_soc=0.1,
        max_soc=0.9,
        initial_soc=0.2,
        charge_efficiency=0.95,
        discharge_efficiency=0.95,
        degradation_usd_per_mw_slot=5.0,
        compensation_usd_per_mwh=10.0,
    )


def _prosumer(villager: Villager) -> str:
    tastes = villager.tastes
    values: dict[str, object] = {
        "name": villager.name,
        "sale_cost_usd_per_kwh": tastes.sale_cost_usd_per_kwh,
        "utility_usd_per_kwh": tastes.utility_usd_per_kwh,
        "saturation_kwh": tastes.saturation_kwh,
        "cost_weight": tastes.cost_weight,
        "reputation_weight": tastes.reputation_weight,
    }
    if villager.max_sale_kwh is not None:
        values["max_sale_kwh"] = villager.max_sale_kwh
    values["max_purchase_kwh"] = villager.max_purchase_kwh
    if villager.battery:
        values |= _battery(villager.battery)
    return _table("[[prosumers]]", **values)


def _battery(battery: VillageBattery) -> dict[str, object]:
    return {
        "battery_min_kwh": 0.0,
        "battery_max_kwh": battery.max_kwh,
        "battery_initial_kwh": battery.initial_kwh,
        "battery_efficiency": battery.efficiency,
        "battery_power_kw": battery.power_kw,
        "charge_ratio": battery.charge_ratio,
        "stores_purchases": battery.stores_purchases,
    }


def _prosumers_csv(village: Village) -> str:
    headings = ["slot"]
    columns = []
    for villager in village.villagers:
        headings += [f"{villager.name}_pv_kw", f"{villager.name}_load_kw"]
        columns += [villager.pv_kw, villager.load_kw]
    rows = (
        [slot, *(f"{value:.3f}" for value in values)]
        for slot, values in enumerate(zip(*columns, strict=True), start=1)
    )
    return _csv(headings, rows)


def _tariff_csv(profiles: Profiles) -> str:
    rows = (
        [slot, synthetic.import_usd_per_kwh(hour), synthetic.EXPORT_USD_PER_KWH]
        for slot, hour in enumerate(profiles.local_hours, start=1)
    )
    return _csv(["slot", "import_usd_per_kwh", "export_usd_per_kwh"], rows)


def _csv(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return content.getvalue()


def _readme(village: Village) -> str:
    grid = village.grid
    return readme(
        name=village.name,
        grid=grid.name,
        simbench_scenario=village.simbench_scenario,
        loads=sum(len(bus.loads) for bus in grid.buses),
        plants=sum(len(bus.plants) for bus in grid.buses),
        batteries=sum(len(bus.batteries) for bus in grid.buses),
        prosumers=len(grid.buses),
        lines=len(village.pairs),
        first_slot=village.profiles.first_slot,
        days=len(village.profiles.local_hours) // SLOTS_PER_DAY,
        has_shortfalls=bool(village.shortfalls),
        command=village.command,
    )


def _table(heading: str, **values: object) -> str:
    """Return a table of TOML; the values are of kinds that JSON writes the same way."""
    entries = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join([heading, *entries, ""])


def _rounded(value: float) -> float:
    return round(value, 3)
