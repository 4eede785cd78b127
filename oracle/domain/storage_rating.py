"""The shared storage in the chain's integers: its limits, and its schedule within them."""

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.domain.power_system import SharedStorage
from oracle.units import (
    Bps,
    MicroUsdPerMwh,
    Wh,
    bps_from_fraction,
    micro_usd_per_mwh_from_usd_per_mwh,
    storage_schedule,
    wh_from_mwh,
    wh_per_slot_from_mw,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageRating:
    """What the StorageLedger is told of the storage."""

    max_slot: Wh
    min_stored: Wh
    max_stored: Wh
    initial: Wh
    charge_efficiency: Bps
    discharge_efficiency: Bps
    compensation: MicroUsdPerMwh

    def schedule(
        self, charge_mw: Sequence[float], discharge_mw: Sequence[float]
    ) -> list[tuple[Wh, Wh, Wh]]:
        """Return (charge, discharge, stored) per slot; see `storage_schedule`."""
        return storage_schedule(
            charge_mw,
            discharge_mw,
            initial=self.initial,
            minimum=self.min_stored,
            maximum=self.max_stored,
            max_per_slot=self.max_slot,
            charge_efficiency=self.charge_efficiency,
            discharge_efficiency=self.discharge_efficiency,
        )


NO_STORAGE = StorageRating(
    max_slot=Wh(0),
    min_stored=Wh(0),
    max_stored=Wh(0),
    initial=Wh(0),
    charge_efficiency=Bps(10_000),
    discharge_efficiency=Bps(10_000),
    compensation=MicroUsdPerMwh(0),
)


def rating_of(storage: SharedStorage | None) -> StorageRating:
    """Return the storage's limits in the chain's integers."""
    if storage is None:
        return NO_STORAGE
    return StorageRating(
        max_slot=wh_per_slot_from_mw(storage.power_mw),
        min_stored=wh_from_mwh(storage.min_soc * storage.capacity_mwh),
        max_stored=wh_from_mwh(storage.max_soc * storage.capacity_mwh),
        initial=wh_from_mwh(storage.initial_soc * storage.capacity_mwh),
        charge_efficiency=bps_from_fraction(storage.charge_efficiency),
        discharge_efficiency=bps_from_fraction(storage.discharge_efficiency),
        compensation=micro_usd_per_mwh_from_usd_per_mwh(storage.compensation_usd_per_mwh),
    )
