"""
What SimBench lacks, made up: tariff, tastes, market rules, fee ladder, shared storage.

The numbers are chosen so that a village trades for most of the day and its Nash prices, MODEL.md
(37), lie between what the grid pays and what it charges instead of at one of the two.
"""

from dataclasses import dataclass

import numpy as np

EXPORT_USD_PER_KWH = 0.08
NIGHT_USD_PER_KWH = 0.24
DAY_USD_PER_KWH = 0.32
PEAK_USD_PER_KWH = 0.40
NIGHT_ENDS_H, NIGHT_BEGINS_H = 6, 22
PEAK_BEGINS_H, PEAK_ENDS_H = 17, 21

LEASE_USD_PER_KWH_KM = 0.15
LEASE_INTERVAL_KM = 0.1
LEASE_GROWTH = 0.25

MIN_TRADE_KWH = 0.05
REPUTATION_FULL_VALUE_USD = 0.2

STORED_SHARE_OF_DAILY_LOAD = 0.7
"""What a battery may buy to store, of a day's load: it is used up before the day is over."""

STORAGE_SHARE_OF_TRANSFORMER = 3 / 16
STORAGE_HOURS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tastes:
    """A prosumer's numbers of MODEL.md (12) and (13)."""

    sale_cost_usd_per_kwh: float
    utility_usd_per_kwh: float
    saturation_kwh: float
    cost_weight: float

    @property
    def reputation_weight(self) -> float:
        """What the cost leaves of the weights, which add up to 1."""
        return round(1 - self.cost_weight, 4)


def draw_tastes(generator: np.random.Generator, max_purchase_kwh: float) -> Tastes:
    """Return tastes around those of a household that would pay about what the grid charges."""
    sale_cost = generator.uniform(0.04, 0.10)
    utility = generator.uniform(0.26, 0.42)
    saturation = generator.uniform(1.0, 1.6)
    cost_weight = generator.uniform(0.990, 0.999)
    return Tastes(
        sale_cost_usd_per_kwh=round(sale_cost, 3),
        utility_usd_per_kwh=round(utility, 3),
        saturation_kwh=round(saturation * max_purchase_kwh, 3),
        cost_weight=round(cost_weight, 4),
    )


def import_usd_per_kwh(local_hour: int) -> float:
    """Return what the grid charges in an hour of the local clock."""
    if local_hour < NIGHT_ENDS_H or local_hour >= NIGHT_BEGINS_H:
        return NIGHT_USD_PER_KWH
    if PEAK_BEGINS_H <= local_hour < PEAK_ENDS_H:
        return PEAK_USD_PER_KWH
    return DAY_USD_PER_KWH
