"""The addresses of the constants are those that logged the events."""

import pytest

from tests.oracle.audit.exports import Forgery, flipped
from tests.oracle.audit.tampers import Tamper, assert_named, in_event, in_value, verify

pytestmark = pytest.mark.contract


def address_of(contract: str) -> Tamper:
    return in_value("constants.json", "addresses", contract, change=flipped)


TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "the Registry": (
        address_of("Registry"),
        r"no slot, record \d+ OwnershipTransferred: address: expected 0x\w+, came 0x\w+",
    ),
    "the LineLease": (
        address_of("LineLease"),
        r"no slot, record \d+ OwnershipTransferred: address: expected 0x\w+, came 0x\w+",
    ),
    "the StorageLedger": (
        address_of("StorageLedger"),
        r"no slot, record \d+ OwnershipTransferred: address: expected 0x\w+, came 0x\w+",
    ),
    "the Exchange": (
        address_of("Exchange"),
        r"no slot, record \d+ OwnershipTransferred: address: expected 0x\w+, came 0x\w+",
    ),
    "who logged an event": (
        in_event("LinesAnnounced", "address", change=flipped, nth=1),
        r"slot 3400025, record \d+ LinesAnnounced: address: expected 0x\w+, came 0x\w+",
    ),
}


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_another_address_is_named(forgery: Forgery, kind: str) -> None:
    tamper, expected = TAMPERINGS[kind]
    tamper(forgery)
    forgery.sign()

    assert_named(verify(forgery), expected)
