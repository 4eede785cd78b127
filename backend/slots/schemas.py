"""Slots and their books as JSON."""

from typing import Literal

from pydantic import BaseModel, Field

from backend.fields import EnergyWh, Instant, Price, SlotNumber
from backend.orders.schemas import OrderRead
from backend.pagination import ListQuery

Phase = Literal["upcoming", "open", "closed", "cleared", "settled", "void"]


class SlotFilter(ListQuery):
    """Which slots."""

    phase: Literal["open", "closed", "cleared", "settled", "void"] | None = Field(
        default=None, description="Where they stand."
    )


class SlotRead(BaseModel):
    """Where a slot stands, and what was traded in it."""

    slot: SlotNumber
    starts_at: Instant
    ends_at: Instant
    gate_closes_at: Instant
    phase: Phase = Field(
        description="`closed` slots are neither cleared nor void yet; `upcoming` ones take no"
        " orders yet."
    )
    orders: int = Field(ge=0, description="Offers and bids in the book, cancelled ones too.")
    cancellations: int = Field(ge=0)
    trades: int = Field(ge=0)
    volume_wh: EnergyWh = Field(description="Sum over its trades.")
    delivered_wh: EnergyWh | None = Field(description="Null until it is settled.")
    clearing_price_micro_usd_per_mwh: Price | None = Field(
        description="Mean over its trades by energy, rounded down; null without trades."
    )
    is_uniform: bool = Field(description="Whether all its trades have this price.")
    real_time_price_micro_usd_per_mwh: Price | None = Field(
        description="No trade's price may be higher."
    )


class BookEntry(OrderRead):
    """An entry of a book, and what came of it."""

    is_live: bool = Field(description="Neither cancelled nor a cancellation.")
    traded_wh: EnergyWh


class BookRead(BaseModel):
    """All entries of a slot's book, in their order."""

    slot: SlotNumber
    phase: Phase
    entries: list[BookEntry]
