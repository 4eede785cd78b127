"""Rounds from the index."""

from typing import Any

from sqlalchemy import CompoundSelect, func, literal, select, union_all

from backend.index.tables import Clearing, Mechanism, OrderEntry, Settlement, Trade, Void
from backend.index_view import View, starts_at
from backend.orders.schemas import OrderRead
from backend.pagination import cut, decoded_as
from backend.rounds.schemas import RoundDetail, RoundFilter, RoundRead, RoundTransactions
from backend.trades.queries import trades_of


def rounds(view: View, query: RoundFilter) -> tuple[list[RoundRead], str | None]:
    """Return a page of rounds, the latest first."""
    ended = _ended().subquery()
    statement = select(ended).order_by(ended.c.slot.desc()).limit(query.limit + 1)
    if query.submitter is not None:
        statement = statement.where(ended.c.submitter == query.submitter.lower())
    if query.cursor is not None:
        statement = statement.where(ended.c.slot < decoded_as(query.cursor, (int,))[0])
    rows, cursor = cut(view.session.execute(statement).all(), query.limit, lambda row: [row.slot])
    return _rounds(view, rows), cursor


def round_of(view: View, slot: int) -> RoundDetail | None:
    """Return the round of a slot with all that it can be checked by; None if there is none yet."""
    ended = _ended().subquery()
    rows = view.session.execute(select(ended).where(ended.c.slot == slot)).all()
    if not rows:
        return None
    entries = view.session.scalars(
        select(OrderEntry).where(OrderEntry.slot == slot).order_by(OrderEntry.position)
    )
    certificate = view.session.scalar(select(Clearing.certificate).where(Clearing.slot == slot))
    return RoundDetail(
        round=_rounds(view, rows)[0],
        orders=[OrderRead.of(entry) for entry in entries],
        trades=trades_of(view, slot),
        certificate=f"0x{certificate.hex()}" if certificate is not None else None,
    )


def _ended() -> CompoundSelect[*tuple[Any, ...]]:
    return union_all(
        select(
            Clearing.slot,
            Clearing.submitter,
            Clearing.mechanism,
            Clearing.transaction_hash,
            literal(False).label("is_void"),
        ),
        select(
            Void.slot,
            Void.submitter,
            literal(None).label("mechanism"),
            Void.transaction_hash,
            literal(True).label("is_void"),
        ),
    )


def _rounds(view: View, rows: Any) -> list[RoundRead]:
    slots = [row.slot for row in rows]
    session = view.session
    settled = dict(
        session.execute(
            select(Settlement.slot, Settlement.transaction_hash).where(Settlement.slot.in_(slots))
        ).all()
    )
    orders = dict(
        session.execute(
            select(OrderEntry.slot, func.count())
            .where(OrderEntry.slot.in_(slots), OrderEntry.entry == "order")
            .group_by(OrderEntry.slot)
        ).all()
    )
    trades = {
        slot: (count, int(energy))
        for slot, count, energy in session.execute(
            select(Trade.slot, func.count(), func.sum(Trade.energy_wh))
            .where(Trade.slot.in_(slots))
            .group_by(Trade.slot)
        )
    }
    names = dict(session.execute(select(Mechanism.address, Mechanism.name)).all())
    return [_round(row, settled, orders, trades.get(row.slot, (0, 0)), names) for row in rows]


def _round(
    row: Any,
    settled: dict[int, str],
    orders: dict[int, int],
    traded: tuple[int, int],
    names: dict[str, str],
) -> RoundRead:
    ended = "settled" if row.slot in settled else "cleared"
    return RoundRead(
        slot=row.slot,
        starts_at=starts_at(row.slot),
        outcome="void" if row.is_void else ended,
        submitter=row.submitter,
        mechanism=row.mechanism,
        mechanism_name=names.get(row.mechanism) or None,
        orders=orders.get(row.slot, 0),
        trades=traded[0],
        volume_wh=traded[1],
        transactions=RoundTransactions(
            clear=None if row.is_void else row.transaction_hash,
            settle=settled.get(row.slot),
            void=row.transaction_hash if row.is_void else None,
        ),
    )
