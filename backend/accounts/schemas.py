"""Accounts, their movements and bills as JSON."""

from pydantic import BaseModel, ConfigDict, Field

from backend.fields import (
    Address,
    BlockNumber,
    EnergyWh,
    Hash,
    Instant,
    Money,
    ParticipantNumber,
    Price,
    SlotNumber,
)
from backend.pagination import ListQuery


class AccountFilter(ListQuery):
    """All accounts."""


class EntryFilter(ListQuery):
    """Which movements of an account."""

    slot: SlotNumber | None = None
    cause: str | None = Field(
        default=None, pattern=r"^[a-z-]{1,32}$", description="Why it moved.", examples=["sale"]
    )


class BillQuery(BaseModel):
    """Of which slots; both ends belong to them."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    first: SlotNumber = Field(default=0, alias="from", description="First slot of the bill.")
    last: SlotNumber | None = Field(
        default=None, alias="to", description="Last slot; by default the latest settled."
    )


class AccountRead(BaseModel):
    """What an account holds, by the movements that the index knows."""

    owner: Address
    participant: ParticipantNumber | None = Field(description="Null of who takes no part.")
    name: str | None = Field(examples=["B01"])
    free_micro_usd: Money = Field(description="Can be withdrawn.")
    locked_micro_usd: Money = Field(description="Held by orders until their slots are settled.")


class EntryRead(BaseModel):
    """A movement of an account."""

    block: BlockNumber
    log_index: int = Field(ge=0)
    sequence: int = Field(ge=0, description="Place within its event.")
    at: Instant
    slot: SlotNumber | None
    cause: str = Field(
        description="`deposit`, `withdrawal`, `lock`, `release`, `sale`, `purchase`, `lease-fee`,"
        " `compensation`, `surplus`, `storage-compensation`, …",
        examples=["sale"],
    )
    free_micro_usd: Money
    locked_micro_usd: Money
    transaction_hash: Hash


class BillRead(BaseModel):
    """
    What trading was worth against the grid alone, over settled slots.

    The grid alone would have sold what was bought at the slot's real-time price, and bought what
    was sold at the export price. Energy that was never traded costs the same either way and is in
    neither.
    """

    owner: Address
    from_slot: SlotNumber
    to_slot: SlotNumber
    slots: int = Field(ge=0, description="Settled slots in which it bought or sold.")
    bought_wh: EnergyWh = Field(description="Delivered to it.")
    sold_wh: EnergyWh = Field(description="Delivered by it.")
    paid_micro_usd: Money = Field(description="For bought energy, with lease fees and surpluses.")
    received_micro_usd: Money = Field(description="For sold energy.")
    compensation_micro_usd: Money = Field(description="Received less paid, for missing energy.")
    other_micro_usd: Money = Field(
        description="Received besides: fees of its lines, surpluses, forfeits."
    )
    cost_micro_usd: Money = Field(description="Paid less received and compensation.")
    export_price_micro_usd_per_mwh: Price | None
    grid_alone_micro_usd: Money | None = Field(
        description="The same energy with the grid; null if it sold and no export price is known."
    )
    saved_micro_usd: Money | None = Field(description="The grid alone less the cost.")
