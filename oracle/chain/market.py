"""The market's contracts with typed calls: domain records in, domain records out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.logs import DISCARD
from web3.types import EventData

from oracle.chain.artifacts import CONTRACTS, is_code_of, load_artifact
from oracle.chain.chains import Chain
from oracle.chain.decoding import numbers
from oracle.chain.deployment import Deployment
from oracle.chain.log_reader import LogReader
from oracle.chain.reverts import decoded, translated
from oracle.chain.signatures import Domain, seal_salt, sign_order
from oracle.domain.book import Kind, Order, Trade
from oracle.domain.community import FeeLadder
from oracle.errors import ContractRevert
from oracle.units import (
    Bps,
    Meters,
    MicroUsd,
    MicroUsdPerMwh,
    MicroUsdPerMwhKm,
    Slot,
    Wh,
)

PRICES_PER_CALL = 256  # about 30,000 gas each

ORDER_EVENTS = ("OfferPlaced", "BidPlaced", "OrderCancelled", "OrderRevealed")
SLOT_EVENTS = (
    *ORDER_EVENTS,
    "OrderSealed",
    "OrdersPosted",
    "OrderSkipped",
    "SlotCleared",
    "ReadingsRecorded",
    "SlotSettled",
    "SlotVoided",
)
ENTRIES = (*ORDER_EVENTS, "OrdersPosted", "OrderSealed")
RELEASES = ("SlotSettled", "SlotVoided")
MONEY_EVENTS = ("Deposited", "Withdrawn")


class Phase(IntEnum):
    """Where a slot stands; the order is that of contracts/types/Market.sol."""

    OPEN = 0
    CLOSED = 1
    CLEARED = 2
    SETTLED = 3
    VOID = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """An account of the exchange."""

    free: MicroUsd
    locked: MicroUsd
    participant: int
    score: Bps


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReading:
    """A meter's reading and its signature."""

    participant: int
    energy: Wh
    signature: bytes

    def fields(self) -> tuple[int, int, bytes, bytes]:
        """Return the contract's Reading."""
        return self.participant, self.energy, *compact(self.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """An order and its owner's signature."""

    order: Order
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedOrder:
    """A signed order that was passed over, and why."""

    order: Order
    reason: ContractRevert


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedOrder:
    """An order that nobody else can read, and the salt that opens its seal."""

    order: Order
    salt: bytes


def compact(signature: bytes) -> tuple[bytes, bytes]:
    """Return a key's signature r, s, v as ERC-2098 packs it: r, and s with the parity of v."""
    parity = (signature[64] - 27) << 255
    return signature[:32], (int.from_bytes(signature[32:64], "big") | parity).to_bytes(32, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """A mechanism's contract: its name, and what its constructor took."""

    contract: str
    parameters: tuple[int, ...]


class Market:
    """One market; every call reads the chain or sends one transaction."""

    def __init__(self, chain: Chain, deployment: Deployment) -> None:
        self.chain = chain
        self.deployment = deployment
        self._exchange = deployment.exchange
        self._reader = LogReader(chain, self._exchange.address, deployment.first_block)
        self._forget()
        known = {entry.get("name") for entry in self._exchange.abi}
        self._names = {
            bytes.fromhex(self._exchange.events[name]().topic.removeprefix("0x")): name
            for name in (*SLOT_EVENTS, *MONEY_EVENTS)
            if name in known  # orders are placed or sealed, never both
        }
        self.exchange_domain = self._domain("Wattline Exchange", deployment.exchange)
        self.storage_domain = self._domain("Wattline StorageLedger", deployment.storage_ledger)

    def deposit(self, owner: LocalAccount, amount: MicroUsd) -> None:
        """Mint test dollars for `owner` and pay them into its account."""
        token, exchange = self.deployment.token, self._exchange
        self.chain.send(owner, token, "mint", owner.address, amount)
        self.chain.send(owner, token, "approve", exchange.address, amount)
        self.chain.send(owner, exchange, "deposit", amount)

    def withdraw(self, owner: LocalAccount, amount: MicroUsd) -> None:
        self.chain.send(owner, self._exchange, "withdraw", amount)

    def place(self, owner: LocalAccount, slot: Slot, order: Order) -> None:
        """Place an order; the chain says number and score of its owner, whatever `order` says."""
        name = "placeOffer" if order.kind is Kind.OFFER else "placeBid"
        self.chain.send(owner, self._exchange, name, slot, order.energy, order.price, order.terms)

    def cancel(self, owner: LocalAccount, slot: Slot) -> None:
        self.chain.send(owner, self._exchange, "cancelOrder", slot)

    def post(
        self, sender: LocalAccount, slot: Slot, orders: Sequence[SignedOrder]
    ) -> list[SkippedOrder]:
        """Record orders signed by keys in one transaction; return those that were passed over."""
        signatures = [compact(signed.signature) for signed in orders]
        return self._posted(sender, "post", slot, orders, signatures)

    def post_for_wallets(
        self, sender: LocalAccount, slot: Slot, orders: Sequence[SignedOrder]
    ) -> list[SkippedOrder]:
        """Record signed orders, of contract wallets too; return those that were passed over."""
        signatures = [signed.signature for signed in orders]
        return self._posted(sender, "postForWallets", slot, orders, signatures)

    def _posted(
        self,
        sender: LocalAccount,
        function: str,
        slot: Slot,
        orders: Sequence[SignedOrder],
        signatures: Sequence[bytes | tuple[bytes, bytes]],
    ) -> list[SkippedOrder]:
        words = _words([signed.order for signed in orders])
        receipt = self.chain.send(sender, self._exchange, function, slot, words, signatures)
        events = self._exchange.events.OrderSkipped().process_receipt(receipt, errors=DISCARD)
        return [
            SkippedOrder(
                order=Order.unpack(event["args"]["order"]),
                reason=decoded(event["args"]["reason"]),
            )
            for event in events
        ]

    def signed(self, owner: LocalAccount, slot: Slot, order: Order) -> SignedOrder:
        """Return an order with its owner's signature, for anybody to post."""
        signature = sign_order(owner, self.exchange_domain, slot=slot, order=order)
        return SignedOrder(order=order, signature=signature)

    def nonce(self, owner: ChecksumAddress) -> int:
        """Return the lowest nonce of a signed order that is not spent."""
        return int(self._call(self._exchange, "nonceOf", owner))

    def spend_nonces(self, owner: LocalAccount, below: int) -> None:
        """Make the orders worthless that `owner` has signed with a nonce below `below`."""
        self.chain.send(owner, self._exchange, "spendNonces", below)

    def sealed(self, owner: LocalAccount, slot: Slot, order: Order) -> SealedOrder:
        """Return an order with the salt of its seal."""
        return SealedOrder(order=order, salt=seal_salt(owner, self.exchange_domain, slot))

    def commit(self, owner: LocalAccount, slot: Slot, sealed: SealedOrder) -> None:
        """Stake the bond on an order that only its seal names."""
        seal = self._call(self._exchange, "sealOf", *_seal_fields(owner.address, slot, sealed))
        self.chain.send(owner, self._exchange, "commit", slot, seal)

    def reveal(
        self, sender: LocalAccount, owner: ChecksumAddress, slot: Slot, sealed: SealedOrder
    ) -> None:
        """Open a seal; anybody who knows the salt may."""
        _, _, *fields = _seal_fields(owner, slot, sealed)
        self.chain.send(sender, self._exchange, "reveal", slot, owner, *fields)

    def pause(self, operator: LocalAccount) -> None:
        self.chain.send(operator, self._exchange, "pause")

    def unpause(self, operator: LocalAccount) -> None:
        self.chain.send(operator, self._exchange, "unpause")

    def clear(
        self,
        sender: LocalAccount,
        slot: Slot,
        book: Sequence[Order],
        trades: Sequence[Trade],
        certificate: bytes,
    ) -> None:
        self.chain.send(
            sender, self._exchange, "clear", slot, _words(book), _words(trades), certificate
        )

    def record_readings(
        self, sender: LocalAccount, slot: Slot, readings: Sequence[SignedReading]
    ) -> None:
        fields = [reading.fields() for reading in readings]
        self.chain.send(sender, self._exchange, "recordReadings", slot, fields)

    def report_contradiction(
        self, sender: LocalAccount, slot: Slot, one: SignedReading, other: SignedReading
    ) -> None:
        self.chain.send(
            sender, self._exchange, "reportContradiction", slot, one.fields(), other.fields()
        )

    def correct_reading(
        self, operator: LocalAccount, slot: Slot, participant: int, energy: Wh
    ) -> None:
        """Let the grid operator's reading stand for a participant's."""
        self.chain.send(operator, self._exchange, "correctReading", slot, participant, energy)

    def settle(
        self,
        sender: LocalAccount,
        slot: Slot,
        book: Sequence[Order],
        trades: Sequence[Trade],
        entries: Sequence[int],
        readings: Sequence[SignedReading] = (),
    ) -> None:
        """Settle a slot with the entries of its readings and, besides, readings not recorded."""
        self.chain.send(
            sender,
            self._exchange,
            "settle",
            slot,
            _words(book),
            _words(trades),
            list(entries),
            [reading.fields() for reading in readings],
        )

    def void(self, sender: LocalAccount, slot: Slot, book: Sequence[Order]) -> None:
        self.chain.send(sender, self._exchange, "void", slot, _words(book))

    def announce_real_time_prices(
        self, operator: LocalAccount, prices: dict[Slot, MicroUsdPerMwh]
    ) -> None:
        """Let a price hold from each of the slots on, in as many transactions as it takes."""
        slots = sorted(prices)
        for first in range(0, len(slots), PRICES_PER_CALL):
            some = slots[first : first + PRICES_PER_CALL]
            self.chain.send(
                operator,
                self._exchange,
                "announceRealTimePrices",
                some,
                [prices[slot] for slot in some],
            )

    def record_storage(
        self, sender: LocalAccount, slot: Slot, charge: Wh, discharge: Wh, signature: bytes
    ) -> None:
        ledger = self.deployment.storage_ledger
        self.chain.send(sender, ledger, "record", slot, charge, discharge, signature)

    def pay_compensation(self, sender: LocalAccount) -> None:
        self.chain.send(sender, self._exchange, "payCompensation")

    def account(self, owner: ChecksumAddress) -> AccountRecord:
        """Return an account; what its orders hold is told by their slots' books."""
        free, participant, score = self._call(self._exchange, "accountOf", owner)
        return AccountRecord(
            free=MicroUsd(free),
            locked=self._locked(participant),
            participant=participant,
            score=Bps(score),
        )

    def token_balance(self, owner: ChecksumAddress) -> MicroUsd:
        return MicroUsd(self._call(self.deployment.token, "balanceOf", owner))

    def phase(self, slot: Slot) -> Phase:
        return Phase(self._call(self._exchange, "phaseOf", slot))

    def real_time_price(self, slot: Slot) -> MicroUsdPerMwh:
        return MicroUsdPerMwh(self._call(self._exchange, "realTimePriceOf", slot))

    def mechanism(self, slot: Slot) -> ChecksumAddress:
        address: ChecksumAddress = self._call(self._exchange, "mechanismOf", slot)
        return address

    def verifier(self, address: ChecksumAddress) -> Verifier | None:
        """Return which mechanism's contract is at an address, by its code; None if no known one."""
        with translated():
            code = bytes(self.chain.w3.eth.get_code(address))
        for name in CONTRACTS:
            abi = load_artifact(name).abi
            if is_code_of(code, name) and any(e.get("name") == "parameters" for e in abi):
                contract = self.chain.w3.eth.contract(address=address, abi=abi)
                parameters = tuple(self._call(contract, "parameters"))
                return Verifier(contract=name, parameters=parameters)
        return None

    def row_table(self, slot: Slot) -> ChecksumAddress:
        """Return the address that holds the slot's lines: equal addresses, equal lines."""
        address: ChecksumAddress = self._call(self.deployment.line_lease, "rowTableOf", slot)[0]
        return address

    def rows(self, slot: Slot) -> tuple[list[int], int]:
        words, row_words = self._call(self.deployment.line_lease, "rowsOf", slot)
        return words, row_words

    def capacities(self, slot: Slot) -> list[int]:
        words: list[int] = self._call(self.deployment.line_lease, "capacitiesOf", slot)
        return words

    def ladder(self, slot: Slot) -> FeeLadder:
        base, interval, growth = self._call(self.deployment.line_lease, "ladderOf", slot)
        return FeeLadder(base=MicroUsdPerMwhKm(base), interval=Meters(interval), growth=Bps(growth))

    def next_storage_slot(self) -> Slot:
        return Slot(self._call(self.deployment.storage_ledger, "nextSlot"))

    def stored_after(self, slot: Slot) -> Wh:
        """Return what the storage held after a recorded slot."""
        return Wh(self._call(self.deployment.storage_ledger, "recordOf", slot)[2])

    def score_after(self, slot: Slot, owner: ChecksumAddress) -> Bps:
        """Return an owner's reputation just after a slot was settled."""
        block = self._events_of(slot, "SlotSettled")[0]["blockNumber"]
        with translated():
            return Bps(self._exchange.functions["accountOf"](owner).call(None, block)[2])

    def deposited(self) -> MicroUsd:
        """Return all that was ever paid in."""
        self._read_new_blocks()
        return MicroUsd(self._moved["Deposited"])

    def withdrawn(self) -> MicroUsd:
        """Return all that was ever taken out."""
        self._read_new_blocks()
        return MicroUsd(self._moved["Withdrawn"])

    def compensation_paid(self) -> MicroUsd:
        return MicroUsd(self._call(self._exchange, "compensationPaid"))

    def operator_has_money(self) -> bool:
        """Return whether the system operator's account has anything to pay with."""
        operator = self._call(self._exchange, "owner")
        return bool(self._call(self._exchange, "accountOf", operator)[0])

    def book(self, slot: Slot) -> tuple[Order, ...]:
        """Return a slot's book, read from its events."""
        book: list[int] = []
        for event in self._events_of(slot, *ORDER_EVENTS, "OrdersPosted"):
            posted = event["event"] == "OrdersPosted"
            book += numbers(event["args"]["orders"], 32) if posted else [event["args"]["order"]]
        return tuple(map(Order.unpack, book))

    def cleared_trades(self, slot: Slot) -> tuple[Trade, ...] | None:
        """Return the trades that a slot was cleared with, or None."""
        events = self._events_of(slot, "SlotCleared")
        return tuple(map(Trade.unpack, events[0]["args"]["trades"])) if events else None

    def settled_trades(self, slot: Slot) -> tuple[Trade, ...] | None:
        """Return a slot's trades with what was delivered, or None."""
        events = self._events_of(slot, "SlotSettled")
        if not events:
            return None
        delivered = numbers(events[0]["args"]["delivered"], 4)
        trades = self.cleared_trades(slot) or ()
        return tuple(
            trade.with_delivered(Wh(energy))
            for trade, energy in zip(trades, delivered, strict=True)
        )

    def readings(self, slot: Slot) -> list[int]:
        """Return the entries of a slot's readings."""
        events = self._events_of(slot, "ReadingsRecorded")
        return [entry for event in events for entry in event["args"]["entries"]]

    def is_sealed(self) -> bool:
        """Return whether orders are sealed until their slot's gate is closed."""
        return any(entry.get("name") == "OrderSealed" for entry in self._exchange.abi)

    def challenge_seconds(self) -> int:
        """Return how long after their deadline readings may be corrected."""
        return int(self._call(self._exchange, "challengeSeconds"))

    def unsettled_slots(self) -> list[Slot]:
        """Return the slots with orders or seals that are neither settled nor void."""
        self._read_new_blocks()
        return sorted(
            slot
            for slot, events in self._events.items()
            if any(event["event"] in ENTRIES for event in events)
            and not any(event["event"] in RELEASES for event in events)
        )

    def slots_with_orders(self) -> list[Slot]:
        """Return every slot that anybody ordered for."""
        self._read_new_blocks()
        return sorted(self._events)

    def clearing_block(self, slot: Slot) -> int | None:
        """Return the block that a slot was cleared in, or None."""
        events = self._events_of(slot, "SlotCleared")
        return int(events[0]["blockNumber"]) if events else None

    def has_entries(self, slot: Slot) -> bool:
        """Return whether anybody ordered for a slot, or sealed an order."""
        return bool(self._events_of(slot, *ENTRIES))

    @property
    def reorganisations(self) -> int:
        """How often blocks that we had read were gone."""
        return self._reader.reorganisations

    def _locked(self, participant: int) -> MicroUsd:
        """Return what a participant's orders hold in slots that are neither settled nor void."""
        self._read_new_blocks()
        bond_price = self._call(self._exchange, "bondMicroUsdPerMwh")
        orders = (
            order
            for slot, events in self._events.items()
            if not any(event["event"] in RELEASES for event in events)
            for order in self.book(slot)
        )
        return MicroUsd(
            sum(order.lock(bond_price) for order in orders if order.participant == participant)
        )

    def _events_of(self, slot: Slot, *names: str) -> list[EventData]:
        """Return the events of a slot in the order of the chain."""
        self._read_new_blocks()
        return [event for event in self._events.get(slot, ()) if event["event"] in names]

    def _read_new_blocks(self) -> None:
        new = self._reader.read()
        if new.again:
            self._forget()
        for log in new.logs:
            name = self._names.get(bytes(log["topics"][0]))
            if name is not None:
                event = self._exchange.events[name]().process_log(log)
                if name in MONEY_EVENTS:
                    self._moved[name] += event["args"]["amount"]
                    continue
                self._events.setdefault(Slot(event["args"]["slot"]), []).append(event)

    def _forget(self) -> None:
        self._events: dict[Slot, list[EventData]] = {}
        self._moved = dict.fromkeys(MONEY_EVENTS, 0)

    def _domain(self, name: str, contract: Contract) -> Domain:
        return Domain(name=name, chain_id=self.chain.chain_id, contract=contract.address)

    def _call(self, contract: Contract, name: str, *arguments: Any) -> Any:
        with translated():
            return contract.functions[name](*arguments).call()


def _words(records: Sequence[Order] | Sequence[Trade]) -> list[int]:
    return [record.pack() for record in records]


def _seal_fields(owner: ChecksumAddress, slot: Slot, sealed: SealedOrder) -> tuple[Any, ...]:
    order = sealed.order
    kind = int(order.kind)
    return owner, slot, kind, order.energy, order.price, order.terms, sealed.salt
