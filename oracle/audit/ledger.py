"""
The market as a plain ledger that takes one event after the other and refuses what cannot be.

What a record says is compared with what the records before it lead to: the owner's reputation in an
order, money that is there, times, prices, fees and fills of an outcome with its certificate, the
shares of a delivery, signatures, stored energy. Money and reputations are never read from a record
but added up.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from oracle.audit.hashes import NOTHING, SETTLED, VOID, outcome_hash, rolling_hash
from oracle.audit.terms import OPEN_SLOTS, Terms
from oracle.audit.typed_data import (
    domain_hash,
    order_digest,
    reading_digest,
    seal_digest,
    signer_of,
    storage_digest,
)
from oracle.domain.book import Kind, Order, Trade
from oracle.domain.record import EventRecord, MarketRecord, SignedStatement, Values
from oracle.errors import ContractRevert, Divergence
from oracle.market.mechanism import Mechanism, Outcome, round_of
from oracle.model.reputation import Reputation, initial_reputation, updated, weight_down
from oracle.model.settlement import deliveries, payment
from oracle.units import SLOT_SECONDS, MicroUsd, Slot, Wh, amount_down, amount_up, stored_after

GATE_CLOSURE_SECONDS = 1800
READING_SECONDS = 3600
REVEAL_SECONDS = 600
CONTRADICTION = 1 << 255
COUNTER_READING = 1 << 254
MARKS = CONTRADICTION | COUNTER_READING
MAX_NONCE = (1 << 20) - 1
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
    nonce: int = 0
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
    seals: dict[str, str] = field(default_factory=dict)  # owner → seal that is not opened
    revealed: int = 0

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


@dataclass(slots=True)
class Statement:
    """What is known of a participant's delivery."""

    energy: Wh | None = None
    contradicted: bool = False
    corrected: bool = False
    overstated: bool = False  # the meter had said more than the grid operator

    def amend(self, entry: int) -> None:
        energy = Wh(entry & 0xFFFFFFFF)
        if entry & CONTRADICTION:
            self.contradicted = True
        elif entry & COUNTER_READING:
            self.overstated = self.energy is not None and self.energy > energy
            self.energy, self.corrected, self.contradicted = energy, True, False
        elif self.energy is None:
            self.energy = energy

    @property
    def final(self) -> Wh | None:
        """The energy that counts; None where nobody has spoken."""
        return Wh(0) if self.contradicted and not self.corrected else self.energy


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
        self._salts = {salt.event: salt.salt for salt in record.salts}
        self._order_signatures = {
            (one.event, one.entry): one.signature for one in record.order_signatures
        }
        self._wallets = {account.owner for account in record.accounts if account.wallet}
        self._paused = False
        self._statements: dict[int, list[SignedStatement]] = {}
        for statement in record.statements:
            self._statements.setdefault(statement.event, []).append(statement)
        chain_id, addresses = record.constants.chain_id, record.constants.addresses
        self._exchange_domain = domain_hash("Wattline Exchange", chain_id, addresses["Exchange"])
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
            "OrdersPosted": self._posted,
            "OrderSkipped": self._skipped,
            "NoncesSpent": self._nonces_spent,
            "OrderSealed": self._sealed,
            "OrderRevealed": self._revealed,
            "Paused": self._pause,
            "Unpaused": self._pause,
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
            raise _fault(event, f"number: expected {self._position}, came {event.position}")
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

    @property
    def escrow(self) -> int:
        """What slots hold: the bonds of seals that are neither opened nor shared out."""
        undecided = [plain for plain in self.slots.values() if not plain.settled and not plain.void]
        return sum(len(plain.seals) for plain in undecided) * self._constants.seal_bond

    def account(self, owner: str) -> Account:
        return self.accounts.setdefault(owner, Account())

    # Money

    def _deposited(self, event: EventRecord, values: Values) -> None:
        self._require_running(event)
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
        _compare(event, "nonce", 0, order.nonce)
        self._require_running(event)
        self._require_open(event, Slot(values["slot"]))
        self._record(event, Slot(values["slot"]), values["owner"], order)

    def _posted(self, event: EventRecord, values: Values) -> None:
        """Take signed orders, in the order of their entries."""
        slot = Slot(values["slot"])
        self._require_running(event)
        self._require_open(event, slot)
        for entry, fields in enumerate(values["orders"]):
            order = order_of(event, fields)
            if not 0 < order.participant <= len(self.terms.owners):
                raise _fault(event, f"entry {entry}: expected a participant, came {order}")
            owner = self.terms.owners[order.participant - 1]
            self._require_order_signature(event, entry, slot, order, owner)
            nonce = self.account(owner).nonce
            if order.nonce < nonce:
                raise _fault(event, f"nonce: expected at least {nonce}, came {order.nonce}")
            if order.kind is Kind.CANCELLATION:
                self._cancel(event, slot, owner, order)
            else:
                self._record(event, slot, owner, order)

    def _require_order_signature(
        self, event: EventRecord, entry: int, slot: Slot, order: Order, owner: str
    ) -> None:
        signature = self._order_signatures.get((event.position, entry))
        if signature is None:
            raise _fault(event, f"signature of entry {entry}: expected {owner}'s, came none")
        if not signature:  # posted by another contract: its calldata is not to be seen
            self.checked["calls whose calldata is not to be seen"] += 1
            return
        signer = signer_of(order_digest(self._exchange_domain, slot, order), signature)
        if signer != owner and owner not in self._wallets:
            raise _fault(event, f"signature of entry {entry}: expected {owner}, came {signer}")
        self.checked["signatures"] += signer == owner

    def _skipped(self, event: EventRecord, values: Values) -> None:
        self.slots.setdefault(Slot(values["slot"]), SlotLedger())
        self.checked["orders skipped"] += 1

    def _nonces_spent(self, event: EventRecord, values: Values) -> None:
        account = self.account(values["owner"])
        if not account.nonce < values["below"] <= MAX_NONCE:
            raise _fault(event, f"below: expected above {account.nonce}, came {values['below']}")
        account.nonce = values["below"]

    def _pause(self, event: EventRecord, values: Values) -> None:
        if self._paused is (event.name == "Paused"):
            raise _fault(event, "expected a change of the pause, came none")
        _compare(event, "account", self.roles.get("operator"), values["account"])
        self._paused = event.name == "Paused"

    def _require_running(self, event: EventRecord) -> None:
        if self._paused:
            raise _fault(event, "expected none while the market is paused")

    def _sealed(self, event: EventRecord, values: Values) -> None:
        slot, owner = Slot(values["slot"]), values["owner"]
        self._require_running(event)
        self._require_open(event, slot)
        account, plain = self.account(owner), self.slots.setdefault(slot, SlotLedger())
        self._require_place(event, slot, owner, account)
        self._debit(event, owner, self._constants.seal_bond)
        account.touched = slot
        plain.seals[owner] = values["seal"]
        self.checked["seals"] += 1

    def _revealed(self, event: EventRecord, values: Values) -> None:
        slot, owner = Slot(values["slot"]), values["owner"]
        closes_at = slot * SLOT_SECONDS - GATE_CLOSURE_SECONDS
        self._require_time(event, closes_at, closes_at + REVEAL_SECONDS)
        plain = self.slots.setdefault(slot, SlotLedger())
        seal, order = plain.seals.pop(owner, None), order_of(event, values["order"])
        if seal is None:
            raise _fault(event, f"expected a seal of {owner} that is not opened, came none")
        salt = self._salts.get(event.position)
        if salt is not None:
            derived = "0x" + seal_digest(self._exchange_domain, slot, owner, order, salt).hex()
            _compare(event, "seal", seal, derived)
        plain.revealed += 1
        self.account(owner).free += self._constants.seal_bond
        self._record(event, slot, owner, order)

    def _record(self, event: EventRecord, slot: Slot, owner: str, order: Order) -> None:
        """Take an order into a slot's book, as contracts/exchange/OrderBook.sol does."""
        account = self.account(owner)
        self._require_place(event, slot, owner, account)
        _compare(event, "participant", account.participant, order.participant)
        _compare(event, "score", account.reputation.score, order.score)
        if order.energy == 0:
            raise _fault(event, "energy: expected some, came 0")
        if order.price > self._constants.price_cap:
            raise _fault(
                event, f"price: expected at most {self._constants.price_cap}, came {order.price}"
            )
        plain = self.slots.setdefault(slot, SlotLedger())
        lock = self.lock_of(order)
        if account.free < lock:
            raise _fault(event, f"expected at most {account.free} to be locked, came {lock}")
        account.free -= lock
        account.locked += lock
        account.touched = slot
        plain.book.append(order)
        plain.owners.append(owner)
        self.checked["orders"] += 1

    def _require_place(self, event: EventRecord, slot: Slot, owner: str, account: Account) -> None:
        """Check that an owner may order for a slot, and has not yet."""
        if account.participant == 0:
            raise _fault(event, f"owner: expected a participant's, came {owner}")
        if slot < account.first_slot:
            raise _fault(event, f"expected no order before slot {account.first_slot}")
        plain = self.slots.get(slot, SlotLedger())
        if owner in plain.owners or owner in plain.seals:
            raise _fault(event, f"expected one order of {owner} in the slot, came a second")

    def _cancelled(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        self._require_open(event, slot)
        order = order_of(event, values["order"])
        _compare(event, "nonce", 0, order.nonce)
        self._cancel(event, slot, values["owner"], order)

    def _cancel(self, event: EventRecord, slot: Slot, owner: str, order: Order) -> None:
        plain = self.slots.setdefault(slot, SlotLedger())
        if plain.owners.count(owner) != 1:
            raise _fault(event, f"expected a live order of {owner} in the slot, came none")
        expected = Order(
            kind=Kind.CANCELLATION,
            participant=self.account(owner).participant,
            nonce=order.nonce,
        )
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
        window = REVEAL_SECONDS if self._constants.seal_bond else 0
        self._require_time(event, starts_at - GATE_CLOSURE_SECONDS + window, starts_at)
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
        forfeited = slot in self.slots and bool(self.slots[slot].seals)
        plain = self._in_phase(event, slot, "recorded", may_be_empty=forfeited)
        if event.time < slot * SLOT_SECONDS:
            raise _fault(event, f"time: expected from {slot * SLOT_SECONDS} on, came {event.time}")
        self._compare_book(event, slot, plain)
        plain.void = True
        self._release(slot, plain)
        self.checked["slots voided"] += 1

    def _read(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        opens_at = (slot + 1) * SLOT_SECONDS
        corrects = any(entry & COUNTER_READING for entry in values["entries"])
        challenge = self._constants.challenge_seconds if corrects else 0
        self._require_time(event, opens_at, opens_at + READING_SECONDS + challenge)
        plain = self.slots.setdefault(slot, SlotLedger())
        if plain.settled:
            raise _fault(event, "expected a slot that is not settled")
        signed = None if corrects else self._signed(event, slot)
        for entry in values["entries"]:
            self._require_new(event, plain, entry)
            if signed is not None:
                _require_signed(event, signed, entry)
            plain.readings.append(entry)
            self.checked["readings"] += 1

    def _require_new(self, event: EventRecord, plain: SlotLedger, entry: int) -> None:
        participant, mark = (entry & ~MARKS) >> 32, entry & MARKS
        for before in plain.readings:
            if (before & ~MARKS) >> 32 == participant and before & MARKS == mark:
                raise _fault(event, f"expected one reading of participant {participant}, came two")

    def _signed(self, event: EventRecord, slot: Slot) -> dict[int, set[Wh]] | None:
        """Return the energies that each meter signed in a transaction; None if it is not there."""
        statements = self._statements.get(event.position)
        if statements is None:
            raise _fault(event, "signatures: expected those of the readings, came none")
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
        statements = self._final_statements(event, slot, plain)
        stated = {n: one.final for n, one in statements.items() if one.final is not None}
        final_at = (slot + 1) * SLOT_SECONDS + READING_SECONDS + self._constants.challenge_seconds
        if self._constants.challenge_seconds and event.time < final_at:
            raise _fault(event, f"time: expected from {final_at} on, came {event.time}")
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
        came = values["delivered"]
        _compare(event, "number of trades", len(expected), len(came))
        for position, (one, energy) in enumerate(zip(expected, came, strict=True)):
            _compare(event, f"delivered of trade {position}", one.delivered, energy)
        plain.settled = True
        self._release(slot, plain)
        slashed = {number for number, one in statements.items() if one.overstated}
        self._pay(slot, plain, expected, slashed)
        self.checked["slots settled"] += 1
        self.checked["deliveries"] += len(expected)

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

    def _release(self, slot: Slot, plain: SlotLedger) -> None:
        """Release the locks, and share what was forfeited, the earliest first with the rest."""
        pot = len(plain.seals) * self._constants.seal_bond
        share, rest = divmod(pot, len(plain.book)) if plain.book else (0, 0)
        if not plain.book:
            self.account(self.roles.get("line owner", NOBODY)).free += pot
        for position, owner in enumerate(plain.owners):
            self.account(owner).free += share + (position < rest)
        for owner, order in zip(plain.owners, plain.book, strict=True):
            account, lock = self.account(owner), self.lock_of(order)
            account.locked -= lock
            account.free += lock
            account.touched = slot

    def _pay(
        self, slot: Slot, plain: SlotLedger, trades: Sequence[Trade], slashed: set[int]
    ) -> None:
        line_owner = self.account(self.roles.get("line owner", NOBODY))
        for offer in sorted({trade.offer for trade in trades}):
            own = [trade for trade in trades if trade.offer == offer]
            seller, number = self.account(plain.owners[offer]), plain.book[offer].participant
            is_short = any(trade.delivered < trade.energy for trade in own)
            is_slashed = is_short and number in slashed
            for trade in own:
                money = payment(trade, self._constants.compensation_price)
                compensation = money.compensation
                if is_slashed:
                    compensation = amount_down(trade.energy, self._constants.bond_price)
                buyer = self.account(plain.owners[trade.bid])
                seller.free += money.goods - compensation
                buyer.free += compensation - money.goods - money.fee
                line_owner.free += money.fee
                line_owner.touched = slot
            strangers = [trade for trade in own if not self._of_one_group(slot, plain, trade)]
            if strangers:
                seller.reputation = self._moved(seller.reputation, strangers, is_slashed)
                self.checked["reputations"] += 1

    def _of_one_group(self, slot: Slot, plain: SlotLedger, trade: Trade) -> bool:
        """Return whether seller and buyer belong together."""
        seller, buyer = (plain.book[k].participant for k in (trade.offer, trade.bid))
        group = self.terms.group(slot, seller)
        return group != 0 and group == self.terms.group(slot, buyer)

    def _moved(self, before: Reputation, own: Sequence[Trade], is_slashed: bool) -> Reputation:
        value = MicroUsd(sum(amount_down(trade.energy, trade.price) for trade in own))
        return updated(
            before,
            memory=self._constants.reputation_memory,
            weight=weight_down(value, self._constants.reputation_full_value),
            delivered=Wh(0 if is_slashed else sum(trade.delivered for trade in own)),
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
        statements = self._statements.get(event.position)
        if statements is None:
            raise _fault(event, "signature: expected that of the storage's meter, came none")
        for statement in statements:
            if not statement.signature:
                self.checked["calls whose calldata is not to be seen"] += 1
                continue
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

    def _require_time(self, event: EventRecord, opens_at: int, closes_at: int) -> None:
        if not opens_at <= event.time < closes_at:
            raise _fault(
                event, f"time: expected from {opens_at} and before {closes_at}, came {event.time}"
            )

    def _in_phase(
        self, event: EventRecord, slot: Slot, phase: str, *, may_be_empty: bool = False
    ) -> SlotLedger:
        plain = self.slots.get(slot)
        if plain is None or not (plain.book or may_be_empty):
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
    participant = (entry & ~MARKS) >> 32
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
