"""A market's record as files: constants and totals in JSON, events a line each, tables in CSV."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from oracle.domain.community import FeeLadder
from oracle.domain.record import (
    CALLS_OF,
    UNSEEN,
    AccountState,
    Call,
    CapacityEntry,
    ClearCall,
    Constants,
    LadderEntry,
    LineEntry,
    MarketRecord,
    MechanismEntry,
    MeterEntry,
    OrderSignature,
    OwnerEntry,
    PriceEntry,
    Rating,
    RevealedSalt,
    SignedStatement,
    SlotHashes,
    StorageEntry,
    Totals,
)
from oracle.errors import InvalidInputError
from oracle.export_files.events import read_events, write_events
from oracle.export_files.tables import Columns, read_table, write_table
from oracle.export_files.values import (
    ADDRESS,
    BYTES,
    HASH,
    INTERVAL,
    POSITION,
    PRICE,
    SLOT,
    TEXT,
    Kind,
    object_of,
    parsed,
    taken,
    text_of,
    uint,
)
from oracle.units import Bps, Meters, MicroUsdPerMwhKm, Wh

ENERGY = uint(64)
BPS = uint(16)
MONEY = uint(256)

FILES = {
    "constants.json": "what the contracts were deployed with, their addresses, chain and blocks",
    "events.jsonl": "every event of Exchange, Registry, LineLease and StorageLedger, in order",
    "calls.csv": "per event that calldata belongs to, the function that was called, and of a post "
    "how many orders it was given; unseen where another contract made the call",
    "certificates.csv": "per event SlotCleared the certificate in the transaction's calldata",
    "signatures.csv": "the meters' signatures in the calldata, by the event they led to; "
    "participant 0 is the storage's meter; energies: what was signed, separated by spaces",
    "order_signatures.csv": "the owners' signatures of the orders that a post took, by event and "
    "entry, or skipped",
    "salts.csv": "the salts that opened sealed orders, by event",
    "owners.csv": "participants, their owners and groups",
    "meters.csv": "the meters' keys from a slot on",
    "lines.csv": "the leased lines from a slot on",
    "capacities.csv": "the capacities of those lines that have one, from a slot on",
    "ladders.csv": "the fee ladder from a slot on",
    "prices.csv": "the real-time price from a slot on",
    "mechanisms.csv": "the mechanism from a slot on, with the numbers it was deployed with",
    "accounts.csv": "accounts at the end; r and s are the sums of the reputation, in 1/32768",
    "slots.csv": "hashes that the Exchange keeps of each slot; outcome 1 is settled, 2 void",
    "storage.csv": "what the StorageLedger keeps of each slot",
    "totals.json": "single values at the end",
}

CALLS: Columns = {
    "event": POSITION,
    "function": Kind("a function, or unseen", lambda value: _function(value)),
    "orders": uint(32),
}
CERTIFICATES: Columns = {"event": POSITION, "certificate": BYTES}
SIGNATURES: Columns = {
    "event": POSITION,
    "participant": uint(16),
    "energies_wh": Kind("one or two energies", lambda value: _energies(value)),
    "signature": BYTES,
}
ORDER_SIGNATURES: Columns = {"event": POSITION, "entry": POSITION, "signature": BYTES}
SALTS: Columns = {"event": POSITION, "salt": HASH}
OWNERS: Columns = {"since": SLOT, "participant": uint(16), "owner": ADDRESS, "group": uint(16)}
METERS: Columns = {"since": SLOT, "participant": uint(16), "meter": ADDRESS}
LINES: Columns = {"since": SLOT, "seller": uint(16), "buyer": uint(16), "distance_m": uint(20)}
CAPACITIES: Columns = {
    "since": SLOT,
    "seller": uint(16),
    "buyer": uint(16),
    "capacity_wh": uint(32),
}
LADDERS: Columns = {
    "since": SLOT,
    "base_micro_usd_per_mwh_km": uint(64),
    "interval_m": INTERVAL,
    "growth_bps": BPS,
}
PRICES: Columns = {"since": SLOT, "price_micro_usd_per_mwh": PRICE}
MECHANISMS: Columns = {
    "since": SLOT,
    "mechanism": ADDRESS,
    "name": TEXT,
    "parameters": Kind("integers", lambda value: _parameters(value)),
}
ACCOUNTS: Columns = {
    "owner": ADDRESS,
    "free_micro_usd": MONEY,
    "participant": uint(16),
    "nonce": uint(20),
    "r": uint(20),
    "s": uint(20),
}
SLOTS: Columns = {
    "slot": SLOT,
    "book": HASH,
    "outcome": HASH,
    "readings": HASH,
    "sealed": uint(16),
    "revealed": uint(16),
}
STORAGE: Columns = {"slot": SLOT, "charge_wh": ENERGY, "discharge_wh": ENERGY, "stored_wh": ENERGY}

ADDRESSES = object_of(
    Exchange=ADDRESS, LineLease=ADDRESS, Registry=ADDRESS, StorageLedger=ADDRESS, Token=ADDRESS
)
RATING = {
    "max_slot": ENERGY,
    "min_stored": ENERGY,
    "max_stored": ENERGY,
    "charge_efficiency": BPS,
    "discharge_efficiency": BPS,
    "compensation": ENERGY,
    "meter": ADDRESS,
}
CONSTANTS = {
    "chain_id": uint(256),
    "first_block": POSITION,
    "last_block": POSITION,
    "addresses": ADDRESSES,
    "price_cap": PRICE,
    "bond_price": PRICE,
    "compensation_price": PRICE,
    "reputation_memory": BPS,
    "reputation_full_value": uint(56),
    "challenge_seconds": uint(32),
    "seal_bond": uint(56),
    "storage": object_of(**RATING),
}
TOTALS = {
    "stored": ENERGY,
    "next_storage_slot": SLOT,
    "compensation_earned": MONEY,
    "compensation_paid": MONEY,
    "token_balance": MONEY,
    "operator": ADDRESS,
    "registrar": ADDRESS,
    "line_owner": ADDRESS,
    "storage_provider": ADDRESS,
}


def write_market(folder: Path, record: MarketRecord) -> None:
    """Write every file of a record into a folder that is there."""
    write_json(folder / "constants.json", asdict(record.constants))
    write_json(folder / "totals.json", asdict(record.totals))
    write_events(folder, record.events)

    def table(name: str, columns: Columns, rows: list[Sequence[Any]]) -> None:
        write_table(folder / name, columns, rows)

    table("calls.csv", CALLS, [(call.event, call.function, call.orders) for call in record.calls])
    table(
        "certificates.csv",
        CERTIFICATES,
        [(call.event, "0x" + call.certificate.hex()) for call in record.clears],
    )
    table(
        "signatures.csv",
        SIGNATURES,
        [
            (s.event, s.participant, " ".join(map(str, s.energies)), "0x" + s.signature.hex())
            for s in record.statements
        ],
    )
    table(
        "order_signatures.csv",
        ORDER_SIGNATURES,
        [(s.event, s.entry, "0x" + s.signature.hex()) for s in record.order_signatures],
    )
    table("salts.csv", SALTS, [(s.event, s.salt) for s in record.salts])
    table("owners.csv", OWNERS, [(e.since, e.participant, e.owner, e.group) for e in record.owners])
    table("meters.csv", METERS, [(e.since, e.participant, e.meter) for e in record.meters])
    table("lines.csv", LINES, [(e.since, e.seller, e.buyer, e.distance) for e in record.lines])
    table(
        "capacities.csv",
        CAPACITIES,
        [(e.since, e.seller, e.buyer, e.capacity) for e in record.capacities],
    )
    table(
        "ladders.csv",
        LADDERS,
        [(e.since, e.ladder.base, e.ladder.interval, e.ladder.growth) for e in record.ladders],
    )
    table("prices.csv", PRICES, [(e.since, e.price) for e in record.prices])
    table(
        "mechanisms.csv",
        MECHANISMS,
        [
            (e.since, e.mechanism, e.name, " ".join(map(str, e.parameters)))
            for e in record.mechanisms
        ],
    )
    table(
        "accounts.csv",
        ACCOUNTS,
        [(a.owner, a.free, a.participant, a.nonce, a.r, a.s) for a in record.accounts],
    )
    table(
        "slots.csv",
        SLOTS,
        [(e.slot, e.book, e.outcome, e.readings, e.sealed, e.revealed) for e in record.slots],
    )
    table(
        "storage.csv", STORAGE, [(e.slot, e.charge, e.discharge, e.stored) for e in record.storage]
    )


def read_market(folder: Path) -> MarketRecord:
    """
    Return the record of a folder.

    Raises
    ------
    InvalidInputError
        With file, line and key where a file is not what `write_market` writes.
    """

    def rows(name: str, columns: Columns) -> list[dict[str, Any]]:
        return read_table(folder / name, columns)

    return MarketRecord(
        constants=_constants(folder),
        events=read_events(folder),
        calls=tuple(Call(**row) for row in rows("calls.csv", CALLS)),
        clears=tuple(
            ClearCall(event=row["event"], certificate=bytes.fromhex(row["certificate"][2:]))
            for row in rows("certificates.csv", CERTIFICATES)
        ),
        statements=tuple(
            SignedStatement(
                event=row["event"],
                participant=row["participant"],
                energies=row["energies_wh"],
                signature=bytes.fromhex(row["signature"][2:]),
            )
            for row in rows("signatures.csv", SIGNATURES)
        ),
        order_signatures=tuple(
            OrderSignature(
                event=row["event"],
                entry=row["entry"],
                signature=bytes.fromhex(row["signature"][2:]),
            )
            for row in rows("order_signatures.csv", ORDER_SIGNATURES)
        ),
        salts=tuple(RevealedSalt(**row) for row in rows("salts.csv", SALTS)),
        owners=tuple(OwnerEntry(**row) for row in rows("owners.csv", OWNERS)),
        meters=tuple(MeterEntry(**row) for row in rows("meters.csv", METERS)),
        lines=tuple(
            LineEntry(
                since=row["since"],
                seller=row["seller"],
                buyer=row["buyer"],
                distance=Meters(row["distance_m"]),
            )
            for row in rows("lines.csv", LINES)
        ),
        capacities=tuple(
            CapacityEntry(
                since=row["since"],
                seller=row["seller"],
                buyer=row["buyer"],
                capacity=Wh(row["capacity_wh"]),
            )
            for row in rows("capacities.csv", CAPACITIES)
        ),
        ladders=tuple(_ladder(row) for row in rows("ladders.csv", LADDERS)),
        prices=tuple(
            PriceEntry(since=row["since"], price=row["price_micro_usd_per_mwh"])
            for row in rows("prices.csv", PRICES)
        ),
        mechanisms=tuple(MechanismEntry(**row) for row in rows("mechanisms.csv", MECHANISMS)),
        accounts=tuple(_account(row) for row in rows("accounts.csv", ACCOUNTS)),
        slots=tuple(SlotHashes(**row) for row in rows("slots.csv", SLOTS)),
        storage=tuple(
            StorageEntry(
                slot=row["slot"],
                charge=row["charge_wh"],
                discharge=row["discharge_wh"],
                stored=row["stored_wh"],
            )
            for row in rows("storage.csv", STORAGE)
        ),
        totals=Totals(**_object(folder / "totals.json", TOTALS)),
    )


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8", newline="\n")


def _object(path: Path, kinds: dict[str, Kind]) -> dict[str, Any]:
    return taken(path.name, parsed(path.name, text_of(path)), kinds)


def _constants(folder: Path) -> Constants:
    fields = _object(folder / "constants.json", CONSTANTS)
    fields["storage"] = Rating(**fields["storage"])
    if fields["storage"].discharge_efficiency == 0:
        raise InvalidInputError("constants.json, storage: expected a discharge_efficiency above 0")
    return Constants(**fields)


def _ladder(row: dict[str, Any]) -> LadderEntry:
    ladder = FeeLadder(
        base=MicroUsdPerMwhKm(row["base_micro_usd_per_mwh_km"]),
        interval=Meters(row["interval_m"]),
        growth=Bps(row["growth_bps"]),
    )
    return LadderEntry(since=row["since"], ladder=ladder)


def _account(row: dict[str, Any]) -> AccountState:
    return AccountState(
        owner=row["owner"],
        free=row["free_micro_usd"],
        participant=row["participant"],
        nonce=row["nonce"],
        r=row["r"],
        s=row["s"],
    )


def _function(value: str) -> str:
    if value != UNSEEN and not any(value in functions for functions in CALLS_OF.values()):
        raise ValueError
    return value


def _parameters(value: str) -> tuple[int, ...]:
    return tuple(uint(256).read(part) for part in value.split(" ")) if value else ()


def _energies(value: str) -> tuple[Wh, ...]:
    energies = tuple(Wh(uint(64).read(part)) for part in value.split(" "))
    if len(energies) > 2:
        raise ValueError
    return energies
