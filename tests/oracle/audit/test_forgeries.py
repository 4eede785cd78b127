"""Exports that are whole and signed, but forged: what was done is named with slot and record."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address

from oracle.chain.signatures import Domain, sign_order
from oracle.units import Slot
from tests.contracts.markets import a_bid, owner_of
from tests.oracle.audit.exports import Event, Forgery, Row, flipped, more
from tests.oracle.audit.tampers import (
    Tamper,
    all_of,
    assert_named,
    first,
    in_cell,
    in_event,
    in_value,
    rows_without,
    spoilt,
    verify,
    with_events,
    without,
)

pytestmark = pytest.mark.contract

ForgeryOf = Callable[[str], Forgery]

CONTRADICTION, COUNTER = 1 << 255, 1 << 254
GARBAGE = "0x" + 65 * "22"


def to(value: object) -> Callable[[object], object]:
    return lambda _: value


def for_wallets(forgery: Forgery) -> None:
    """Say that batches were posted for contract wallets, with signatures that no key made."""

    def changed(rows: list[Row]) -> list[Row]:
        return [
            {**row, "function": row["function"].replace("post", "postForWallets")} for row in rows
        ]

    forgery.rows("calls.csv", changed)
    forgery.rows(
        "order_signatures.csv", lambda rows: [{**row, "signature": GARBAGE} for row in rows]
    )


def unseen(name: str, nth: int = 0, *, forgetful: bool = True) -> Tamper:
    """Say that an event was left through another contract; forget what calldata it had."""

    def tamper(forgery: Forgery) -> None:
        event = str(first(forgery.events(), name, nth))
        calls = forgery.folder / "calls.csv"
        calls.write_text(
            re.sub(rf"^{event},\w+,\d+$", f"{event},unseen,0", calls.read_text(), flags=re.M)
        )
        for file in ("certificates.csv", "signatures.csv", "order_signatures.csv", "salts.csv"):
            if forgetful:
                forgery.rows(file, lambda rows: [row for row in rows if row["event"] != event])

    return tamper


def again(name: str, *, before: str, nth: int, **changes: object) -> Tamper:
    """Return a second first event of a name, in block and transaction of a later one."""

    def add(events: list[Event]) -> list[Event]:
        place = first(events, before, nth)
        there = {key: events[place][key] for key in ("block", "time", "transaction")}
        copy = {**events[first(events, name)], **there, **changes}
        return [*events[:place], copy, *events[place:]]

    return with_events(add)


def in_skipped(key: str, change: Callable[[str], object], nth: int = 0) -> Tamper:
    return in_event("OrderSkipped", key, change=change, nth=nth)


def reason_of(nth: int) -> Tamper:
    """Let the first skipped order have been skipped for the reason of another."""

    def tamper(forgery: Forgery) -> None:
        events = forgery.events()
        reason = events[first(events, "OrderSkipped", nth)]["reason"]
        in_skipped("reason", to(reason))(forgery)

    return tamper


def signed_by_owner(forgery: Forgery) -> None:
    """Let the owner have signed the order that was skipped for another's signature."""
    constants = json.loads((forgery.folder / "constants.json").read_text())
    exchange = to_checksum_address(constants["addresses"]["Exchange"])
    domain = Domain(name="Wattline Exchange", chain_id=constants["chain_id"], contract=exchange)
    order, slot = a_bid(6, 1_000, 250), Slot(3_400_008)
    signature = sign_order(owner_of(6), domain, slot=slot, order=order)
    forgery.cell("order_signatures.csv", "signature", to("0x" + signature.hex()), row=9)


