"""Every kind of tampering ends with 1 and one line that names slot and record."""

import json
import re

import pytest

from tests.oracle.audit.exports import Forgery, Row, flipped, more
from tests.oracle.audit.tampers import (
    Tamper,
    all_of,
    assert_named,
    changed,
    in_cell,
    in_event,
    in_value,
    rows_without,
    spoilt,
    swapped,
    twice,
    verify,
    without,
)

pytestmark = pytest.mark.contract


def storage_signature_changed(forgery: Forgery) -> None:
    def with_another(rows: list[Row]) -> list[Row]:
        row = next(row for row in rows if row["participant"] == "0")
        row["signature"] = spoilt(row["signature"])
        return rows

    forgery.rows("signatures.csv", with_another)


def a_line_lost(forgery: Forgery) -> None:
    """Lose an event without renumbering those that follow."""
    path = forgery.folder / "events.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:35] + lines[36:]))


TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "an order's energy": (
        in_event("BidPlaced", "order", "energy"),
        r"slot 3400008, record 40 SlotCleared: hash of the book: expected 0x\w+, came 0x\w+",
    ),
    "an order's score": (
        in_event("OfferPlaced", "order", "score"),
        r"slot 3400008, record 34 OfferPlaced: score: expected 9000, came 9001",
    ),
    "an order's owner": (
        in_event("BidPlaced", "order", "participant", change=more(1000)),
        r"slot 3400008, record 35 BidPlaced: participant: expected at most \d+, came 10\d\d",
    ),
    "an order beyond the owner's money": (
        in_event("BidPlaced", "order", "energy", change=more(4_000_000)),
        r"slot 3400008, record 35 BidPlaced: expected at most 100000000 to be locked, came \d+",
    ),
    "an order after the gate": (
        all_of(*[in_event("OfferPlaced", "time", change=more(10**5))]),
        r"slot 3400008, record 34 OfferPlaced: time: expected before 3060005400, came \d+",
    ),
    "a dropped order": (
        without("BidPlaced", 1),
        r"slot 3400008, record 39 SlotCleared: hash of the book: expected 0x\w+, came 0x\w+",
    ),
    "a line lost from the file": (
        a_line_lost,
        r"slot 3400008, record 36 OfferPlaced: number: expected 35, came 36",
    ),
    "orders in another order": (
        swapped("OfferPlaced", "BidPlaced"),
        r"slot 3400008, record 40 SlotCleared: hash of the book: expected 0x\w+, came 0x\w+",
    ),
    "a duplicated order": (
        twice("OfferPlaced"),
        r"slot 3400008, record 35 OfferPlaced: expected one order of 0x\w+ in the slot, came a sec",
    ),
    "a duplicated settlement": (
        twice("SlotSettled"),
        r"slot 3400008, record 43 SlotSettled: expected a slot that is cleared, came one that is s",
    ),
    "a lost cancellation": (
        without("OrderCancelled"),
        r"slot 3400017, record 49 SlotCleared: hash of the book: expected 0x\w+, came 0x\w+",
    ),
    "a price": (
        in_event("SlotCleared", "trades", 0, "price"),
        r"slot 3400008, record 40 SlotCleared: price of trade 0: expected \d+, came \d+",
    ),
    "a fee": (
        in_event("SlotCleared", "trades", 1, "fee", nth=1),
        r"slot 3400017, record 50 SlotCleared: fee of trade 1: expected \d+, came \d+",
    ),
    "a fill": (
        in_event("SlotCleared", "trades", 0, "energy", change=more(-1)),
        r"slot 3400008, record 40 SlotCleared: fills: expected worth \d+ by the certificate",
    ),
    "a fill beyond the order": (
        in_event("SlotCleared", "trades", 0, "energy", change=more(90_000)),
        r"slot 3400008, record 40 SlotCleared: fill of entry 0 of the book: expected at most 10000",
    ),
    "a lost trade": (
        in_event("SlotCleared", "trades", change=lambda trades: trades[1:]),
        r"slot 3400008, record 40 SlotCleared: fills: expected worth \d+ by the certificate",
    ),
    "a certificate": (
        in_cell("certificates.csv", "certificate", flipped),
        r"slot 3400008, record 40 SlotCleared: fills: expected worth \d+ by the certificate",
    ),
    "a certificate cut short": (
        in_cell("certificates.csv", "certificate", lambda text: text[:-2]),
        r"slot 3400008, record 40 SlotCleared: certificate: expected \d+ bytes, came \d+",
    ),
    "a lost certificate": (
        rows_without("certificates.csv", 1),
        r"slot 3400017, record 50 SlotCleared: certificate: expected one in certificates.csv",
    ),
    "a mechanism": (
        in_event("SlotCleared", "mechanism", change=flipped),
        r"slot 3400008, record 40 SlotCleared: mechanism: expected 0x\w+, came 0x\w+",
    ),
    "a delivery": (
        in_event("SlotSettled", "delivered", 0, change=more(-1)),
        r"slot 3400008, record 42 SlotSettled: delivered of trade 0: expected \d+, came \d+",
    ),
    "a reading": (
        in_event("ReadingsRecorded", "entries", 0, change=more(-1)),
        r"slot 3400008, record 41 ReadingsRecorded: reading of participant 1: expected one of \[",
    ),
    "a reading with what was signed": (
        all_of(
            in_event("ReadingsRecorded", "entries", 0, change=more(-1)),
            in_cell("signatures.csv", "energies_wh", more(-1)),
        ),
        r"slot 3400008, record 41 ReadingsRecorded: signature of participant 1's meter: expected ",
    ),
    "a lost contradiction": (
        without("ReadingsRecorded", 3),
        r"slot 3400026, record 58 SlotSettled: hash of the readings: expected 0x\w+, came 0x\w+",
    ),
    "a meter's signature": (
        in_cell("signatures.csv", "signature", spoilt),
        r"slot 3400008, record 41 ReadingsRecorded: signature of participant 1's meter: expected ",
    ),
    "a meter's key": (
        in_event("ParticipantRegistered", "meter", change=flipped),
        r"slot 3400008, record 41 ReadingsRecorded: signature of participant 1's meter: expected ",
    ),
    "a meter's key in the table": (
        in_cell("meters.csv", "meter", flipped, row=7),
        r"slot 3400025, meters.csv line 9: expected .*, came ",
    ),
    "the chain that was signed for": (
        in_value("constants.json", "chain_id"),
        r"slot 3400008, record 41 ReadingsRecorded: signature of participant 1's meter: expected ",
    ),
    "a line's distance": (
        in_cell("lines.csv", "distance_m", row=1),
        r"slot 0, record 9 LinesAnnounced: rowsHash: expected that of 14 lines in lines.csv, came",
    ),
    "a lost line": (
        rows_without("lines.csv", 1),
        r"slot 0, record 9 LinesAnnounced: rowsHash: expected that of 13 lines in lines.csv, came",
    ),
    "a ladder in the table": (
        in_cell("ladders.csv", "growth_bps"),
        r"slot 0, ladders.csv line 2: expected .*, came ",
    ),
    "a ladder": (
        all_of(
            in_cell("ladders.csv", "base_micro_usd_per_mwh_km"),
            in_event("LadderAnnounced", "baseMicroUsdPerMwhKm"),
        ),
        r"slot 3400008, record 40 SlotCleared: fee of trade \d: expected \d+, came \d+",
    ),
    "a real-time price": (
        all_of(
            in_cell("prices.csv", "price_micro_usd_per_mwh", more(-220_000_000)),
            in_event("RealTimePriceAnnounced", "price", change=more(-220_000_000)),
        ),
        r"slot 3400008, record 40 SlotCleared: (price of trade|trades: NoLine|fills)",
    ),
    "a real-time price in the table": (
        in_cell("prices.csv", "price_micro_usd_per_mwh", row=1),
        r"slot 3400025, prices.csv line 3: expected .*, came ",
    ),
    "an announcement that came too late": (
        in_event("RealTimePriceAnnounced", "from", nth=1, change=more(-20)),
        r"slot 3400005, record 27 RealTimePriceAnnounced: from: expected a slot of 3400024 to \d+",
    ),
    "an owner in the table": (
        in_cell("owners.csv", "owner", flipped),
        r"slot 0, owners.csv line 2: expected .*, came ",
    ),
    "the reputation that one joined with": (
        in_event("Enrolled", "r"),
        r"no slot, record 14 Enrolled: r: expected \d+, came \d+",
    ),
    "a reputation": (
        in_cell("accounts.csv", "r", row=0),
        r"slot \d+, accounts.csv line 2: r of 0x\w+: expected \d+, came \d+",
    ),
    "an account": (
        in_cell("accounts.csv", "free_micro_usd", row=1),
        r"slot \d+, accounts.csv line 3: free of 0x\w+: expected \d+, came \d+",
    ),
    "a lost account": (
        rows_without("accounts.csv", 0),
        r"slot \d+, accounts.csv line \d+: expected 0x\w+, came no line",
    ),
    "a deposit": (
        in_event("Deposited", "amount", change=more(1_000_000)),
        r"slot \d+, accounts.csv line \d+: free of 0x\w+: expected \d+, came \d+",
    ),
    "a withdrawal": (
        in_event("Withdrawn", "amount", change=more(-1)),
        r"slot \d+, accounts.csv line \d+: free of 0x\w+: expected \d+, came \d+",
    ),
    "a withdrawal of what is not there": (
        in_event("Withdrawn", "amount", change=more(10**9)),
        r"no slot, record 84 Withdrawn: amount: expected at most \d+ free, came \d+",
    ),
    "a compensation": (
        in_event("CompensationPaid", "amount"),
        r"no slot, record 85 CompensationPaid: amount: expected \d+, came \d+",
    ),
    "the price of a shortfall": (
        in_value("constants.json", "compensation_price", change=more(10_000_000)),
        r"slot \d+, accounts.csv line \d+: free of 0x\w+: expected \d+, came \d+",
    ),
    "who earns the fees": (
        in_value("totals.json", "line_owner", change=flipped),
        r"slot 3400080, totals.json: line_owner: expected 0x\w+, came 0x\w+",
    ),
    "the token's balance": (
        in_value("totals.json", "token_balance", change=more(-1)),
        r"slot 3400080, totals.json: token_balance: expected at least \d+, came \d+",
    ),
    "a stored energy": (
        in_event("StorageRecorded", "storedWh", nth=1),
        r"slot 3400001, record 81 StorageRecorded: storedWh: expected \d+, came \d+",
    ),
    "a charge": (
        in_event("StorageRecorded", "chargeWh", nth=3),
        r"slot 3400003, record 83 StorageRecorded: energies: expected \(777, 0\), came \(778, 0\)",
    ),
    "a stored energy in the table": (
        in_cell("storage.csv", "stored_wh", row=2),
        r"slot 3400002, storage.csv line 4: expected .*, came ",
    ),
    "a lost slot of the storage": (
        without("StorageRecorded", 1),
        r"slot 3400002, record 81 StorageRecorded: slot: expected 3400001, came 3400002",
    ),
    "the storage meter's signature": (
        storage_signature_changed,
        r"slot 3400000, record 80 StorageRecorded: signature of the storage's meter: expected 0x",
    ),
    "lost signatures": (
        lambda forgery: forgery.rows("signatures.csv", lambda rows: rows[3:]),
        r"slot 3400008, record 41 ReadingsRecorded: signatures: expected those of the readings",
    ),
    "a lost signature of a posted order": (
        rows_without("order_signatures.csv", 1),
        r"slot 3400053, record 68 OrdersPosted: signature of entry 0: expected one in order_signat",
    ),
    "the signature of a posted order": (
        in_cell("order_signatures.csv", "signature", spoilt, row=1),
        r"slot 3400053, record 68 OrdersPosted: signature of entry 0: expected 0x\w+, came ",
    ),
    "a posted order": (
        in_event("OrdersPosted", "orders", 1, "price"),
        r"slot 3400053, record 68 OrdersPosted: signature of entry 1: expected 0x\w+, came ",
    ),
    "a spent nonce": (
        in_event("NoncesSpent", "below"),
        r"slot 3400053, record 67 OrderSkipped: reason: expected NonceSpent\(0, 4\), came Nonce",
    ),
    "a pause that is not lifted": (
        without("Unpaused"),
        r"slot 3400062, record \d+ OfferPlaced: expected none while the market is paused",
    ),
    "a reading that was given to settle": (
        in_event("SlotSettled", "delivered", 0, nth=5),
        r"slot 3400062, record 79 SlotSettled: delivered of trade 0: expected \d+, came \d+",
    ),
    "a group": (
        in_event("GroupAnnounced", "group"),
        r"slot 3400053, record 68 OrdersPosted: score: expected \d+, came \d+",
    ),
    "a group in the table": (
        in_cell("owners.csv", "group", row=6),
        r"slot 3400025, owners.csv line 8: expected .*, came ",
    ),
    "a book's hash": (
        in_cell("slots.csv", "book", flipped),
        r"slot 3400008, record 40 SlotCleared: hash of the book: expected 0x\w+, came 0x\w+",
    ),
    "the hash of a book that is open": (
        in_cell("slots.csv", "book", flipped, row=8),
        r"slot 3400080, slots.csv line 10: hash book: expected 0x\w+, came 0x\w+",
    ),
    "an outcome's hash": (
        in_cell("slots.csv", "outcome", flipped, row=7),
        r"slot 3400071, slots.csv line 9: hash outcome: expected 0x\w+, came 0x\w+",
    ),
    "a readings' hash": (
        in_cell("slots.csv", "readings", flipped, row=7),
        r"slot 3400071, slots.csv line 9: hash readings: expected 0x\w+, came 0x\w+",
    ),
    "a missing slot": (
        rows_without("slots.csv", 3),
        r"slot 3400047, slots.csv line 5: slot: expected 3400039, came 3400047",
    ),
    "a lost settlement": (
        without("SlotSettled", 4 - 1),
        r"slot 3400047, slots.csv line 6: hash outcome: expected 0x\w+, came 0x\w+",
    ),
    "a lost voiding": (
        without("SlotVoided"),
        r"slot 3400039, slots.csv line 5: hash outcome: expected 0x\w+, came 0x\w+",
    ),
    "a file's checksum": (
        lambda forgery: forgery.value(
            "manifest.json", lambda m: changed(m, ("files", "slots.csv", "sha256"), flipped)
        ),
        r"no slot, slots.csv: SHA-256: expected 0x\w+, came 0x\w+",
    ),
}


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_tampering_is_named_with_slot_and_record(forgery: Forgery, kind: str) -> None:
    tamper, expected = TAMPERINGS[kind]
    tamper(forgery)
    if kind != "a file's checksum":
        forgery.sign()

    assert_named(verify(forgery), expected)


