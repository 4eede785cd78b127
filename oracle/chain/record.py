"""Reads what the contracts of a market recorded, from nothing but its Exchange's address."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from typing import Any

from eth_abi.abi import decode
from eth_typing import ChecksumAddress
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic
from eth_utils.address import to_checksum_address
from eth_utils.conversions import to_bytes
from hexbytes import HexBytes
from web3.contract import Contract
from web3.types import LogReceipt, TxParams

from oracle.chain.artifacts import CONTRACTS, load_artifact
from oracle.chain.chains import Chain
from oracle.chain.reverts import translated
from oracle.domain.book import Order, Trade
from oracle.domain.community import FeeLadder
from oracle.domain.record import (
    AccountState,
    ClearCall,
    Constants,
    EventRecord,
    LadderEntry,
    LineEntry,
    MarketRecord,
    MechanismEntry,
    MeterEntry,
    OrderSignature,
    OwnerEntry,
    PriceEntry,
    Rating,
    RevealedSalt,
    SignedStatement,
    SlotHashes,
    StorageEntry,
    Totals,
    Values,
)
from oracle.domain.rows import lines_of
from oracle.errors import ChainUnavailable, ContractRevert, InvalidInputError
from oracle.units import Bps, Meters, MicroUsd, MicroUsdPerMwh, MicroUsdPerMwhKm, Slot, Wh

Progress = Callable[[str, int, int], None]

PARTS = ("Registry", "LineLease", "StorageLedger", "Exchange")
BLOCKS_PER_SEARCH = 5_000
ADDRESS_MASK = (1 << 160) - 1


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


@dataclass(frozen=True, slots=True)
class _Calls:
    """What transactions carried besides what their events tell."""

    clears: list[ClearCall] = field(default_factory=list)
    statements: list[SignedStatement] = field(default_factory=list)
    order_signatures: list[OrderSignature] = field(default_factory=list)
    salts: list[RevealedSalt] = field(default_factory=list)


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
        calls = self._calls()
        return MarketRecord(
            constants=self._constants(),
            events=self._events,
            clears=tuple(calls.clears),
            statements=tuple(calls.statements),
            order_signatures=tuple(calls.order_signatures),
            salts=tuple(calls.salts),
            owners=tuple(self._owners()),
            meters=tuple(self._meters()),
            lines=tuple(self._lines()),
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
        entry = _events_by_topic(artifact).get(bytes(log["topics"][0]))
        if entry is None:
            raise ChainUnavailable(
                f"{contract} logged an event in block {log['blockNumber']} that is unknown here"
            )
        return EventRecord(
            position=position,
            block=log["blockNumber"],
            time=self._block(log["blockNumber"])["timestamp"],
            transaction=_hex(log["transactionHash"]),
            contract=contract,
            name=entry["name"],
            values=_event_values(entry, log),
        )

    def _block(self, number: int) -> Any:
        if number not in self._blocks:
            with translated():
                self._blocks[number] = self._chain.w3.eth.get_block(number, True)
        return self._blocks[number]

    def _calldata(self, event: EventRecord) -> tuple[str, Values] | None:
        """Return function and arguments of the transaction that left an event, if it called us."""
        contract = self._contracts[event.contract]
        for transaction in self._block(event.block)["transactions"]:
            if _hex(transaction["hash"]) != event.transaction:
                continue
            if transaction.get("to") != contract.address:
                return None  # called by another contract: what it passed on is not recorded
            data = transaction["input"] if "input" in transaction else transaction["data"]
            function, arguments = contract.decode_function_input(HexBytes(data))
            return function.fn_name, arguments
        return None

    def _calls(self) -> _Calls:
        found = _Calls()
        wanted = [e for e in self._events if e.name in _READERS]
        for done, event in enumerate(wanted):
            self._report("calldata", done, len(wanted))
            call = self._calldata(event)
            if call is None:
                if event.name in ("ReadingsRecorded", "StorageRecorded"):
                    found.statements.append(_unseen(event.position))
                elif event.name == "OrdersPosted":
                    unseen = [b""] * len(event.values["orders"])
                    found.order_signatures.extend(_signatures(event, unseen))
                continue
            name, arguments = call
            position = event.position
            if name == "clear":
                certificate = arguments["certificate"]
                found.clears.append(ClearCall(event=position, certificate=certificate))
            elif name == "reveal":
                found.salts.append(RevealedSalt(event=position, salt=_hex(arguments["salt"])))
            elif name == "post":
                found.order_signatures.extend(self._order_signatures(event, arguments))
            elif name in _STATEMENTS:
                found.statements.extend(_STATEMENTS[name](position, arguments))
        self._progress("calldata", len(wanted), len(wanted))
        return found

    def _order_signatures(self, event: EventRecord, arguments: Values) -> list[OrderSignature]:
        """Return the signatures of the orders that were not skipped, in their order."""
        skipped = {
            other.values["position"]
            for other in self._events
            if other.name == "OrderSkipped" and other.transaction == event.transaction
        }
        kept = [
            signature
            for position, signature in enumerate(arguments["signatures"])
            if position not in skipped
        ]
        return _signatures(event, kept)

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
                    owner=_address(word),
                    group=word >> 160,
                )

    def _meters(self) -> Iterable[MeterEntry]:
        for since in self._announced("ParticipantRegistered", "MeterAnnounced"):
            words = self._call(self._contracts["Registry"], "metersOf", since)
            for participant, word in enumerate(words, start=1):
                yield MeterEntry(since=since, participant=participant, meter=_address(word))

    def _lines(self) -> Iterable[LineEntry]:
        for since in self._announced("LinesAnnounced"):
            words, row_words = self._call(self._contracts["LineLease"], "rowsOf", since)
            for (seller, buyer), distance in sorted(lines_of(words, row_words).items()):
                yield LineEntry(since=since, seller=seller, buyer=buyer, distance=Meters(distance))

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
            name = next((n for n in CONTRACTS if _creates(n, bytes(code))), "")
            yield MechanismEntry(since=since, mechanism=address.lower(), name=name)

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
            free, locked, participant, _ = self._call(self._exchange, "accountOf", address)
            r, s = self._call(self._exchange, "reputationOf", address)
            with translated():
                code = self._chain.w3.eth.get_code(address, self._last_block)
            yield AccountState(
                owner=owner,
                free=MicroUsd(free),
                locked=MicroUsd(locked),
                participant=participant,
                nonce=self._call(self._exchange, "nonceOf", address),
                r=r,
                s=s,
                wallet=len(code) > 0,
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
                book=_hex(book),
                outcome=_hex(outcome),
                readings=_hex(readings),
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


def _signatures(event: EventRecord, signatures: list[bytes]) -> list[OrderSignature]:
    return [
        OrderSignature(event=event.position, entry=entry, signature=bytes(signature))
        for entry, signature in enumerate(signatures)
    ]


def _unseen(event: int) -> SignedStatement:
    return SignedStatement(event=event, participant=0, energies=(Wh(0),), signature=b"")


def _readings(event: int, arguments: Values) -> list[SignedStatement]:
    return [_reading(event, fields) for fields in arguments["readings"]]


def _contradiction(event: int, arguments: Values) -> list[SignedStatement]:
    return [_reading(event, arguments["one"]), _reading(event, arguments["other"])]


def _reading(event: int, fields: Values) -> SignedStatement:
    return SignedStatement(
        event=event,
        participant=fields["participant"],
        energies=(Wh(fields["energyWh"]),),
        signature=bytes(fields["r"]) + bytes(fields["vs"]),
    )


def _storage_reading(event: int, arguments: Values) -> list[SignedStatement]:
    return [
        SignedStatement(
            event=event,
            participant=0,
            energies=(Wh(arguments["chargeWh"]), Wh(arguments["dischargeWh"])),
            signature=bytes(arguments["signature"]),
        )
    ]


_READERS = (
    "SlotCleared",
    "ReadingsRecorded",
    "SlotSettled",
    "StorageRecorded",
    "OrdersPosted",
    "OrderRevealed",
)
_STATEMENTS: dict[str, Callable[[int, Values], list[SignedStatement]]] = {
    "recordReadings": _readings,
    "reportContradiction": _contradiction,
    "settle": _readings,
    "record": _storage_reading,
}


@cache
def _events_by_topic(contract: str) -> dict[bytes, dict[str, Any]]:
    return {
        bytes(event_abi_to_log_topic(entry)): entry  # type: ignore[arg-type]
        for entry in load_artifact(contract).abi
        if entry["type"] == "event"
    }


def _event_values(entry: dict[str, Any], log: LogReceipt) -> Values:
    indexed = [item for item in entry["inputs"] if item["indexed"]]
    plain = [item for item in entry["inputs"] if not item["indexed"]]
    values = {
        item["name"]: decode([item["type"]], bytes(topic))[0]
        for item, topic in zip(indexed, log["topics"][1:], strict=True)
    }
    decoded = decode([collapse_if_tuple(item) for item in plain], bytes(log["data"]))
    values |= dict(zip((item["name"] for item in plain), decoded, strict=True))
    inputs = entry["inputs"]
    if entry["name"] == "OrderSkipped":  # its word need not be an order's
        inputs = [{**item, "internalType": item["type"]} for item in inputs]
        values["order"] = values["order"].to_bytes(32, "big")
    found = {item["name"]: _plain(item, values[item["name"]]) for item in inputs}
    if entry["name"] == "SlotSettled":  # four bytes a trade
        found["delivered"] = [
            int.from_bytes(values["delivered"][k : k + 4], "big")
            for k in range(0, len(values["delivered"]), 4)
        ]
    return found


def _plain(item: dict[str, Any], value: Any) -> Any:
    """Return a value as integers, texts, lists and objects; words as the fields they pack."""
    kind: str = item["type"]
    if kind.endswith("[]"):
        inner = {**item, "type": kind[:-2], "internalType": item["internalType"].removesuffix("[]")}
        return [_plain(inner, one) for one in value]
    if item.get("internalType") == "Order":
        return {name: int(field) for name, field in asdict(Order.unpack(value)).items()}
    if item.get("internalType") == "Trade":
        fields = asdict(Trade.unpack(value))
        del fields["delivered"]
        return {name: int(field) for name, field in fields.items()}
    if kind == "tuple":
        return {
            part["name"]: _plain(part, one)
            for part, one in zip(item["components"], value, strict=True)
        }
    if kind == "address":
        return value.lower()
    return _hex(value) if isinstance(value, bytes) else value


def _creates(name: str, code: bytes) -> bool:
    """Return whether a contract's creation code ends in this code, so that it is the contract."""
    return len(code) > 0 and to_bytes(hexstr=load_artifact(name).bytecode).endswith(code)


def _address(word: int) -> str:
    return f"0x{word & ADDRESS_MASK:040x}"


def _hex(data: Any) -> str:
    return "0x" + bytes(HexBytes(data)).hex()
