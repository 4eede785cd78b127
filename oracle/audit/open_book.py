"""Orders of their owners, and signed ones in batches; as contracts/exchange/OpenBook.sol."""

from collections.abc import Mapping

from oracle.audit.faults import compare, fault
from oracle.audit.order_book import OrderBook
from oracle.audit.refusals import (
    WRONG_SIGNER,
    Refusal,
    refusal_of,
    refusal_of_order,
    refusal_of_word,
)
from oracle.audit.slot import SlotLedger, order_of
from oracle.audit.typed_data import order_digest, signer_of
from oracle.audit.unproved import ORDER_SIGNATURES, SKIPPED_ORDERS, WALLET_SIGNATURES
from oracle.domain.book import Kind, Order
from oracle.domain.record import POST_FOR_WALLETS, Call, EventRecord, MarketRecord, Values
from oracle.market.mechanism import Mechanism
from oracle.units import Slot


class OpenBook(OrderBook):
    """The orders that were recorded in the open, and what batches of them passed over."""

    def __init__(self, record: MarketRecord, mechanisms: Mapping[str, type[Mechanism]]) -> None:
        """`mechanisms` maps the name of a verifier's contract to its twin."""
        super().__init__(record, mechanisms)
        self._batch: list[EventRecord] = []  # what a post has skipped, until what it took is known

    def _placed(self, event: EventRecord, values: Values) -> None:
        kind = Kind.OFFER if event.name == "OfferPlaced" else Kind.BID
        order = order_of(event, values["order"])
        compare(event, "kind", int(kind), int(order.kind))
        compare(event, "nonce", 0, order.nonce)
        self._require_running(event)
        self._require_open(event, Slot(values["slot"]))
        owner = self._owner_of(event, order)
        self._record(event, Slot(values["slot"]), owner, order)

    def _cancelled(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        self._require_open(event, slot)
        order = order_of(event, values["order"])
        compare(event, "nonce", 0, order.nonce)
        self._cancel(event, slot, self._owner_of(event, order), order)

    def _cancel(self, event: EventRecord, slot: Slot, owner: str, order: Order) -> None:
        plain = self.slots.setdefault(slot, SlotLedger())
        if plain.owners.count(owner) != 1:
            raise fault(event, f"expected a live order of {owner} in the slot, came none")
        expected = Order(
            kind=Kind.CANCELLATION,
            participant=self.account(owner).participant,
            nonce=order.nonce,
        )
        compare(event, "order", expected, order)
        plain.book.append(order)
        plain.owners.append(owner)
        self.checked["orders"] += 1

    def _posted(self, event: EventRecord, values: Values) -> None:
        """Take signed orders, in the order of their entries."""
        slot = Slot(values["slot"])
        self._require_running(event)
        self._require_open(event, slot)
        call = self._call(event)
        if call is None:
            for entry in range(len(values["orders"])):
                self._take_posted(event, entry, call)
        else:
            self._take_batch(call, event)

    def _skipped(self, event: EventRecord, values: Values) -> None:
        """Keep it until the orders that were taken beside it are known, which may be its reason."""
        slot, word = Slot(values["slot"]), int(values["order"], 16)
        self._require_running(event)
        self._require_open(event, slot)
        self.slots.setdefault(slot, SlotLedger())
        if self._call(event) is not None:
            self._batch.append(event)
            return
        # Which of the batches in its transaction it is of, and where, is not to be seen.
        refusal = refusal_of_word(word, self.terms.participants(slot))
        if refusal is None:
            self._believe(event, SKIPPED_ORDERS, "reason")
        else:
            self._compare_reason(event, refusal)

    def _close_batch(self, transaction: str | None = None) -> None:
        """Check a batch of which nothing was taken, unless the next event is of it, too."""
        if self._batch and self._batch[0].transaction != transaction:
            call = self._call(self._batch[-1])
            if call is not None:
                self._take_batch(call, None)

    def _take_batch(self, call: Call, posted: EventRecord | None) -> None:
        """Take the orders of a seen call and check why others were skipped, one after the other."""
        skipped, self._batch = self._batch, []
        last = skipped[-1] if posted is None else posted
        taken = [] if posted is None else posted.values["orders"]
        compare(last, "orders taken and skipped", call.orders, len(taken) + len(skipped))
        for event in skipped:
            own = self._calls[event.position]
            compare(event, "call", (call.function, call.orders), (own.function, own.orders))
            for key in ("slot", "poster"):
                compare(event, key, last.values[key], event.values[key])
        by_position: dict[int, EventRecord] = {}
        for event in skipped:
            position = event.values["position"]
            if position >= call.orders or position in by_position:
                raise fault(
                    event, f"position: expected its own below {call.orders}, came {position}"
                )
            by_position[position] = event
        entries = iter(range(len(taken)))
        for position in range(call.orders):
            if position in by_position:
                self._check_skipped(by_position[position], call)
            elif posted is not None:
                self._take_posted(posted, next(entries), call)

    def _take_posted(self, event: EventRecord, entry: int, call: Call | None) -> None:
        slot, order = Slot(event.values["slot"]), order_of(event, event.values["orders"][entry])
        owner = self._owner_of(event, order)
        self._require_order_signature(event, entry, order, owner, call)
        nonce = self.account(owner).nonce
        if order.nonce < nonce:
            raise fault(event, f"nonce: expected at least {nonce}, came {order.nonce}")
        if order.kind is Kind.CANCELLATION:
            self._cancel(event, slot, owner, order)
        else:
            self._record(event, slot, owner, order)

    def _check_skipped(self, event: EventRecord, call: Call) -> None:
        """Check that an order was passed over for the first reason there was."""
        slot, word = Slot(event.values["slot"]), int(event.values["order"], 16)
        refusal = refusal_of_word(word, self.terms.participants(slot))
        if refusal is None:
            order = Order.unpack(word)
            owner = self.terms.owners[order.participant - 1]
            unsigned = Refusal(WRONG_SIGNER, (order.participant, int(owner, 16)))
            is_signed = self._signer(event, 0, order) == owner
            if call.function == POST_FOR_WALLETS:
                # A wallet may refuse what its key signed, and know what no key did.
                refused = refusal_of(event.values["reason"]) == unsigned
                if refused or not is_signed:
                    self._believe(event, WALLET_SIGNATURES, f"signature of {owner}, a wallet's")
                is_signed = not refused
            refusal = unsigned
            if is_signed:
                refusal = refusal_of_order(
                    order, slot, owner, self.account(owner), self.slots[slot], self._constants
                )
        self._compare_reason(event, refusal)

    def _compare_reason(self, event: EventRecord, refusal: Refusal | None) -> None:
        came = refusal_of(event.values["reason"])
        if refusal != came:
            expected = "the order to be taken" if refusal is None else refusal
            raise fault(event, f"reason: expected {expected}, came {came}")
        self.checked["orders skipped"] += 1

    def _require_order_signature(
        self, event: EventRecord, entry: int, order: Order, owner: str, call: Call | None
    ) -> None:
        if call is None:
            self._believe(event, ORDER_SIGNATURES, f"signature of entry {entry}, {owner}'s")
            return
        signer = self._signer(event, entry, order)
        if signer == owner:
            self.checked["signatures"] += 1
        elif call.function == POST_FOR_WALLETS:
            self._believe(event, WALLET_SIGNATURES, f"signature of entry {entry}, {owner}'s")
        else:
            raise fault(event, f"signature of entry {entry}: expected {owner}, came {signer}")

    def _signer(self, event: EventRecord, entry: int, order: Order) -> str | None:
        """Return whose key signed an order of a seen call; None where no key did."""
        signature = self._order_signatures.get((event.position, entry))
        if signature is None:
            raise fault(
                event,
                f"signature of entry {entry}: expected one in order_signatures.csv, came none",
            )
        slot = Slot(event.values["slot"])
        return signer_of(order_digest(self._exchange_domain, slot, order), signature)
