"""A slot of an export as its mechanism saw it, to be cleared again with something changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from oracle.audit.slot import order_of, trade_of
from oracle.audit.terms import Terms
from oracle.domain.book import Kind, Order, Trade, live_orders
from oracle.domain.clock import slot_at
from oracle.domain.record import EventRecord, MarketRecord
from oracle.domain.scenario import Scenario
from oracle.errors import InvalidInputError
from oracle.market.mechanism import Mechanism, Round, round_of
from oracle.market.registry import BY_CONTRACT
from oracle.units import SLOTS_PER_DAY, MicroUsdPerMwh, Slot, Wh

ORDERS = ("OfferPlaced", "BidPlaced", "OrderCancelled", "OrdersPosted", "OrderRevealed")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMarket:
    """The book of a slot, its terms and its trades; positions in the trades count in the book."""

    number: int  # of the slot: from 1 in a scenario's run, else the chain's
    mechanism: Mechanism
    book: tuple[Order, ...]
    trades: tuple[Trade, ...]
    names: tuple[str, ...]  # of the participants, from number 1 on
    fees: Mapping[tuple[int, int], MicroUsdPerMwh]
    capacities: Mapping[tuple[int, int], Wh]
    real_time_price: MicroUsdPerMwh
    price_cap: MicroUsdPerMwh  # no order bids more

    def name(self, position: int) -> str:
        """Return whose an entry of the book is."""
        return self.names[self.book[position].participant - 1]

    def position(self, name: str) -> int:
        """
        Return where the last order of a participant is in the book.

        Raises
        ------
        InvalidInputError
            Where it has none.
        """
        found = [
            k for k, order in enumerate(live_orders(self.book)) if order and self.name(k) == name
        ]
        if not found:
            some = ", ".join(f"{self.number}:{self.name(k)}" for k in self.live()[:3])
            raise InvalidInputError(
                f"order {self.number}:{name}: expected one of slot {self.number}, such as {some}"
            )
        return found[-1]

    def live(self) -> list[int]:
        return [k for k, order in enumerate(live_orders(self.book)) if order is not None]

    def traded(self) -> dict[int, Wh]:
        """Return what each live order traded."""
        found = dict.fromkeys(self.live(), 0)
        for trade in self.trades:
            found[trade.offer] += trade.energy
            found[trade.bid] += trade.energy
        return {position: Wh(energy) for position, energy in found.items()}

    def marginal(self) -> set[int]:
        """Return, per side, who has the worst limit that traded or the best not traded in full."""
        found = set()
        traded = self.traded()
        for kind, best, worst in ((Kind.OFFER, min, max), (Kind.BID, max, min)):
            side = {k: self.book[k].price for k in traded if self.book[k].kind is kind}
            limits = {
                worst((side[k] for k in side if traded[k] > 0), default=None),
                best((side[k] for k in side if traded[k] < self.book[k].energy), default=None),
            }
            found |= {k for k, limit in side.items() if limit in limits}
        return found

    def round(
        self,
        limits: Mapping[int, MicroUsdPerMwh] | None = None,
        real_time_price: MicroUsdPerMwh | None = None,
    ) -> Round:
        """Return the round, or what it would be with other limits of the orders at positions."""
        book = tuple(
            replace(order, price=(limits or {}).get(k, order.price))
            for k, order in enumerate(self.book)
        )
        price = self.real_time_price if real_time_price is None else real_time_price
        return round_of(book, self.fees, price, self.capacities)


def slot_market(record: MarketRecord, scenario: Scenario | None, number: int) -> SlotMarket:
    """
    Return a slot of a record; `number` as in `SlotMarket`.

    Raises
    ------
    InvalidInputError
        Where nothing was cleared in that slot, or by a mechanism that this version does not know.
    Divergence
        Where an event cannot be read, or a table is not what was announced.
    """
    first = Slot(0) if scenario is None else Slot(_first_slot(record, scenario) - 1)
    slot = Slot(first + number)
    terms = Terms(record)
    book: list[Order] = []
    cleared: EventRecord | None = None
    for event in record.events:
        if terms.announce(event) or event.slot != slot:
            continue
        if event.name in ORDERS:
            recorded = event.values.get("orders") or [event.values["order"]]
            book += [order_of(event, fields) for fields in recorded]
        elif event.name == "SlotCleared":
            cleared = event
    price = terms.prices.at(slot)
    if cleared is None or price is None:
        raise InvalidInputError(
            f"slot {number}: expected one that was cleared{_such_as(record, first)}"
        )
    return SlotMarket(
        number=number,
        mechanism=_mechanism(record, cleared),
        book=tuple(book),
        trades=tuple(trade_of(cleared, fields) for fields in cleared.values["trades"]),
        names=_names(scenario, len(terms.owners)),
        fees=terms.fees(slot),
        capacities=terms.capacities.at(slot) or {},
        real_time_price=price,
        price_cap=record.constants.price_cap,
    )


def cleared_slots(record: MarketRecord, before_first: int) -> list[int]:
    """Return the numbers of the slots that were cleared."""
    return [
        event.slot - before_first
        for event in record.events
        if event.name == "SlotCleared" and event.slot is not None
    ]


def _such_as(record: MarketRecord, before_first: int) -> str:
    found = cleared_slots(record, before_first)
    return f" ({found[0]} to {found[-1]}, {len(found)} slots)" if found else ", got none in all"


def _mechanism(record: MarketRecord, cleared: EventRecord) -> Mechanism:
    address = cleared.values["mechanism"]
    for entry in record.mechanisms:
        if entry.mechanism == address and entry.name in BY_CONTRACT:
            return BY_CONTRACT[entry.name].of_parameters(entry.parameters)
    raise InvalidInputError(f"mechanism {address}: expected one that this version knows")


def _names(scenario: Scenario | None, count: int) -> tuple[str, ...]:
    """Return the scenario's names, and numbers for who joined besides."""
    known: Sequence[str] = ()
    if scenario is not None and scenario.community is not None:
        known = [prosumer.name for prosumer in scenario.community.prosumers]
    return (*known, *(str(number) for number in range(len(known) + 1, count + 1)))


def _first_slot(record: MarketRecord, scenario: Scenario) -> Slot:
    """Return the chain's slot for the scenario's first: the same, or that of a later day."""
    wanted = slot_at(int(scenario.first_slot.timestamp()))
    slots = [
        event.slot
        for event in record.events
        if event.name in (*ORDERS, "StorageRecorded") and event.slot is not None
    ]
    return Slot(wanted + (min(slots, default=wanted) - wanted) // SLOTS_PER_DAY * SLOTS_PER_DAY)
