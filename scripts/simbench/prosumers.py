"""Buses of a grid → prosumers of a community: profiles, limits from ratings, batteries."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.units import SLOT_HOURS, SLOTS_PER_DAY
from scripts.simbench.dataset import Profiles
from scripts.simbench.grid import Bus, Grid, Path, Source
from scripts.simbench.synthetic import STORED_SHARE_OF_DAILY_LOAD, Tastes, draw_tastes

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class VillageBattery:
    """A battery as scenario.toml states it."""

    max_kwh: float
    initial_kwh: float
    efficiency: float
    power_kw: float
    charge_ratio: float
    stores_purchases: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Villager:
    """A prosumer as scenario.toml and prosumers.csv state it."""

    name: str
    bus: Bus
    pv_kw: FloatArray
    load_kw: FloatArray
    max_sale_kwh: float | None
    max_purchase_kwh: float
    battery: VillageBattery | None
    tastes: Tastes


def villagers(grid: Grid, loads: Profiles, plants: Profiles | None, seed: int) -> list[Villager]:
    """Return one prosumer per bus; `seed` fixes their tastes."""
    generator = np.random.default_rng(seed)
    width = max(2, len(str(max(bus.number for bus in grid.buses))))
    made = []
    for bus, path in zip(grid.buses, grid.to_transformer, strict=True):
        load_kw = _power_kw(bus.loads, loads, "_pload")
        pv_kw = 0.0 * load_kw if plants is None else _power_kw(bus.plants, plants, "")
        battery = _battery(bus, float(load_kw.sum()) * SLOT_HOURS * SLOTS_PER_DAY / len(load_kw))
        drawn_kw = sum(load.rating_kw for load in bus.loads)
        if battery and battery.stores_purchases:
            drawn_kw += battery.power_kw
        max_purchase_kwh = _energy_limit_kwh(drawn_kw, path, grid)
        plant_kw = sum(plant.rating_kw for plant in bus.plants)
        made.append(
            Villager(
                name=f"B{bus.number:0{width}}",
                bus=bus,
                pv_kw=np.round(pv_kw, 3),
                load_kw=np.round(load_kw, 3),
                max_sale_kwh=_energy_limit_kwh(plant_kw, path, grid) if bus.plants else None,
                max_purchase_kwh=max_purchase_kwh,
                battery=battery,
                tastes=draw_tastes(generator, max_purchase_kwh),
            )
        )
    return made


def _power_kw(sources: list[Source], profiles: Profiles, suffix: str) -> FloatArray:
    total = np.zeros(len(profiles.local_hours))
    for source in sources:
        total = total + source.power_kw * profiles.values[source.profile + suffix]
    return total


def _energy_limit_kwh(rating_kw: float, path: Path, grid: Grid) -> float:
    """Return the energy of a slot at the smallest of own rating, cables and transformer."""
    return round(min(rating_kw, path.capacity_kw, grid.transformer_kw) * SLOT_HOURS, 3)


def _battery(bus: Bus, daily_load_kwh: float) -> VillageBattery | None:
    if not bus.batteries:
        return None
    capacity_kwh = sum(battery.capacity_kwh for battery in bus.batteries)
    weighted = sum(battery.capacity_kwh * battery.efficiency for battery in bus.batteries)
    ratio = STORED_SHARE_OF_DAILY_LOAD * daily_load_kwh / capacity_kwh
    return VillageBattery(
        max_kwh=round(capacity_kwh, 3),
        initial_kwh=round(sum(battery.initial_kwh for battery in bus.batteries), 3),
        efficiency=round(weighted / capacity_kwh, 4),
        power_kw=round(sum(battery.power_kw for battery in bus.batteries), 3),
        charge_ratio=round(min(ratio, 0.9), 3),
        stores_purchases=not bus.plants,
    )
