"""Readings, their signatures, and what is known in the end; as contracts/exchange/Delivery.sol."""

from oracle.audit.clearing import Clearing
from oracle.audit.faults import fault
from oracle.audit.slot import MARKS, SlotLedger, Statement
from oracle.audit.typed_data import reading_digest, signer_of
from oracle.domain.book import CONTRADICTION, COUNTER_READING
from oracle.domain.clock import READING_SECONDS
from oracle.domain.record import EventRecord, Values
from oracle.units import SLOT_SECONDS, Slot, Wh


class Delivery(Clearing):
    """The readings of the slots."""

    def _read(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        opens_at = (slot + 1) * SLOT_SECONDS
        corrects = any(entry & COUNTER_READING for entry in values["entries"])
        challenge = self._constants.challenge_seconds if corrects else 0
        self._require_time(event, opens_at, opens_at + READING_SECONDS + challenge)
        plain = self.slots.setdefault(slot, SlotLedger())
        if plain.settled:
            raise fault(event, "expected a slot that is not settled")
        signed = None if corrects else self._signed(event, slot)
        for entry in values["entries"]:
            self._require_new(event, plain, entry)
            if signed is not None:
                require_signed(event, signed, entry)
            plain.readings.append(entry)
            self.checked["readings"] += 1

    def _require_new(self, event: EventRecord, plain: SlotLedger, entry: int) -> None:
        participant, mark = (entry & ~MARKS) >> 32, entry & MARKS
        for before in plain.readings:
            if (before & ~MARKS) >> 32 == participant and before & MARKS == mark:
                raise fault(event, f"expected one reading of participant {participant}, came two")

    def _signed(self, event: EventRecord, slot: Slot) -> dict[int, set[Wh]] | None:
        """Return the energies that each meter signed in a transaction; None if it is not there."""
        statements = self._statements.get(event.position)
        if statements is None:
            raise fault(event, "signatures: expected those of the readings, came none")
        if not any(statement.signature for statement in statements):
            self.checked["calls whose calldata is not to be seen"] += 1
            return None
        signed: dict[int, set[Wh]] = {}
        for statement in statements:
            number, energy = statement.participant, statement.energies[0]
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
        """Return what is known of each participant: recorded, or given to settle and signed."""
        statements: dict[int, Statement] = {}
        for entry in plain.readings:
            statements.setdefault((entry & ~MARKS) >> 32, Statement()).amend(entry)
        given = self._statements.get(event.position)
        if given:
            opens_at = (slot + 1) * SLOT_SECONDS
            self._require_time(event, opens_at, opens_at + READING_SECONDS)
            self._signed(event, slot)
            for one in given:
                statements.setdefault(one.participant, Statement()).amend(one.energies[0])
        return statements


def require_signed(event: EventRecord, signed: dict[int, set[Wh]], entry: int) -> None:
    participant = (entry & ~MARKS) >> 32
    energies = signed.get(participant, set())
    if entry & CONTRADICTION:
        if len(energies) < 2:
            raise fault(event, f"expected two signed readings of participant {participant}")
    elif Wh(entry & 0xFFFFFFFF) not in energies:
        raise fault(
            event,
            f"reading of participant {participant}: expected one of {sorted(energies)} that its "
            f"meter signed, came {entry & 0xFFFFFFFF}",
        )
