"""The market as a plain ledger: dictionaries and the twins, no packing, no hashes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from web3.types import EventData

from oracle.chain.decoding import numbers
from oracle.domain.book import CONTRADICTION, COUNTER_READING, Kind, Order, Trade
from oracle.model.reputation import initial_reputation, updated, weight_down
from oracle.model.settlement import deliveries, payment
from oracle.units import MicroUsd, Slot, Wh, amount_down, amount_up
from tests.contracts.markets import BOND, COMPENSATION, FULL_VALUE, MEMORY, PROSUMERS, SCORES

OPERATOR, PROVIDER = -1, -2


@dataclass(slots=True)
class PlainSlot:
    """A slot's book and what became of it."""

    book: list[Order] = field(default_factory=list)
    trades: tuple[Trade, ...] | None = None
    settled: tuple[Trade, ...] | None = None
    void: bool = False
    readings: dict[int, int] = field(default_factory=dict)
    contradicted: set[int] = field(default_factory=set)
    corrections: dict[int, int] = field(default_factory=dict)
    overstated: set[int] = field(default_factory=set)

    @property
    def done(self) -> bool:
        return self.void or self.settled is not None

    def has_order(self, number: int) -> bool:
        return any(order.participant == number for order in self.book)

    def live_order(self, number: int) -> bool:
        return sum(order.participant == number for order in self.book) == 1

    def sellers(self) -> set[int]:
        return {self.book[trade.offer].participant for trade in self.trades or ()}

    def silent_sellers(self) -> set[int]:
        known = self.contradicted | set(self.readings) | set(self.corrections)
        return self.sellers() - known

    def hear(self, number: int, energy: int) -> None:
        """Note what a meter says: once, and not after the grid operator."""
        if number not in self.corrections:
            self.readings.setdefault(number, energy)

    def correct(self, number: int, energy: int) -> None:
        """Note what the grid operator says, and whether the meter had said more."""
        self.corrections[number] = energy
        if self.readings.get(number, 0) > energy:
            self.overstated.add(number)

    def delivered(self, number: int) -> Wh:
        if number in self.corrections:
            return Wh(self.corrections[number])
        return Wh(0 if number in self.contradicted else self.readings.get(number, 0))

    def sold(self, number: int) -> Wh:
        trades = [t for t in self.trades or () if self.book[t.offer].participant == number]
        return Wh(sum(trade.energy for trade in trades))

    def slashed(self, number: int) -> bool:
        return number in self.overstated and self.delivered(number) < self.sold(number)


def lock_of(order: Order) -> int:
    if order.kind is Kind.CANCELLATION:
        return 0
    return amount_up(order.energy, order.price if order.kind is Kind.BID else BOND)


def earned(trade: Trade, *, slashed: bool) -> tuple[int, int, int]:
    """Return what the seller of a settled trade gets, its buyer and the line owner."""
    paid = payment(trade, COMPENSATION)
    compensation = amount_down(trade.energy, BOND) if slashed else paid.compensation
    return paid.goods - compensation, compensation - paid.goods - paid.fee, paid.fee


def free_by_events(events: Iterable[EventData], line_owner: str) -> dict[str, int]:
    """Return the free money per account, from nothing but the exchange's events."""
    free: dict[str, int] = defaultdict(int)
    owners: dict[int, str] = {}
    slots: dict[int, PlainSlot] = defaultdict(PlainSlot)
    for event in events:
        name, values = event["event"], event["args"]
        if name == "Deposited":
            free[values["owner"]] += values["amount"]
        elif name == "Withdrawn":
            free[values["owner"]] -= values["amount"]
        elif name == "CompensationPaid":
            free[values["operator"]] -= values["amount"]
            free[values["provider"]] += values["amount"]
        elif name == "Enrolled":
            owners[values["participant"]] = values["owner"]
        elif name in ("OfferPlaced", "BidPlaced", "OrderCancelled", "OrdersPosted"):
            words = numbers(values["orders"], 32) if "orders" in values else [values["order"]]
            for order in map(Order.unpack, words):
                slots[values["slot"]].book.append(order)
                free[owners[order.participant]] -= lock_of(order)
        elif name == "SlotCleared":
            slots[values["slot"]].trades = tuple(map(Trade.unpack, values["trades"]))
        elif name == "ReadingsRecorded":
            _hear(slots[values["slot"]], values["entries"])
        elif name in ("SlotVoided", "SlotSettled"):
            plain = slots[values["slot"]]
            for order in plain.book:
                free[owners[order.participant]] += lock_of(order)
            delivered = numbers(values.get("delivered", b""), 4)
            for trade, energy in zip(plain.trades or (), delivered, strict=True):
                seller, buyer = (plain.book[k].participant for k in (trade.offer, trade.bid))
                money = earned(trade.with_delivered(Wh(energy)), slashed=plain.slashed(seller))
                for owner, amount in zip(
                    (owners[seller], owners[buyer], line_owner), money, strict=True
                ):
                    free[owner] += amount
    return free


