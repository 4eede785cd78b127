"""Lines and their fees as JSON."""

from pydantic import BaseModel, ConfigDict, Field

from backend.fields import EnergyWh, ParticipantNumber, Price, ShareBps, SlotNumber
from backend.pagination import ListQuery


class LineFilter(ListQuery):
    """Which lines."""

    slot: SlotNumber | None = Field(
        default=None, description="Lines of this slot; by default of the one being delivered."
    )
    participant: ParticipantNumber | None = Field(default=None, description="At either end.")


class SlotQuery(BaseModel):
    """Of which slot."""

    model_config = ConfigDict(extra="forbid")

    slot: SlotNumber | None = Field(default=None, description="By default the one being delivered.")


class LineRead(BaseModel):
    """A line as it is in a slot, its lease fee, and what was traded over it in this slot."""

    slot: SlotNumber
    first: ParticipantNumber
    second: ParticipantNumber = Field(description="A participant, or a manager after them.")
    both_ways: bool = Field(description="Whether `second` may sell to `first`, too.")
    distance_m: int = Field(ge=0)
    capacity_wh: EnergyWh | None = Field(description="Null where it has none.")
    fee_micro_usd_per_mwh: Price
    forward_wh: EnergyWh = Field(description="Traded from `first` to `second`.")
    backward_wh: EnergyWh = Field(description="Traded from `second` to `first`.")


class LadderRead(BaseModel):
    """The fee ladder of a slot: the price per km grows with each interval."""

    slot: SlotNumber
    since_slot: SlotNumber
    base_micro_usd_per_mwh_km: int = Field(ge=0)
    interval_m: int = Field(ge=1)
    growth_bps: ShareBps
