"""Exports forged in what no clearing shows: lines, holders of roles, rules and idle cells."""

from collections.abc import Callable

import pytest

from tests.oracle.audit.exports import Event, Forgery, Row, more
from tests.oracle.audit.tampers import (
    Tamper,
    all_of,
    assert_named,
    in_cell,
    in_event,
    in_value,
    rows_without,
    verify,
    with_events,
    without,
)

pytestmark = pytest.mark.contract

ForgeryOf = Callable[[str], Forgery]

THIEF = "0x" + 20 * "66"


def with_line(**changes: object) -> Tamper:
    """Return another line at the end of lines.csv, like the last but for some cells."""

    def tamper(forgery: Forgery) -> None:
        cells = {name: str(value) for name, value in changes.items()}
        forgery.rows("lines.csv", lambda rows: [*rows, {**rows[-1], **cells}])

    return tamper


def at_the_end(name: str, contract: str, **values: object) -> Tamper:
    """Return an event of a contract after all others."""

    def add(events: list[Event]) -> list[Event]:
        there = {key: events[-1][key] for key in ("block", "time", "transaction")}
        address = next(one["address"] for one in events if one["contract"] == contract)
        head = {**there, "contract": contract, "address": address, "event": name}
        return [*events, {"record": len(events), **head, **values}]

    return with_events(add)


def second_energies(rows: list[Row]) -> list[Row]:
    return [{**rows[0], "energies_wh": rows[0]["energies_wh"] + " 99"}, *rows[1:]]


def participant_of_storage(rows: list[Row]) -> list[Row]:
    return [{**row, "participant": "4"} if row["event"] == "80" else row for row in rows]


HANDED_OVER = {"previousOwner": "0x" + 20 * "55", "newOwner": THIEF}
ORDER = {
    "kind": 1,
    "participant": 6,
    "energy": 1_000,
    "price": 80_000_000,
    "score": 5_000,
    "terms": 0,
    "nonce": 0,
}
POST = {"slot": 3_400_025, "poster": THIEF}

