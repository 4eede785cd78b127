"""The database of an index: which are taken, what a session sees, what is said where it fails."""

import subprocess
import sys
from pathlib import Path

import pytest

from backend.index.database import Database
from backend.index.errors import DatabaseUnavailable, ForeignDatabase
from backend.index.tables import Block, Market
from oracle.errors import InvalidInputError
from tests.backend.index.comparing import rows

IDENTITY = {"chain_id": "1", "exchange": "0x02", "first_block": "3"}


def a_block(number: int) -> Block:
    return Block(number=number, hash=f"0x{number}", parent_hash=f"0x{number - 1}", time=number)


def test_a_session_sees_what_was_there_when_it_began(database: Database) -> None:
    database.prepare(IDENTITY)
    with database.reading() as before:
        assert before.get(Block, 1) is None
        with database.writing() as session:
            session.add(a_block(1))

        assert before.get(Block, 1) is None

    assert [one.number for one in rows(database, Block)] == [1]


def test_a_session_that_fails_changes_nothing(database: Database) -> None:
    database.prepare(IDENTITY)

    with pytest.raises(DatabaseUnavailable), database.writing() as session:
        session.add_all([a_block(1), Block(number=2)])

    assert rows(database, Block) == []


def test_a_broken_rule_of_the_tables_is_one_line(database: Database) -> None:
    database.prepare(IDENTITY)
    with database.writing() as session:
        session.add(a_block(1))

    with (
        pytest.raises(DatabaseUnavailable, match=r"^the database refused: [^\n]+\Z"),
        database.writing() as session,
    ):
        session.add(a_block(1))


def test_says_whose_index_it_is(database: Database) -> None:
    assert not database.is_of(IDENTITY)
    database.prepare(IDENTITY)
    assert database.is_of(IDENTITY)

    with pytest.raises(ForeignDatabase, match="expected an index with chain_id 9, came 1; run"):
        database.is_of({**IDENTITY, "chain_id": "9"})

    database.rebuild({**IDENTITY, "chain_id": "9"})
    assert {one.key: one.value for one in rows(database, Market)} == {
        **IDENTITY,
        "chain_id": "9",
        "schema": "2",
    }


def test_nobody_is_told_a_password(postgres_url: str) -> None:
    secret = postgres_url.replace("postgres:@", "postgres:hush@")
    assert "hush" in secret

    assert "hush" not in str(Database(secret))


@pytest.mark.parametrize("url", ["mysql://localhost/x", "sqlite://", "index.sqlite", ""])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError, match="expected sqlite:///PATH or postgresql://"):
        Database(url)


def test_a_missing_driver_is_one_line() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from backend.index.database import Database\n"
        "try: Database('postgresql://someone:hush@localhost/index')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )

    said = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert said == (
        "InvalidInputError --database postgresql+psycopg://someone:***@localhost/index: "
        "the driver is not installed; install wattline with its extra postgres\n"
    )


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    database = Database(f"postgresql:///index?host={tmp_path}")

    with pytest.raises(DatabaseUnavailable, match=r"^the database refused: [^\n]+\Z"):
        database.prepare(IDENTITY)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DatabaseUnavailable, match=r"Not a directory|File exists"):
        Database(f"sqlite:///{tmp_path / 'file' / 'index.sqlite'}")


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    path.write_text("something else, and more than a header's length of it" * 100)

    with pytest.raises(DatabaseUnavailable, match="file is not a database"):
        Database(f"sqlite:///{path}").prepare(IDENTITY)


def test_a_path_may_have_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "ein Ort, 100 %" / "index #1.sqlite"

    database = Database(f"sqlite:///{path}")
    database.prepare(IDENTITY)
    database.close()

    assert path.stat().st_size > 0
