"""
The market as a plain ledger that takes one event after the other and refuses what cannot be.

What a record says is compared with what the records before it lead to: the owner's reputation in an
order, money that is there, times, prices, fees and fills of an outcome with its certificate, the
shares of a delivery, signatures, stored energy. Money and reputations are never read from a record
but added up.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from oracle.audit.hashes import NOTHING, SETTLED, VOID, outcome_hash, rolling_hash
from oracle.audit.terms import OPEN_SLOTS, Terms
from oracle.audit.typed_data import domain_hash, reading_digest, signer_of, storage_digest
from oracle.domain.book import Kind, Order, Trade
from oracle.domain.record import EventRecord, MarketRecord, SignedStatement, Values
from oracle.errors import ContractRevert, Divergence
from oracle.market.mechanism import Mechanism, Outcome, round_of
from oracle.model.reputation import Reputation, initial_reputation, updated, weight_down
from oracle.model.settlement import deliveries, payment
from oracle.units import SLOT_SECONDS, MicroUsd, Slot, Wh, amount_down, amount_up, stored_after

GATE_CLOSURE_SECONDS = 1800
READING_SECONDS = 3600
CONTRADICTION = 1 << 255
NOBODY = "0x" + 40 * "0"

ROLES = {
    "Exchange": "operator",
    "Registry": "registrar",
    "LineLease": "line owner",
    "StorageLedger": "storage provider",
}


@dataclass(slots=True)
class Account:
    """What an owner has, and the last slot that changed it."""

    free: int = 0
    locked: int = 0
    participant: int = 0
    first_slot: int = 0
    reputation: Reputation = field(default_factory=Reputation)
    touched: int | None = None


@dataclass(slots=True)
class SlotLedger:
    """A slot's book and what became of it."""

    book: list[Order] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)  # of the entries of the book
    cleared: tuple[Trade, ...] | None = None
    settled: bool = False
    void: bool = False
    readings: list[int] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """What the Exchange stores as the slot's outcome."""
        if self.settled:
            return SETTLED
        if self.void:
            return VOID
        return NOTHING if self.cleared is None else outcome_hash(self.book, self.cleared)

    @property
    def phase(self) -> str:
        if self.settled:
            return "settled"
        if self.void:
            return "void"
        return "recorded" if self.cleared is None else "cleared"


