"""The index as one request sees it: a snapshot, and the block it is of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from anyio.to_thread import run_sync
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.errors import IndexBehind
from backend.index.database import Database
from backend.index.tables import Block, Event
from oracle.units import SLOT_SECONDS, Slot

GATE_CLOSURE_SECONDS = 1_800  # as contracts/libraries/SlotLib.sol has them
OPEN_SLOTS = 23
READING_SECONDS = 3_600

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """
    The newest block of the index.

    `revision` is the hash of the newest block with an event: answers that no clock moves are the
    same as long as it is.
    """

    number: int
    hash: str
    time: int  # Unix seconds: the chain's now
    revision: str

    @property
    def slot(self) -> Slot:
        """The slot that is being delivered."""
        return Slot(self.time // SLOT_SECONDS)

    @property
    def last_open_slot(self) -> Slot:
        return Slot(self.slot + OPEN_SLOTS)

    @property
    def next_gate_slot(self) -> Slot:
        """The first slot that still takes orders."""
        return Slot((self.time + GATE_CLOSURE_SECONDS) // SLOT_SECONDS + 1)


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot of the index."""

    session: Session
    head: Head


_REVISION = (
    select(Block.hash)
    .where(Block.number == select(func.max(Event.block)).scalar_subquery())
    .scalar_subquery()
)
_HEAD = (
    select(Block.number, Block.hash, Block.time, _REVISION.label("revision"))
    .order_by(Block.number.desc())
    .limit(1)
)


def read_head(session: Session) -> Head | None:
    """Return the newest block, or None before the first."""
    block = session.execute(_HEAD).first()
    if block is None:
        return None
    return Head(
        number=block.number, hash=block.hash, time=block.time, revision=block.revision or ""
    )


def instant(seconds: int) -> datetime:
    """Return a block's time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def starts_at(slot: int) -> datetime:
    return instant(slot * SLOT_SECONDS)


def gate_closes_at(slot: int) -> datetime:
    return instant(max(0, slot * SLOT_SECONDS - GATE_CLOSURE_SECONDS))


class IndexReader:
    """Opens snapshots of an index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def view(self) -> Iterator[View]:
        """
        Open a snapshot.

        Raises
        ------
        IndexBehind
            If there is no block in it yet.
        """
        with self._database.reading() as session:
            head = read_head(session)
            if head is None:
                raise IndexBehind("the index is empty: it has just begun to follow the chain")
            yield View(session, head)

    async def read(self, question: Callable[[View], Answer]) -> Answer:
        """Answer a question from a snapshot, in another thread."""
        return await run_sync(self._answered, question)

    def _answered(self, question: Callable[[View], Answer]) -> Answer:
        with self.view() as view:
            return question(view)
