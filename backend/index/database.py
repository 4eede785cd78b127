"""The database of an index: SQLite in a file, or PostgreSQL by URL."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from backend.index.errors import DatabaseUnavailable, ForeignDatabase
from backend.index.tables import BESIDE_THE_CHAIN, Base, Block, Market
from oracle.errors import InvalidInputError

SCHEMA_VERSION = "2"
BUSY_MILLISECONDS = 10_000
REBUILD = "run `wattline index rebuild` to index this market instead"

Identity = Mapping[str, str]  # what an index is of, by name: chain, Exchange, first block


class Database:
    """
    An index's database; safe to share between threads.

    Raises
    ------
    InvalidInputError
        If the URL is none of SQLite or PostgreSQL, or the driver is not installed.
    """

    def __init__(self, url: str, *, connections: int = 10) -> None:
        """`connections` may be open at once, and as many more for a short time."""
        self.url = _url(url)
        self.engine = _engine(self.url, connections)
        _make_file(self.url)
        self._file = _file_of(self.url)
        is_postgres = self.engine.dialect.name == "postgresql"
        reading: dict[str, Any] = (
            {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            if is_postgres
            else {}
        )
        self._reader = self.engine.execution_options(**reading)
        self._writer = self.engine.execution_options(is_writing=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """
        Open a session that sees the index as it is now, to the end.

        Raises
        ------
        DatabaseUnavailable
            If the database does not answer.
        """
        with _translated(), Session(self._reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """
        Open a session whose changes are kept together at its end, or not at all.

        Raises
        ------
        DatabaseUnavailable
            If the database does not answer or has no room.
        """
        with _translated(), Session(self._writer) as session, session.begin():
            yield session

    def is_lost(self) -> bool:
        """Return whether somebody removed or replaced the file under the open connections."""
        return self._file != _file_of(self.url)

    def reopen(self) -> None:
        """Let go of a lost file, to begin with what is there now."""
        self.engine.dispose()
        _make_file(self.url)
        self._file = _file_of(self.url)

    def prepare(self, identity: Identity) -> None:
        """
        Make the tables, or check that those there are of this market.

        Tables of another version of this software are made anew: the chain has everything.

        Raises
        ------
        ForeignDatabase
            If the index is another market's.
        DatabaseUnavailable
            If the database does not answer or has no room.
        """
        with self.writing() as session:
            connection = session.connection()
            if not self._is_of(identity, self._identity(connection)):
                self._make(connection, identity, list(Base.metadata.sorted_tables))

    def is_of(self, identity: Identity) -> bool:
        """
        Return whether the index is of a market; False where there is none that is readable.

        Raises
        ------
        ForeignDatabase
            If it is another market's.
        DatabaseUnavailable
            If the database does not answer.
        """
        with self.reading() as session:
            return self._is_of(identity, self._identity(session.connection()))

    def rebuild(self, identity: Identity) -> None:
        """Empty the index; the signed orders that were handed in stay, and what carries them."""
        with self.writing() as session:
            connection = session.connection()
            is_current = self._identity(connection).get("schema") == SCHEMA_VERSION
            kept = BESIDE_THE_CHAIN if is_current else ()
            tables = [table for table in Base.metadata.sorted_tables if table.name not in kept]
            self._make(connection, identity, tables)

    def close(self) -> None:
        self.engine.dispose()

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def _is_of(self, identity: Identity, came: Identity) -> bool:
        if came.get("schema") != SCHEMA_VERSION:
            return False
        for name, value in identity.items():
            if came.get(name) != value:
                raise ForeignDatabase(
                    f"{self}: expected an index with {name} {value}, "
                    f"came {came.get(name, 'none')}; {REBUILD}"
                )
        return True

    @staticmethod
    def _identity(connection: Connection) -> dict[str, str]:
        if not inspect(connection).has_table(Market.__tablename__):
            return {}
        rows = connection.execute(select(Market.key, Market.value))
        return {row.key: row.value for row in rows}

    @staticmethod
    def _make(connection: Connection, identity: Identity, tables: list[Table]) -> None:
        Base.metadata.drop_all(connection, tables)
        Base.metadata.create_all(connection)
        values = {"schema": SCHEMA_VERSION, **identity}
        rows = [{"key": key, "value": value} for key, value in values.items()]
        connection.execute(insert(Market), rows)


def indexed_block(session: Session) -> Block | None:
    """Return the last block that is indexed."""
    return session.scalars(select(Block).order_by(Block.number.desc()).limit(1)).first()


def _url(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise _unknown(text) from error
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    is_file = url.drivername == "sqlite" and url.database not in (None, "", ":memory:")
    if not is_file and url.drivername != "postgresql+psycopg":
        raise _unknown(url.render_as_string(hide_password=True))
    return url


def _file_of(url: URL) -> int | None:
    """Return which file a SQLite database is; None where it is none, or not there."""
    path = Path(str(url.database))
    return path.stat().st_ino if url.drivername == "sqlite" and path.exists() else None


def _make_file(url: URL) -> None:
    """Make the file of a SQLite database where there is none."""
    path = Path(str(url.database))
    if url.drivername != "sqlite" or path.exists():
        return
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        for suffix in ("-wal", "-shm"):  # of a lost file: they would be taken for the newest part
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.touch()
    except OSError as error:
        raise DatabaseUnavailable(f"{path}: {error.strerror}") from error


def _unknown(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"--database {text}: expected sqlite:///PATH or postgresql://USER@HOST/NAME"
    )


def _engine(url: URL, connections: int) -> Engine:
    options: dict[str, Any] = {"pool_size": connections, "max_overflow": connections}
    is_file = url.drivername == "sqlite"
    opened = _never_made(url) if is_file else url
    try:
        engine = create_engine(opened, pool_pre_ping=not is_file, **options)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise InvalidInputError(
            f"--database {url.render_as_string(hide_password=True)}: the driver is not installed; "
            "install wattline with its extra postgres"
        ) from error
    if is_file:
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _never_made(url: URL) -> URL:
    """Return a URL by which a file is opened, and never made beside what a lost one has left."""
    path = quote(str(Path(str(url.database)).absolute()))
    return url.set(database=f"file:{path}").update_query_dict({"mode": "rw", "uri": "true"})


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the library's own beginnings come too late, see below
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Begin before the first read, so that all of a session's reads see the same."""
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what the database raises into exceptions of the index."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseUnavailable(f"the database refused: {_line(error.orig)}") from error
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"the database refused: {_line(error)}") from error


def _line(error: object) -> str:
    return " ".join(str(error).split())
