"""What is malformed is said in one line: file, line or key, what was expected."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oracle.errors import InvalidInputError
from oracle.export_files.tables import read_table, write_table
from oracle.export_files.values import ADDRESS, FLAG, NUMBER, TEXT, Kind, parsed, taken, uint
from scripts.cli import app

COLUMNS = {"slot": uint(32), "owner": ADDRESS}
OWNER = "0x" + 20 * "ab"


def a_table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "slots.csv"
    path.write_bytes(text.encode())
    return path


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "slots.csv"

    write_table(path, COLUMNS, [(7, OWNER), (8, OWNER)])

    assert path.read_bytes() == f"slot,owner\n7,{OWNER}\n8,{OWNER}\n".encode()
    assert read_table(path, COLUMNS) == [{"slot": 7, "owner": OWNER}, {"slot": 8, "owner": OWNER}]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: expected the columns slot,owner"),
        ("slot\n7\n", "line 1: expected the columns slot,owner"),
        (f"slot,owner\n7,{OWNER}", "line 2: expected a line feed at the end"),
        ("slot,owner\n7\n", "line 2: expected 2 cells, got 1"),
        (f"slot,owner\n07,{OWNER}\n", 'line 2, slot: expected an integer of 32 bits, got "07"'),
        (f"slot,owner\n-7,{OWNER}\n", "line 2, slot: expected an integer of 32 bits"),
        (f"slot,owner\n4294967296,{OWNER}\n", "line 2, slot: expected an integer of 32 bits"),
        ("slot,owner\n7,0xAB\n", "line 2, owner: expected 20 bytes in lower-case hexadecimal"),
        (f"slot,owner\r\n7,{OWNER}\r\n", "line 1: expected the columns slot,owner"),
    ],
)
def test_a_malformed_table_is_named_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(f"slots.csv, {fault}")):
        read_table(a_table(tmp_path, text), COLUMNS)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (uint(8), True),
        (uint(8), 256),
        (uint(8), 1.0),
        (uint(8), None),
        (NUMBER, "1"),
        (NUMBER, float("nan")),
        (NUMBER, float("inf")),
        (NUMBER, 10**400),
        (TEXT, 1),
        (FLAG, 0),
        (ADDRESS, OWNER[:-1]),
    ],
)
def test_a_value_of_another_kind_is_refused(kind: Kind, value: object) -> None:
    with pytest.raises(InvalidInputError, match=r"a\.json, key: expected "):
        taken("a.json", {"key": value}, {"key": kind})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": 1, "a": 2}', "a.json, a: expected each key once"),
        ('{\n"a": }', "a.json, line 2: expected JSON"),
        ("[" * 100_000, "a.json: expected JSON of at most 32 levels"),
        ("1" * 10_000, "a.json: expected JSON with integers of sane length"),
    ],
)
def test_json_that_is_none_is_refused(text: str, fault: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(fault)):
        parsed("a.json", text)


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _another_version(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"version": 3', '"version": 2'))


def _no_events(folder: Path) -> None:
    (folder / "events.jsonl").unlink()


def _an_unknown_event(folder: Path) -> None:
    path = folder / "events.jsonl"
    path.write_text(path.read_text().replace('"Deposited"', '"Invented"', 1))


def _bytes(folder: Path) -> None:
    (folder / "totals.json").write_bytes(b"\xff\xfe")


@pytest.mark.contract
@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (_no_manifest, r"error: manifest.json: expected this file in "),
        (_another_version, r"error: manifest.json, version: expected 3, got 2"),
        (_no_events, r"error: events.jsonl: expected this file in "),
        (_an_unknown_event, r"error: events.jsonl, line \d+, event: expected one that this "),
        (_bytes, r"error: totals.json: expected text in UTF-8"),
    ],
)
def test_a_malformed_export_ends_with_1_and_one_line(
    honest: Path, tmp_path: Path, spoil: Callable[[Path], None], fault: str
) -> None:
    folder = tmp_path / "export"
    shutil.copytree(honest, folder)
    spoil(folder)

    result = CliRunner().invoke(app, ["verify", str(folder)])

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert re.match(fault, result.stderr), result.stderr


def test_what_is_no_export_is_said_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["verify", str(tmp_path / "nowhere")])

    assert result.exit_code == 1
    assert "nowhere: expected the folder of an export" in result.stderr
