"""What transactions carry besides what their events tell: certificates, signatures, salts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oracle.domain.record import (
    ClearCall,
    EventRecord,
    OrderSignature,
    RevealedSalt,
    SignedStatement,
    Values,
)
from oracle.units import Wh


@dataclass(frozen=True, slots=True)
class Calls:
    """What transactions carried besides what their events tell."""

    clears: list[ClearCall] = field(default_factory=list)
    statements: list[SignedStatement] = field(default_factory=list)
    order_signatures: list[OrderSignature] = field(default_factory=list)
    salts: list[RevealedSalt] = field(default_factory=list)


def signatures_of(event: EventRecord, signatures: Sequence[bytes | Values]) -> list[OrderSignature]:
    """Return the signatures of an event's orders, as bytes or as r and vs."""
    return [
        OrderSignature(
            event=event.position,
            entry=entry,
            signature=bytes(one) if isinstance(one, bytes) else bytes(one["r"] + one["vs"]),
        )
        for entry, one in enumerate(signatures)
    ]


def unseen(event: int) -> SignedStatement:
    return SignedStatement(event=event, participant=0, energies=(Wh(0),), signature=b"")


def _readings(event: int, arguments: Values) -> list[SignedStatement]:
    return [_reading(event, fields) for fields in arguments["readings"]]


def _contradiction(event: int, arguments: Values) -> list[SignedStatement]:
    return [_reading(event, arguments["one"]), _reading(event, arguments["other"])]


def _reading(event: int, fields: Values) -> SignedStatement:
    return SignedStatement(
        event=event,
        participant=fields["participant"],
        energies=(Wh(fields["energyWh"]),),
        signature=bytes(fields["r"]) + bytes(fields["vs"]),
    )


def _storage_reading(event: int, arguments: Values) -> list[SignedStatement]:
    return [
        SignedStatement(
            event=event,
            participant=0,
            energies=(Wh(arguments["chargeWh"]), Wh(arguments["dischargeWh"])),
            signature=bytes(arguments["signature"]),
        )
    ]


CALLING_EVENTS = (
    "SlotCleared",
    "ReadingsRecorded",
    "SlotSettled",
    "StorageRecorded",
    "OrdersPosted",
    "OrderRevealed",
)
STATEMENTS: dict[str, Callable[[int, Values], list[SignedStatement]]] = {
    "recordReadings": _readings,
    "reportContradiction": _contradiction,
    "settle": _readings,
    "record": _storage_reading,
}
