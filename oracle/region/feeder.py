"""
A feeder of a region: a synthetic community, the same wherever it is made.

Prosumers live around a ring of streets, 20 to 60 m apart, each with lines to its four neighbours on
either side, so that `wattline bench gas` measures a market of the same shape. About half have a
plant, a third of these a battery. Tariff, lease and tastes are as in scenarios/village, of which
the tariff is flat at night, by day and in the evening. A feeder has its own weather: how clear its
sky is, and a cloud or none in each slot.

Everything is drawn in integers from the pair (seed, feeder), by whole-number arithmetic: no machine
rounds otherwise than another. All data are synthetic.
"""

from dataclasses import dataclass

import numpy as np

from oracle.domain.book import MAX_PARTICIPANTS
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
from oracle.errors import InvalidInputError
from oracle.units import (
    BPS,
    SLOTS_PER_DAY,
    SLOTS_PER_HOUR,
    Bps,
    Meters,
    MicroUsd,
    MicroUsdPerMwh,
    MicroUsdPerMwhKm,
    Wh,
)

NEIGHBOURS = 4  # on either side, that a prosumer has lines to
LEAST_PROSUMERS = 2 * NEIGHBOURS + 2
MOST_PROSUMERS = MAX_PARTICIPANTS
MOST_FEEDERS = 1_000_000
MOST_SEED = 2**63 - 1

GAP = (20, 61)  # m from house to house; the upper ends of all ranges are excluded
USD_PER_MWH = 1_000_000
NIGHT, DAY, PEAK, EXPORT = 240, 320, 400, 80  # USD/MWh, as in the village
NIGHT_ENDS_H, NIGHT_BEGINS_H, PEAK_BEGINS_H, PEAK_ENDS_H = 6, 22, 17, 21
LADDER = FeeLadder(
    base=MicroUsdPerMwhKm(150 * USD_PER_MWH), interval=Meters(100), growth=Bps(2_500)
)
MIN_TRADE, MAX_TRADE = Wh(50), Wh(40_000)

SALE_COST = (40, 101)  # USD/MWh
UTILITY = (260, 421)  # USD/MWh
COST_WEIGHT = (9_900, 9_991)  # basis points
SATURATION = (100, 161)  # percent of the most that is bought in a slot
REPUTATION = (500, 9_501)  # basis points that the registry accepts

MEAN_LOAD_W = (200, 701)
PLANT_W = (3_000, 10_001)
PLANTS_IN_100, BATTERIES_IN_100 = 50, 33  # of prosumers; of those with a plant
BATTERY_WH = (4_000, 12_001)
BATTERY_HOURS = 2  # from empty to full at its power

SUNRISE, SUNSET = 22, 82  # slots: half past five to half past eight
CLEAR_PERCENT = (50, 101)  # of a feeder's day
CLOUD_PERCENT = (40, 101)  # of a slot with clouds
CLOUDY_IN_100 = (10, 70)  # of a feeder's slots
NOISE_PERCENT = (50, 151)  # of a household's slot

