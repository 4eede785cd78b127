"""The audit of a market: every event in turn, then every table and the final state."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oracle.audit.faults import compare
from oracle.audit.hashes import NOTHING
from oracle.audit.ledger import Ledger
from oracle.audit.slot import Account, book_hash, readings_hash
from oracle.domain.record import CALLS_OF, POST, POST_FOR_WALLETS, UNSEEN, MarketRecord
from oracle.errors import Divergence
from oracle.market.mechanism import Mechanism

STATED = ("ReadingsRecorded", "SlotSettled", "StorageRecorded")
POSTED = ("OrdersPosted", "OrderSkipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketAudit:
    """What was compared, and what had to be believed, each counted; `doubt` is the first of it."""

    checked: Counter[str]
    unproved: Counter[str]
    doubt: Divergence | None


def audit_market(record: MarketRecord, mechanisms: Mapping[str, type[Mechanism]]) -> MarketAudit:
    """
    Re-derive a record; return how much of what was compared.

    `mechanisms` maps the name of a verifier's contract to its twin.

    Raises
    ------
    Divergence
        At the first record that is not what those before it lead to.
    """
    ledger = Ledger(record, mechanisms)
    for event in record.events:
        ledger.take(event)
        compare(event, "address", record.constants.addresses[event.contract], event.address)
    ledger.finish()
    _compare_calldata(record)
    ledger.terms.compare_tables()
    _compare_slots(record, ledger)
    _compare_accounts(record, ledger)
    _compare_storage(record, ledger)
    _compare_totals(record, ledger)
    return MarketAudit(checked=ledger.checked, unproved=ledger.unproved, doubt=ledger.doubt)


def _compare_calldata(record: MarketRecord) -> None:
    """Let nothing of the calldata be about an event that has none, or twice."""
    names = {event.position: event.name for event in record.events}
    seen = {call.event: call.function for call in record.calls if call.function != UNSEEN}
    _require_calls("calls.csv", tuple(CALLS_OF), names, [(call.event,) for call in record.calls])
    seen_names = {event: names.get(event, "") for event in seen}
    for file, of, keys in (
        ("certificates.csv", ("SlotCleared",), [(one.event,) for one in record.clears]),
        ("salts.csv", ("OrderRevealed",), [(one.event,) for one in record.salts]),
        ("signatures.csv", STATED, [(s.event, k) for k, s in enumerate(record.statements)]),
        ("order_signatures.csv", POSTED, [(s.event, s.entry) for s in record.order_signatures]),
    ):
        _require_calls(file, of, seen_names, keys)
    for line, call in enumerate(record.calls, start=2):
        if call.orders and call.function not in (POST, POST_FOR_WALLETS):
            raise Divergence(
                f"calls.csv line {line}",
                f"orders: expected 0 of {call.function}, came {call.orders}",
            )
    orders = {
        event.position: len(event.values.get("orders", "1"))
        for event in record.events
        if event.name in POSTED
    }
    for line, one in enumerate(record.order_signatures, start=2):
        if one.entry >= orders[one.event]:
            raise Divergence(
                f"order_signatures.csv line {line}",
                f"entry: expected one below {orders[one.event]}, came {one.entry}",
            )


def _require_calls(
    file: str, expected: Sequence[str], names: dict[int, str], keys: Sequence[tuple[int, ...]]
) -> None:
    """Check that each line is about an event of these names, and that no two are the same."""
    found: set[tuple[int, ...]] = set()
    for line, key in enumerate(keys, start=2):
        if names.get(key[0]) not in expected or key in found:
            raise Divergence(
                f"{file} line {line}",
                f"event: expected {' or '.join(expected)} whose calldata was seen, each once, "
                f"came {key[0]}",
            )
        found.add(key)


def _compare_slots(record: MarketRecord, ledger: Ledger) -> None:
    expected = sorted(ledger.slots)
    for line, entry in enumerate(record.slots, start=2):
        place = f"slots.csv line {line}"
        if line - 2 >= len(expected) or entry.slot != expected[line - 2]:
            wanted = expected[line - 2] if line - 2 < len(expected) else "no more"
            raise Divergence(place, f"slot: expected {wanted}, came {entry.slot}", slot=entry.slot)
        plain = ledger.slots[entry.slot]
        for what, derived, stated in (
            ("book", book_hash(plain), entry.book),
            ("outcome", plain.outcome, entry.outcome),
            ("readings", readings_hash(plain), entry.readings),
        ):
            if derived != stated:
                raise Divergence(
                    place, f"hash {what}: expected {derived}, came {stated}", slot=entry.slot
                )
            ledger.checked["hashes"] += derived != NOTHING
        seals = plain.revealed + len(plain.seals), plain.revealed
        if seals != (entry.sealed, entry.revealed):
            came = entry.sealed, entry.revealed
            raise Divergence(
                place, f"sealed and revealed: expected {seals}, came {came}", slot=entry.slot
            )
    if len(expected) > len(record.slots):
        slot = expected[len(record.slots)]
        raise Divergence(
            f"slots.csv line {len(record.slots) + 2}", "expected this slot, came none", slot=slot
        )


def _compare_accounts(record: MarketRecord, ledger: Ledger) -> None:
    seen: set[str] = set()
    for line, entry in enumerate(record.accounts, start=2):
        account = ledger.accounts.get(entry.owner, Account())
        place = f"accounts.csv line {line}"
        if entry.owner in seen:
            raise Divergence(place, f"owner: expected each once, came {entry.owner} twice")
        seen.add(entry.owner)
        for what, derived, stated in (
            ("free", account.free, entry.free),
            ("participant", account.participant, entry.participant),
            ("nonce", account.nonce, entry.nonce),
            ("r", account.reputation.r, entry.r),
            ("s", account.reputation.s, entry.s),
        ):
            if derived != stated:
                raise Divergence(
                    place,
                    f"{what} of {entry.owner}: expected {derived}, came {stated}",
                    slot=account.touched,
                )
        ledger.checked["accounts"] += 1
    missing = sorted(owner for owner in ledger.accounts if owner not in seen)
    if missing:
        touched = ledger.accounts[missing[0]].touched
        place = f"accounts.csv line {len(record.accounts) + 2}"
        raise Divergence(place, f"expected {missing[0]}, came no line", slot=touched)


def _compare_storage(record: MarketRecord, ledger: Ledger) -> None:
    expected = sorted(ledger.storage.items())
    for line, entry in enumerate(record.storage, start=2):
        place = f"storage.csv line {line}"
        came = entry.slot, (entry.charge, entry.discharge, entry.stored)
        wanted = expected[line - 2] if line - 2 < len(expected) else None
        if came != wanted:
            raise Divergence(place, f"expected {wanted}, came {came}", slot=entry.slot)
    if len(expected) > len(record.storage):
        place = f"storage.csv line {len(record.storage) + 2}"
        slot = expected[len(record.storage)][0]
        raise Divergence(place, "expected this slot, came none", slot=slot)


def _compare_totals(record: MarketRecord, ledger: Ledger) -> None:
    totals = record.totals
    last = max(ledger.slots, default=None)
    stored = [ledger.storage[slot][2] for slot in sorted(ledger.storage)]
    checks = [
        ("compensation_earned", ledger.compensation_earned, totals.compensation_earned),
        ("compensation_paid", ledger.compensation_paid, totals.compensation_paid),
        ("operator", ledger.roles.get("operator"), totals.operator),
        ("registrar", ledger.roles.get("registrar"), totals.registrar),
        ("line_owner", ledger.roles.get("line owner"), totals.line_owner),
        ("storage_provider", ledger.roles.get("storage provider"), totals.storage_provider),
    ]
    if stored:
        checks += [
            ("stored", stored[-1], totals.stored),
            ("next_storage_slot", max(ledger.storage) + 1, totals.next_storage_slot),
        ]
    for what, derived, stated in checks:
        if derived != stated:
            raise Divergence("totals.json", f"{what}: expected {derived}, came {stated}", slot=last)
    held = ledger.escrow + sum(
        account.free + account.locked for account in ledger.accounts.values()
    )
    if held != ledger.deposited - ledger.withdrawn:
        raise Divergence(
            "accounts.csv",
            f"sum of the accounts: expected {ledger.deposited - ledger.withdrawn}, came {held}",
            slot=last,
        )
    if totals.token_balance < held:
        raise Divergence(
            "totals.json",
            f"token_balance: expected at least {held}, came {totals.token_balance}",
            slot=last,
        )