def _hear(plain: PlainSlot, entries: Iterable[int]) -> None:
    for entry in entries:
        number, energy = entry >> 32 & 0xFFFF, entry & 0xFFFFFFFF
        if entry & CONTRADICTION:
            plain.contradicted.add(number)
        elif entry & COUNTER_READING:
            plain.correct(number, energy)
        else:
            plain.hear(number, energy)


class Ledger:
    """Who has what; participants by their numbers, and OPERATOR and PROVIDER."""

    def __init__(self, deposits: Mapping[int, int]) -> None:
        self.free = {OPERATOR: 0, PROVIDER: 0, **deposits}
        self.deposited = sum(deposits.values())
        self.withdrawn = 0
        self.fees = 0
        self.compensation = 0
        self.paused = False
        self.nonces = dict.fromkeys(range(1, PROSUMERS + 1), 0)
        self.groups: list[tuple[Slot, dict[int, int]]] = []
        self.slots: dict[Slot, PlainSlot] = {}
        self.reputations = {
            number: initial_reputation(SCORES[number - 1], MEMORY)
            for number in range(1, PROSUMERS + 1)
        }

    def locked(self, number: int) -> int:
        return sum(
            lock_of(order)
            for slot in self.slots.values()
            for order in slot.book
            if not slot.done and order.participant == number
        )

    def place(self, slot: Slot, order: Order) -> None:
        self.free[order.participant] -= lock_of(order)
        self.slots.setdefault(slot, PlainSlot()).book.append(order)

    def void(self, slot: Slot) -> None:
        self.slots[slot].void = True
        self._release(self.slots[slot].book)

    def settle(self, slot: Slot) -> tuple[Trade, ...]:
        plain = self.slots[slot]
        trades = plain.trades or ()
        of_offer = {
            position: plain.delivered(order.participant)
            for position, order in enumerate(plain.book)
        }
        plain.settled = tuple(deliveries(trades, of_offer))
        self._release(plain.book)
        for trade in plain.settled:
            seller, buyer = (plain.book[k].participant for k in (trade.offer, trade.bid))
            for who, amount in zip(
                (seller, buyer, PROVIDER),
                earned(trade, slashed=plain.slashed(seller)),
                strict=True,
            ):
                self.free[who] += amount
            self.fees += payment(trade, COMPENSATION).fee
        for seller in plain.sellers():
            self._move(slot, seller, plain.settled)
        return plain.settled

    def group_of(self, slot: Slot, number: int) -> int:
        """Return the group of a participant in a slot; zero for none."""
        group = 0
        for first, groups in self.groups:
            if first <= slot:
                group = groups.get(number, group)
        return group

    def pay_compensation(self, earned: int) -> None:
        self.free[OPERATOR] -= earned - self.compensation
        self.free[PROVIDER] += earned - self.compensation
        self.compensation = earned

    def _release(self, book: Sequence[Order]) -> None:
        for order in book:
            self.free[order.participant] += lock_of(order)

    def _move(self, slot: Slot, seller: int, settled: Sequence[Trade]) -> None:
        """Move a seller's reputation by its trades with others than its own group."""
        plain, group = self.slots[slot], self.group_of(slot, seller)
        own = [
            trade
            for trade in settled
            if plain.book[trade.offer].participant == seller
            and not 0 < group == self.group_of(slot, plain.book[trade.bid].participant)
        ]
        if not own:
            return
        value = MicroUsd(sum(amount_down(trade.energy, trade.price) for trade in own))
        delivered = 0 if plain.slashed(seller) else sum(trade.delivered for trade in own)
        self.reputations[seller] = updated(
            self.reputations[seller],
            memory=MEMORY,
            weight=weight_down(value, FULL_VALUE),
            delivered=Wh(delivered),
            sold=Wh(sum(trade.energy for trade in own)),
        )