FORGERIES: dict[str, tuple[str, Tamper, str]] = {
    "a removed line": (
        "busy",
        rows_without("lines.csv", 25),
        r"slot 3400025, record 30 LinesAnnounced: rowsHash: expected that of 11 lines in lines",
    ),
    "a removed line of the first": (
        "busy",
        rows_without("lines.csv", 0),
        r"slot 0, record 9 LinesAnnounced: rowsHash: expected that of 13 lines in lines.csv, came",
    ),
    "an added line": (
        "busy",
        with_line(seller=6, buyer=5),
        r"slot 3400025, record 30 LinesAnnounced: rowsHash: expected that of 13 lines in lines",
    ),
    "a line twice": (
        "busy",
        with_line(),
        r"slot 3400025, record 30 LinesAnnounced: rowsHash: expected that of 13 lines in lines",
    ),
    **{
        f"an added line of {seller} to {buyer}": (
            "busy",
            with_line(seller=seller, buyer=buyer, distance_m=0),
            r"slot 3400025, record 30 LinesAnnounced: rowsHash: expected that of 13 lines in lin",
        )
        for seller, buyer in [(6, 0), (0, 6), (6, 65_535), (65_535, 6)]
    },
    "more lines than a row has words for": (
        "busy",
        all_of(*(with_line(buyer=buyer) for buyer in range(7, 14))),
        r"slot 3400025, record 30 LinesAnnounced: rowsHash: expected that of 19 lines in lines",
    ),
    "an added line where there was none": (
        "handed over",
        with_line(since=3_400_026),
        r"slot 3400026, record 19 LinesAnnounced: rowsHash: expected that of 1 lines in lines",
    ),
    "a distance": (
        "busy",
        in_cell("lines.csv", "distance_m", more(3_000), row=-1),
        r"slot 3400025, record 30 LinesAnnounced: rowsHash: expected that of 12 lines in lines",
    ),
    "the words of a row": (
        "busy",
        in_event("LinesAnnounced", "rowWords", nth=1),
        r"slot 3400025, record 30 LinesAnnounced: rowsHash: expected that of 12 lines in lines",
    ),
    "no words of a row": (
        "handed over",
        in_event("LinesAnnounced", "rowWords", nth=3, change=more(-1)),
        r"slot 3400026, record 19 LinesAnnounced: rowsHash: expected that of 0 lines in lines",
    ),
    "the words of more rows than there can be": (
        "handed over",
        in_event("LinesAnnounced", "rowWords", nth=3, change=more(254)),
        r"slot 3400026, record 19 LinesAnnounced: rowsHash: expected that of 0 lines in lines",
    ),
    "intervals of no length": (
        "busy",
        in_event("LadderAnnounced", "stepMeters", change=more(-1_000)),
        r"events.jsonl, line 9, stepMeters: expected a length above 0 m, got 0$",
    ),
    "a role that somebody took": (
        "handed over",
        without("OwnershipTransferStarted", 1),
        r"no slot, record 15 OwnershipTransferred: newOwner: expected who was to be the line ow",
    ),
    "a role that nobody offered": (
        "handed over",
        all_of(without("OwnershipTransferStarted"), without("OwnershipTransferStarted")),
        r"no slot, record 14 OwnershipTransferred: newOwner: expected who was to be the line ow",
    ),
    "a role taken twice": (
        "handed over",
        with_events(lambda events: [*events[:17], dict(events[16]), *events[17:]]),
        r"no slot, record 17 OwnershipTransferred: previousOwner: expected 0x\w+, came 0x\w+",
    ),
    "a role left to nobody": (
        "handed over",
        in_event("OwnershipTransferred", "newOwner", nth=4, change=lambda _: "0x" + 40 * "0"),
        r"no slot, record 16 OwnershipTransferred: newOwner: expected who was to be the line ow",
    ),
    "a role that somebody else offered": (
        "busy",
        at_the_end("OwnershipTransferStarted", "LineLease", **HANDED_OVER),
        r"no slot, record 96 OwnershipTransferStarted: previousOwner: expected 0x\w+, came 0x55",
    ),
    **{
        f"{name} in a market of sealed orders": (
            "sealed",
            at_the_end(name, "Exchange", **values),
            rf"(no slot|slot 3400025), record 37 {name}: expected none where books are sealed$",
        )
        for name, values in {
            "OfferPlaced": {"slot": 3_400_025, "order": ORDER},
            "BidPlaced": {"slot": 3_400_025, "order": {**ORDER, "kind": 2}},
            "OrderCancelled": {"slot": 3_400_025, "order": {**ORDER, "kind": 3}},
            "OrdersPosted": {**POST, "orders": []},
            "OrderSkipped": {**POST, "position": 0, "order": "0x" + 64 * "0", "reason": "0x"},
            "NoncesSpent": {"owner": THIEF, "below": 7},
        }.items()
    },
    "a seal in a market of open books": (
        "busy",
        at_the_end("OrderSealed", "Exchange", slot=3_400_081, owner=THIEF, seal="0x" + 64 * "1"),
        r"slot 3400081, record 96 OrderSealed: expected none where books are open$",
    ),
    "an opened seal in a market of open books": (
        "busy",
        at_the_end("OrderRevealed", "Exchange", slot=3_400_081, owner=THIEF, order=ORDER),
        r"slot 3400081, record 96 OrderRevealed: expected none where books are open$",
    ),
    "seals without a bond": (
        "sealed",
        in_value("constants.json", "seal_bond", change=lambda _: 0),
        r"slot 3400008, record 26 OrderSealed: expected none where books are open$",
    ),
    "a seal of zero": (
        "sealed",
        in_event("OrderSealed", "seal", nth=4, change=lambda _: "0x" + 64 * "0"),
        r"slot 3400025, record 36 OrderSealed: seal: expected a hash, came zero",
    ),
    "a sealed order with a nonce": (
        "sealed",
        in_event("OrderRevealed", "order", "nonce"),
        r"slot 3400008, record 29 OrderRevealed: nonce: expected 0, came 1",
    ),
    "a sealed cancellation": (
        "sealed and forwarded",
        in_event("OrderRevealed", "order", "kind", nth=1, change=lambda _: 3),
        r"slot 3400008, record 30 OrderRevealed: kind: expected an offer or a bid, came a cancel",
    ),
    "the participant of the storage's signature": (
        "busy",
        lambda forgery: forgery.rows("signatures.csv", participant_of_storage),
        r"slot 3400000, record 80 StorageRecorded: participant of the signature: expected 0, came",
    ),
    "a second energy of a reading": (
        "busy",
        lambda forgery: forgery.rows("signatures.csv", second_energies),
        r"slot 3400008, record 41 ReadingsRecorded: energies of participant 1: expected \(10000,\)",
    ),
    "a number of orders of a call that takes none": (
        "busy",
        in_cell("calls.csv", "orders"),
        r"no slot, calls.csv line 2: orders: expected 0 of clear, came 1",
    ),
    "a number of orders of a call that was not seen": (
        "of contracts",
        in_cell("calls.csv", "orders", row=-1),
        r"no slot, calls.csv line \d+: orders: expected 0 of unseen, came 1",
    ),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forgery_is_named_with_slot_and_record(forgery_of: ForgeryOf, kind: str) -> None:
    market, tamper, expected = FORGERIES[kind]
    forgery = forgery_of(market)
    tamper(forgery)
    forgery.sign()

    assert_named(verify(forgery), expected)


def test_a_market_that_was_handed_over_is_proved_in_full(forgery_of: ForgeryOf) -> None:
    result = verify(forgery_of("handed over"), "--strict")

    assert result.exit_code == 0, result.stderr
