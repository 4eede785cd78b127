"""Books and sealed orders; as contracts/exchange/OrderBook.sol and SealedBook.sol."""

from oracle.audit.accounts import Accounts
from oracle.audit.faults import compare, fault
from oracle.audit.hashes import NOTHING
from oracle.audit.slot import Account, SlotLedger, book_hash, order_of
from oracle.audit.typed_data import seal_digest
from oracle.audit.unproved import SEALS
from oracle.domain.book import Kind, Order
from oracle.domain.clock import GATE_CLOSURE_SECONDS, OPEN_SLOTS, REVEAL_SECONDS
from oracle.domain.record import EventRecord, Values
from oracle.units import SLOT_SECONDS, Slot


class OrderBook(Accounts):
    """The books of the slots, and the orders that were sealed."""

    def _owner_of(self, event: EventRecord, order: Order) -> str:
        if order.participant > len(self.terms.owners):
            raise fault(
                event,
                f"participant: expected at most {len(self.terms.owners)}, came {order.participant}",
            )
        return self.terms.owners[order.participant - 1]

    def _sealed(self, event: EventRecord, values: Values) -> None:
        slot, owner = Slot(values["slot"]), values["owner"]
        self._require_running(event)
        self._require_open(event, slot)
        account, plain = self.account(owner), self.slots.setdefault(slot, SlotLedger())
        self._require_place(event, slot, owner, account)
        if values["seal"] == NOTHING:
            raise fault(event, "seal: expected a hash, came zero")
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
            raise fault(event, f"expected a seal of {owner} that is not opened, came none")
        if order.kind is Kind.CANCELLATION:
            raise fault(event, "kind: expected an offer or a bid, came a cancellation")
        compare(event, "nonce", 0, order.nonce)
        salt = self._salts.get(event.position)
        if self._call(event) is None:
            self._believe(event, SEALS, f"seal of {owner}")
        elif salt is None:
            raise fault(event, "salt: expected one in salts.csv, came none")
        else:
            derived = "0x" + seal_digest(self._exchange_domain, slot, owner, order, salt).hex()
            compare(event, "seal", seal, derived)
        plain.revealed += 1
        self.account(owner).free += self._constants.seal_bond
        self._record(event, slot, owner, order)

    def _record(self, event: EventRecord, slot: Slot, owner: str, order: Order) -> None:
        """Take an order into a slot's book, as contracts/exchange/OrderBook.sol does."""
        account = self.account(owner)
        self._require_place(event, slot, owner, account)
        compare(event, "participant", account.participant, order.participant)
        compare(event, "score", account.reputation.score, order.score)
        if order.energy == 0:
            raise fault(event, "energy: expected some, came 0")
        if order.price > self._constants.price_cap:
            raise fault(
                event, f"price: expected at most {self._constants.price_cap}, came {order.price}"
            )
        plain = self.slots.setdefault(slot, SlotLedger())
        lock = order.lock(self._constants.bond_price)
        if account.free < lock:
            raise fault(event, f"expected at most {account.free} to be locked, came {lock}")
        account.free -= lock
        account.locked += lock
        account.touched = slot
        plain.book.append(order)
        plain.owners.append(owner)
        self.checked["orders"] += 1

    def _require_place(self, event: EventRecord, slot: Slot, owner: str, account: Account) -> None:
        """Check that an owner may order for a slot, and has not yet."""
        if account.participant == 0:
            raise fault(event, f"owner: expected a participant's, came {owner}")
        if slot < account.first_slot:
            raise fault(event, f"expected no order before slot {account.first_slot}")
        plain = self.slots.get(slot, SlotLedger())
        if owner in plain.owners or owner in plain.seals:
            raise fault(event, f"expected one order of {owner} in the slot, came a second")

    def _require_open(self, event: EventRecord, slot: Slot) -> None:
        closes_at = slot * SLOT_SECONDS - GATE_CLOSURE_SECONDS
        if event.time >= closes_at:
            raise fault(event, f"time: expected before {closes_at}, came {event.time}")
        current = event.time // SLOT_SECONDS
        if slot > current + OPEN_SLOTS:
            raise fault(event, f"slot: expected at most {current + OPEN_SLOTS}, came {slot}")

    def _compare_book(self, event: EventRecord, slot: Slot, plain: SlotLedger) -> None:
        """Compare the book, which is final, with the hash in slots.csv."""
        if slot in self._hashes:
            compare(event, "hash of the book", book_hash(plain), self._hashes[slot].book)

    def _in_phase(
        self, event: EventRecord, slot: Slot, phase: str, *, may_be_empty: bool = False
    ) -> SlotLedger:
        plain = self.slots.get(slot)
        if plain is None or not (plain.book or may_be_empty):
            raise fault(event, "expected orders in the slot's book, came none")
        if plain.phase != phase:
            raise fault(event, f"expected a slot that is {phase}, came one that is {plain.phase}")
        return plain
