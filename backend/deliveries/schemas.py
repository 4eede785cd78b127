"""Deliveries as JSON."""

from pydantic import BaseModel

from backend.fields import EnergyWh, Instant, ParticipantNumber, Position, SlotNumber
from backend.index.tables import Trade
from backend.index_view import starts_at
from backend.pagination import ListQuery


class DeliveryFilter(ListQuery):
    """Which deliveries."""

    slot: SlotNumber | None = None
    seller: ParticipantNumber | None = None
    buyer: ParticipantNumber | None = None


class DeliveryRead(BaseModel):
    """What was delivered of a trade, as its slot was settled with."""

    slot: SlotNumber
    starts_at: Instant
    position: Position
    seller: ParticipantNumber
    buyer: ParticipantNumber
    energy_wh: EnergyWh
    delivered_wh: EnergyWh

    @classmethod
    def of(cls, trade: Trade, delivered_wh: int) -> "DeliveryRead":
        return cls.model_construct(
            slot=trade.slot,
            starts_at=starts_at(trade.slot),
            position=trade.position,
            seller=trade.seller,
            buyer=trade.buyer,
            energy_wh=trade.energy_wh,
            delivered_wh=delivered_wh,
        )
