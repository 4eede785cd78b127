"""
Units, and the only conversions between the models' floats and the chain's integers.

Models compute in MW, MWh, USD and USD/MWh (floats). The chain, the market mechanisms and everything
that is settled compute in Wh, micro-USD, micro-USD/MWh, metres and basis points (integers).
Rounding is to the nearest integer, halves away from zero, unless the name says otherwise.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NewType

import numpy as np
import numpy.typing as npt

Wh = NewType("Wh", int)
MicroUsd = NewType("MicroUsd", int)
MicroUsdPerMwh = NewType("MicroUsdPerMwh", int)
MicroUsdPerMwhKm = NewType("MicroUsdPerMwhKm", int)
Meters = NewType("Meters", int)
Bps = NewType("Bps", int)
Slot = NewType("Slot", int)  # Unix time // SLOT_SECONDS

NO_MONEY = MicroUsd(0)

SLOT_SECONDS = 900
SLOT_HOURS = 0.25
SLOTS_PER_HOUR = 4
SLOTS_PER_DAY = 96
HOURS_PER_DAY = 24
BPS = 10_000
METERS_PER_KM = 1_000
WH_PER_KWH = 1_000
WH_PER_MWH = 1_000_000
KWH_PER_MWH = 1_000
MICRO_USD_PER_USD = 1_000_000


def _rounded(value: float, scale: int) -> int:
    """Return `value * scale` rounded on the decimal digits that the value is written with."""
    return int((Decimal(repr(float(value))) * scale).to_integral_value(ROUND_HALF_UP))


def wh_from_kwh(energy_kwh: float) -> Wh:
    return Wh(_rounded(energy_kwh, WH_PER_KWH))


def wh_from_mwh(energy_mwh: float) -> Wh:
    return Wh(_rounded(energy_mwh, WH_PER_MWH))


def wh_per_slot_from_kw(power_kw: float) -> Wh:
    """Return the energy of one slot at constant power."""
    return Wh(_rounded(float(Decimal(repr(float(power_kw))) / SLOTS_PER_HOUR), WH_PER_KWH))


def wh_per_slot_from_mw(power_mw: float) -> Wh:
    """Return the energy of one slot at constant power."""
    return wh_per_slot_from_kw(power_mw * KWH_PER_MWH)


def wh_per_slot_array_from_kw(power_kw: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the energies of one slot at constant powers; as `wh_per_slot_from_kw`, all at once."""
    energy = np.round(power_kw * WH_PER_KWH / SLOTS_PER_HOUR, 6)
    return np.floor(energy + 0.5).astype(np.int64)


def kwh_from_wh(energy: Wh) -> float:
    return energy / WH_PER_KWH


def mwh_from_wh(energy: Wh) -> float:
    return energy / WH_PER_MWH


def mw_from_wh_per_slot(energy: Wh) -> float:
    return energy / WH_PER_MWH / SLOT_HOURS


def micro_usd_per_mwh_from_usd_per_kwh(price_usd_per_kwh: float) -> MicroUsdPerMwh:
    return MicroUsdPerMwh(_rounded(price_usd_per_kwh, KWH_PER_MWH * MICRO_USD_PER_USD))


def micro_usd_per_mwh_from_usd_per_mwh(price: float) -> MicroUsdPerMwh:
    return MicroUsdPerMwh(_rounded(price, MICRO_USD_PER_USD))


def usd_per_kwh(price: MicroUsdPerMwh) -> float:
    return price / (KWH_PER_MWH * MICRO_USD_PER_USD)


def usd_per_mwh(price: MicroUsdPerMwh) -> float:
    return price / MICRO_USD_PER_USD


def micro_usd_per_mwh_km_from_usd_per_kwh_km(price: float) -> MicroUsdPerMwhKm:
    return MicroUsdPerMwhKm(_rounded(price, KWH_PER_MWH * MICRO_USD_PER_USD))


def micro_usd_from_usd(amount_usd: float) -> MicroUsd:
    return MicroUsd(_rounded(amount_usd, MICRO_USD_PER_USD))


def usd_from_micro_usd(amount: MicroUsd) -> float:
    return amount / MICRO_USD_PER_USD


def meters_from_km(distance_km: float) -> Meters:
    return Meters(_rounded(distance_km, METERS_PER_KM))


def bps_from_fraction(fraction: float) -> Bps:
    return Bps(_rounded(fraction, BPS))


def fraction_from_bps(fraction: Bps) -> float:
    return fraction / BPS


def amount_down(energy: Wh, price: MicroUsdPerMwh) -> MicroUsd:
    """Return energy × price, the remainder below a micro-USD left with who pays."""
    return MicroUsd(energy * price // WH_PER_MWH)


def amount_up(energy: Wh, price: MicroUsdPerMwh) -> MicroUsd:
    """Return energy × price rounded up: the money to lock for an order."""
    return MicroUsd(-(-energy * price // WH_PER_MWH))


def stored_after(
    before: Wh,
    charge: Wh,
    discharge: Wh,
    *,
    charge_efficiency: Bps,
    discharge_efficiency: Bps,
) -> Wh:
    """Return the stored energy after a slot; the gain is rounded down and the drain up."""
    drain = -(-discharge * BPS // discharge_efficiency)
    return Wh(before + charge * charge_efficiency // BPS - drain)


def storage_schedule(
    charge_mw: Sequence[float],
    discharge_mw: Sequence[float],
    *,
    initial: Wh,
    minimum: Wh,
    maximum: Wh,
    max_per_slot: Wh,
    charge_efficiency: Bps,
    discharge_efficiency: Bps,
) -> list[tuple[Wh, Wh, Wh]]:
    """
    Return (charge, discharge, stored) per slot in integers that obey contracts/StorageLedger.sol.

    A dispatch that runs the storage to its limits would overstep them by a rounding error: each
    slot's energy is cut to what the integer recursion allows, which costs a few Wh at most.
    """
    schedule, stored = [], int(initial)
    for power_in, power_out in zip(charge_mw, discharge_mw, strict=True):
        charge = min(
            wh_per_slot_from_mw(max(0.0, power_in)),
            max_per_slot,
            (maximum - stored) * BPS // charge_efficiency,
        )
        discharge = min(
            wh_per_slot_from_mw(max(0.0, power_out)),
            max_per_slot,
            (stored - minimum) * discharge_efficiency // BPS,
        )
        if charge < discharge:
            charge = 0
        else:
            discharge = 0
        stored = stored_after(
            Wh(stored),
            Wh(charge),
            Wh(discharge),
            charge_efficiency=charge_efficiency,
            discharge_efficiency=discharge_efficiency,
        )
        schedule.append((Wh(charge), Wh(discharge), Wh(stored)))
    return schedule
