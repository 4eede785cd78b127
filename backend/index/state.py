"""What the next events of a market build on: read from the index once, then kept beside it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.index import tables
from backend.index.database import indexed_block
from oracle.domain.book import CONTRADICTION, COUNTER_READING, Kind, Order, Trade
from oracle.model.reputation import Reputation
from oracle.units import Bps, MicroUsdPerMwh, Slot, Wh

KINDS = {"offer": Kind.OFFER, "bid": Kind.BID, None: Kind.CANCELLATION}
MARK_OF = {"meter": 0, "correction": COUNTER_READING, "contradiction": CONTRADICTION}


@dataclass(frozen=True, slots=True)
class IndexedBlock:
    """The last block that a state knows."""

    number: int
    hash: str


@dataclass(slots=True)
class SlotState:
    """A slot that is not over, as far as its end depends on it."""

    book: list[Order] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    readings: list[int] = field(default_factory=list)  # entries as the Exchange records them
    sealed: list[str] = field(default_factory=list)  # owners whose seals are not opened


@dataclass(frozen=True, slots=True)
class LineRows:
    """Lines as announced: the words of all rows, and how many a row has."""

    since: Slot
    words: tuple[int, ...]
    row_words: int


class MarketState:
    """
    What the index says up to its last block; None where it is empty.

    Slots are there once `load_slots` has read them.
    """

    def __init__(self, session: Session) -> None:
        last = indexed_block(session)
        self.last = IndexedBlock(last.number, last.hash) if last else None
        self.slots: dict[Slot, SlotState] = {}
        self.owners: dict[int, str] = {}
        self.reputations: dict[int, Reputation] = {}
        self._groups: dict[int, list[tuple[Slot, int]]] = {}
        self.roles = {
            role.contract: role.holder
            for role in session.scalars(
                select(tables.Role).order_by(tables.Role.block, tables.Role.log_index)
            )
        }
        for one in session.scalars(select(tables.Participant)):
            self.join(one.number, one.owner, Slot(one.first_slot), one.group_number)
        self._read_groups(session)
        self._read_reputations(session)
        self.rows = [
            LineRows(Slot(one.since_slot), _words(one.rows), one.row_words)
            for one in session.scalars(
                select(tables.LineSet).order_by(tables.LineSet.block, tables.LineSet.log_index)
            )
        ]

    def join(self, number: int, owner: str, since: Slot, group: int) -> None:
        self.owners[number] = owner
        self._groups[number] = [(since, group)]

    def regroup(self, number: int, since: Slot, group: int) -> None:
        self._groups[number].append((since, group))

    def are_of_one_group(self, slot: Slot, seller: int, buyer: int) -> bool:
        """Return whether two participants belong together in a slot."""
        group = self._group(slot, seller)
        return group != 0 and group == self._group(slot, buyer)

    def rows_at(self, slot: Slot) -> LineRows:
        """Return the lines that hold in a slot; the constructor announced the first."""
        return next(rows for rows in reversed(self.rows) if rows.since <= slot)

    def load_slots(self, session: Session, slots: Iterable[Slot]) -> None:
        """Read slots that are not there yet."""
        missing = sorted(set(slots) - self.slots.keys())
        self.slots |= {slot: SlotState() for slot in missing}
        order, trade = tables.OrderEntry, tables.Trade
        for entry in session.scalars(
            select(order).where(order.slot.in_(missing)).order_by(order.slot, order.position)
        ):
            self.slots[Slot(entry.slot)].book.append(_order(entry))
        for one in session.scalars(
            select(trade).where(trade.slot.in_(missing)).order_by(trade.slot, trade.position)
        ):
            self.slots[Slot(one.slot)].trades.append(_trade(one))
        self._load_readings(session, missing)
        self._load_seals(session, missing)

    def forget(self, slots: Iterable[Slot | None]) -> None:
        """Drop slots that are over."""
        for slot in slots:
            if slot is not None:
                self.slots.pop(slot, None)

    def _load_readings(self, session: Session, slots: list[Slot]) -> None:
        reading = tables.Reading
        for one in session.scalars(
            select(reading).where(reading.slot.in_(slots)).order_by(reading.slot, reading.sequence)
        ):
            entry = MARK_OF[one.kind] | one.participant << 32 | one.energy_wh
            self.slots[Slot(one.slot)].readings.append(entry)

    def _load_seals(self, session: Session, slots: list[Slot]) -> None:
        seal, reveal = tables.Seal, tables.Reveal
        is_open = select(reveal).where(reveal.slot == seal.slot, reveal.owner == seal.owner)
        for one in session.scalars(
            select(seal)
            .where(seal.slot.in_(slots), ~is_open.exists())
            .order_by(seal.block, seal.log_index)
        ):
            self.slots[Slot(one.slot)].sealed.append(one.owner)

    def _read_groups(self, session: Session) -> None:
        table = tables.GroupAnnouncement
        for one in session.scalars(select(table).order_by(table.block, table.log_index)):
            self.regroup(one.participant, Slot(one.since_slot), one.group_number)

    def _read_reputations(self, session: Session) -> None:
        score = tables.Score
        newest_first = func.row_number().over(
            partition_by=score.participant,
            order_by=(score.block.desc(), score.log_index.desc()),
        )
        ranked = select(score.participant, score.r, score.s, newest_first.label("age")).subquery()
        for one in session.execute(select(ranked).where(ranked.c.age == 1)):
            self.reputations[one.participant] = Reputation(one.r, one.s)

    def _group(self, slot: Slot, number: int) -> int:
        held = [group for since, group in self._groups[number] if since <= slot]
        return held[-1] if held else 0


def _order(entry: tables.OrderEntry) -> Order:
    return Order(
        kind=KINDS[entry.kind],
        participant=entry.participant,
        energy=Wh(entry.energy_wh),
        price=MicroUsdPerMwh(entry.price_micro_usd_per_mwh),
        score=Bps(entry.score_bps),
        terms=int(entry.terms),
        nonce=entry.nonce,
    )


def _trade(one: tables.Trade) -> Trade:
    return Trade(
        offer=one.offer_position,
        bid=one.bid_position,
        energy=Wh(one.energy_wh),
        price=MicroUsdPerMwh(one.price_micro_usd_per_mwh),
        fee=MicroUsdPerMwh(one.fee_micro_usd_per_mwh),
        surplus=MicroUsdPerMwh(one.surplus_micro_usd_per_mwh),
        pooled=one.pooled,
    )


def _words(packed: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(packed[k : k + 32], "big") for k in range(0, len(packed), 32))
