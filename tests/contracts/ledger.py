"""The market as a plain ledger: dictionaries and the twins, no packing, no hashes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from web3.types import EventData

from oracle.domain.book import Kind, Order, Trade
from oracle.model.reputation import Reputation, initial_reputation, updated, weight_down
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
        return self.sellers() - set(self.readings) - self.contradicted

    def delivered(self, number: int) -> Wh:
        return Wh(0 if number in self.contradicted else self.readings.get(number, 0))


def lock_of(order: Order) -> int:
    if order.kind is Kind.CANCELLATION:
        return 0
    return amount_up(order.energy, order.price if order.kind is Kind.BID else BOND)


def free_by_events(events: Iterable[EventData], line_owner: str) -> dict[str, int]:
    """Return the free money per account, from nothing but the exchange's events."""
    free: dict[str, int] = defaultdict(int)
    books: dict[int, list[tuple[str, Order]]] = defaultdict(list)
    for event in events:
        name, values = event["event"], event["args"]
        if name == "Deposited":
            free[values["owner"]] += values["amount"]
        elif name == "Withdrawn":
            free[values["owner"]] -= values["amount"]
        elif name == "CompensationPaid":
            free[values["operator"]] -= values["amount"]
            free[values["provider"]] += values["amount"]
        elif name in ("OfferPlaced", "BidPlaced", "OrderCancelled"):
            order = Order.unpack(values["order"])
            books[values["slot"]].append((values["owner"], order))
            free[values["owner"]] -= lock_of(order)
        elif name in ("SlotVoided", "SlotSettled"):
            book = books[values["slot"]]
            for owner, order in book:
                free[owner] += lock_of(order)
            for trade in map(Trade.unpack, values.get("trades", ())):
                money = payment(trade, COMPENSATION)
                free[book[trade.offer][0]] += money.goods - money.compensation
                free[book[trade.bid][0]] += money.compensation - money.goods - money.fee
                free[line_owner] += money.fee
    return free


class Ledger:
    """Who has what; participants by their numbers, and OPERATOR and PROVIDER."""

    def __init__(self, deposits: Mapping[int, int]) -> None:
        self.free = {OPERATOR: 0, PROVIDER: 0, **deposits}
        self.deposited = sum(deposits.values())
        self.withdrawn = 0
        self.fees = 0
        self.compensation = 0
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
            money = payment(trade, COMPENSATION)
            seller, buyer = (plain.book[k].participant for k in (trade.offer, trade.bid))
            self.free[seller] += money.goods - money.compensation
            self.free[buyer] += money.compensation - money.goods - money.fee
            self.free[PROVIDER] += money.fee
            self.fees += money.fee
        for seller in plain.sellers():
            own = [t for t in plain.settled if plain.book[t.offer].participant == seller]
            self.reputations[seller] = self._moved(self.reputations[seller], own)
        return plain.settled

    def pay_compensation(self, earned: int) -> None:
        self.free[OPERATOR] -= earned - self.compensation
        self.free[PROVIDER] += earned - self.compensation
        self.compensation = earned

    def _release(self, book: Sequence[Order]) -> None:
        for order in book:
            self.free[order.participant] += lock_of(order)

    @staticmethod
    def _moved(before: Reputation, own: Sequence[Trade]) -> Reputation:
        value = MicroUsd(sum(amount_down(trade.energy, trade.price) for trade in own))
        return updated(
            before,
            memory=MEMORY,
            weight=weight_down(value, FULL_VALUE),
            delivered=Wh(sum(trade.delivered for trade in own)),
            sold=Wh(sum(trade.energy for trade in own)),
        )
