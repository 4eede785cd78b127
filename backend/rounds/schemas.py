"""Rounds as JSON: what was cleared, by whom, and how it can be checked."""

from typing import Literal

from pydantic import BaseModel, Field

from backend.fields import Address, EnergyWh, Hash, Instant, SlotNumber
from backend.orders.schemas import OrderRead
from backend.pagination import ListQuery
from backend.trades.schemas import TradeRead


class RoundFilter(ListQuery):
    """Which rounds."""

    submitter: str | None = Field(
        default=None, pattern=r"^0x[0-9a-fA-F]{40}$", description="Who cleared it or made it void."
    )


class RoundTransactions(BaseModel):
    """The transactions that moved a slot on; null for those that there are not."""

    clear: Hash | None
    settle: Hash | None
    void: Hash | None


class RoundRead(BaseModel):
    """A slot that was cleared or made void."""

    slot: SlotNumber
    starts_at: Instant
    outcome: Literal["cleared", "settled", "void"]
    submitter: Address
    mechanism: Address | None = Field(description="Null of a void slot.")
    mechanism_name: str | None = Field(description="Null where it is unknown here.")
    orders: int = Field(ge=0)
    trades: int = Field(ge=0)
    volume_wh: EnergyWh
    transactions: RoundTransactions


class RoundDetail(BaseModel):
    """A round with its book, its trades and the certificate that the mechanism checked."""

    round: RoundRead
    orders: list[OrderRead]
    trades: list[TradeRead]
    certificate: str | None = Field(
        pattern=r"^0x([0-9a-f]{2})*$",
        description="As `clear` was given it; null of a void slot, or where another contract"
        " called `clear`.",
    )
