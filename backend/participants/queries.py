"""Participants from the index."""

from typing import Any

from sqlalchemy import func, select

from backend.index.tables import (
    Block,
    GroupAnnouncement,
    MeterAnnouncement,
    Participant,
    Score,
    SpentNonces,
)
from backend.index_view import View, instant
from backend.pagination import Rows, equal_to, read_page
from backend.participants.schemas import (
    ParticipantFilter,
    ParticipantRead,
    ReputationFilter,
    ScoreRead,
)


def participants(view: View, query: ParticipantFilter) -> tuple[list[ParticipantRead], str | None]:
    """Return a page of participants, by number."""
    owner = query.owner.lower() if query.owner else None
    statement = _participants(view).where(*equal_to(Participant, owner=owner, name=query.name))
    rows, cursor = read_page(view.session, statement, (Participant.number,), query)
    return [_participant(row) for row in rows], cursor


def participant(view: View, number: int) -> ParticipantRead | None:
    row = view.session.execute(_participants(view).where(Participant.number == number)).first()
    return _participant(row) if row else None


def reputation(
    view: View, number: int, query: ReputationFilter
) -> tuple[list[ScoreRead], str | None]:
    """Return a page of a participant's reputation, as it moved, the latest first."""
    statement = (
        select(Score, Block.time)
        .join(Block, Block.number == Score.block)
        .where(Score.participant == number)
    )
    key = (Score.block, Score.log_index)
    rows, cursor = read_page(view.session, statement, key, query, descending=True)
    scores = [
        ScoreRead(
            block=score.block,
            at=instant(time),
            slot=score.slot,
            score_bps=score.score_bps,
            r=score.r,
            s=score.s,
        )
        for score, time in rows
    ]
    return scores, cursor


def meter_of(view: View, number: int, slot: int) -> str | None:
    """Return who signs a participant's readings of a slot; None where nobody has the number."""
    founder = view.session.scalar(
        select(Participant.meter).where(
            Participant.number == number, Participant.first_slot <= slot
        )
    )
    return view.session.scalar(_announced(MeterAnnouncement, "meter", number, slot)) or founder


def lowest_nonce(view: View, owner: str) -> int:
    """Return the lowest nonce that an owner has not spent."""
    spent = select(func.max(SpentNonces.below)).where(SpentNonces.owner == owner)
    return view.session.scalar(spent) or 0


def _participants(view: View) -> Rows:
    """Return participants with what holds of them in the slot being delivered."""
    score = (
        select(Score.score_bps)
        .where(Score.participant == Participant.number)
        .order_by(Score.block.desc(), Score.log_index.desc())
        .limit(1)
        .scalar_subquery()
    )
    nonce = (
        select(func.max(SpentNonces.below))
        .where(SpentNonces.owner == Participant.owner)
        .scalar_subquery()
    )
    slot = view.head.slot
    meter = _announced(MeterAnnouncement, "meter", Participant.number, slot).scalar_subquery()
    group = _announced(
        GroupAnnouncement, "group_number", Participant.number, slot
    ).scalar_subquery()
    return select(
        Participant,
        func.coalesce(score, Participant.initial_score_bps).label("score_bps"),
        func.coalesce(nonce, 0).label("next_nonce"),
        func.coalesce(meter, Participant.meter).label("meter"),
        func.coalesce(group, Participant.group_number).label("group"),
    )


def _announced(table: Any, column: str, number: Any, slot: int) -> Rows:
    """Return what was announced last for a participant, of what holds in a slot."""
    return (
        select(getattr(table, column))
        .where(table.participant == number, table.since_slot <= slot)
        .order_by(table.since_slot.desc(), table.block.desc(), table.log_index.desc())
        .limit(1)
    )


def _participant(row: Any) -> ParticipantRead:
    one: Participant = row[0]
    return ParticipantRead(
        number=one.number,
        name=one.name,
        owner=one.owner,
        meter=row.meter,
        first_slot=one.first_slot,
        initial_score_bps=one.initial_score_bps,
        group=row.group,
        score_bps=row.score_bps,
        next_nonce=row.next_nonce,
    )
