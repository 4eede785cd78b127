"""A thread that follows the chain, while the node, the disk and the database fail under it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from backend.index import tables
from backend.index.database import Database
from backend.index.follower import Follower
from tests.backend.index.comparing import dump, rows
from tests.backend.index.recorded import RecordedChain

pytestmark = [pytest.mark.contract, pytest.mark.node]

PATIENCE_SECONDS = 60.0
HALF = 60  # a block within the market's life


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


@pytest.fixture
def halfway(eventful: RecordedChain, database: Database) -> Iterator[Follower]:
    """A thread that follows and has all blocks there are, up to HALF."""
    eventful.height = HALF
    follower = Follower(database, eventful, blocks_per_batch=5)
    follower.open()
    follower.start()
    until(lambda: follower.state.indexed == HALF)
    yield follower
    follower.stop()


def assert_same(
    database: Database, other: Database, eventful: RecordedChain, follower: Follower
) -> None:
    """Compare with an index that met no trouble."""
    until(lambda: follower.state.indexed == eventful.height and follower.state.error is None)
    plain = Follower(other, eventful)
    plain.open()
    plain.catch_up()
    assert dump(database) == dump(other)


def test_a_thread_follows_as_blocks_come(
    halfway: Follower, eventful: RecordedChain, database: Database, other_database: Database
) -> None:
    head = len(eventful.recording.headers) - 1
    for height in range(HALF, head + 1, 9):
        eventful.height = height
    eventful.height = head

    until(lambda: halfway.state.indexed == head)

    assert_same(database, other_database, eventful, halfway)


def test_a_node_that_is_away_is_said_and_waited_for(
    halfway: Follower, eventful: RecordedChain, database: Database, other_database: Database
) -> None:
    eventful.is_away = True
    until(lambda: halfway.state.error is not None)
    assert halfway.state.error == "the node does not answer: is it running?"
    assert len(rows(database, tables.Block)) == HALF + 1

    eventful.is_away, eventful.height = False, len(eventful.recording.headers) - 1

    assert_same(database, other_database, eventful, halfway)


def test_what_nobody_expected_is_said_and_survived(
    halfway: Follower, eventful: RecordedChain, database: Database, other_database: Database
) -> None:
    def broken(committed: object) -> None:
        raise LookupError("a listener's fault")

    halfway.listen(broken)
    eventful.height = len(eventful.recording.headers) - 1

    until(lambda: halfway.state.error == "LookupError: a listener's fault")

    halfway.forget(broken)
    assert_same(database, other_database, eventful, halfway)


class Disk:
    """A disk with room for so many pages of SQLite's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pages = 2**30
        event.listen(database.engine, "connect", self._limit)

    def has(self, pages: int) -> None:
        self._pages = pages
        self._database.engine.dispose()

    def _limit(self, connection: Any, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={self._pages}")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_is_said_and_what_is_indexed_is_still_there(
    halfway: Follower, eventful: RecordedChain, database: Database, other_database: Database
) -> None:
    disk = Disk(database)
    disk.has(1)  # no more than there are
    eventful.height = len(eventful.recording.headers) - 1
    until(lambda: halfway.state.error is not None)
    assert halfway.state.error == "the database refused: database or disk is full"
    stuck = halfway.state.indexed
    assert stuck is not None
    assert len(rows(database, tables.Block)) == stuck + 1
    assert halfway.state.behind == eventful.height - stuck

    disk.has(2**30)

    assert_same(database, other_database, eventful, halfway)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_deleted_file_is_made_and_filled_anew(
    halfway: Follower, eventful: RecordedChain, database: Database, other_database: Database
) -> None:
    path = Path(str(database.url.database))
    assert len(rows(database, tables.Block)) == HALF + 1

    path.unlink()

    until(path.exists)
    until(lambda: len(halfway_blocks(path)) == HALF + 1)
    eventful.height = len(eventful.recording.headers) - 1
    assert_same(database, other_database, eventful, halfway)


def halfway_blocks(path: Path) -> list[tables.Block]:
    """Return the blocks that a stranger finds in a file; none while it has no tables."""
    stranger = Database(f"sqlite:///{path}")
    try:
        return rows(stranger, tables.Block) if stranger.is_of({}) else []
    finally:
        stranger.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_server_that_shuts_us_out_is_said_and_waited_for(
    halfway: Follower,
    eventful: RecordedChain,
    database: Database,
    other_database: Database,
    postgres: Any,
) -> None:
    name = database.url.database
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        until(lambda: halfway.state.error is not None)
        assert str(halfway.state.error).startswith("the database refused: ")
        assert "\n" not in str(halfway.state.error)

        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())

    eventful.height = len(eventful.recording.headers) - 1
    assert_same(database, other_database, eventful, halfway)
