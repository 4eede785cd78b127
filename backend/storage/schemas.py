"""The storage's records and its plan as JSON."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.fields import EnergyWh, Hash, Instant, SlotNumber
from backend.pagination import ListQuery


class StorageFilter(ListQuery):
    """Which records."""

    slot: SlotNumber | None = None


class StorageRead(BaseModel):
    """What the storage did in a slot, and holds after it."""

    slot: SlotNumber
    starts_at: Instant
    charge_wh: EnergyWh
    discharge_wh: EnergyWh
    stored_wh: EnergyWh
    transaction_hash: Hash


class PlanQuery(BaseModel):
    """Of which slot."""

    model_config = ConfigDict(extra="forbid")

    slot: SlotNumber | None = Field(
        default=None, description="By default the first that has no record yet."
    )


class PlannedSlot(BaseModel):
    """What the storage is to do in a slot of the horizon."""

    slot: SlotNumber
    charge_wh: EnergyWh
    discharge_wh: EnergyWh
    stored_wh: EnergyWh


class StoragePlan(BaseModel):
    """What the oracle would have the storage do in a slot, and after it."""

    slot: SlotNumber
    charge_wh: EnergyWh
    discharge_wh: EnergyWh
    stored_before_wh: EnergyWh
    source: Literal["rolling", "day-ahead", "idle"] = Field(
        description="Optimised anew, the fallback, or nothing to follow."
    )
    reason: str | None = Field(description="Why it is not `rolling`.", examples=[None])
    horizon: list[PlannedSlot]
