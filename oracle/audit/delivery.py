"""Readings, their signatures, and what is known in the end; as contracts/exchange/Delivery.sol."""

from collections.abc import Sequence

from oracle.audit.clearing import Clearing
from oracle.audit.faults import compare, fault
from oracle.audit.slot import SlotLedger
from oracle.audit.typed_data import reading_digest, signer_of
from oracle.audit.unproved import READING_SIGNATURES
from oracle.domain.book import CONTRADICTION, COUNTER_READING, MARKS, MAX_ENERGY, MAX_PARTICIPANTS
from oracle.domain.clock import READING_SECONDS
from oracle.domain.record import EventRecord, Values
from oracle.model.settlement import Statement, statements_of
from oracle.units import SLOT_SECONDS, Slot, Wh

CALLS = {
    0: "recordReadings",
    CONTRADICTION: "reportContradiction",
    COUNTER_READING: "correctReading",
}
PARTICIPANT = 0xFFFF


class Delivery(Clearing):
    """The readings of the slots."""

    def _read(self, event: EventRecord, values: Values) -> None:
        slot, entries = Slot(values["slot"]), values["entries"]
        mark = self._mark_of(event, entries)
        plain = self.slots.setdefault(slot, SlotLedger())
        challenge = self._constants.challenge_seconds if mark == COUNTER_READING else 0
        self._require_reading_time(event, slot, challenge)
        if plain.settled:
            raise fault(event, "expected a slot that is not settled")
        known = {entry >> 32 for entry in plain.readings if not entry & MARKS}
        for entry in entries:
            self._require_entry(event, slot, entry)
            self._require_new(event, plain, entry)
            plain.readings.append(entry)
            self.checked["readings"] += 1
        is_seen = self._call(event, CALLS[mark]) is not None
        if mark == COUNTER_READING:
            if not self._constants.challenge_seconds:
                raise fault(event, "expected no correction, as the rules leave no time for it")
        elif is_seen:
            signed = self._signed(event, slot)
            for entry in entries:
                require_signed(event, signed, entry)
            if mark == 0:
                compare(event, "entries", self._new_entries(event, known), entries)
        else:
            self._believe_readings(event, entries)

    def _mark_of(self, event: EventRecord, entries: Sequence[int]) -> int:
        """Return the mark of what was recorded; an entry that has one comes alone."""
        if not entries:
            raise fault(event, "entries: expected some, came none")
        mark = entries[0] & MARKS
        if any(entry & MARKS for entry in entries) and len(entries) > 1:
            raise fault(
                event, f"entries: expected one with a mark to come alone, came {len(entries)}"
            )
        if mark not in CALLS:
            raise fault(event, "entries: expected one mark, came two")
        return mark

    def _require_entry(self, event: EventRecord, slot: Slot, entry: int) -> None:
        """Check that an entry is of a participant, and has no bits but its own."""
        mark, number = entry & MARKS, entry >> 32 & PARTICIPANT
        energy = 0 if mark == CONTRADICTION else entry & MAX_ENERGY
        clean = mark | number << 32 | energy
        if entry != clean:
            raise fault(event, f"entry: expected {clean:#x}, came {entry:#x}")
        last = MAX_PARTICIPANTS if mark == COUNTER_READING else self.terms.participants(slot)
        if not 0 < number <= last:
            raise fault(event, f"participant: expected one of 1 to {last}, came {number}")

    def _require_reading_time(self, event: EventRecord, slot: Slot, challenge: int = 0) -> None:
        opens_at = (slot + 1) * SLOT_SECONDS
        self._require_time(event, opens_at, opens_at + READING_SECONDS + challenge)

    def _require_new(self, event: EventRecord, plain: SlotLedger, entry: int) -> None:
        participant, mark = (entry & ~MARKS) >> 32, entry & MARKS
        for before in plain.readings:
            if (before & ~MARKS) >> 32 == participant and before & MARKS == mark:
                raise fault(event, f"expected one reading of participant {participant}, came two")

    def _new_entries(self, event: EventRecord, known: set[int]) -> list[int]:
        """Return the entries of a call's readings; of those known a meter is not heard again."""
        new: dict[int, int] = {}
        for one in self._statements.get(event.position, []):
            if one.participant not in known:
                new.setdefault(one.participant, one.participant << 32 | one.energies[0])
        return list(new.values())

    def _believe_readings(self, event: EventRecord, entries: Sequence[int]) -> None:
        """Count signatures that are not to be seen; a contradiction has two."""
        for entry in entries:
            what = f"signature of participant {entry >> 32 & PARTICIPANT}'s meter"
            self._believe(event, READING_SIGNATURES, what, 2 if entry & CONTRADICTION else 1)

    def _signed(self, event: EventRecord, slot: Slot) -> dict[int, set[Wh]]:
        """Return the energies that each meter signed in a transaction."""
        statements = self._statements.get(event.position)
        if statements is None:
            raise fault(event, "signatures: expected those of the readings, came none")
        signed: dict[int, set[Wh]] = {}
        for statement in statements:
            number, energy = statement.participant, statement.energies[0]
            compare(event, f"energies of participant {number}", (energy,), statement.energies)
            digest = reading_digest(
                self._exchange_domain, slot=slot, participant=number, energy=energy
            )
            signer = signer_of(digest, statement.signature)
            meter = self.terms.meter(slot, number)
            if signer is None or signer != meter:
                raise fault(
                    event,
                    f"signature of participant {number}'s meter: expected {meter}, came {signer}",
                )
            signed.setdefault(number, set()).add(energy)
            self.checked["signatures"] += 1
        return signed

    def _final_statements(
        self, event: EventRecord, slot: Slot, plain: SlotLedger
    ) -> dict[int, Statement]:
        """Return what is known of each participant: recorded, or heard in the settlement."""
        return statements_of([*plain.readings, *self._heard(event, slot)])

    def _heard(self, event: EventRecord, slot: Slot) -> list[int]:
        """Return the entries of the readings that a settlement brought, each signed."""
        heard: list[int] = event.values["heard"]
        is_seen = self._call(event) is not None
        if heard:
            self._require_reading_time(event, slot)
        for entry in heard:
            if entry & MARKS:
                raise fault(event, f"heard: expected entries without a mark, came {entry:#x}")
            self._require_entry(event, slot, entry)
        if not is_seen:
            self._believe_readings(event, heard)
            return heard
        given = self._statements.get(event.position, [])
        entries = [one.participant << 32 | one.energies[0] for one in given]
        compare(event, "heard", entries, heard)
        if heard:
            self._signed(event, slot)
        return heard


def require_signed(event: EventRecord, signed: dict[int, set[Wh]], entry: int) -> None:
    participant = (entry & ~MARKS) >> 32
    energies = signed.get(participant, set())
    if entry & CONTRADICTION:
        if len(energies) < 2:
            raise fault(event, f"expected two signed readings of participant {participant}")
    elif Wh(entry & MAX_ENERGY) not in energies:
        raise fault(
            event,
            f"reading of participant {participant}: expected one of {sorted(energies)} that its "
            f"meter signed, came {entry & MAX_ENERGY}",
        )
