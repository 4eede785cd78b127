"""Lines and ladders from the index."""

from collections.abc import Mapping

from sqlalchemy import and_, func, or_, select

from backend.index.tables import Ladder, Line, LineSet, Trade
from backend.index_view import View
from backend.lines.schemas import LadderRead, LineFilter, LineRead
from backend.pagination import read_page
from oracle.domain.community import FeeLadder
from oracle.model.line_lease import lease_fee
from oracle.units import Bps, Meters, MicroUsdPerMwhKm

Flows = Mapping[tuple[int, int], int]  # Wh by seller and buyer


def lines(view: View, slot: int, query: LineFilter) -> tuple[list[LineRead], str | None]:
    """Return a page of the lines of a slot, by their ends."""
    in_force = view.session.execute(
        select(LineSet.block, LineSet.log_index)
        .where(LineSet.since_slot <= slot)
        .order_by(LineSet.since_slot.desc(), LineSet.block.desc(), LineSet.log_index.desc())
        .limit(1)
    ).first()
    ladder = ladder_of(view, slot)
    if in_force is None or ladder is None:
        return [], None
    statement = select(Line).where(
        and_(Line.block == in_force.block, Line.log_index == in_force.log_index)
    )
    if query.participant is not None:
        statement = statement.where(
            or_(Line.first == query.participant, Line.second == query.participant)
        )
    rows, cursor = read_page(view.session, statement, (Line.first, Line.second), query)
    terms = FeeLadder(
        base=MicroUsdPerMwhKm(ladder.base_micro_usd_per_mwh_km),
        interval=Meters(ladder.interval_m),
        growth=Bps(ladder.growth_bps),
    )
    flows = _flows(view, slot)
    return [_line(slot, row[0], terms, flows) for row in rows], cursor


def ladder_of(view: View, slot: int) -> LadderRead | None:
    """Return the ladder in force in a slot."""
    row = view.session.scalars(
        select(Ladder)
        .where(Ladder.since_slot <= slot)
        .order_by(Ladder.since_slot.desc(), Ladder.block.desc(), Ladder.log_index.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return LadderRead(
        slot=slot,
        since_slot=row.since_slot,
        base_micro_usd_per_mwh_km=row.base_micro_usd_per_mwh_km,
        interval_m=row.interval_m,
        growth_bps=row.growth_bps,
    )


def _flows(view: View, slot: int) -> Flows:
    """Return what was traded over lines, by seller and buyer."""
    rows = view.session.execute(
        select(Trade.seller, Trade.buyer, func.sum(Trade.energy_wh))
        .where(Trade.slot == slot, Trade.pooled.is_(False))
        .group_by(Trade.seller, Trade.buyer)
    )
    return {(seller, buyer): int(energy) for seller, buyer, energy in rows}


def _line(slot: int, line: Line, ladder: FeeLadder, flows: Flows) -> LineRead:
    return LineRead.model_construct(
        slot=slot,
        first=line.first,
        second=line.second,
        both_ways=line.both_ways,
        distance_m=line.distance_m,
        capacity_wh=line.capacity_wh,
        fee_micro_usd_per_mwh=lease_fee(ladder, Meters(line.distance_m)),
        forward_wh=flows.get((line.first, line.second), 0),
        backward_wh=flows.get((line.second, line.first), 0) if line.both_ways else 0,
    )
