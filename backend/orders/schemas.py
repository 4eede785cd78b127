"""Orders as JSON, out and in."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from backend.fields import (
    BlockNumber,
    EnergyWh,
    GivenAddress,
    Hash,
    Instant,
    ParticipantNumber,
    Position,
    Price,
    ShareBps,
    SlotNumber,
)
from backend.index.tables import OrderEntry
from backend.index_view import starts_at
from backend.pagination import ListQuery, row_fields
from oracle.domain.book import MAX_NONCE, MAX_PARTICIPANTS

ChainId = Annotated[
    int, Field(ge=1, le=2**53 - 1, description="Chain it was signed for.", examples=[31_337])
]
Exchange = Annotated[GivenAddress, Field(description="Exchange that it was signed for.")]
Signature = Annotated[
    str,
    Field(
        pattern=r"^0x([0-9a-fA-F]{2}){65,512}$",
        description="A key's 65 bytes r, s, v, or what a contract wallet (ERC-1271) takes.",
        examples=["0x" + "11" * 64 + "1b"],
    ),
]
KeySignature = Annotated[
    str,
    Field(
        pattern=r"^0x[0-9a-fA-F]{130}$",
        description="A key's 65 bytes r, s, v.",
        examples=["0x" + "11" * 64 + "1b"],
    ),
]
Kind = Literal["offer", "bid"]
State = Literal["waiting", "posted", "recorded", "skipped", "failed", "dropped"]
Nonce = Annotated[
    int, Field(ge=0, le=MAX_NONCE, description="Good until its owner spends it.", examples=[0])
]
Terms = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]{0,28})$",
        description="What the mechanism wants to know besides: a decimal number of 96 bits.",
        examples=["0"],
    ),
]


class OrderFilter(ListQuery):
    """Which entries of books."""

    slot: SlotNumber | None = None
    participant: ParticipantNumber | None = None
    kind: Kind | None = Field(default=None, description="Cancellations have none.")


class OrderRead(BaseModel):
    """An entry of a slot's book."""

    slot: SlotNumber
    starts_at: Instant
    position: Position
    entry: Literal["order", "cancellation"]
    kind: Kind | None = Field(description="Null of a cancellation.")
    participant: ParticipantNumber
    energy_wh: EnergyWh
    price_micro_usd_per_mwh: Price
    nonce: Nonce
    terms: Terms
    score_bps: ShareBps
    transaction_hash: Hash

    @classmethod
    def of(cls, entry: OrderEntry) -> "OrderRead":
        return cls.model_construct(**row_fields(OrderRead, entry), starts_at=starts_at(entry.slot))


class SignedPost(BaseModel):
    """What is handed in: strict, so that nothing means another thing than was signed."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _with_whole_numbers(cls, body: Any) -> Any:
        """Take 1500.0 for the integer that it is in JSON."""
        if not isinstance(body, dict):
            return body
        return {
            name: int(part) if isinstance(part, float) and part.is_integer() else part
            for name, part in body.items()
        }


class OrderPost(SignedPost):
    """An order that its owner has signed as typed data (EIP-712)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "chain_id": 31_337,
                    "exchange": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
                    "slot": 1_973_096,
                    "kind": "offer",
                    "participant": 1,
                    "energy_wh": 1_500,
                    "price_micro_usd_per_mwh": 120_000_000,
                    "nonce": 0,
                    "terms": "0",
                    "signature": "0x" + "11" * 64 + "1b",
                }
            ]
        },
    )

    chain_id: ChainId
    exchange: Exchange
    slot: SlotNumber
    kind: Kind
    participant: int = Field(
        ge=1, le=MAX_PARTICIPANTS, description="Number of a participant.", examples=[1]
    )
    energy_wh: int = Field(ge=0, le=2**32 - 1, description="Energy, in Wh.", examples=[1_500])
    price_micro_usd_per_mwh: int = Field(
        ge=0, le=2**48 - 1, description="In micro-USD per MWh.", examples=[120_000_000]
    )
    nonce: Nonce
    terms: Terms
    signature: Signature


class OutboxRead(BaseModel):
    """A signed order on its way into its slot's book."""

    id: Hash
    state: State = Field(
        description="`waiting` for its batch, `posted` in a transaction, `recorded` in the book,"
        " `skipped` by the contract, `failed` as it makes a transaction fail, or `dropped`, as its"
        " gate closed before."
    )
    reason: str | None = Field(
        description="Why it was skipped or dropped, or failed.", examples=[None]
    )
    slot: SlotNumber
    kind: Kind
    participant: ParticipantNumber
    energy_wh: EnergyWh
    price_micro_usd_per_mwh: Price
    nonce: Nonce
    terms: Terms
    position: Position | None = Field(description="Place in the book, once recorded.")
    transaction_hash: Hash | None = Field(description="Once recorded or skipped.")
    created_block: BlockNumber
