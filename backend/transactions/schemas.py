"""Transactions as JSON."""

from typing import Any

from pydantic import BaseModel, Field

from backend.fields import Address, BlockNumber, Hash, Instant, SlotNumber


class EventRead(BaseModel):
    """An event of the market's contracts; integers beyond 2^53 are texts."""

    log_index: int = Field(ge=0)
    contract: str = Field(examples=["Exchange"])
    name: str = Field(examples=["SlotCleared"])
    slot: SlotNumber | None
    fields: dict[str, Any]


class TransactionRead(BaseModel):
    """A transaction that left events of the market."""

    hash: Hash
    block: BlockNumber
    at: Instant
    contract: str = Field(examples=["Exchange"])
    function: str = Field(examples=["clear"])
    sender: Address
    gas_used: int = Field(ge=0)
    status: int = Field(description="1 for one that succeeded.", examples=[1])
    events: list[EventRead]
