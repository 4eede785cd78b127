"""What the shared storage did, as a recursion; as contracts/StorageLedger.sol."""

from oracle.audit.accounts import Accounts
from oracle.audit.faults import compare, fault
from oracle.audit.typed_data import signer_of, storage_digest
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
        statements = self._statements.get(event.position)
        if statements is None:
            raise fault(event, "signature: expected that of the storage's meter, came none")
        for statement in statements:
            if not statement.signature:
                self.checked["calls whose calldata is not to be seen"] += 1
                continue
            compare(event, "energies", statement.energies, (charge, discharge))
            digest = storage_digest(
                self._storage_domain, slot=slot, charge=charge, discharge=discharge
            )
            signer = signer_of(digest, statement.signature)
            compare(event, "signature of the storage's meter", rating.meter, signer)
            self.checked["signatures"] += 1
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
