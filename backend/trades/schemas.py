"""Trades as JSON."""

from pydantic import BaseModel, Field

from backend.fields import EnergyWh, Instant, ParticipantNumber, Position, Price, SlotNumber
from backend.index.tables import Trade
from backend.index_view import starts_at
from backend.pagination import ListQuery, row_fields


class TradeFilter(ListQuery):
    """Which trades."""

    slot: SlotNumber | None = None
    seller: ParticipantNumber | None = None
    buyer: ParticipantNumber | None = None


class TradeRead(BaseModel):
    """A trade of a cleared slot, between two entries of its book."""

    slot: SlotNumber
    starts_at: Instant
    position: Position
    seller: ParticipantNumber
    buyer: ParticipantNumber
    offer_position: Position
    bid_position: Position
    energy_wh: EnergyWh
    price_micro_usd_per_mwh: Price
    fee_micro_usd_per_mwh: Price
    surplus_micro_usd_per_mwh: Price
    pooled: bool = Field(description="Through the manager of both, not over a line of theirs.")
    delivered_wh: EnergyWh | None = Field(description="Null until the slot is settled.")

    @classmethod
    def of(cls, trade: Trade, delivered_wh: int | None) -> "TradeRead":
        fields = row_fields(TradeRead, trade)
        return cls.model_construct(
            **fields, starts_at=starts_at(trade.slot), delivered_wh=delivered_wh
        )
