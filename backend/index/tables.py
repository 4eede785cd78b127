"""
The tables of the index.

Every row belongs to a block and goes with it: a rollback deletes blocks, and the database deletes
what hangs on them. Nothing is ever updated, so what holds now is a sum or a last row. Energy is in
Wh, prices in micro-USD/MWh, money in micro-USD, times in Unix seconds; addresses and hashes are
lower-case hexadecimal beginning with 0x. The exceptions are `market`, about the index itself, and
`outbox` and `postings`, which hold what the chain does not know yet, and what carries it there.

What is announced from a slot on (lines, ladders, prices, mechanisms, meters, groups) holds until
the next: in force is the row with the highest (since_slot, block, log_index) not after the slot.
"""

from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Number = Annotated[int, mapped_column(Integer)]  # slots, participants, positions, shares
Amount = Annotated[int, mapped_column(BigInteger)]  # money, prices and energy
Address = Annotated[str, mapped_column(String(42))]
Hash = Annotated[str, mapped_column(String(66))]
Name = Annotated[str, mapped_column(String(64))]
Word = Annotated[str, mapped_column(String(80))]  # a number that no database's integers hold

OfBlock = Annotated[
    int,
    mapped_column(Integer, ForeignKey("blocks.number", ondelete="CASCADE"), index=True),
]
KeyBlock = Annotated[
    int,
    mapped_column(Integer, ForeignKey("blocks.number", ondelete="CASCADE"), primary_key=True),
]
Key = Annotated[int, mapped_column(Integer, primary_key=True, autoincrement=False)]


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Market(Base):
    """What the index is of: schema version, chain, Exchange; not by block."""

    __tablename__ = "market"

    key: Mapped[Name] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class Block(Base):
    """Each block from the deployment on."""

    __tablename__ = "blocks"

    number: Mapped[Key]
    hash: Mapped[Hash]
    parent_hash: Mapped[Hash]
    time: Mapped[Amount]


class Transaction(Base):
    """A transaction that left an event; `function` is "deploy", "unseen" or the one called."""

    __tablename__ = "transactions"

    hash: Mapped[Hash] = mapped_column(primary_key=True)
    block: Mapped[OfBlock]
    contract: Mapped[Name]
    function: Mapped[Name] = mapped_column(index=True)
    sender: Mapped[Address]
    gas_used: Mapped[Amount]
    status: Mapped[Number]


class Event(Base):
    """An event of the market's contracts; integers beyond 2^53 are texts in `fields`."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_name_slot", "name", "slot"),)

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    transaction_hash: Mapped[Hash] = mapped_column(index=True)
    contract: Mapped[Name]
    name: Mapped[Name]
    slot: Mapped[Number | None] = mapped_column(index=True)
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)


class Role(Base):
    """Who holds the role of a contract from an event on: its owner."""

    __tablename__ = "roles"

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    contract: Mapped[Name] = mapped_column(index=True)
    holder: Mapped[Address]


class Participant(Base):
    """A participant as it was registered; its name is the manifest's, where that has one."""

    __tablename__ = "participants"

    number: Mapped[Key]
    name: Mapped[Name | None]
    owner: Mapped[Address] = mapped_column(index=True)
    meter: Mapped[Address]
    first_slot: Mapped[Number]
    initial_score_bps: Mapped[Number]
    group_number: Mapped[Number]
    block: Mapped[OfBlock]


class MeterAnnouncement(Base):
    """A participant's new meter from a slot on."""

    __tablename__ = "meter_announcements"

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    since_slot: Mapped[Number]
    participant: Mapped[Number] = mapped_column(index=True)
    meter: Mapped[Address]


class GroupAnnouncement(Base):
    """A participant's new group from a slot on; 0 for none."""

    __tablename__ = "group_announcements"

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    since_slot: Mapped[Number]
    participant: Mapped[Number] = mapped_column(index=True)
    group_number: Mapped[Number]


class LineSet(Base):
    """All lines from a slot on, as announced or with capacities announced for them."""

    __tablename__ = "line_sets"

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    since_slot: Mapped[Number] = mapped_column(index=True)
    row_words: Mapped[Number]
    rows: Mapped[bytes] = mapped_column(LargeBinary)  # the contract's words, 32 bytes each


