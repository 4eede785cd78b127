"""Readings as JSON, out and in."""

from typing import Literal

from pydantic import BaseModel, Field

from backend.fields import (
    EnergyWh,
    Hash,
    Instant,
    ParticipantNumber,
    Position,
    SlotNumber,
)
from backend.index.tables import Reading
from backend.index_view import starts_at
from backend.orders.schemas import ChainId, Exchange, KeySignature, SignedPost
from backend.pagination import ListQuery, row_fields


class ReadingFilter(ListQuery):
    """Which readings."""

    slot: SlotNumber | None = None
    participant: ParticipantNumber | None = None


class ReadingRead(BaseModel):
    """An entry of a slot's readings."""

    slot: SlotNumber
    starts_at: Instant
    sequence: Position
    participant: ParticipantNumber
    energy_wh: EnergyWh
    kind: Literal["meter", "correction", "contradiction"] = Field(
        description="By the meter, by the grid operator, or that the meter contradicted itself."
    )
    transaction_hash: Hash

    @classmethod
    def of(cls, reading: Reading) -> "ReadingRead":
        fields = row_fields(ReadingRead, reading)
        return cls.model_construct(**fields, starts_at=starts_at(reading.slot))


class ReadingPost(SignedPost):
    """A reading that a meter has signed as typed data (EIP-712)."""

    chain_id: ChainId
    exchange: Exchange
    slot: SlotNumber
    participant: ParticipantNumber
    energy_wh: int = Field(ge=0, le=2**32 - 1, description="Energy, in Wh.", examples=[1_500])
    signature: KeySignature


class ReadingPosted(BaseModel):
    """A reading that the chain has taken."""

    slot: SlotNumber
    participant: ParticipantNumber
    energy_wh: EnergyWh
    state: Literal["recorded"]
    transaction_hash: Hash
