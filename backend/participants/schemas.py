"""Participants and their reputation as JSON."""

from pydantic import BaseModel, Field

from backend.fields import (
    Address,
    BlockNumber,
    GivenAddress,
    Instant,
    ParticipantNumber,
    ShareBps,
    SlotNumber,
)
from backend.pagination import ListQuery


class ParticipantFilter(ListQuery):
    """Which participants."""

    owner: GivenAddress | None = None
    name: str | None = Field(
        default=None, max_length=64, pattern=r"^[^\x00]*$", description="As the manifest has it."
    )


class ReputationFilter(ListQuery):
    """All of one participant's."""


class ParticipantRead(BaseModel):
    """A participant, with its reputation now."""

    number: ParticipantNumber
    name: str | None = Field(description="From the manifest.", examples=["B01"])
    owner: Address
    meter: Address
    first_slot: SlotNumber
    initial_score_bps: ShareBps
    group: int = Field(description="Participants of one group earn no reputation from each other.")
    score_bps: ShareBps
    next_nonce: int = Field(ge=0, description="The lowest nonce that is not spent.")


class ScoreRead(BaseModel):
    """A participant's reputation from a block on."""

    block: BlockNumber
    at: Instant
    slot: SlotNumber | None = Field(description="The slot whose settlement moved it.")
    score_bps: ShareBps
    r: int = Field(description="Sum of what was delivered, in 1/32768.")
    s: int = Field(description="Sum of what was sold, in 1/32768.")