class Line(Base):
    """
    A line of a set: from the seller's number `first` to the buyer's number `second`.

    A line that is the same both ways is one row, `first` the lower; another has a row each way.
    """

    __tablename__ = "lines"

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    first: Mapped[Key]
    second: Mapped[Key]
    both_ways: Mapped[bool]
    since_slot: Mapped[Number] = mapped_column(index=True)
    distance_m: Mapped[Number]
    capacity_wh: Mapped[Amount | None]


class Ladder(Base):
    """The fee ladder from a slot on."""

    __tablename__ = "ladders"

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    since_slot: Mapped[Number] = mapped_column(index=True)
    base_micro_usd_per_mwh_km: Mapped[Amount]
    interval_m: Mapped[Amount]
    growth_bps: Mapped[Number]


class RealTimePrice(Base):
    """The highest price from a slot on."""

    __tablename__ = "real_time_prices"

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    since_slot: Mapped[Number] = mapped_column(index=True)
    price_micro_usd_per_mwh: Mapped[Amount]


class Mechanism(Base):
    """The mechanism from a slot on; its name is empty where this version does not know it."""

    __tablename__ = "mechanisms"

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    since_slot: Mapped[Number] = mapped_column(index=True)
    address: Mapped[Address]
    name: Mapped[Name]
    parameters: Mapped[list[int]] = mapped_column(JSON)


class OrderEntry(Base):
    """An entry of a slot's book; a cancellation has no kind, energy or price."""

    __tablename__ = "order_entries"

    slot: Mapped[Key]
    position: Mapped[Key]  # from 0, as trades name it
    entry: Mapped[Name]  # "order" or "cancellation"
    kind: Mapped[Name | None]  # "offer" or "bid"
    participant: Mapped[Number] = mapped_column(index=True)
    energy_wh: Mapped[Amount]
    price_micro_usd_per_mwh: Mapped[Amount]
    nonce: Mapped[Number]
    terms: Mapped[Word]  # decimal
    score_bps: Mapped[Number]
    transaction_hash: Mapped[Hash]
    log_index: Mapped[Number]
    block: Mapped[OfBlock]


class SkippedOrder(Base):
    """A signed order that a batch passed over, and why."""

    __tablename__ = "skipped_orders"

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    slot: Mapped[Number] = mapped_column(index=True)
    order_word: Mapped[Hash]
    reason_name: Mapped[Name]
    reason_text: Mapped[str] = mapped_column(Text)
    transaction_hash: Mapped[Hash]


class Seal(Base):
    """A sealed order, in markets that have them; once opened it is in the book as well."""

    __tablename__ = "seals"

    slot: Mapped[Key]
    owner: Mapped[Address] = mapped_column(primary_key=True)
    seal: Mapped[Hash]
    transaction_hash: Mapped[Hash]
    log_index: Mapped[Number]
    block: Mapped[OfBlock]


class Reveal(Base):
    """That a seal was opened."""

    __tablename__ = "reveals"

    slot: Mapped[Key]
    owner: Mapped[Address] = mapped_column(primary_key=True)
    transaction_hash: Mapped[Hash]
    log_index: Mapped[Number]
    block: Mapped[OfBlock]


class SpentNonces(Base):
    """That an owner made his signed orders with a nonce below one worthless."""

    __tablename__ = "spent_nonces"

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    owner: Mapped[Address] = mapped_column(index=True)
    below: Mapped[Number]


class Clearing(Base):
    """That a slot was cleared; no certificate where another contract called `clear`."""

    __tablename__ = "clearings"

    slot: Mapped[Key]
    submitter: Mapped[Address]
    mechanism: Mapped[Address]
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    transaction_hash: Mapped[Hash]
    block: Mapped[OfBlock]


class Trade(Base):
    """A trade of a cleared slot; sellers and buyers are participants' numbers."""

    __tablename__ = "trades"

    slot: Mapped[Key]
    position: Mapped[Key]
    seller: Mapped[Number] = mapped_column(index=True)
    buyer: Mapped[Number] = mapped_column(index=True)
    offer_position: Mapped[Number]
    bid_position: Mapped[Number]
    energy_wh: Mapped[Amount]
    price_micro_usd_per_mwh: Mapped[Amount]
    fee_micro_usd_per_mwh: Mapped[Amount]
    surplus_micro_usd_per_mwh: Mapped[Amount]
    pooled: Mapped[bool]
    block: Mapped[OfBlock]


