"""Keeps an index at the head of its chain: step by step, in a thread, through every trouble."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Event, Lock, Thread

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.chain import BlockHeader, ChainEvent, ChainReader, ChainSegment
from backend.index.database import REBUILD, Database, indexed_block
from backend.index.errors import ForeignDatabase
from backend.index.projection import Projection
from backend.index.state import IndexedBlock
from backend.index.tables import Block, Market
from oracle.errors import ChainUnavailable, OracleError

BLOCKS_PER_BATCH = 500
POLL_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a step has changed, for those who listen."""

    head: BlockHeader | None  # the last block that is indexed now; None after losing the only ones
    rolled_back_to: int | None  # the last block that was kept; None where none was dropped
    events: tuple[ChainEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexState:
    """Where the index stands; `error` is why it does not go on, None while it does."""

    first_block: int
    indexed: int | None = None
    chain_head: int | None = None
    confirmations: int = 0
    error: str | None = None
    rollbacks: int = 0

    @property
    def behind(self) -> int | None:
        """How many blocks are confirmed and not indexed; None while the node was not heard."""
        if self.chain_head is None:
            return None
        indexed = self.first_block - 1 if self.indexed is None else self.indexed
        return max(0, self.chain_head - self.confirmations - indexed)


class Follower:
    """
    Fills an index from a chain.

    `open`, then `start` and `stop`, or `catch_up` where no thread is wanted.
    """

    def __init__(
        self,
        database: Database,
        reader: ChainReader,
        *,
        confirmations: int = 0,
        names: Mapping[int, str] | None = None,
        blocks_per_batch: int = BLOCKS_PER_BATCH,
    ) -> None:
        """
        Take blocks when `confirmations` others follow them.

        `names` are what participants are called, by number.
        """
        self._database = database
        self._reader = reader
        self._confirmations = confirmations
        self._names = dict(names or {})
        self._blocks_per_batch = blocks_per_batch
        self._rules = reader.rules()
        self.state = IndexState(first_block=self._rules.first_block, confirmations=confirmations)
        self._projection: Projection | None = None
        self._listeners: list[Callable[[Committed], None]] = []
        self._stepping = Lock()
        self._stopping = Event()
        self._thread: Thread | None = None

    @property
    def identity(self) -> dict[str, str]:
        """What the index is of."""
        return {
            "chain_id": str(self._rules.chain_id),
            "exchange": self._rules.exchange,
            "first_block": str(self._rules.first_block),
        }

    def open(self) -> None:
        """
        Make the tables, or check that they are of this market on this chain.

        Raises
        ------
        ForeignDatabase
            If they are of another.
        """
        self._database.prepare(self.identity)
        with self._database.reading() as session:
            last = _last(session)
        if last is not None:
            self._common(last)
            self.state = replace(self.state, indexed=last.number)

    def look(self) -> IndexState:
        """Return where the index stands, without taking a step."""
        head = self._reader.head()
        last = None
        if self._database.is_of(self.identity):
            with self._database.reading() as session:
                last = _last(session)
        self._report(last, head.number)
        return self.state

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Call a function after each step that has changed something, on the step's thread."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[Committed], None]) -> None:
        """Call a function no more."""
        self._listeners.remove(listener)

    def catch_up(self) -> None:
        """
        Take all blocks that are there and confirmed.

        Raises
        ------
        ChainUnavailable
            If the node does not answer, or changes its mind meanwhile.
        IndexFault
            If the database fails.
        """
        while self.step() is not None:
            pass

    def step(self) -> Committed | None:
        """
        Take the next blocks, or drop those that the chain has dropped; None if it had neither.

        Raises
        ------
        ChainUnavailable
            If the node does not answer, or changes its mind meanwhile.
        IndexFault
            If the database fails.
        """
        with self._stepping:
            committed = self._step()
            if committed is None:
                return None
        for listener in list(self._listeners):
            listener(committed)
        return committed

    def start(self) -> None:
        """Follow the chain in a thread until `stop`."""
        self._stopping.clear()
        self._thread = Thread(target=self._follow, name="index", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the step that is going on."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _step(self) -> Committed | None:
        if self._database.is_lost():
            self._database.reopen()
            self._database.prepare(self.identity)
        head = self._reader.head()
        with self._database.reading() as session:
            last = _last(session)
        self._report(last, head.number)
        if last is not None and (last.number, last.hash) == (head.number, head.hash):
            return None
        common = None if last is None else self._common(last)
        first = self._rules.first_block if common is None else common.number + 1
        newest = min(head.number - self._confirmations, first + self._blocks_per_batch - 1)
        if newest < first and common == last:
            return None
        segment = self._reader.segment(first, newest) if newest >= first else None
        if segment is not None:
            _require_linked(common, segment)
        committed = self._write(last, common, segment)
        self._report(last if committed is None else _place(committed.head), head.number)
        if committed is not None and committed.rolled_back_to is not None:
            self.state = replace(self.state, rollbacks=self.state.rollbacks + 1)
        return committed

    def _write(
        self, last: IndexedBlock | None, common: IndexedBlock | None, segment: ChainSegment | None
    ) -> Committed | None:
        """Drop the blocks after the common one and add a segment; None if others were faster."""
        kept = common.number if common is not None and common != last else None
        projection, self._projection = self._projection, None  # until all of it is kept
        with self._database.writing() as session:
            session.scalars(select(Market).with_for_update()).all()  # one writer at a time
            if _last(session) != last:
                return None
            if kept is not None:
                session.execute(delete(Block).where(Block.number > kept))
            if projection is None or projection.state.last != common:
                projection = Projection(session, self._rules, self._names)
            if segment is not None:
                projection.take(session, segment).insert(session)
            head = _header(session)
        self._projection = projection
        return Committed(
            head=head,
            rolled_back_to=kept,
            events=() if segment is None else segment.events,
        )

    def _common(self, last: IndexedBlock) -> IndexedBlock:
        """Return the last indexed block that the chain still has; blocks are there without gap."""
        if self._is_on_chain(last):
            return last
        low, high = self._indexed(self._rules.first_block), last
        if not self._is_on_chain(low):
            raise self._foreign(low)
        while high.number - low.number > 1:
            middle = self._indexed((low.number + high.number) // 2)
            low, high = (middle, high) if self._is_on_chain(middle) else (low, middle)
        return low

    def _indexed(self, number: int) -> IndexedBlock:
        with self._database.reading() as session:
            return IndexedBlock(number, session.get_one(Block, number).hash)

    def _is_on_chain(self, block: IndexedBlock) -> bool:
        header = self._reader.header(block.number)
        return header is not None and header.hash == block.hash

    def _foreign(self, first: IndexedBlock) -> OracleError:
        header = self._reader.header(first.number)
        if header is None:
            return ChainUnavailable(
                f"the node has no block {first.number}, where the market begins"
            )
        return ForeignDatabase(
            f"{self._database}: expected an index that begins with block {first.number} "
            f"{header.hash}, came one of another chain with {first.hash}; {REBUILD}"
        )

    def _report(self, last: IndexedBlock | None, chain_head: int) -> None:
        indexed = None if last is None else last.number
        self.state = replace(self.state, indexed=indexed, chain_head=chain_head)

    def _follow(self) -> None:
        wait = POLL_SECONDS
        while not self._stopping.is_set():
            try:
                if self.step() is None:
                    self._stopping.wait(POLL_SECONDS)
                wait = POLL_SECONDS
                self._say(None)
            except Exception as error:  # whatever it is, the thread must live on and say it
                is_known = isinstance(error, OracleError)
                self._say(str(error) if is_known else f"{type(error).__name__}: {error}")
                if not is_known:
                    log.exception("the index met what it does not know")
                self._stopping.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _say(self, error: str | None) -> None:
        if error == self.state.error:
            return
        if error is None:
            log.info("the index goes on")
        else:
            log.warning("the index stands still: %s", error)
        self.state = replace(self.state, error=error)


def _last(session: Session) -> IndexedBlock | None:
    block = indexed_block(session)
    return None if block is None else IndexedBlock(block.number, block.hash)


def _header(session: Session) -> BlockHeader | None:
    block = indexed_block(session)
    if block is None:
        return None
    return BlockHeader(
        number=block.number, hash=block.hash, parent_hash=block.parent_hash, time=block.time
    )


def _place(header: BlockHeader | None) -> IndexedBlock | None:
    return None if header is None else IndexedBlock(header.number, header.hash)


def _require_linked(common: IndexedBlock | None, segment: ChainSegment) -> None:
    """Check that every block names the one before it."""
    before = None if common is None else common.hash
    for header in segment.headers:
        if before not in (None, header.parent_hash):
            raise ChainUnavailable("the chain was reorganised while it was read")
        before = header.hash
