"""What the shared storage did, as a recursion; as contracts/StorageLedger.sol."""

from oracle.audit.accounts import Accounts
from oracle.audit.faults import compare, fault
from oracle.audit.typed_data import signer_of, storage_digest
from oracle.audit.unproved import STORAGE_SIGNATURES
from oracle.domain.record import EventRecord, Values
from oracle.units import SLOT_SECONDS, Slot, Wh, stored_after


class Storage(Accounts):
    """The record of the storage."""

    def _stored(self, event: EventRecord, values: Values) -> None:
        slot, rating = Slot(values["slot"]), self._constants.storage
        charge, discharge = Wh(values["chargeWh"]), Wh(values["dischargeWh"])
        if self.storage:
            compare(event, "slot", max(self.storage) + 1, slot)
        ends_at = (slot + 1) * SLOT_SECONDS
        if event.time < ends_at:
            raise fault(event, f"time: expected from {ends_at} on, came {event.time}")
        self._require_storage_signature(event, slot, (charge, discharge))
        if charge and discharge:
            raise fault(event, f"expected charge or discharge, came {charge} and {discharge}")
        if charge + discharge > rating.max_slot:
            raise fault(
                event, f"energy: expected at most {rating.max_slot}, came {charge + discharge}"
            )
        if self.storage:
            before = self.storage[Slot(slot - 1)][2]
            stored = stored_after(
                before,
                charge,
                discharge,
                charge_efficiency=rating.charge_efficiency,
                discharge_efficiency=rating.discharge_efficiency,
            )
            compare(event, "storedWh", stored, values["storedWh"])
        if not rating.min_stored <= values["storedWh"] <= rating.max_stored:
            raise fault(
                event,
                f"storedWh: expected from {rating.min_stored} to {rating.max_stored}, "
                f"came {values['storedWh']}",
            )
        self.throughput += charge + discharge
        self.storage[slot] = charge, discharge, Wh(values["storedWh"])
        self.checked["stored-energy values"] += 1

    def _require_storage_signature(
        self, event: EventRecord, slot: Slot, energies: tuple[Wh, Wh]
    ) -> None:
        meter = self._constants.storage.meter
        if self._call(event) is None:
            self._believe(event, STORAGE_SIGNATURES, "signature of the storage's meter")
            return
        statements = self._statements.get(event.position, [])
        if len(statements) != 1:
            raise fault(
                event,
                f"signature: expected one of the storage's meter, came {len(statements) or 'none'}",
            )
        compare(event, "participant of the signature", 0, statements[0].participant)
        compare(event, "energies", statements[0].energies, energies)
        charge, discharge = energies
        digest = storage_digest(self._storage_domain, slot=slot, charge=charge, discharge=discharge)
        signer = signer_of(digest, statements[0].signature)
        compare(event, "signature of the storage's meter", meter, signer)
        self.checked["signatures"] += 1
