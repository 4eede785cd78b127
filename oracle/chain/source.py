"""Reads a market from a node, block by block: what the index of the service is made of."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_typing import ChecksumAddress
from eth_utils.abi import function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3.contract import Contract
from web3.types import LogReceipt

from oracle.chain.artifacts import CONTRACTS, is_code_of, load_artifact
from oracle.chain.chains import Chain
from oracle.chain.decoding import event_values, events_by_topic, hex_of
from oracle.chain.raw import Request, sent_together
from oracle.chain.reverts import decoded, refusal_of, translated
from oracle.domain.blocks import (
    BlockHeader,
    ChainEvent,
    ChainSegment,
    ChainTransaction,
    MarketRules,
    MechanismTerms,
)
from oracle.domain.record import UNSEEN
from oracle.errors import ChainUnavailable, ContractRevert, InvalidInputError
from oracle.units import Bps, MicroUsd, MicroUsdPerMwh

DEPLOY = "deploy"
NO_TABLE = "0x" + 40 * "0"
PARTS = {"Registry": "registry", "LineLease": "lineLease", "StorageLedger": "storageLedger"}


class MarketSource:
    """
    The market around an Exchange, as `backend.chain.ChainReader` has it.

    Raises
    ------
    InvalidInputError
        If there is no Exchange at the address.
    ChainUnavailable
        If the node does not answer.
    """

    def __init__(self, chain: Chain, exchange: str, *, first_block: int = 0) -> None:
        self.chain = chain
        self._first_block = first_block
        address = _checksummed(exchange)
        try:
            parts = {name: self._view("Exchange", address, view) for name, view in PARTS.items()}
        except ContractRevert as error:
            raise _no_exchange(exchange, chain) from error
        self._seal_bond = MicroUsd(self._seal_bond_of(address))
        self._kinds = {  # of which artifact the contract at an address is, and its name here
            address: ("SealedExchange" if self._seal_bond else "Exchange", "Exchange"),
            **{_checksummed(found): (name, name) for name, found in parts.items()},
        }
        self.exchange = self._contract(self._kinds[address][0], address)
        self._rules = self._read_rules()
        self._mechanisms: dict[str, MechanismTerms] = {}
        self._tables: dict[str, tuple[int, ...]] = {}

    def rules(self) -> MarketRules:
        return self._rules

    def head(self) -> BlockHeader:
        [block] = self._ask([("eth_getBlockByNumber", ["latest", False])])
        return _header(block)

    def header(self, number: int) -> BlockHeader | None:
        [block] = self._ask([("eth_getBlockByNumber", [hex(number), False])])
        return None if block is None else _header(block)

    def segment(self, first: int, last: int) -> ChainSegment:
        """Return blocks with their events; a chain that changes meanwhile is asked again later."""
        blocks = self._ask(
            [("eth_getBlockByNumber", [hex(number), False]) for number in range(first, last + 1)]
        )
        if any(block is None for block in blocks):
            raise _moved()
        logs = self._logs(first, last)
        headers = tuple(map(_header, blocks))
        hashes = {header.number: header.hash for header in headers}
        if any(hex_of(log["blockHash"]) != hashes[log["blockNumber"]] for log in logs):
            raise _moved()
        events = tuple(map(self._event, logs))
        return ChainSegment(
            headers=headers,
            events=events,
            transactions=tuple(self._transactions(events)),
            tables={name: self._table(name) for name in _values(events, "directory")},
            mechanisms={
                address: self._mechanism(address)
                for address in _values(events, "mechanism", of="MechanismAnnounced")
            },
            refusals={
                reason: refusal_of(decoded(bytes(HexBytes(reason))))
                for reason in _values(events, "reason")
            },
        )

    def _logs(self, first: int, last: int) -> list[LogReceipt]:
        found: list[LogReceipt] = []
        for address in self._kinds:
            found += self.chain.logs(address, first, last)
        return sorted(found, key=lambda log: (log["blockNumber"], log["logIndex"]))

    def _event(self, log: LogReceipt) -> ChainEvent:
        artifact, contract = self._kinds[log["address"]]
        entry = events_by_topic(artifact).get(bytes(log["topics"][0]))
        if entry is None:
            raise ChainUnavailable(
                f"{contract} logged an event in block {log['blockNumber']} that is unknown here"
            )
        return ChainEvent(
            block=log["blockNumber"],
            log_index=log["logIndex"],
            transaction=hex_of(log["transactionHash"]),
            contract=contract,
            name=entry["name"],
            values=event_values(entry, log),
        )

    def _transactions(self, events: Sequence[ChainEvent]) -> Iterable[ChainTransaction]:
        first_of = {event.transaction: event for event in reversed(events)}
        hashes = sorted(first_of, key=lambda one: (first_of[one].block, first_of[one].log_index))
        sent = self._ask([("eth_getTransactionByHash", [one]) for one in hashes])
        receipts = self._ask([("eth_getTransactionReceipt", [one]) for one in hashes])
        for name, transaction, receipt in zip(hashes, sent, receipts, strict=True):
            if transaction is None or receipt is None:
                raise _moved()
            yield self._transaction(first_of[name], transaction, receipt)

    def _transaction(self, event: ChainEvent, sent: Any, receipt: Any) -> ChainTransaction:
        target = sent.get("to")
        data = bytes(HexBytes(sent["input"]))
        artifact, contract = self._kinds.get(
            to_checksum_address(target or NO_TABLE), ("", event.contract)
        )
        function = _functions(artifact).get(data[:4], UNSEEN) if artifact else UNSEEN
        return ChainTransaction(
            hash=event.transaction,
            block=event.block,
            contract=contract,
            function=function if target else DEPLOY,
            sender=sent["from"].lower(),
            gas_used=int(receipt["gasUsed"], 16),
            status=int(receipt["status"], 16),
            certificate=_certificate(data) if function == "clear" else None,
        )

    def _table(self, directory: str) -> tuple[int, ...]:
        """Return the words of a code table; as contracts/libraries/CodeTableLib.sol."""
        if directory == NO_TABLE:
            return ()
        if directory not in self._tables:
            length, pointers = decode(["uint256", "address[]"], self._code(directory)[1:])
            packed = b"".join(self._code(pointer)[1:] for pointer in pointers)
            words = (packed[k : k + 32] for k in range(0, 32 * length, 32))
            self._tables[directory] = tuple(int.from_bytes(word, "big") for word in words)
        return self._tables[directory]

    def _mechanism(self, address: str) -> MechanismTerms:
        if address not in self._mechanisms:
            code = self._code(address)
            name = next((one for one in CONTRACTS if is_code_of(code, one)), "")
            parameters = self._view(name, _checksummed(address), "parameters") if name else ()
            self._mechanisms[address] = MechanismTerms(name=name, parameters=tuple(parameters))
        return self._mechanisms[address]

    def _ask(self, requests: Sequence[Request]) -> list[Any]:
        return sent_together(self.chain.w3, requests)

    def _code(self, address: str) -> bytes:
        with translated():
            return bytes(self.chain.w3.eth.get_code(_checksummed(address)))

    def _contract(self, name: str, address: ChecksumAddress) -> Contract:
        return self.chain.w3.eth.contract(address=address, abi=load_artifact(name).abi)

    def _view(self, name: str, address: ChecksumAddress, view: str) -> Any:
        if not self._code(address):
            raise _no_exchange(address, self.chain)
        with translated():
            return self._contract(name, address).functions[view]().call({})

    def _seal_bond_of(self, address: ChecksumAddress) -> int:
        """Return the bond of a sealed order; zero where the Exchange has an open book."""
        try:
            return int(self._view("SealedExchange", address, "sealBondMicroUsd"))
        except ContractRevert:
            return 0

    def _read_rules(self) -> MarketRules:
        address = self.exchange.address
        read = {
            name: self._view("Exchange", address, name)
            for name in (
                "bondMicroUsdPerMwh",
                "compensationMicroUsdPerMwh",
                "memoryBps",
                "fullValueMicroUsd",
            )
        }
        return MarketRules(
            chain_id=self.chain.chain_id,
            exchange=address.lower(),
            first_block=self._first_block,
            bond_price=MicroUsdPerMwh(read["bondMicroUsdPerMwh"]),
            compensation_price=MicroUsdPerMwh(read["compensationMicroUsdPerMwh"]),
            memory=Bps(read["memoryBps"]),
            full_value=MicroUsd(read["fullValueMicroUsd"]),
            seal_bond=self._seal_bond,
        )


@cache
def _functions(artifact: str) -> dict[bytes, str]:
    return {
        bytes(function_abi_to_4byte_selector(entry)): entry["name"]  # type: ignore[arg-type]
        for entry in load_artifact(artifact).abi
        if entry["type"] == "function"
    }


def _certificate(data: bytes) -> bytes | None:
    """Return what a call of `clear` carried; None in a form that only the contract takes."""
    try:
        values = decode(["uint32", "uint256[]", "uint256[]", "bytes"], data[4:])
    except DecodingError:
        return None
    return bytes(values[3])


def _values(events: Iterable[ChainEvent], key: str, *, of: str | None = None) -> list[str]:
    """Return the different values of a field, of events of one name or of all."""
    found = (event for event in events if key in event.values and of in (None, event.name))
    return list(dict.fromkeys(event.values[key] for event in found))


def _header(block: Any) -> BlockHeader:
    return BlockHeader(
        number=int(block["number"], 16),
        hash=hex_of(block["hash"]),
        parent_hash=hex_of(block["parentHash"]),
        time=int(block["timestamp"], 16),
    )


def _checksummed(address: str) -> ChecksumAddress:
    try:
        return to_checksum_address(address)
    except ValueError as error:
        raise InvalidInputError(
            f"{address}: expected an address of 20 bytes in hexadecimal"
        ) from error


def _no_exchange(address: str, chain: Chain) -> InvalidInputError:
    return InvalidInputError(f"{address}: there is no Exchange at this address of {chain.name}")


def _moved() -> ChainUnavailable:
    return ChainUnavailable("the chain was reorganised while it was read")
