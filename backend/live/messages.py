"""
What live listeners are told: one message for each log of the market, and one for each new head.

A message's id is its place, `block:log_index`; that of a head comes after all logs of its block.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from backend.fields import BlockNumber, Instant, ParticipantNumber, ShareBps, SlotNumber
from backend.index.tables import (
    Event,
    OrderEntry,
    Reading,
    Score,
    StorageRecord,
)
from backend.index_view import Head, View, instant, starts_at
from backend.orders.schemas import OrderRead
from backend.readings.schemas import ReadingRead
from backend.slots.queries import slots_of
from backend.slots.schemas import SlotRead
from backend.storage.schemas import StorageRead

AFTER_LOGS = 2**31 - 1  # the log index of a head

Place = tuple[int, int]  # block and log index
EventType = Literal[
    "head", "order", "clearing", "settlement", "void", "reading", "storage", "score"
]

ORDERS = ("OfferPlaced", "BidPlaced", "OrderCancelled", "OrderRevealed", "OrdersPosted")


class HeadMessage(BaseModel):
    """`head`: the chain has moved on."""

    block: BlockNumber
    hash: str
    chain_time: Instant
    slot: SlotNumber
    reset: bool = Field(
        description="Blocks were taken back, or too much has happened: read everything anew."
    )


class OrderMessage(BaseModel):
    """`order`: entries were added to a slot's book."""

    slot: SlotNumber
    orders: list[OrderRead]


class SlotMessage(BaseModel):
    """`clearing`, `settlement`, `void`: a slot has moved on."""

    slot: SlotNumber
    state: SlotRead


class ReadingMessage(BaseModel):
    """`reading`: meters have spoken."""

    slot: SlotNumber
    readings: list[ReadingRead]


class ScoreItem(BaseModel):
    """A participant's new reputation."""

    participant: ParticipantNumber
    score_bps: ShareBps


class ScoreMessage(BaseModel):
    """`score`: reputations have moved."""

    slot: SlotNumber | None
    scores: list[ScoreItem]


class StorageMessage(StorageRead):
    """`storage`: the storage's meter has spoken."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it goes over the wire."""

    place: Place
    data: bytes


def head_message(head: Head, *, reset: bool) -> Message:
    content = HeadMessage(
        block=head.number,
        hash=head.hash,
        chain_time=instant(head.time),
        slot=head.slot,
        reset=reset,
    )
    return _message((head.number, AFTER_LOGS), "head", content)


def messages_after(view: View, place: Place, limit: int) -> list[Message] | None:
    """Return what happened after a place, in its order; None if it is more than the limit."""
    events = view.session.scalars(
        select(Event)
        .where(tuple_(Event.block, Event.log_index) > place)
        .order_by(Event.block, Event.log_index)
        .limit(limit + 1)
    ).all()
    if len(events) > limit:
        return None
    scores = _scores_after(view.session, place)
    messages = []
    for event in events:
        told = list(_told(view, event, scores))
        for number, (kind, content) in enumerate(told, start=1):
            is_last = number == len(told)  # who got but a part of a log's shall get them again
            messages.append(_message((event.block, event.log_index), kind, content, is_last))
    return messages


def _told(
    view: View, event: Event, scores: dict[Place, list[Score]]
) -> Iterator[tuple[EventType, BaseModel]]:
    make = CONTENT.get(event.name)
    if make is not None and event.slot is not None:
        yield make(view, event, event.slot)
    moved = scores.get((event.block, event.log_index))
    if moved:
        items = [
            ScoreItem(participant=score.participant, score_bps=score.score_bps) for score in moved
        ]
        yield "score", ScoreMessage(slot=event.slot, scores=items)


def _order(view: View, event: Event, slot: int) -> tuple[EventType, BaseModel]:
    entries = view.session.scalars(
        select(OrderEntry)
        .where(
            OrderEntry.slot == slot,
            OrderEntry.block == event.block,
            OrderEntry.log_index == event.log_index,
        )
        .order_by(OrderEntry.position)
    )
    return "order", OrderMessage(slot=slot, orders=[OrderRead.of(entry) for entry in entries])


def _reading(view: View, event: Event, slot: int) -> tuple[EventType, BaseModel]:
    readings = view.session.scalars(
        select(Reading)
        .where(
            Reading.slot == slot,
            Reading.block == event.block,
            Reading.log_index == event.log_index,
        )
        .order_by(Reading.sequence)
    )
    return "reading", ReadingMessage(slot=slot, readings=[ReadingRead.of(one) for one in readings])


def _storage(view: View, event: Event, slot: int) -> tuple[EventType, BaseModel]:
    record = view.session.get_one(StorageRecord, slot)
    return "storage", StorageMessage(
        slot=slot,
        starts_at=starts_at(slot),
        charge_wh=record.charge_wh,
        discharge_wh=record.discharge_wh,
        stored_wh=record.stored_wh,
        transaction_hash=record.transaction_hash,
    )


def _slot(kind: EventType) -> "Content":
    def content(view: View, _: Event, slot: int) -> tuple[EventType, BaseModel]:
        return kind, SlotMessage(slot=slot, state=slots_of(view, [slot])[0])

    return content


Content = Callable[[View, Event, int], tuple[EventType, BaseModel]]

CONTENT: dict[str, Content] = {
    **dict.fromkeys(ORDERS, _order),
    "SlotCleared": _slot("clearing"),
    "SlotSettled": _slot("settlement"),
    "SlotVoided": _slot("void"),
    "ReadingsRecorded": _reading,
    "StorageRecorded": _storage,
}


def _scores_after(session: Session, place: Place) -> dict[Place, list[Score]]:
    scores: dict[Place, list[Score]] = defaultdict(list)
    rows = session.scalars(
        select(Score)
        .where(tuple_(Score.block, Score.log_index) > place)
        .order_by(Score.participant)
    )
    for score in rows:
        scores[score.block, score.log_index].append(score)
    return scores


def _message(place: Place, kind: EventType, content: BaseModel, has_id: bool = True) -> Message:
    number = f"id: {place[0]}:{place[1]}\n" if has_id else ""
    data = f"{number}event: {kind}\ndata: {content.model_dump_json()}\n\n"
    return Message(place, data.encode())
