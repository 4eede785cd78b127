"""What the StorageLedger has recorded, read from its events."""

from dataclasses import dataclass

from oracle.chain.chains import Chain
from oracle.chain.deployment import Deployment
from oracle.chain.log_reader import LogReader
from oracle.chain.reverts import translated
from oracle.domain.storage_rating import StorageRating
from oracle.units import (
    SLOTS_PER_DAY,
    Bps,
    MicroUsd,
    MicroUsdPerMwh,
    Slot,
    Wh,
    amount_down,
    stored_after,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageEntry:
    """One record, and the block it is in."""

    charge: Wh
    discharge: Wh
    stored: Wh
    block: int


class StorageRecord:
    """The records of one ledger from its first slot on."""

    def __init__(self, chain: Chain, deployment: Deployment) -> None:
        self._ledger = deployment.storage_ledger
        self._recorded = self._ledger.events["StorageRecorded"]()
        self._reader = LogReader(chain, self._ledger.address, deployment.first_block)
        self._entries: dict[Slot, StorageEntry] = {}
        self._next_without_any: Slot | None = None
        self._rating: StorageRating | None = None

    def entries(self) -> dict[Slot, StorageEntry]:
        """Return the records by their slots, which follow one another."""
        new = self._reader.read()
        if new.again:
            self._entries = {}
        topic = bytes.fromhex(self._recorded.topic.removeprefix("0x"))
        for log in new.logs:
            if bytes(log["topics"][0]) != topic:
                continue
            said = self._recorded.process_log(log)["args"]
            self._entries[Slot(said["slot"])] = StorageEntry(
                charge=Wh(said["chargeWh"]),
                discharge=Wh(said["dischargeWh"]),
                stored=Wh(said["storedWh"]),
                block=log["blockNumber"],
            )
        return self._entries

    def next_slot(self) -> Slot:
        """Return the slot that is to be recorded next."""
        entries = self.entries()
        if entries:
            return Slot(max(entries) + 1)
        if self._next_without_any is None:
            with translated():
                self._next_without_any = Slot(self._ledger.functions["nextSlot"]().call())
        return self._next_without_any

    def initial(self) -> Wh:
        """Return what the storage held before its first record."""
        entries, rating = self.entries(), self.rating()
        if not entries:
            return rating.initial
        first = entries[min(entries)]
        moved = stored_after(
            Wh(0),
            first.charge,
            first.discharge,
            charge_efficiency=rating.charge_efficiency,
            discharge_efficiency=rating.discharge_efficiency,
        )
        return Wh(first.stored - moved)

    def rating(self) -> StorageRating:
        """Return the ledger's constants; its `initial` is what the storage held when asked."""
        if self._rating is None:
            self._rating = StorageRating(
                max_slot=Wh(self._constant("maxSlotWh")),
                min_stored=Wh(self._constant("minStoredWh")),
                max_stored=Wh(self._constant("maxStoredWh")),
                initial=Wh(self._constant("storedWh")),
                charge_efficiency=Bps(self._constant("chargeEfficiencyBps")),
                discharge_efficiency=Bps(self._constant("dischargeEfficiencyBps")),
                compensation=MicroUsdPerMwh(self._constant("compensationMicroUsdPerMwh")),
            )
        return self._rating

    def earned_until_yesterday(self, first_slot: Slot) -> MicroUsd:
        """Return the compensation of all records of days that are over, days from `first_slot`."""
        entries = self.entries()
        days = (self.next_slot() - first_slot) // SLOTS_PER_DAY
        over = first_slot + days * SLOTS_PER_DAY
        moved = sum(e.charge + e.discharge for slot, e in entries.items() if slot < over)
        return amount_down(Wh(moved), self.rating().compensation)

    def _constant(self, name: str) -> int:
        with translated():
            return int(self._ledger.functions[name]().call())
