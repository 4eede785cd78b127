"""The market, its manifest and its clock as JSON."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from backend.fields import (
    BlockNumber,
    EnergyWh,
    Instant,
    Money,
    ParticipantNumber,
    Price,
    ShareBps,
    SlotNumber,
)

MixedAddress = str


class StorageSettings(BaseModel):
    """The constants of the StorageLedger."""

    max_slot_wh: EnergyWh
    min_stored_wh: EnergyWh
    max_stored_wh: EnergyWh
    charge_efficiency_bps: ShareBps
    discharge_efficiency_bps: ShareBps
    compensation_micro_usd_per_mwh: Price


class MarketSettings(BaseModel):
    """The constants of the Exchange, and of its storage."""

    price_cap_micro_usd_per_mwh: Price
    bond_micro_usd_per_mwh: Price = Field(description="What an offer locks per MWh.")
    compensation_micro_usd_per_mwh: Price
    memory_bps: ShareBps
    full_value_micro_usd: Money
    challenge_seconds: int
    seal_bond_micro_usd: Money
    storage: StorageSettings


class FirstMechanism(BaseModel):
    """The mechanism that the market began with."""

    name: str = Field(examples=["pairwise-nash"])
    contract: str = Field(examples=["PairwiseNash"])
    parameters: list[int] = Field(examples=[[]])


class Founder(BaseModel):
    """A participant of the first hour."""

    number: ParticipantNumber
    name: str = Field(examples=["B01"])
    owner: MixedAddress
    meter: MixedAddress


class MarketManifest(BaseModel):
    """A deployed market, field by field what its `market.json` says."""

    version: Literal[1]
    chain_id: int = Field(examples=[31_337])
    hardfork: str = Field(examples=["prague"])
    first_block: BlockNumber
    first_slot: SlotNumber
    start_slot: SlotNumber
    scenario: str = Field(examples=["village"])
    devnet: bool = Field(description="Its keys are development keys, its money is nobody's.")
    addresses: dict[str, MixedAddress]
    code_hashes: dict[str, str]
    mechanism: FirstMechanism
    settings: MarketSettings
    export_price_micro_usd_per_mwh: Price | None = Field(
        description="What the grid pays; null where it is not one price."
    )
    participants: list[Founder]
    utc_offset_minutes: int = Field(
        default=0, description="Of the clocks where the market is, for times that people read."
    )


class Constants(BaseModel):
    """The times of every slot, and the bounds of orders."""

    slot_seconds: int
    gate_closure_seconds: int = Field(description="Orders are final this long before delivery.")
    open_slots: int = Field(description="Orders are taken this many slots ahead.")
    reading_seconds: int = Field(description="Readings are taken this long after delivery.")
    max_energy_wh: EnergyWh
    max_nonce: int


class SigningDomain(BaseModel):
    """The EIP-712 domain of orders and readings, as wallets want it."""

    name: str
    version: str
    chainId: int
    verifyingContract: MixedAddress


class TypedField(BaseModel):
    """A field of typed data."""

    name: str
    type: str


class MarketRead(BaseModel):
    """What the market is, and what a wallet needs to sign for it."""

    manifest: MarketManifest
    constants: Constants
    domain: SigningDomain
    types: dict[str, list[TypedField]] = Field(
        description="The typed data that owners (`Order`) and meters (`Reading`) sign."
    )
    kinds: dict[str, int] = Field(description="The numbers of kinds in typed data.")
    devnet: bool
    speed: str | None = Field(
        description="Of a devnet's clock: `60`, `1` or `step`; null elsewhere.", examples=["60"]
    )
    takes_orders: bool = Field(description="Whether signed orders can be posted here.")


class ClockRead(BaseModel):
    """The chain's time, and what it means for orders."""

    chain_time: Instant
    block: BlockNumber
    slot: SlotNumber
    slot_starts_at: Instant
    slot_ends_at: Instant
    next_gate_slot: SlotNumber
    gate_closes_at: Instant
    last_open_slot: SlotNumber
    speed: str | None = Field(description="Of a devnet's clock.", examples=["60"])


def typed_data_types() -> dict[str, list[TypedField]]:
    """Return the types of orders and readings, as contracts/libraries/TypedDataLib.sol has them."""
    order: dict[str, Any] = {
        "kind": "uint8",
        "slot": "uint32",
        "participant": "uint16",
        "energyWh": "uint32",
        "price": "uint48",
        "nonce": "uint32",
        "terms": "uint96",
    }
    reading = {"slot": "uint32", "participant": "uint16", "energyWh": "uint32"}
    return {
        name: [TypedField(name=field, type=kind) for field, kind in fields.items()]
        for name, fields in {"Order": order, "Reading": reading}.items()
    }
