"""events.jsonl: every event of the contracts, one JSON object a line, in the order of the chain."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oracle.domain.record import EventRecord
from oracle.errors import InvalidInputError
from oracle.export_files.values import (
    ADDRESS,
    BYTES,
    HASH,
    INTERVAL,
    ORDER,
    POSITION,
    PRICE,
    SLOT,
    TRADE,
    Kind,
    list_of,
    parsed,
    taken,
    text_of,
    uint,
)

FILE = "events.jsonl"

MONEY = uint(256)
ENERGY = uint(64)

HEAD = {
    "record": POSITION,
    "block": POSITION,
    "time": POSITION,
    "transaction": HASH,
    "contract": Kind("the name of a contract", lambda value: _name(value)),
    "address": ADDRESS,
    "event": Kind("the name of an event", lambda value: _name(value)),
}

_HANDED_OVER = {"previousOwner": ADDRESS, "newOwner": ADDRESS}
_OWNED = {"OwnershipTransferred": _HANDED_OVER, "OwnershipTransferStarted": _HANDED_OVER}
_PLACED = {"slot": SLOT, "order": ORDER}

EVENTS: dict[str, dict[str, dict[str, Kind]]] = {
    "Exchange": {
        **_OWNED,
        "Deposited": {"owner": ADDRESS, "amount": MONEY},
        "Withdrawn": {"owner": ADDRESS, "amount": MONEY},
        "Enrolled": {"owner": ADDRESS, "participant": uint(16), "r": uint(20), "s": uint(20)},
        "OfferPlaced": _PLACED,
        "BidPlaced": _PLACED,
        "OrderCancelled": _PLACED,
        "OrdersPosted": {"slot": SLOT, "poster": ADDRESS, "orders": list_of(ORDER)},
        "OrderSkipped": {
            "slot": SLOT,
            "poster": ADDRESS,
            "position": POSITION,
            "order": HASH,
            "reason": BYTES,
        },
        "NoncesSpent": {"owner": ADDRESS, "below": uint(20)},
        "OrderSealed": {"slot": SLOT, "owner": ADDRESS, "seal": HASH},
        "OrderRevealed": {"slot": SLOT, "owner": ADDRESS, "order": ORDER},
        "Paused": {"account": ADDRESS},
        "Unpaused": {"account": ADDRESS},
        "SlotCleared": {
            "slot": SLOT,
            "submitter": ADDRESS,
            "mechanism": ADDRESS,
            "trades": list_of(TRADE),
        },
        "ReadingsRecorded": {"slot": SLOT, "entries": list_of(uint(256))},
        "SlotSettled": {
            "slot": SLOT,
            "submitter": ADDRESS,
            "heard": list_of(uint(256)),
            "delivered": list_of(uint(32)),
        },
        "SlotVoided": {"slot": SLOT, "submitter": ADDRESS},
        "CompensationPaid": {"operator": ADDRESS, "provider": ADDRESS, "amount": MONEY},
        "MechanismAnnounced": {"from": SLOT, "mechanism": ADDRESS},
        "RealTimePriceAnnounced": {"from": SLOT, "price": PRICE},
    },
    "Registry": {
        **_OWNED,
        "ParticipantRegistered": {
            "participant": uint(16),
            "owner": ADDRESS,
            "meter": ADDRESS,
            "group": uint(16),
            "initialScoreBps": uint(16),
            "from": SLOT,
        },
        "GroupAnnounced": {"participant": uint(16), "group": uint(16), "from": SLOT},
        "MeterAnnounced": {"participant": uint(16), "meter": ADDRESS, "from": SLOT},
    },
    "LineLease": {
        **_OWNED,
        "LinesAnnounced": {
            "from": SLOT,
            "directory": ADDRESS,
            "rowWords": uint(8),
            "rowsHash": HASH,
        },
        "CapacitiesAnnounced": {"from": SLOT, "directory": ADDRESS, "capacitiesHash": HASH},
        "LadderAnnounced": {
            "from": SLOT,
            "baseMicroUsdPerMwhKm": uint(64),
            "stepMeters": INTERVAL,
            "growthBps": uint(16),
        },
    },
    "StorageLedger": {
        **_OWNED,
        "StorageRecorded": {
            "slot": SLOT,
            "chargeWh": ENERGY,
            "dischargeWh": ENERGY,
            "storedWh": ENERGY,
        },
    },
}


def write_events(folder: Path, events: Iterable[EventRecord]) -> None:
    with (folder / FILE).open("w", encoding="utf-8", newline="\n") as file:
        for event in events:
            head = {
                "record": event.position,
                "block": event.block,
                "time": event.time,
                "transaction": event.transaction,
                "contract": event.contract,
                "address": event.address,
                "event": event.name,
            }
            file.write(json.dumps(head | event.values, separators=(",", ":")) + "\n")


def read_events(folder: Path) -> tuple[EventRecord, ...]:
    """
    Return the events of a folder.

    Raises
    ------
    InvalidInputError
        With file, line and key where they are not what `write_events` writes.
    """
    text = text_of(folder / FILE)
    lines = text.split("\n")
    if lines[-1] != "":
        raise InvalidInputError(f"{FILE}, line {len(lines)}: expected a line feed at the end")
    return tuple(
        _event(f"{FILE}, line {number}", line) for number, line in enumerate(lines[:-1], 1)
    )


def _event(place: str, line: str) -> EventRecord:
    fields = parsed(place, line)
    if not isinstance(fields, dict):
        raise InvalidInputError(f"{place}: expected an object")
    head = taken(place, {name: fields[name] for name in HEAD if name in fields}, HEAD)
    kinds = EVENTS.get(head["contract"], {}).get(head["event"])
    if kinds is None:
        raise InvalidInputError(
            f"{place}, event: expected one that this version knows, "
            f"got {head['contract']} {head['event']}"
        )
    values = {name: value for name, value in fields.items() if name not in HEAD}
    return EventRecord(
        position=head["record"],
        block=head["block"],
        time=head["time"],
        transaction=head["transaction"],
        contract=head["contract"],
        address=head["address"],
        name=head["event"],
        values=taken(place, values, kinds),
    )


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.isidentifier():
        raise ValueError
    return value
