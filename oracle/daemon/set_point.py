"""What the storage is to do in a slot, and how that was found."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from oracle.units import Slot, Wh


class Source(StrEnum):
    """Where a set-point comes from."""

    ROLLING = "rolling"  # the rest of the day, optimised again
    DAY_AHEAD = "day-ahead"  # the plan made without looking at the chain
    IDLE = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonSlot:
    """What is meant to be done in a slot of the rest of the day."""

    slot: Slot
    charge: Wh
    discharge: Wh
    stored: Wh  # at its end


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPoint:
    """The horizon's first entry is what is to be done in `slot`."""

    slot: Slot
    stored_before: Wh
    source: Source
    reason: str | None  # why it is not of the rolling dispatch
    horizon: tuple[HorizonSlot, ...]

    def as_json(self) -> dict[str, Any]:
        now = self.horizon[0]
        return {
            "slot": self.slot,
            "charge_wh": now.charge,
            "discharge_wh": now.discharge,
            "stored_before_wh": self.stored_before,
            "source": str(self.source),
            "reason": self.reason,
            "horizon": [
                {
                    "slot": one.slot,
                    "charge_wh": one.charge,
                    "discharge_wh": one.discharge,
                    "stored_wh": one.stored,
                }
                for one in self.horizon
            ],
        }


def idle(slot: Slot, stored: Wh, reason: str) -> SetPoint:
    """Return the set-point of a storage that does nothing."""
    rest = HorizonSlot(slot=slot, charge=Wh(0), discharge=Wh(0), stored=stored)
    return SetPoint(
        slot=slot, stored_before=stored, source=Source.IDLE, reason=reason, horizon=(rest,)
    )
