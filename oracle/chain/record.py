"""Reads what the contracts of a market recorded, from nothing but its Exchange's address."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from web3.contract import Contract
from web3.types import LogReceipt, TxData, TxParams

from oracle.chain.artifacts import CONTRACTS, is_code_of, load_artifact
from oracle.chain.calldata import Calldata, decoded_call
from oracle.chain.chains import Chain
from oracle.chain.decoding import address_of, event_values, events_by_topic, hex_of
from oracle.chain.reverts import translated
from oracle.domain.community import FeeLadder
from oracle.domain.record import (
    CALLS_OF,
    AccountState,
    CapacityEntry,
    Constants,
    EventRecord,
    LadderEntry,
    LineEntry,
    MarketRecord,
    MechanismEntry,
    MeterEntry,
    OwnerEntry,
    PriceEntry,
    Rating,
    SlotHashes,
    StorageEntry,
    Totals,
)
from oracle.domain.rows import capacities_of, lines_of
from oracle.errors import ChainUnavailable, ContractRevert, InvalidInputError
from oracle.progress import Progress
from oracle.units import Bps, Meters, MicroUsd, MicroUsdPerMwh, MicroUsdPerMwhKm, Slot, Wh

PARTS = ("Registry", "LineLease", "StorageLedger", "Exchange")
BLOCKS_PER_SEARCH = 5_000


def read_market(
    chain: Chain,
    exchange: str,
    *,
    first_block: int = 0,
    progress: Progress = lambda stage, done, total: None,
) -> MarketRecord:
    """
    Return what the market around an Exchange recorded from `first_block` up to the latest block.

    Raises
    ------
    InvalidInputError
        If there is no Exchange at the address.
    ChainError
        If the node does not answer.
    """
    return _Reader(chain, exchange, first_block, progress).record()


class _Reader:
    """One reading: every call is made at one block."""

    def __init__(self, chain: Chain, exchange: str, first_block: int, progress: Progress) -> None:
        self._chain = chain
        self._progress = progress
        self._first_block = first_block
        self._last_block = chain.block_number()
        self._blocks: dict[int, Any] = {}
        self._exchange = self._exchange_at(exchange)
        self._seal_bond = self._sealed_with()
        if self._seal_bond:
            self._exchange = self._contract("SealedExchange", self._exchange.address)
        addresses = {
            "Registry": self._call(self._exchange, "registry"),
            "LineLease": self._call(self._exchange, "lineLease"),
            "StorageLedger": self._call(self._exchange, "storageLedger"),
        }
        self._contracts = {
            name: self._contract(name, address) for name, address in addresses.items()
        }
        self._contracts["Exchange"] = self._exchange

    def record(self) -> MarketRecord:
        """Return the whole record."""
        calldata = self._calldata()
        return MarketRecord(
            constants=self._constants(),
            events=self._events,
            calls=tuple(calldata.calls),
            clears=tuple(calldata.clears),
            statements=tuple(calldata.statements),
            order_signatures=tuple(calldata.order_signatures),
            salts=tuple(calldata.salts),
            owners=tuple(self._owners()),
            meters=tuple(self._meters()),
            lines=tuple(self._lines()),
            capacities=tuple(self._capacities()),
            ladders=tuple(self._ladders()),
            prices=tuple(self._prices()),
            mechanisms=tuple(self._mechanisms()),
            accounts=tuple(self._accounts()),
            slots=tuple(self._slots()),
            storage=tuple(self._storage()),
            totals=self._totals(),
        )

    def _exchange_at(self, address: str) -> Contract:
        try:
            checksum = to_checksum_address(address)
        except ValueError as error:
            raise InvalidInputError(
                f"--exchange {address}: expected an address of 20 bytes in hexadecimal"
            ) from error
        with translated():
            code = self._chain.w3.eth.get_code(checksum, self._last_block)
        if not code:
            raise InvalidInputError(
                f"--exchange {address}: there is no contract at this address of {self._chain.name}"
            )
        return self._contract("Exchange", checksum)

    def _sealed_with(self) -> MicroUsd:
        """Return the bond of a sealed order; zero where the Exchange has an open book."""
        sealed = self._contract("SealedExchange", self._exchange.address)
        try:
            return MicroUsd(self._call(sealed, "sealBondMicroUsd"))
        except ContractRevert:
            return MicroUsd(0)

    def _contract(self, name: str, address: ChecksumAddress) -> Contract:
        return self._chain.w3.eth.contract(address=address, abi=load_artifact(name).abi)

    def _call(self, contract: Contract, name: str, *arguments: Any) -> Any:
        with translated():
            return contract.functions[name](*arguments).call(self._sender, self._last_block)

    @cached_property
    def _sender(self) -> TxParams:
        """Who calls: without one the library would ask the node for its accounts at each call."""
        with translated():
            accounts = self._chain.w3.eth.accounts
        return {"from": accounts[0]} if accounts else {}

    @cached_property
    def _events(self) -> tuple[EventRecord, ...]:
        """All events of the four contracts, in the chain's order."""
        found: list[tuple[tuple[int, int], str, LogReceipt]] = []
        for part, name in enumerate(PARTS):
            for log in self._logs(self._contracts[name].address, part):
                found.append(((log["blockNumber"], log["logIndex"]), name, log))
        found.sort(key=lambda entry: entry[0])
        events = []
        for position, (_, name, log) in enumerate(found):
            self._report("blocks", position, len(found))
            events.append(self._event(position, name, log))
        self._progress("blocks", len(found), len(found))
        return tuple(events)

    def _logs(self, address: ChecksumAddress, part: int) -> Iterable[LogReceipt]:
        blocks = range(self._first_block, self._last_block + 1, BLOCKS_PER_SEARCH)
        for done, first in enumerate(blocks):
            self._progress("events", part * len(blocks) + done, len(PARTS) * len(blocks))
            last = min(first + BLOCKS_PER_SEARCH - 1, self._last_block)
            yield from self._chain.logs(address, first, last)
        self._progress("events", (part + 1) * len(blocks), len(PARTS) * len(blocks))

    def _event(self, position: int, contract: str, log: LogReceipt) -> EventRecord:
        artifact = "SealedExchange" if contract == "Exchange" and self._seal_bond else contract
        entry = events_by_topic(artifact).get(bytes(log["topics"][0]))
        if entry is None:
            raise ChainUnavailable(
                f"{contract} logged an event in block {log['blockNumber']} that is unknown here"
            )
        return EventRecord(
            position=position,
            block=log["blockNumber"],
            time=self._block(log["blockNumber"])["timestamp"],
            transaction=hex_of(log["transactionHash"]),
            contract=contract,
            address=log["address"].lower(),
            name=entry["name"],
            values=event_values(entry, log),
        )

    def _block(self, number: int) -> Any:
        if number not in self._blocks:
            with translated():
                self._blocks[number] = self._chain.w3.eth.get_block(number, True)
        return self._blocks[number]

    def _calldata(self) -> Calldata:
        found = Calldata()
        wanted = [event for event in self._events if event.name in CALLS_OF]
        skipped: dict[str, set[int]] = {}
        for event in wanted:
            if event.name == "OrderSkipped":
                skipped.setdefault(event.transaction, set()).add(event.values["position"])
        for done, event in enumerate(wanted):
            self._report("calldata", done, len(wanted))
            contract, transaction = self._contracts[event.contract], self._transaction(event)
            call = decoded_call(contract, transaction, event.name) if transaction else None
            if call is None:
                found.add_unseen(event)
            else:
                found.add(event, *call, skipped.get(event.transaction, set()))
        self._progress("calldata", len(wanted), len(wanted))
        return found

    def _transaction(self, event: EventRecord) -> TxData | None:
        transactions = self._block(event.block)["transactions"]
        return next((one for one in transactions if hex_of(one["hash"]) == event.transaction), None)

    def _constants(self) -> Constants:
        exchange, ledger = self._exchange, self._contracts["StorageLedger"]
        addresses = {name: contract.address for name, contract in self._contracts.items()}
        addresses["Token"] = self._call(exchange, "token")
        return Constants(
            chain_id=self._chain.chain_id,
            first_block=self._first_block,
            last_block=self._last_block,
            addresses={name: addresses[name].lower() for name in sorted(addresses)},
            price_cap=self._call(exchange, "priceCapMicroUsdPerMwh"),
            bond_price=self._call(exchange, "bondMicroUsdPerMwh"),
            compensation_price=self._call(exchange, "compensationMicroUsdPerMwh"),
            reputation_memory=self._call(exchange, "memoryBps"),
            reputation_full_value=self._call(exchange, "fullValueMicroUsd"),
            challenge_seconds=self._call(exchange, "challengeSeconds"),
            seal_bond=self._seal_bond,
            storage=Rating(
                max_slot=self._call(ledger, "maxSlotWh"),
                min_stored=self._call(ledger, "minStoredWh"),
                max_stored=self._call(ledger, "maxStoredWh"),
                charge_efficiency=self._call(ledger, "chargeEfficiencyBps"),
                discharge_efficiency=self._call(ledger, "dischargeEfficiencyBps"),
                compensation=self._call(ledger, "compensationMicroUsdPerMwh"),
                meter=self._call(ledger, "meter").lower(),
            ),
        )

    def _announced(self, *names: str) -> list[Slot]:
        """Return the slots from which something new holds, by the events of these names."""
        return sorted({e.values["from"] for e in self._events if e.name in names})

    def _owners(self) -> Iterable[OwnerEntry]:
        for since in self._announced("ParticipantRegistered", "GroupAnnounced"):
            words = self._call(self._contracts["Registry"], "ownersOf", since)
            for participant, word in enumerate(words, start=1):
                yield OwnerEntry(
                    since=since,
                    participant=participant,
                    owner=address_of(word),
                    group=word >> 160,
                )

    def _meters(self) -> Iterable[MeterEntry]:
        for since in self._announced("ParticipantRegistered", "MeterAnnounced"):
            words = self._call(self._contracts["Registry"], "metersOf", since)
            for participant, word in enumerate(words, start=1):
                yield MeterEntry(since=since, participant=participant, meter=address_of(word))

    def _lines(self) -> Iterable[LineEntry]:
        for since in self._announced("LinesAnnounced"):
            words, row_words = self._call(self._contracts["LineLease"], "rowsOf", since)
            for (seller, buyer), distance in sorted(lines_of(words, row_words).items()):
                yield LineEntry(since=since, seller=seller, buyer=buyer, distance=Meters(distance))

    def _capacities(self) -> Iterable[CapacityEntry]:
        for since in self._announced("CapacitiesAnnounced"):
            lease = self._contracts["LineLease"]
            rows, words = (
                self._call(lease, "rowsOf", since),
                self._call(lease, "capacitiesOf", since),
            )
            for (seller, buyer), capacity in sorted(capacities_of(words, *rows).items()):
                yield CapacityEntry(since=since, seller=seller, buyer=buyer, capacity=capacity)

    def _ladders(self) -> Iterable[LadderEntry]:
        for since in self._announced("LadderAnnounced"):
            base, interval, growth = self._call(self._contracts["LineLease"], "ladderOf", since)
            ladder = FeeLadder(
                base=MicroUsdPerMwhKm(base), interval=Meters(interval), growth=Bps(growth)
            )
            yield LadderEntry(since=since, ladder=ladder)

    def _prices(self) -> Iterable[PriceEntry]:
        for since in self._announced("RealTimePriceAnnounced"):
            price = self._call(self._exchange, "realTimePriceOf", since)
            yield PriceEntry(since=since, price=MicroUsdPerMwh(price))

    def _mechanisms(self) -> Iterable[MechanismEntry]:
        for since in self._announced("MechanismAnnounced"):
            address = self._call(self._exchange, "mechanismOf", since)
            with translated():
                code = self._chain.w3.eth.get_code(address, self._last_block)
            name = next((n for n in CONTRACTS if is_code_of(bytes(code), n)), "")
            parameters = self._call(self._contract(name, address), "parameters") if name else ()
            yield MechanismEntry(
                since=since, mechanism=address.lower(), name=name, parameters=tuple(parameters)
            )

    def _accounts(self) -> Iterable[AccountState]:
        owners = {entry.owner for entry in self._owners()}
        owners |= {self._owner_of(name) for name in PARTS}
        for event in self._events:
            for key in ("owner", "operator", "provider", "previousOwner", "newOwner"):
                if key in event.values:
                    owners.add(event.values[key])
        owners.discard("0x" + 40 * "0")
        for done, owner in enumerate(sorted(owners)):
            self._progress("accounts", done, len(owners))
            address = to_checksum_address(owner)
            free, participant, _ = self._call(self._exchange, "accountOf", address)
            r, s = self._call(self._exchange, "reputationOf", address)
            yield AccountState(
                owner=owner,
                free=MicroUsd(free),
                participant=participant,
                nonce=self._call(self._exchange, "nonceOf", address),
                r=r,
                s=s,
            )
        self._progress("accounts", len(owners), len(owners))

    def _slots(self) -> Iterable[SlotHashes]:
        slots = sorted({e.slot for e in self._events if e.contract == "Exchange" and e.slot})
        for done, slot in enumerate(slots):
            self._report("slots", done, len(slots))
            book, outcome, readings = self._call(self._exchange, "slotOf", slot)
            sealed, revealed = 0, 0
            if self._seal_bond:
                sealed, revealed = self._call(self._exchange, "sealsOf", slot)
            yield SlotHashes(
                slot=slot,
                book=hex_of(book),
                outcome=hex_of(outcome),
                readings=hex_of(readings),
                sealed=sealed,
                revealed=revealed,
            )
        self._progress("slots", len(slots), len(slots))

    def _storage(self) -> Iterable[StorageEntry]:
        for event in self._events:
            if event.name == "StorageRecorded" and event.slot is not None:
                charge, discharge, stored = self._call(
                    self._contracts["StorageLedger"], "recordOf", event.slot
                )
                yield StorageEntry(
                    slot=event.slot, charge=Wh(charge), discharge=Wh(discharge), stored=Wh(stored)
                )

    def _owner_of(self, part: str) -> str:
        owner: str = self._call(self._contracts[part], "owner")
        return owner.lower()

    def _totals(self) -> Totals:
        ledger = self._contracts["StorageLedger"]
        token = self._contract("TestDollar", self._call(self._exchange, "token"))
        return Totals(
            stored=self._call(ledger, "storedWh"),
            next_storage_slot=self._call(ledger, "nextSlot"),
            compensation_earned=self._call(ledger, "compensationEarned"),
            compensation_paid=self._call(self._exchange, "compensationPaid"),
            token_balance=self._call(token, "balanceOf", self._exchange.address),
            operator=self._owner_of("Exchange"),
            registrar=self._owner_of("Registry"),
            line_owner=self._owner_of("LineLease"),
            storage_provider=self._owner_of("StorageLedger"),
        )

    def _report(self, stage: str, done: int, total: int) -> None:
        if done % 64 == 0:
            self._progress(stage, done, total)
