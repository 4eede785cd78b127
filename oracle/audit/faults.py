"""What is said of a record that diverges."""

from collections.abc import Sequence
from typing import Any

from oracle.domain.book import Trade
from oracle.domain.record import EventRecord
from oracle.errors import ContractRevert, Divergence


def compare(event: EventRecord, what: str, expected: Any, came: Any) -> None:
    if expected != came:
        raise fault(event, f"{what}: expected {expected}, came {came}")


def fault(event: EventRecord, what: str) -> Divergence:
    slot = event.values.get("slot", event.values.get("from"))
    return Divergence(f"record {event.position} {event.name}", what, slot=slot)


def said(refusal: ContractRevert, trades: Sequence[Trade]) -> str:
    """Return what a twin refused, in the words of all divergences."""
    values = refusal.values
    position = values.get("position")
    if refusal.name == "WrongPrice":
        return f"price of trade {position}: expected {values['expected']}, came {values['price']}"
    if refusal.name == "WrongFee":
        return f"fee of trade {position}: expected {values['expected']}, came {values['fee']}"
    if refusal.name == "PriceOutsideLimits":
        return (
            f"price of trade {position}: expected from {values['low']} to {values['high']}, "
            f"came {values['price']}"
        )
    if refusal.name == "Overfilled":
        return (
            f"fill of entry {values['orderIndex']} of the book: expected at most "
            f"{values['orderedWh']}, came {values['filledWh']}"
        )
    if refusal.name == "NotOptimal" and "reached" in values:
        return (
            f"fills: expected worth at least {values['reached']}, as they can be, came "
            f"{values['primal']} of {len(trades)} trades"
        )
    if refusal.name == "NotOptimal":
        return (
            f"fills: expected worth {values['dual']} by the certificate, came {values['primal']} "
            f"of {len(trades)} trades"
        )
    if refusal.name == "BadCertificate":
        return f"certificate: expected {values['expected']} bytes, came {values['length']}"
    details = ", ".join(f"{key} {value}" for key, value in values.items())
    return f"trades: {refusal.name} ({details})"
