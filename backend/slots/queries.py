"""Slots from the index: what the chain's time and the events say of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import func, select

from backend.index.tables import (
    Clearing,
    Delivery,
    OrderEntry,
    RealTimePrice,
    Settlement,
    Trade,
    Void,
)
from backend.index_view import Head, View, gate_closes_at, starts_at
from backend.orders.schemas import OrderRead
from backend.pagination import decoded_as, encoded
from backend.slots.schemas import BookEntry, BookRead, Phase, SlotFilter, SlotRead

CHUNK = 200  # slots looked at together
SCANNED = 4_000  # slots that one request looks at, at most; its cursor goes on from there


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Which of some slots were cleared, settled and made void."""

    cleared: frozenset[int]
    settled: frozenset[int]
    void: frozenset[int]

    def phase(self, head: Head, slot: int) -> Phase:
        if slot in self.settled:
            return "settled"
        if slot in self.void:
            return "void"
        if slot in self.cleared:
            return "cleared"
        if slot < head.next_gate_slot:
            return "closed"
        return "open" if slot <= head.last_open_slot else "upcoming"


def slots(view: View, start_slot: int, query: SlotFilter) -> tuple[list[SlotRead], str | None]:
    """Return a page of slots from `start_slot` on, the latest first."""
    latest = int(view.head.last_open_slot)
    if query.cursor is not None:
        latest = min(latest, int(decoded_as(query.cursor, (int,))[0]) - 1)
    scanned = range(latest, max(start_slot, latest - SCANNED + 1) - 1, -1)
    found = list(islice(_with_phase(view, scanned, query.phase), query.limit + 1))
    if len(found) > query.limit:
        found.pop()
        cursor: str | None = encoded([found[-1]])
    else:
        cursor = encoded([scanned[-1]]) if scanned and scanned[-1] > start_slot else None
    return slots_of(view, found), cursor


def slots_of(view: View, numbers: Sequence[int]) -> list[SlotRead]:
    """Return these slots, in this order."""
    if not numbers:
        return []
    outcomes = _outcomes(view, min(numbers), max(numbers))
    figures = _Figures(view, min(numbers), max(numbers))
    return [_slot(view.head, slot, outcomes, figures) for slot in numbers]


def book(view: View, slot: int) -> BookRead:
    """Return a slot's book with what was traded of each entry."""
    entries = view.session.scalars(
        select(OrderEntry).where(OrderEntry.slot == slot).order_by(OrderEntry.position)
    ).all()
    gone = {entry.participant for entry in entries if entry.entry == "cancellation"}
    traded: dict[int, int] = {}
    for trade in view.session.scalars(select(Trade).where(Trade.slot == slot)):
        for position in (trade.offer_position, trade.bid_position):
            traded[position] = traded.get(position, 0) + trade.energy_wh
    return BookRead(
        slot=slot,
        phase=_outcomes(view, slot, slot).phase(view.head, slot),
        entries=[
            BookEntry.model_construct(
                **dict(OrderRead.of(entry)),
                is_live=entry.entry == "order" and entry.participant not in gone,
                traded_wh=traded.get(entry.position, 0),
            )
            for entry in entries
        ],
    )


class _Figures:
    """What was ordered and traded in a range of slots."""

    def __init__(self, view: View, first: int, last: int) -> None:
        self._session = view.session
        self._first, self._last = first, last
        orders = (OrderEntry.slot, OrderEntry.entry)
        self.entries = {
            (slot, entry): count
            for slot, entry, count in view.session.execute(
                select(*orders, func.count())
                .where(OrderEntry.slot.between(first, last))
                .group_by(*orders)
            )
        }
        self.trades = self._by_slot(
            Trade.slot,
            func.count(),
            func.sum(Trade.energy_wh),
            func.min(Trade.price_micro_usd_per_mwh),
            func.max(Trade.price_micro_usd_per_mwh),
        )
        self.values = self._values()
        self.delivered = self._by_slot(Delivery.slot, func.sum(Delivery.delivered_wh))
        self.prices = view.session.execute(
            select(RealTimePrice.since_slot, RealTimePrice.price_micro_usd_per_mwh)
            .where(RealTimePrice.since_slot <= last)
            .where(RealTimePrice.since_slot >= self._price_from(first))
            .order_by(RealTimePrice.since_slot, RealTimePrice.block, RealTimePrice.log_index)
        ).all()

    def price(self, slot: int) -> int | None:
        """Return the real-time price in force in a slot."""
        in_force = [price for since, price in self.prices if since <= slot]
        return in_force[-1] if in_force else None

    def _price_from(self, slot: int) -> int:
        latest = select(func.max(RealTimePrice.since_slot)).where(RealTimePrice.since_slot <= slot)
        return self._session.scalar(latest) or 0

    def _by_slot(self, column: Any, *figures: Any) -> dict[int, Any]:
        rows = self._session.execute(
            select(column, *figures).where(column.between(self._first, self._last)).group_by(column)
        )
        return {row[0]: row for row in rows}

    def _values(self) -> dict[int, int]:
        """Return energy × price over the trades of each slot, which no database's integers hold."""
        values: dict[int, int] = {}
        rows = self._session.execute(
            select(Trade.slot, Trade.energy_wh, Trade.price_micro_usd_per_mwh).where(
                Trade.slot.between(self._first, self._last)
            )
        )
        for slot, energy, price in rows:
            values[slot] = values.get(slot, 0) + energy * price
        return values


def _slot(head: Head, slot: int, outcomes: Outcomes, figures: _Figures) -> SlotRead:
    _, trades, volume, lowest, highest = figures.trades.get(slot, (slot, 0, 0, None, None))
    delivered = figures.delivered.get(slot)
    settled = slot in outcomes.settled
    return SlotRead.model_construct(
        slot=slot,
        starts_at=starts_at(slot),
        ends_at=starts_at(slot + 1),
        gate_closes_at=gate_closes_at(slot),
        phase=outcomes.phase(head, slot),
        orders=figures.entries.get((slot, "order"), 0),
        cancellations=figures.entries.get((slot, "cancellation"), 0),
        trades=trades,
        volume_wh=int(volume),
        delivered_wh=(int(delivered[1]) if delivered else 0) if settled else None,
        clearing_price_micro_usd_per_mwh=figures.values[slot] // int(volume) if volume else None,
        is_uniform=lowest is not None and lowest == highest,
        real_time_price_micro_usd_per_mwh=figures.price(slot),
    )


def _with_phase(view: View, scanned: range, phase: str | None) -> Iterator[int]:
    """Yield the slots of a descending range that are in a phase."""
    for first in range(0, len(scanned), CHUNK):
        some = scanned[first : first + CHUNK]
        if phase is None:
            yield from some
        else:
            outcomes = _outcomes(view, some[-1], some[0])
            yield from (slot for slot in some if outcomes.phase(view.head, slot) == phase)


def _outcomes(view: View, first: int, last: int) -> Outcomes:
    def among(column: Any) -> frozenset[int]:
        return frozenset(view.session.scalars(select(column).where(column.between(first, last))))

    return Outcomes(
        cleared=among(Clearing.slot), settled=among(Settlement.slot), void=among(Void.slot)
    )