FORGERIES: dict[str, tuple[str, Tamper, str]] = {
    "a time before the time of the block before": (
        "busy",
        in_event("Withdrawn", "time", change=to(5)),
        r"no slot, record 84 Withdrawn: time: expected 30\d+ or later after block \d+, came 5 in",
    ),
    "two times of a block": (
        "busy",
        in_event("ParticipantRegistered", "time", nth=1),
        r"slot 0, record 2 ParticipantRegistered: time: expected 3060000002 after block 14, came ",
    ),
    "a block before the block before": (
        "busy",
        in_event("Withdrawn", "block", change=more(-50)),
        r"no slot, record 84 Withdrawn: block: expected from \d+ on, came \d+",
    ),
    "a block beyond those that were read": (
        "busy",
        in_event("Withdrawn", "block", change=more(10**6)),
        r"no slot, record 84 Withdrawn: block: expected one of 0 to \d+, came \d+",
    ),
    "a reading of nobody's beside a counter-reading": (
        "corrected",
        in_event("ReadingsRecorded", "entries", nth=1, change=lambda own: [1 << 32 | 1, *own]),
        r"slot 3400008, record 34 ReadingsRecorded: entries: expected one with a mark to come alo",
    ),
    "a counter-reading beside readings": (
        "corrected",
        in_event("ReadingsRecorded", "entries", change=lambda own: [*own, COUNTER | 1 << 32]),
        r"slot 3400008, record 33 ReadingsRecorded: entries: expected one with a mark to come alo",
    ),
    "a counter-reading that was changed": (
        "corrected",
        in_event("ReadingsRecorded", "entries", 0, nth=1),
        r"slot 3400008, record 36 SlotSettled: hash of the readings: expected 0x\w+, came 0x\w+",
    ),
    "a counter-reading of a participant that cannot be": (
        "corrected",
        in_event("ReadingsRecorded", "entries", 0, nth=2, change=to(COUNTER | 1025 << 32 | 5)),
        r"slot 3400008, record 35 ReadingsRecorded: participant: expected one of 1 to 1024, came ",
    ),
    "a correction where the rules leave no time for one": (
        "corrected",
        in_value("constants.json", "challenge_seconds", change=to(0)),
        r"slot 3400008, record 34 ReadingsRecorded: expected no correction, as the rules leave no",
    ),
    "a reading with a stray bit": (
        "corrected",
        in_event("ReadingsRecorded", "entries", 0, change=more(1 << 100)),
        r"slot 3400008, record 33 ReadingsRecorded: entry: expected 0x1\w+, came 0x1\w+",
    ),
    "a reading with both marks": (
        "corrected",
        in_event("ReadingsRecorded", "entries", 0, nth=1, change=more(CONTRADICTION)),
        r"slot 3400008, record 34 ReadingsRecorded: entries: expected one mark, came two",
    ),
    "a reading of participant 0": (
        "corrected",
        in_event("ReadingsRecorded", "entries", 0, change=to(7)),
        r"slot 3400008, record 33 ReadingsRecorded: participant: expected one of 1 to 6, came 0",
    ),
    "a contradiction with an energy": (
        "busy",
        in_event("ReadingsRecorded", "entries", 0, nth=3),
        r"slot 3400026, record 58 ReadingsRecorded: entry: expected 0x8\w+, came 0x8\w+",
    ),
    "a reading that is not told": (
        "busy",
        in_event("ReadingsRecorded", "entries", change=lambda own: own[:-1]),
        r"slot 3400008, record 41 ReadingsRecorded: entries: expected \[\d+, \d+, \d+\], came \[\d",
    ),
    "a reading of a meter that was heard before": (
        "choosy",
        in_event("ReadingsRecorded", "entries", nth=1, change=lambda own: [2 << 32 | 6, *own]),
        r"slot 3400008, record 43 ReadingsRecorded: expected one reading of participant 2, came t",
    ),
    "more compensation than there was money for": (
        "corrected",
        in_event("CompensationPaid", "amount"),
        r"no slot, record 42 CompensationPaid: amount: expected 20000, came 20001",
    ),
    "readings without entries": (
        "busy",
        in_event("ReadingsRecorded", "entries", change=to([])),
        r"slot 3400008, record 41 ReadingsRecorded: entries: expected some, came none",
    ),
    "a signature that no key made of an order that was posted for keys": (
        "busy",
        in_cell("order_signatures.csv", "signature", to(GARBAGE), row=1),
        r"slot 3400053, record 68 OrdersPosted: signature of entry 0: expected 0x\w+, came ",
    ),
    "a blank signature of an order": (
        "busy",
        in_cell("order_signatures.csv", "signature", to("0x"), row=1),
        r"slot 3400053, record 68 OrdersPosted: signature of entry 0: expected 0x\w+, came None",
    ),
    "blank signatures of readings": (
        "busy",
        lambda forgery: forgery.rows(
            "signatures.csv", lambda rows: [{**row, "signature": "0x"} for row in rows]
        ),
        r"slot 3400008, record 41 ReadingsRecorded: signature of participant 1's meter: expected ",
    ),
    "a blank signature of the storage": (
        "busy",
        in_cell("signatures.csv", "signature", to("0x"), row=-2),
        r"slot 3400003, record 83 StorageRecorded: signature of the storage's meter: expected 0x",
    ),
    "lost salts": (
        "sealed",
        lambda forgery: forgery.rows("salts.csv", lambda rows: []),
        r"slot 3400008, record 29 OrderRevealed: salt: expected one in salts.csv, came none",
    ),
    "a lost call": (
        "busy",
        rows_without("calls.csv", 0),
        r"slot 3400008, record 40 SlotCleared: call: expected one in calls.csv, came none",
    ),
    "a call that leaves no such event": (
        "busy",
        in_cell("calls.csv", "function", to("settle")),
        r"slot 3400008, record 40 SlotCleared: call: expected clear, came settle",
    ),
    "a call of an event that has none": (
        "busy",
        in_cell("calls.csv", "event", to(84), row=-1),
        r"slot 3400071, record 93 ReadingsRecorded: call: expected one in calls.csv, came none",
    ),
    "a call twice": (
        "busy",
        lambda forgery: forgery.rows("calls.csv", lambda rows: [*rows, rows[0]]),
        r"no slot, calls.csv line 28: event: expected OrdersPosted or .*, each once, came 40",
    ),
    "a call of what nobody called": (
        "busy",
        lambda forgery: forgery.rows("calls.csv", lambda rows: [*rows, {**rows[0], "event": "84"}]),
        r"no slot, calls.csv line 28: event: expected OrdersPosted or .*, each once, came 84",
    ),
    "a certificate of a call that was not seen": (
        "busy",
        unseen("SlotCleared", forgetful=False),
        r"no slot, certificates.csv line 2: event: expected SlotCleared whose calldata was seen, ",
    ),
    "signatures of a call that was not seen": (
        "busy",
        unseen("ReadingsRecorded", forgetful=False),
        r"no slot, signatures.csv line 2: event: expected ReadingsRecorded or .* was seen, each o",
    ),
    "signatures of more orders than there are": (
        "busy",
        lambda forgery: forgery.rows(
            "order_signatures.csv", lambda rows: [*rows, {**rows[-1], "entry": "3"}]
        ),
        r"no slot, order_signatures.csv line 6: entry: expected one below 3, came 3",
    ),
    "a fill of an outcome without its certificate": (
        "of contracts",
        in_event("SlotCleared", "trades", 0, "energy", change=more(-1)),
        r"slot 3400008, record 32 SlotCleared: fills: expected worth at least \d+, as they can be",
    ),
    "a lost trade of an outcome without its certificate": (
        "of contracts",
        in_event("SlotCleared", "trades", change=lambda trades: trades[1:]),
        r"slot 3400008, record 32 SlotCleared: fills: expected worth at least \d+, as they can be",
    ),
    "a price of an outcome without its certificate": (
        "of contracts",
        in_event("SlotCleared", "trades", 0, "price"),
        r"slot 3400008, record 32 SlotCleared: price of trade 0: expected \d+, came \d+",
    ),
    "a fill beyond the order in an outcome without its certificate": (
        "of contracts",
        in_event("SlotCleared", "trades", 0, "energy", change=more(9_000)),
        r"slot 3400008, record 32 SlotCleared: fill of entry \d of the book: expected at most ",
    ),
    "a lost reading of a settlement": (
        "of contracts",
        in_event("SlotSettled", "heard", change=to([])),
        r"slot 3400008, record 34 SlotSettled: time: expected from \d+ on, as participant 2's rea",
    ),
    "a reading of a settlement": (
        "of contracts",
        in_event("SlotSettled", "heard", 0, change=more(-1)),
        r"slot 3400008, record 34 SlotSettled: delivered of trade 1: expected 2999, came 3000",
    ),
    "a reading of a settlement with a mark": (
        "of contracts",
        in_event("SlotSettled", "heard", 0, change=more(COUNTER)),
        r"slot 3400008, record 34 SlotSettled: heard: expected entries without a mark, came 0x4",
    ),
    "a reading of a settlement of nobody's": (
        "of contracts",
        in_event("SlotSettled", "heard", 0, change=more(99 << 32)),
        r"slot 3400008, record 34 SlotSettled: participant: expected one of 1 to 6, came 101",
    ),
    "a reading of a settlement that was signed otherwise": (
        "busy",
        in_event("SlotSettled", "heard", 0, nth=5),
        r"slot 3400062, record 79 SlotSettled: heard: expected \[\d+\], came \[\d+\]",
    ),
    "a lost signature of a settlement": (
        "busy",
        lambda forgery: forgery.rows(
            "signatures.csv", lambda rows: [row for row in rows if row["event"] != "79"]
        ),
        r"slot 3400062, record 79 SlotSettled: heard: expected \[\], came \[\d+\]",
    ),
    "an order of participant 0": (
        "busy",
        in_event("BidPlaced", "order", "participant", change=to(0)),
        r"slot 3400008, record 35 BidPlaced: order: a field of this order does not fit its bits",
    ),
    "an order of no kind": (
        "busy",
        in_event("OrdersPosted", "orders", 0, "kind", change=to(9)),
        r"slot 3400053, record 68 OrdersPosted: order: 9 is not a valid Kind",
    ),
    "a ladder from slot 0 when there was one": (
        "busy",
        again("LadderAnnounced", before="LadderAnnounced", nth=1),
        r"slot 0, record 29 LadderAnnounced: from: expected a slot of \d+ to \d+, came 0",
    ),
    "a price from slot 0 when there was one": (
        "busy",
        again("RealTimePriceAnnounced", before="RealTimePriceAnnounced", nth=1),
        r"slot 0, record 27 RealTimePriceAnnounced: from: expected a slot of \d+ to \d+, came 0",
    ),
    "a participant that joined from slot 0 later": (
        "busy",
        again("ParticipantRegistered", before="GroupAnnounced", nth=0, participant=7),
        r"slot 0, record 31 ParticipantRegistered: from: expected a slot of \d+ to \d+, came 0",
    ),
    "a lost skipped order": (
        "busy",
        without("OrderSkipped"),
        r"slot 3400053, record 67 OrdersPosted: orders taken and skipped: expected 4, came 3",
    ),
    "a lost skipped order of a batch of which nothing was taken": (
        "choosy",
        without("OrderSkipped", 10),
        r"slot 3400008, record 38 OrderSkipped: orders taken and skipped: expected 2, came 1",
    ),
    "a lost skipped order of a batch that no event follows": (
        "choosy",
        all_of(
            without("OrderSkipped", 13),
            without("ReadingsRecorded", 1),
            without("ReadingsRecorded"),
        ),
        r"slot 3400008, record 40 OrderSkipped: orders taken and skipped: expected 2, came 1",
    ),
    "the number of orders of a post": (
        "busy",
        in_cell("calls.csv", "orders", row=13),
        r"slot 3400053, record 68 OrdersPosted: orders taken and skipped: expected 5, came 4",
    ),
    "another number of orders of the same post": (
        "busy",
        in_cell("calls.csv", "orders", row=12),
        r"slot 3400053, record 67 OrderSkipped: call: expected \('post', 4\), came \('post', 5\)",
    ),
    "who posted a skipped order": (
        "busy",
        in_skipped("poster", flipped),
        r"slot 3400053, record 67 OrderSkipped: poster: expected 0x\w+, came 0x\w+",
    ),
    "where a skipped order was": (
        "choosy",
        in_skipped("position", to(0)),
        r"slot 3400008, record 27 OrderSkipped: reason: expected the order to be taken, came Orde",
    ),
    "a skipped order beyond its batch": (
        "choosy",
        in_skipped("position", to(13)),
        r"slot 3400008, record 27 OrderSkipped: position: expected its own below 13, came 13",
    ),
    "two skipped orders in one place": (
        "choosy",
        in_skipped("position", to(3)),
        r"slot 3400008, record 28 OrderSkipped: position: expected its own below 13, came 3",
    ),
    "a skipped order after the gate": (
        "busy",
        in_skipped("slot", to(3_400_040)),
        r"slot 3400040, record 67 OrderSkipped: time: expected before \d+, came \d+",
    ),
    "a skipped order's signature": (
        "busy",
        in_cell("order_signatures.csv", "signature", spoilt),
        r"slot 3400053, record 67 OrderSkipped: reason: expected WrongSigner\(5, 0x\w+\), came Non",
    ),
    "a skipped order that its owner signed": (
        "choosy",
        signed_by_owner,
        r"slot 3400008, record 36 OrderSkipped: reason: expected the order to be taken, came Wrong",
    ),
    "data that are no reason": (
        "busy",
        in_skipped("reason", to("0x")),
        r"slot 3400053, record 67 OrderSkipped: reason: expected NonceSpent\(0, 3\), came 0x$",
    ),
    "the word of a skipped order whose call was not seen": (
        "of contracts",
        in_skipped("order", flipped, nth=1),
        r"slot 3400008, record 30 OrderSkipped: reason: expected BadOrder\(0x1\w+\), came BadOrder",
    ),
    **{
        f"a reason that another order had, {nth}": (
            "choosy",
            reason_of(nth),
            r"slot 3400008, record 27 OrderSkipped: reason: expected OrderExists\(3400008\), came ",
        )
        for nth in range(1, 10)
    },
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forgery_is_named_with_slot_and_record(forgery_of: ForgeryOf, kind: str) -> None:
    market, tamper, expected = FORGERIES[kind]
    forgery = forgery_of(market)
    tamper(forgery)
    forgery.sign()

    assert_named(verify(forgery), expected)


@pytest.mark.parametrize("market", ["busy", "corrected", "sealed"])
def test_an_honest_market_is_proved_in_full(forgery_of: ForgeryOf, market: str) -> None:
    result = verify(forgery_of(market), "--strict")

    assert result.exit_code == 0, result.stderr
    assert "believed" not in result.stdout


BELIEVED = {
    "choosy": {"contract wallets' signatures": 1},
    "of contracts": {
        "reasons of skipped orders": 1,
        "orders' signatures": 4,
        "readings' signatures": 2,
        "storage readings' signatures": 1,
        "contract wallets' signatures": 1,
    },
    "sealed and forwarded": {"seals of revealed orders": 1},
}
DOUBTS = {
    "choosy": "slot 3400008, record 40 OrderSkipped: signature of 0x",
    "of contracts": "slot 3400008, record 29 OrderSkipped: reason: expected a proof, came none",
    "sealed and forwarded": "slot 3400008, record 30 OrderRevealed: seal of 0x",
}


@pytest.mark.parametrize("market", BELIEVED)
def test_what_contracts_did_is_believed_and_counted(forgery_of: ForgeryOf, market: str) -> None:
    forgery = forgery_of(market)

    said, shown = json.loads(verify(forgery, "--json").stdout), verify(forgery)

    assert said["ok"] is True
    assert said["unproved"] == BELIEVED[market]
    lines = [line for line in shown.stdout.splitlines() if line.startswith("believed, not proved")]
    assert [line.split(" (")[0] for line in lines] == [
        f"believed, not proved: {count} {kind}" for kind, count in BELIEVED[market].items()
    ]


def test_calldata_that_only_the_contract_can_read_stops_no_audit(
    honest_exports: Callable[[str], Path],
) -> None:
    *_, last = (honest_exports("of contracts") / "calls.csv").read_text().splitlines()

    assert last == "37,unseen,0"


@pytest.mark.parametrize("market", DOUBTS)
def test_a_strict_audit_believes_nothing(forgery_of: ForgeryOf, market: str) -> None:
    result = verify(forgery_of(market), "--strict")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {DOUBTS[market]}"), result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("market", "tamper", "believed"),
    [
        ("busy", for_wallets, {"contract wallets' signatures": 4}),
        ("busy", unseen("SlotCleared"), {}),
        ("busy", unseen("ReadingsRecorded"), {"readings' signatures": 3}),
        ("busy", unseen("ReadingsRecorded", 3), {"readings' signatures": 2}),
        ("busy", unseen("SlotSettled", 5), {"readings' signatures": 1}),
        ("busy", unseen("StorageRecorded"), {"storage readings' signatures": 1}),
        (
            "busy",
            all_of(unseen("OrderSkipped"), unseen("OrdersPosted")),
            {"reasons of skipped orders": 1, "orders' signatures": 3},
        ),
        ("corrected", unseen("ReadingsRecorded", 1), {}),
        ("sealed", unseen("OrderRevealed"), {"seals of revealed orders": 1}),
    ],
)
def test_what_is_said_to_be_unseen_is_never_believed_silently(
    forgery_of: ForgeryOf, market: str, tamper: Tamper, believed: dict[str, int]
) -> None:
    forgery = forgery_of(market)
    tamper(forgery)
    forgery.sign()

    said = json.loads(verify(forgery, "--json").stdout)

    assert said["ok"] is True, said
    assert said["unproved"] == believed
    assert verify(forgery, "--strict").exit_code == (1 if believed else 0)


def test_no_file_says_who_is_a_wallet(honest: Path) -> None:
    columns = (honest / "accounts.csv").read_text().splitlines()[0]

    assert columns == "owner,free_micro_usd,participant,nonce,r,s"


@pytest.mark.parametrize("number", ["1" + 400 * "0", "-1" + 400 * "0"])
def test_a_number_beyond_all_floats_is_said_in_one_line(run_forgery: Forgery, number: str) -> None:
    path = run_forgery.folder / "dispatch.json"
    path.write_text(
        re.sub(r'("objective_usd": )[\d.]+', rf"\g<1>{number}", path.read_text(), count=1)
    )

    result = verify(run_forgery)

    assert result.exit_code == 1
    assert result.stderr.startswith(
        "error: dispatch.json, optimisations 0, objective_usd: expected a number, got "
    )
    assert result.stderr.count("\n") == 1