# What a household draws by the hour, in percent of its mean.
NIGHT_LOADS = (60, 50, 45, 45, 50, 65)
MORNING_LOADS = (95, 120, 110, 95, 90, 100)
AFTERNOON_LOADS = (115, 105, 90, 90, 105, 130)
EVENING_LOADS = (165, 180, 165, 135, 105, 80)
LOAD_PERCENT = np.repeat(
    [*NIGHT_LOADS, *MORNING_LOADS, *AFTERNOON_LOADS, *EVENING_LOADS], SLOTS_PER_HOUR
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionTerms:
    """
    What a region is made from.

    Raises
    ------
    InvalidInputError
        Where there is no such region.
    """

    feeders: int
    prosumers: int  # of each feeder
    seed: int

    def __post_init__(self) -> None:
        _require("feeders", self.feeders, 1, MOST_FEEDERS)
        _require("prosumers", self.prosumers, LEAST_PROSUMERS, MOST_PROSUMERS)
        _require("seed", self.seed, 0, MOST_SEED)


def feeder(terms: RegionTerms, number: int) -> Community:
    """Return the community of a feeder, which count from 0, for a day."""
    draw = np.random.default_rng([terms.seed, number])
    count = terms.prosumers
    has_plant = draw.integers(100, size=count) < PLANTS_IN_100
    plant_w = np.where(has_plant, draw.integers(*PLANT_W, size=count), 0)
    load = _loads(draw, draw.integers(*MEAN_LOAD_W, size=count))
    return Community(
        prosumers=_prosumers(draw, plant_w, load.max(axis=1)),
        lines=_ring(draw, count),
        ladder=LADDER,
        rules=_rules(),
        pv=_generation(draw, plant_w),
        load=load,
        tariff=_tariff(),
        seed=terms.seed,
    )


def _loads(draw: np.random.Generator, mean_w: IntArray) -> IntArray:
    """Return Wh per household and slot: the curve of all, one up to an hour late, with noise."""
    late = draw.integers(SLOTS_PER_HOUR, size=len(mean_w))
    slots = (np.arange(SLOTS_PER_DAY) - late[:, None]) % SLOTS_PER_DAY
    noise = draw.integers(*NOISE_PERCENT, size=slots.shape)
    load: IntArray = mean_w[:, None] * LOAD_PERCENT[slots] * noise // (100 * 100 * SLOTS_PER_HOUR)
    return load


def _generation(draw: np.random.Generator, plant_w: IntArray) -> IntArray:
    """Return Wh per plant and slot: a parabola from sunrise to sunset, under the feeder's sky."""
    slots = np.arange(SLOTS_PER_DAY)
    height = np.maximum(0, (slots - SUNRISE) * (SUNSET - slots))
    clear = int(draw.integers(*CLEAR_PERCENT))
    is_cloudy = draw.integers(100, size=SLOTS_PER_DAY) < draw.integers(*CLOUDY_IN_100)
    sky = np.where(is_cloudy, draw.integers(*CLOUD_PERCENT, size=SLOTS_PER_DAY), 100)
    share = height * clear * sky
    most = (SUNSET - SUNRISE) ** 2 // 4 * 100 * 100 * SLOTS_PER_HOUR
    generation: IntArray = plant_w[:, None] * share[None, :] // most
    return generation


def _prosumers(
    draw: np.random.Generator, plant_w: IntArray, most_bought: IntArray
) -> tuple[Prosumer, ...]:
    count = len(plant_w)

    def drawn(between: tuple[int, int]) -> list[int]:
        return [int(value) for value in draw.integers(*between, size=count)]

    has_battery = (plant_w > 0) & (draw.integers(100, size=count) < BATTERIES_IN_100)
    columns = zip(
        has_battery.tolist(),
        drawn(BATTERY_WH),
        drawn(SALE_COST),
        drawn(UTILITY),
        drawn(SATURATION),
        drawn(COST_WEIGHT),
        drawn(REPUTATION),
        most_bought.tolist(),
        strict=True,
    )
    return tuple(
        Prosumer(
            name=f"P{number:04}",
            initial_reputation=Bps(reputation),
            sale_cost=MicroUsdPerMwh(cost * USD_PER_MWH),
            utility=MicroUsdPerMwh(utility * USD_PER_MWH),
            saturation=Wh(saturation * max(bought, 1) // 100 + 1),
            cost_weight=Bps(weight),
            battery=_battery(size) if with_battery else None,
        )
        for number, (
            with_battery,
            size,
            cost,
            utility,
            saturation,
            weight,
            reputation,
            bought,
        ) in enumerate(columns, 1)
    )


def _battery(size_wh: int) -> Battery:
    """Return a battery, half full at midnight."""
    return Battery(
        min_energy=Wh(0),
        max_energy=Wh(size_wh),
        initial_energy=Wh(size_wh // 2),
        efficiency=Bps(9_500),
        charge_ratio=Bps(BPS),
        max_energy_per_slot=Wh(size_wh // BATTERY_HOURS // SLOTS_PER_HOUR),
    )


def _ring(draw: np.random.Generator, count: int) -> tuple[Line, ...]:
    gaps = draw.integers(*GAP, size=count)
    place = np.concatenate([[0], np.cumsum(np.concatenate([gaps, gaps[:NEIGHBOURS]]))])
    return tuple(
        Line(
            first=first,
            second=(first + step) % count,
            distance=Meters(int(place[first + step] - place[first])),
        )
        for first in range(count)
        for step in range(1, NEIGHBOURS + 1)
    )


def _tariff() -> Tariff:
    hours = np.arange(SLOTS_PER_DAY) // SLOTS_PER_HOUR
    is_night = (hours < NIGHT_ENDS_H) | (hours >= NIGHT_BEGINS_H)
    is_peak = (hours >= PEAK_BEGINS_H) & (hours < PEAK_ENDS_H)
    import_price = np.where(is_night, NIGHT, np.where(is_peak, PEAK, DAY)) * USD_PER_MWH
    return Tariff(
        import_price=import_price, export_price=np.full(SLOTS_PER_DAY, EXPORT * USD_PER_MWH)
    )


def _rules() -> MarketRules:
    """Return the village's rules, with the defaults that a scenario has."""
    highest = MicroUsdPerMwh(PEAK * USD_PER_MWH)
    return MarketRules(
        mechanism="pairwise-nash",
        battery_policy="self-consumption",
        first_trading_slot=0,
        last_trading_slot=SLOTS_PER_DAY - 1,
        min_trade=MIN_TRADE,
        max_trade=MAX_TRADE,
        floor_price=MicroUsdPerMwh(0),
        real_time_price=highest,
        bond_price=highest,
        compensation_price=highest,
        reputation_memory=Bps(9_500),
        reputation_full_value=MicroUsd(200_000),
    )


def _require(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidInputError(f"{name}: expected from {low:,} to {high:,}, got {value:,}")