class Reading(Base):
    """An entry of a slot's readings; those that came with a settlement follow those recorded."""

    __tablename__ = "readings"

    slot: Mapped[Key]
    sequence: Mapped[Key]
    participant: Mapped[Number] = mapped_column(index=True)
    energy_wh: Mapped[Amount]  # 0 of a contradiction
    kind: Mapped[Name]  # "meter", "correction" (the grid operator's) or "contradiction"
    transaction_hash: Mapped[Hash]
    log_index: Mapped[Number]
    block: Mapped[OfBlock]


class Settlement(Base):
    """That a slot was settled."""

    __tablename__ = "settlements"

    slot: Mapped[Key]
    submitter: Mapped[Address]
    transaction_hash: Mapped[Hash]
    block: Mapped[OfBlock]


class Delivery(Base):
    """What was delivered of a trade, by its settlement."""

    __tablename__ = "deliveries"

    slot: Mapped[Key]
    position: Mapped[Key]
    delivered_wh: Mapped[Amount]
    block: Mapped[OfBlock]


class Void(Base):
    """That a slot was not cleared in time."""

    __tablename__ = "voids"

    slot: Mapped[Key]
    submitter: Mapped[Address]
    transaction_hash: Mapped[Hash]
    block: Mapped[OfBlock]


class StorageRecord(Base):
    """What the storage did in a slot, and holds after it."""

    __tablename__ = "storage_records"

    slot: Mapped[Key]
    charge_wh: Mapped[Amount]
    discharge_wh: Mapped[Amount]
    stored_wh: Mapped[Amount]
    transaction_hash: Mapped[Hash]
    block: Mapped[OfBlock]


class AccountEntry(Base):
    """A movement of an account; what an owner has is the sum of its entries."""

    __tablename__ = "account_entries"
    __table_args__ = (
        Index("ix_account_entries_owner_place", "owner", "block", "log_index", "sequence"),
    )

    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    sequence: Mapped[Key]  # within the event
    owner: Mapped[Address]
    slot: Mapped[Number | None] = mapped_column(index=True)
    cause: Mapped[Name]  # one of backend.index.money.Cause
    free_micro_usd: Mapped[Amount]
    locked_micro_usd: Mapped[Amount]
    transaction_hash: Mapped[Hash]


class Score(Base):
    """A participant's reputation from an event on; `r` and `s` are its sums, in 1/32768."""

    __tablename__ = "scores"
    __table_args__ = (Index("ix_scores_block", "block"),)

    participant: Mapped[Key]
    block: Mapped[KeyBlock]
    log_index: Mapped[Key]
    slot: Mapped[Number | None]  # none when it enrolled
    score_bps: Mapped[Number]
    r: Mapped[Amount]
    s: Mapped[Amount]


class OutboxOrder(Base):
    """A signed order that was handed in; it stays when blocks go."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_participant_slot", "participant", "slot"),)

    id: Mapped[Hash] = mapped_column(primary_key=True)
    slot: Mapped[Number] = mapped_column(index=True)
    participant: Mapped[Number]
    order_word: Mapped[Hash]
    signature: Mapped[str] = mapped_column(Text)
    is_wallets: Mapped[bool] = mapped_column(default=False)  # a contract's, rather than a key's
    state: Mapped[Name] = mapped_column(index=True)
    reason: Mapped[str | None] = mapped_column(Text)
    created_block: Mapped[Number]
    attempts: Mapped[Number] = mapped_column(default=0)  # transactions that have carried it
    posting: Mapped[Number | None] = mapped_column(index=True)  # the last of them


class Posting(Base):
    """
    A transaction of the relay; it stays when blocks go.

    Its state is "open" from before it is sent until it is mined, then "mined", or "failed".
    """

    __tablename__ = "postings"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    slot: Mapped[Number] = mapped_column(index=True)
    state: Mapped[Name] = mapped_column(index=True)
    block: Mapped[Number | None]  # that it was mined in
    sender: Mapped[Address]
    nonce: Mapped[Amount]
    call: Mapped[str] = mapped_column(Text)
    max_fee: Mapped[Amount]  # wei per gas, as the tip
    tip: Mapped[Amount]
    hashes: Mapped[list[str]] = mapped_column(JSON)  # those that it replaces and, last, its own


BESIDE_THE_CHAIN = (OutboxOrder.__tablename__, Posting.__tablename__)
