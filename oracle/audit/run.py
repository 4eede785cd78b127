"""
A market's record held against the scenario that was run and its plan, slot by slot.

The ledger proves that a market kept its own rules, the certificates that a dispatch fits its
scenario; here the two are tied to each other, as far as the one determines the other:

* the terms of the market, see `oracle.audit.run_terms`;
* the orders: what the prosumers have to trade in a slot, after what they traded before;
* the trades: the plan's energies and fees, wherever the book is that of the plan, or leads to its
  graph where the mechanism looks at nothing else;
* deliveries, in full but for the scenario's shortfalls and readings that never came;
* the storage's schedule, which is that of the dispatch's columns.

Scores move with deliveries, and prices of trades with scores: the plan determines neither. Where
there is no tariff, scores move the prices of bids, too, within a range. What agents have learnt
follows from the books and trades before. Keys are of no scenario.

A run that was interrupted may have missed gates and deadlines: orders that are not there, slots
that were voided and readings that nobody heard are counted apart, not refused. An oracle that
leaves out what it does not like looks just so: whoever reads the counts knows what happened.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from oracle import bidding
from oracle.audit.faults import compare, fault
from oracle.audit.run_terms import RunTerms
from oracle.audit.slot import order_of, trade_of
from oracle.domain.book import MARKS, Order, Trade
from oracle.domain.clock import slot_at
from oracle.domain.community import Community, nobody
from oracle.domain.record import DispatchRecord, EventRecord, MarketRecord
from oracle.domain.scenario import Scenario
from oracle.domain.storage_rating import rating_of
from oracle.errors import Divergence
from oracle.market.mechanism import Round, round_of
from oracle.market.pairwise_nash import PairwiseNash
from oracle.model.prosumers import Position
from oracle.model.settlement import deliveries
from oracle.model.storage import netted
from oracle.plan import STORAGE, WITH_SHARING, numbered_capacities, numbered_fees
from oracle.program import without_dust
from oracle.strategies.agents import Agents
from oracle.units import BPS, SLOTS_PER_DAY, Bps, Slot, Wh

FILE = "events.jsonl"
ORDERS = ("OfferPlaced", "BidPlaced", "OrderCancelled", "OrdersPosted", "OrderRevealed")

Schedule = list[tuple[Wh, Wh, Wh]]  # charge, discharge, stored
Entry = tuple[EventRecord, Order]


@dataclass(slots=True)
class AuditedRun:
    """How much was compared, how much did not happen that should have, and the first of that."""

    checked: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    doubt: Divergence | None = None

    def miss(self, slot: Slot, what: str, count: int) -> None:
        """Note what a slot lacks, if it lacks anything."""
        if count:
            self.missed[what] += count
            self.doubt = self.doubt or Divergence(
                FILE, f"{what}: expected none, came {count}", slot=slot
            )


def audit_run(
    scenario: Scenario, dispatch: DispatchRecord, rounds: Sequence[Round], market: MarketRecord
) -> AuditedRun:
    """
    Compare a record with what was run.

    `rounds` are those of the plan, one per slot; market and dispatch were audited before.

    Raises
    ------
    Divergence
        At the first record that is not what the scenario and its plan say.
    """
    run = _Run(scenario, dispatch, rounds, market)
    terms = RunTerms(scenario, run.community, market, run.first)
    terms.compare()
    run.found.checked["terms as in the scenario"] = terms.compared
    run.compare_storage()
    run.compare_trading()
    return run.found


class _Run:
    """The events of a run by slot, and what they should be."""

    def __init__(
        self,
        scenario: Scenario,
        dispatch: DispatchRecord,
        rounds: Sequence[Round],
        market: MarketRecord,
    ) -> None:
        self.found = AuditedRun()
        self.community = scenario.community or nobody(scenario.slot_count)
        self._scenario = scenario
        self._dispatch = dispatch
        self._rounds = rounds
        self._schedule = _schedule(scenario, dispatch)
        self._fees = numbered_fees(self.community)
        self._capacities = numbered_capacities(self.community)
        self._books: dict[Slot, list[Entry]] = {}
        self._readings: dict[Slot, list[int]] = {}
        self._events: dict[tuple[str, Slot], EventRecord] = {}
        for event in market.events:
            if event.slot is None:
                continue
            self._events[event.name, event.slot] = event
            if event.name == "ReadingsRecorded":
                self._readings.setdefault(event.slot, []).extend(event.values["entries"])
            if event.name in ORDERS:
                values = event.values
                recorded = values["orders"] if "orders" in values else [values["order"]]
                entries = [(event, order_of(event, fields)) for fields in recorded]
                self._books.setdefault(event.slot, []).extend(entries)
        self.first = self._first_slot()

    def compare_storage(self) -> None:
        """Compare what the storage did with the schedule."""
        for index, planned in enumerate(self._schedule):
            slot = Slot(self.first + index)
            event = self._events.get(("StorageRecorded", slot))
            if event is None:
                raise Divergence(FILE, "expected what the storage did, came none", slot=slot)
            for name, energy in zip(("chargeWh", "dischargeWh", "storedWh"), planned, strict=True):
                compare(event, f"{name} by the dispatch", energy, event.values[name])
            self.found.checked["slots of the storage as dispatched"] += 1
        end = self.first + len(self._schedule)
        for (name, slot), event in self._events.items():
            if name == "StorageRecorded" and slot >= end:
                raise fault(event, f"slot: expected one before {end} by the scenario")

    def compare_trading(self) -> None:
        """Compare orders, trades and deliveries."""
        community, count = self.community, self._scenario.slot_count
        for slot, entries in self._books.items():
            if not self.first <= slot < self.first + count:
                raise fault(entries[0][0], "expected no order outside of the scenario's slots")
        states, agents = bidding.initial_states(community), bidding.agents(community, self._fees)
        for index in range(count):
            before = bidding.positions(community, index, states)
            entries = self._books.get(Slot(self.first + index), [])
            self._compare_orders(index, before, entries, agents)
            book = tuple(order for _, order in entries)
            trades = self._compare_trades(index, book) if book else ()
            if ("SlotCleared", Slot(self.first + index)) in self._events:
                agents.learn(book, trades)
            full = [trade.with_delivered(trade.energy) for trade in trades]
            rests = bidding.rests(community, before, bidding.energies(community, book, full))
            states = tuple(rest.battery for rest in rests)

    def _first_slot(self) -> Slot:
        """Return the chain's slot for the scenario's first: the same, or that of a later day."""
        wanted = slot_at(int(self._scenario.first_slot.timestamp()))
        planned = next((k for k, one in enumerate(self._rounds) if one.orders), None)
        stored = [slot for name, slot in self._events if name == "StorageRecorded"]
        if self._schedule and stored:
            first = min(stored)
        elif planned is not None and self._books:  # of a slot of the first day, at least
            days = (min(self._books) - planned - wanted) // SLOTS_PER_DAY
            first = Slot(wanted + days * SLOTS_PER_DAY)
        elif self._schedule or planned is not None:
            raise Divergence(FILE, "expected the scenario's orders and storage, came none")
        else:
            first = wanted
        if first < wanted or (first - wanted) % SLOTS_PER_DAY:
            raise Divergence(
                FILE,
                f"first slot: expected {wanted} or that of a later day by the scenario, "
                f"came {first}",
                slot=first,
            )
        return first

    def _compare_orders(
        self, index: int, before: Sequence[Position], entries: Sequence[Entry], agents: Agents
    ) -> None:
        lowest, highest = (
            _orders(self.community, index, before, score, agents) for score in (0, BPS)
        )
        for event, order in entries:
            number = order.participant
            low, high = lowest.pop(number, None), highest.get(number)
            if low is None or high is None:
                raise fault(event, f"expected no such order of participant {number}, came one")
            fixed, moving = ["kind", "energy"], ["price"]
            (fixed if low.terms == high.terms else moving).append("terms")  # they may hold a price
            for what in fixed:
                expected, came = getattr(low, what), getattr(order, what)
                compare(event, f"{what} of participant {number}'s order", expected, came)
            for what in moving:
                least, most, came = (getattr(one, what) for one in (low, high, order))
                if not least <= came <= most:
                    raise fault(
                        event,
                        f"{what} of participant {number}'s order: expected from {least} to "
                        f"{most}, came {came}",
                    )
            self.found.checked["orders as in the scenario"] += 1
        self.found.miss(Slot(self.first + index), "orders that did not come in", len(lowest))

    def _compare_trades(self, index: int, book: tuple[Order, ...]) -> tuple[Trade, ...]:
        """Return a slot's trades: the plan's, where both books come to the same for a mechanism."""
        slot = Slot(self.first + index)
        event = self._events.get(("SlotCleared", slot))
        if event is None and ("SlotVoided", slot) in self._events:
            self.found.miss(slot, "slots not cleared in time", 1)
            return ()
        if event is None:
            raise Divergence(FILE, "expected SlotCleared, came none", slot=slot)
        trades = tuple(trade_of(event, fields) for fields in event.values["trades"])
        planned, price = self._rounds[index], bidding.grid_prices(self.community, index)[0]
        came = round_of(book, self._fees, price, self._capacities)
        sees_prices = self.community.rules.mechanism != PairwiseNash.name
        if _given(came, with_prices=sees_prices) == _given(planned, with_prices=sees_prices):
            expected = self._dispatch.outcomes[index].trades
            compare(
                event, "trades by the plan", list(map(_flow, expected)), list(map(_flow, trades))
            )
            self.found.checked["trades as planned"] += len(trades)
        elif trades:
            self.found.checked["trades that the plan leaves open"] += len(trades)
        self._compare_deliveries(index, book, trades)
        return trades

    def _compare_deliveries(
        self, index: int, book: tuple[Order, ...], trades: tuple[Trade, ...]
    ) -> None:
        slot = Slot(self.first + index)
        event = self._events.get(("SlotSettled", slot))
        if event is None:
            raise Divergence(FILE, "expected SlotSettled, came none", slot=slot)
        heard = self._heard(slot)
        short = {(one.prosumer + 1, one.slot): one.delivered for one in self.community.shortfalls}
        sold: Counter[int] = Counter()
        for trade in trades:
            sold[trade.offer] += trade.energy
        brought = {
            offer: Wh(energy * short.get((book[offer].participant, index), BPS) // BPS)
            for offer, energy in sold.items()
            if book[offer].participant in heard
        }
        self.found.miss(slot, "readings that did not come in", len(sold) - len(brought))
        expected = [trade.delivered for trade in deliveries(trades, brought)]
        compare(event, "delivered by the scenario", expected, event.values["delivered"])

    def _heard(self, slot: Slot) -> set[int]:
        """Return the participants of whose deliveries in a slot anything is known."""
        entries = [
            *self._readings.get(slot, ()),
            *self._events["SlotSettled", slot].values["heard"],
        ]
        return {(entry & ~MARKS) >> 32 for entry in entries}


def _schedule(scenario: Scenario, dispatch: DispatchRecord) -> Schedule:
    """Return what the storage was dispatched to do; empty without one."""
    name = WITH_SHARING if scenario.power_system is not None else STORAGE
    one = next((one for one in dispatch.optimisations if one.name == name), None)
    if scenario.storage is None or one is None:
        return []
    slots = range(scenario.slot_count)
    charge_mw = without_dust(one.columns[f"charge_mw_{slot}"] for slot in slots)
    discharge_mw = without_dust(one.columns[f"discharge_mw_{slot}"] for slot in slots)
    if name == STORAGE:
        charge_mw, discharge_mw = netted(scenario.storage, charge_mw, discharge_mw)
    return rating_of(scenario.storage).schedule(charge_mw.tolist(), discharge_mw.tolist())


def _orders(
    community: Community, slot: int, before: Sequence[Position], score: int, agents: Agents
) -> dict[int, Order]:
    """Return the orders of a slot by participant, if all scores were the same."""
    scores = [Bps(score)] * len(community.prosumers)
    at_limits = bidding.limits(community, slot, before, scores)
    placed = bidding.orders(community, slot, at_limits, agents)
    return {one.participant: one for one in placed}


def _given(one: Round, *, with_prices: bool) -> object:
    """Return what the energies of an outcome depend on: for pairwise-nash, on no price."""
    if with_prices:
        return replace(
            one,
            orders=tuple(order and replace(order, score=Bps(0), nonce=0) for order in one.orders),
        )
    nodes = [order and (order.kind, order.participant, order.energy) for order in one.orders]
    return nodes, one.edges


def _flow(trade: Trade) -> tuple[int, int, int, int]:
    return trade.offer, trade.bid, trade.energy, trade.fee