def test_an_honest_export_passes(forgery: Forgery) -> None:
    result = verify(forgery)

    assert result.exit_code == 0, result.stderr
    assert "Nothing diverges" in result.stdout


def test_an_honest_export_tells_machines_what_was_checked(forgery: Forgery) -> None:
    said = json.loads(verify(forgery, "--json").stdout)

    assert said["ok"] is True
    assert said["checked"]["slots cleared"] == 7
    assert said["checked"]["slots settled"] == 6
    assert said["checked"]["slots voided"] == 1
    assert said["dispatch"]["checked"] is False
    assert said["checked"]["signatures"] == 19
    assert said["unproved"] == {}


def test_a_forged_export_tells_machines_slot_and_record(forgery: Forgery) -> None:
    in_event("SlotCleared", "trades", 0, "price")(forgery)

    result = verify(forgery, "--json")

    said = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (said["ok"], said["slot"], said["record"]) == (False, 3_400_008, "record 40 SlotCleared")


def test_a_change_that_says_nothing_else_is_found_by_the_checksum(forgery: Forgery) -> None:
    in_event("SlotCleared", "submitter", change=flipped)(forgery)

    result = verify(forgery)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: no slot, events.jsonl: SHA-256: expected 0x")


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (
            in_cell("salts.csv", "salt", flipped),
            r"slot 3400008, record \d+ OrderRevealed: seal: expected 0x\w+, came 0x\w+",
        ),
        (
            in_event("OrderSealed", "seal", change=flipped, nth=2),
            r"no slot, events.jsonl: SHA-256: ",
        ),
        (
            in_value("constants.json", "seal_bond"),
            r"slot \d+, accounts.csv line \d+: free of 0x\w+: expected \d+, came \d+",
        ),
        (
            in_cell("slots.csv", "revealed", row=0),
            r"slot 3400008, slots.csv line 2: sealed and revealed: expected \(3, 2\), came",
        ),
        (
            without("OrderSealed", 2),
            r"slot \d+, slots.csv line 2: sealed and revealed: expected \(2, 2\), came \(3, 2\)",
        ),
    ],
)
def test_tampering_with_a_sealed_round_is_named(
    sealed_forgery: Forgery, tamper: Tamper, expected: str
) -> None:
    tamper(sealed_forgery)
    if "SHA" not in expected:
        sealed_forgery.sign()

    result = verify(sealed_forgery)

    assert result.exit_code == 1
    assert re.match(rf"error: {expected}", result.stderr), result.stderr


def test_an_honest_export_of_sealed_rounds_passes(sealed_forgery: Forgery) -> None:
    result = verify(sealed_forgery)

    assert result.exit_code == 0, result.stderr