class Ledger:
    """Takes the events of a record in order; `checked` counts what was compared."""

    def __init__(self, record: MarketRecord, mechanisms: dict[str, Mechanism]) -> None:
        """`mechanisms` maps the name of a verifier's contract to its twin."""
        self.checked: Counter[str] = Counter()
        self.terms = Terms(record)
        self.accounts: dict[str, Account] = {}
        self.slots: dict[Slot, SlotLedger] = {}
        self.roles: dict[str, str] = {}
        self.deposited = 0
        self.withdrawn = 0
        self.compensation_paid = 0
        self.throughput = 0
        self.storage: dict[Slot, tuple[Wh, Wh, Wh]] = {}
        self._constants = record.constants
        self._twins = {
            entry.mechanism: mechanisms[entry.name]
            for entry in record.mechanisms
            if entry.name in mechanisms
        }
        self._hashes = {entry.slot: entry for entry in record.slots}
        self._certificates = {call.event: call.certificate for call in record.clears}
        self._statements: dict[int, list[SignedStatement]] = {}
        for statement in record.statements:
            self._statements.setdefault(statement.event, []).append(statement)
        chain_id, addresses = record.constants.chain_id, record.constants.addresses
        self._readings_domain = domain_hash("Wattline Exchange", chain_id, addresses["Exchange"])
        self._storage_domain = domain_hash(
            "Wattline StorageLedger", chain_id, addresses["StorageLedger"]
        )
        self._position = 0
        self._time = 0
        self._block = 0
        self._takers: dict[str, Callable[[EventRecord, Values], None]] = {
            "Deposited": self._deposited,
            "Withdrawn": self._withdrawn,
            "Enrolled": self._enrolled,
            "OfferPlaced": self._placed,
            "BidPlaced": self._placed,
            "OrderCancelled": self._cancelled,
            "SlotCleared": self._cleared,
            "ReadingsRecorded": self._read,
            "SlotSettled": self._settled,
            "SlotVoided": self._voided,
            "CompensationPaid": self._compensated,
            "StorageRecorded": self._stored,
            "OwnershipTransferred": self._handed_over,
            "OwnershipTransferStarted": lambda event, values: None,
        }

    def take(self, event: EventRecord) -> None:
        """
        Take the next event.

        Raises
        ------
        Divergence
            If it is not what the events before it lead to.
        """
        if event.position != self._position:
            raise _fault(event, f"position: expected {self._position}, came {event.position}")
        if (event.block, event.time) < (self._block, self._time) or (
            event.block == self._block and event.time != self._time and self._position
        ):
            raise _fault(
                event,
                f"block and time: expected none before {self._block} at {self._time}, "
                f"came {event.block} at {event.time}",
            )
        self._position, self._block, self._time = event.position + 1, event.block, event.time
        self.checked["events"] += 1
        if self.terms.announce(event):
            self.checked["announcements"] += 1
            return
        taker = self._takers.get(event.name)
        if taker is None:
            raise _fault(event, "expected an event that this version knows")
        taker(event, event.values)

    def account(self, owner: str) -> Account:
        return self.accounts.setdefault(owner, Account())

    # Money

    def _deposited(self, event: EventRecord, values: Values) -> None:
        account = self.account(values["owner"])
        if account.participant == 0 and values["owner"] in self.terms.joined:
            raise _fault(event, f"owner: expected {values['owner']} to be enrolled before")
        account.free += values["amount"]
        self.deposited += values["amount"]
        self.checked["deposits and withdrawals"] += 1

    def _withdrawn(self, event: EventRecord, values: Values) -> None:
        self._debit(event, values["owner"], values["amount"])
        self.withdrawn += values["amount"]
        self.checked["deposits and withdrawals"] += 1

    def _debit(self, event: EventRecord, owner: str, amount: int) -> None:
        account = self.account(owner)
        if account.free < amount:
            raise _fault(event, f"amount: expected at most {account.free} free, came {amount}")
        account.free -= amount

    def _enrolled(self, event: EventRecord, values: Values) -> None:
        account = self.account(values["owner"])
        joined = self.terms.joined.get(values["owner"])
        if joined is None or account.participant:
            raise _fault(event, f"owner: expected one that is to enrol, came {values['owner']}")
        number, first_slot, score = joined
        _compare(event, "participant", number, values["participant"])
        reputation = initial_reputation(score, self._constants.reputation_memory)
        _compare(event, "r", reputation.r, values["r"])
        _compare(event, "s", reputation.s, values["s"])
        account.participant, account.first_slot = number, first_slot
        account.reputation = reputation
        self.checked["reputations"] += 1

    def _compensated(self, event: EventRecord, values: Values) -> None:
        _compare(event, "operator", self.roles.get("operator"), values["operator"])
        _compare(event, "provider", self.roles.get("storage provider"), values["provider"])
        _compare(
            event, "amount", self.compensation_earned - self.compensation_paid, values["amount"]
        )
        self._debit(event, values["operator"], values["amount"])
        self.account(values["provider"]).free += values["amount"]
        self.compensation_paid += values["amount"]
        self.checked["compensations"] += 1

    @property
    def compensation_earned(self) -> MicroUsd:
        return amount_down(Wh(self.throughput), self._constants.storage.compensation)

    def _handed_over(self, event: EventRecord, values: Values) -> None:
        role = ROLES[event.contract]
        _compare(event, "previousOwner", self.roles.get(role, NOBODY), values["previousOwner"])
        self.roles[role] = values["newOwner"]

    # Orders

    def _placed(self, event: EventRecord, values: Values) -> None:
        kind = Kind.OFFER if event.name == "OfferPlaced" else Kind.BID
        order = order_of(event, values["order"])
        _compare(event, "kind", int(kind), int(order.kind))
        self._record(event, Slot(values["slot"]), values["owner"], order)

    def _record(self, event: EventRecord, slot: Slot, owner: str, order: Order) -> None:
        """Take an order into a slot's book, as contracts/exchange/OrderBook.sol does."""
        account = self.account(owner)
        self._require_open(event, slot)
        if account.participant == 0:
            raise _fault(event, f"owner: expected a participant's, came {owner}")
        _compare(event, "participant", account.participant, order.participant)
        _compare(event, "score", account.reputation.score, order.score)
        if slot < account.first_slot:
            raise _fault(event, f"expected no order before slot {account.first_slot}")
        if order.energy == 0:
            raise _fault(event, "energy: expected some, came 0")
        if order.price > self._constants.price_cap:
            raise _fault(
                event, f"price: expected at most {self._constants.price_cap}, came {order.price}"
            )
        plain = self.slots.setdefault(slot, SlotLedger())
        if owner in plain.owners:
            raise _fault(event, f"expected one order of {owner} in the slot, came a second")
        lock = self.lock_of(order)
        if account.free < lock:
            raise _fault(event, f"expected at most {account.free} to be locked, came {lock}")
        account.free -= lock
        account.locked += lock
        account.touched = slot
        plain.book.append(order)
        plain.owners.append(owner)
        self.checked["orders"] += 1

    def _cancelled(self, event: EventRecord, values: Values) -> None:
        slot, owner = Slot(values["slot"]), values["owner"]
        self._require_open(event, slot)
        plain = self.slots.setdefault(slot, SlotLedger())
        if plain.owners.count(owner) != 1:
            raise _fault(event, f"expected a live order of {owner} in the slot, came none")
        order = order_of(event, values["order"])
        expected = Order(kind=Kind.CANCELLATION, participant=self.account(owner).participant)
        _compare(event, "order", expected, order)
        plain.book.append(order)
        plain.owners.append(owner)
        self.checked["orders"] += 1

    def _require_open(self, event: EventRecord, slot: Slot) -> None:
        closes_at = slot * SLOT_SECONDS - GATE_CLOSURE_SECONDS
        if event.time >= closes_at:
            raise _fault(event, f"time: expected before {closes_at}, came {event.time}")
        current = event.time // SLOT_SECONDS
        if slot > current + OPEN_SLOTS:
            raise _fault(event, f"slot: expected at most {current + OPEN_SLOTS}, came {slot}")

    def lock_of(self, order: Order) -> MicroUsd:
        """Return what an order locks: a bid its highest cost, an offer its bond."""
        if order.kind is Kind.CANCELLATION:
            return MicroUsd(0)
        is_bid = order.kind is Kind.BID
        return amount_up(order.energy, order.price if is_bid else self._constants.bond_price)

    # Outcomes

    def _cleared(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        plain = self._in_phase(event, slot, "recorded")
        starts_at = slot * SLOT_SECONDS
        if not starts_at - GATE_CLOSURE_SECONDS <= event.time < starts_at:
            raise _fault(
                event,
                f"time: expected from {starts_at - GATE_CLOSURE_SECONDS} and before {starts_at}, "
                f"came {event.time}",
            )
        self._compare_book(event, slot, plain)
        _compare(event, "mechanism", self.terms.mechanisms.at(slot), values["mechanism"])
        twin = self._twins.get(values["mechanism"])
        if twin is None:
            raise _fault(event, f"mechanism: expected a known one, came {values['mechanism']}")
        certificate = self._certificates.get(event.position)
        if certificate is None:
            raise _fault(event, "certificate: expected one in certificates.csv, came none")
        price = self.terms.prices.at(slot)
        if price is None:
            raise _fault(event, "real-time price: expected one to be announced, came none")
        trades = tuple(trade_of(event, fields) for fields in values["trades"])
        market_round = round_of(tuple(plain.book), self.terms.fees(slot), price)
        try:
            twin.verify(market_round, Outcome(trades=trades, certificate=certificate))
        except ContractRevert as refusal:
            raise _fault(event, _said(refusal, trades)) from refusal
        plain.cleared = trades
        self.checked["slots cleared"] += 1
        self.checked["prices, fees and fills"] += len(trades)

    def _voided(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        plain = self._in_phase(event, slot, "recorded")
        if event.time < slot * SLOT_SECONDS:
            raise _fault(event, f"time: expected from {slot * SLOT_SECONDS} on, came {event.time}")
        self._compare_book(event, slot, plain)
        plain.void = True
        self._release(slot, plain)
        self.checked["slots voided"] += 1

    def _read(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        opens_at = (slot + 1) * SLOT_SECONDS
        if not opens_at <= event.time < opens_at + READING_SECONDS:
            raise _fault(
                event,
                f"time: expected from {opens_at} and before {opens_at + READING_SECONDS}, "
                f"came {event.time}",
            )
        plain = self.slots.setdefault(slot, SlotLedger())
        signed = self._signed(event, slot)
        for entry in values["entries"]:
            self._require_new(event, plain, entry)
            if signed is not None:
                _require_signed(event, signed, entry)
            plain.readings.append(entry)
            self.checked["readings"] += 1

    def _require_new(self, event: EventRecord, plain: SlotLedger, entry: int) -> None:
        participant = (entry & ~CONTRADICTION) >> 32
        mark = entry & CONTRADICTION
        for before in plain.readings:
            if (before & ~CONTRADICTION) >> 32 == participant and before & CONTRADICTION == mark:
                raise _fault(event, f"expected one reading of participant {participant}, came two")

    def _signed(self, event: EventRecord, slot: Slot) -> dict[int, set[Wh]] | None:
        """Return the energies that each meter signed in a transaction; None if it is not there."""
        statements = self._statements.get(event.position)
        if statements is None:
            return None
        signed: dict[int, set[Wh]] = {}
        for statement in statements:
            number, energy = statement.participant, statement.energies[0]
            digest = reading_digest(
                self._readings_domain, slot=slot, participant=number, energy=energy
            )
            signer = signer_of(digest, statement.signature)
            meter = self.terms.meter(slot, number)
            if signer is None or signer != meter:
                raise _fault(
                    event,
                    f"signature of participant {number}'s meter: expected {meter}, came {signer}",
                )
            signed.setdefault(number, set()).add(energy)
            self.checked["signatures"] += 1
        return signed

    # Settlement

    def _settled(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        plain = self._in_phase(event, slot, "cleared")
        if slot in self._hashes:
            stored = self._hashes[slot].readings
            _compare(event, "hash of the readings", readings_hash(plain), stored)
        cleared = plain.cleared or ()
        stated = self._final_energies(plain)
        sellers = {plain.book[trade.offer].participant for trade in cleared}
        deadline = (slot + 1) * SLOT_SECONDS + READING_SECONDS
        silent = sorted(sellers - stated.keys())
        if silent and event.time < deadline:
            raise _fault(
                event,
                f"time: expected from {deadline} on, as participant {silent[0]}'s reading is "
                f"missing, came {event.time}",
            )
        of_offer = {
            position: stated.get(order.participant, Wh(0))
            for position, order in enumerate(plain.book)
        }
        expected = deliveries(cleared, of_offer)
        came = [trade_of(event, fields) for fields in values["trades"]]
        _compare(event, "number of trades", len(expected), len(came))
        for position, (one, other) in enumerate(zip(expected, came, strict=True)):
            for name in ("offer", "bid", "energy", "price", "fee", "delivered"):
                what = f"{name} of trade {position}"
                _compare(event, what, getattr(one, name), getattr(other, name))
        plain.settled = True
        self._release(slot, plain)
        self._pay(slot, plain, expected)
        self.checked["slots settled"] += 1
        self.checked["deliveries"] += len(expected)

    def _final_energies(self, plain: SlotLedger) -> dict[int, Wh]:
        """Return what each meter says in the end; a contradicted one nothing."""
        energies: dict[int, Wh] = {}
        for entry in plain.readings:
            participant = (entry & ~CONTRADICTION) >> 32
            if entry & CONTRADICTION:
                energies[participant] = Wh(0)
            else:
                energies.setdefault(participant, Wh(entry & 0xFFFFFFFF))
        return energies

    def _release(self, slot: Slot, plain: SlotLedger) -> None:
        for owner, order in zip(plain.owners, plain.book, strict=True):
            account, lock = self.account(owner), self.lock_of(order)
            account.locked -= lock
            account.free += lock
            account.touched = slot

    def _pay(self, slot: Slot, plain: SlotLedger, trades: Sequence[Trade]) -> None:
        line_owner = self.account(self.roles.get("line owner", NOBODY))
        for trade in trades:
            money = payment(trade, self._constants.compensation_price)
            seller = self.account(plain.owners[trade.offer])
            buyer = self.account(plain.owners[trade.bid])
            seller.free += money.goods - money.compensation
            buyer.free += money.compensation - money.goods - money.fee
            line_owner.free += money.fee
            line_owner.touched = slot
        for offer in sorted({trade.offer for trade in trades}):
            account = self.account(plain.owners[offer])
            own = [trade for trade in trades if trade.offer == offer]
            account.reputation = self._moved(account.reputation, own)
            self.checked["reputations"] += 1

    def _moved(self, before: Reputation, own: Iterable[Trade]) -> Reputation:
        own = list(own)
        value = MicroUsd(sum(amount_down(trade.energy, trade.price) for trade in own))
        return updated(
            before,
            memory=self._constants.reputation_memory,
            weight=weight_down(value, self._constants.reputation_full_value),
            delivered=Wh(sum(trade.delivered for trade in own)),
            sold=Wh(sum(trade.energy for trade in own)),
        )

    # Storage

    def _stored(self, event: EventRecord, values: Values) -> None:
        slot, rating = Slot(values["slot"]), self._constants.storage
        charge, discharge = Wh(values["chargeWh"]), Wh(values["dischargeWh"])
        if self.storage:
            _compare(event, "slot", max(self.storage) + 1, slot)
        ends_at = (slot + 1) * SLOT_SECONDS
        if event.time < ends_at:
            raise _fault(event, f"time: expected from {ends_at} on, came {event.time}")
        for statement in self._statements.get(event.position, ()):
            _compare(event, "energies", statement.energies, (charge, discharge))
            digest = storage_digest(
                self._storage_domain, slot=slot, charge=charge, discharge=discharge
            )
            signer = signer_of(digest, statement.signature)
            _compare(event, "signature of the storage's meter", rating.meter, signer)
            self.checked["signatures"] += 1
        if charge and discharge:
            raise _fault(event, f"expected charge or discharge, came {charge} and {discharge}")
        if charge + discharge > rating.max_slot:
            raise _fault(
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
            _compare(event, "storedWh", stored, values["storedWh"])
        if not rating.min_stored <= values["storedWh"] <= rating.max_stored:
            raise _fault(
                event,
                f"storedWh: expected from {rating.min_stored} to {rating.max_stored}, "
                f"came {values['storedWh']}",
            )
        self.throughput += charge + discharge
        self.storage[slot] = charge, discharge, Wh(values["storedWh"])
        self.checked["stored-energy values"] += 1

    def _compare_book(self, event: EventRecord, slot: Slot, plain: SlotLedger) -> None:
        """Compare the book, which is final, with the hash in slots.csv."""
        if slot in self._hashes:
            _compare(event, "hash of the book", book_hash(plain), self._hashes[slot].book)

    def _in_phase(self, event: EventRecord, slot: Slot, phase: str) -> SlotLedger:
        plain = self.slots.get(slot)
        if plain is None or not plain.book:
            raise _fault(event, "expected orders in the slot's book, came none")
        if plain.phase != phase:
            raise _fault(event, f"expected a slot that is {phase}, came one that is {plain.phase}")
        return plain


def book_hash(plain: SlotLedger) -> str:
    return rolling_hash(order.pack() for order in plain.book) if plain.book else NOTHING


def readings_hash(plain: SlotLedger) -> str:
    return rolling_hash(plain.readings) if plain.readings else NOTHING


def order_of(event: EventRecord, fields: Values) -> Order:
    try:
        return Order(**{**fields, "kind": Kind(fields["kind"])})
    except (ValueError, TypeError, KeyError) as error:
        raise _fault(event, f"order: {error}") from error


def trade_of(event: EventRecord, fields: Values) -> Trade:
    try:
        return Trade(**fields)
    except TypeError as error:
        raise _fault(event, f"trade: {error}") from error


def _require_signed(event: EventRecord, signed: dict[int, set[Wh]], entry: int) -> None:
    participant = (entry & ~CONTRADICTION) >> 32
    energies = signed.get(participant, set())
    if entry & CONTRADICTION:
        if len(energies) < 2:
            raise _fault(event, f"expected two signed readings of participant {participant}")
    elif Wh(entry & 0xFFFFFFFF) not in energies:
        raise _fault(
            event,
            f"reading of participant {participant}: expected one of {sorted(energies)} that its "
            f"meter signed, came {entry & 0xFFFFFFFF}",
        )


def _said(refusal: ContractRevert, trades: Sequence[Trade]) -> str:
    """Return what a twin refused, in the words of all divergences."""
    values = refusal.values
    position = values.get("position")
    if refusal.name == "WrongPrice":
        return f"price of trade {position}: expected {values['expected']}, came {values['price']}"
    if refusal.name == "WrongFee":
        return f"fee of trade {position}: expected {values['expected']}, came {values['fee']}"
    if refusal.name == "PriceOutsideLimits":
        return (
            f"price of trade {position}: expected from {values['low']} to {values['high']}, "
            f"came {values['price']}"
        )
    if refusal.name == "Overfilled":
        return (
            f"fill of entry {values['orderIndex']} of the book: expected at most "
            f"{values['orderedWh']}, came {values['filledWh']}"
        )
    if refusal.name == "NotOptimal":
        return (
            f"fills: expected worth {values['dual']} by the certificate, came {values['primal']} "
            f"of {len(trades)} trades"
        )
    if refusal.name == "BadCertificate":
        return f"certificate: expected {values['expected']} bytes, came {values['length']}"
    details = ", ".join(f"{key} {value}" for key, value in values.items())
    return f"trades: {refusal.name} ({details})"


def _compare(event: EventRecord, what: str, expected: Any, came: Any) -> None:
    if expected != came:
        raise _fault(event, f"{what}: expected {expected}, came {came}")


def _fault(event: EventRecord, what: str) -> Divergence:
    slot = event.values.get("slot", event.values.get("from"))
    return Divergence(f"record {event.position} {event.name}", what, slot=slot)
