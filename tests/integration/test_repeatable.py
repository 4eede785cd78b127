"""The same scenario and seed leave the same bytes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.cli import app
from tests.oracle.scenario_folders import an_edited_copy, replace

pytestmark = [pytest.mark.contract, pytest.mark.slow]


def files_of_a_run(tmp_path: Path, name: str) -> dict[str, bytes]:
    """Run the reference case with prosumers that draw their prices; return what it writes."""
    folder = an_edited_copy(
        tmp_path / name,
        "paper-day",
        "scenario.toml",
        replace("[market]", '[strategies]\ndefault = "zero-intelligence"\nseed = 7\n\n[market]'),
    )
    out = tmp_path / name / "out"
    result = CliRunner().invoke(app, ["run", str(folder), "--out", str(out)])
    assert result.exit_code == 0, result.output
    return {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }


def test_a_run_is_repeatable_to_the_byte(tmp_path: Path) -> None:
    first, again = files_of_a_run(tmp_path, "a"), files_of_a_run(tmp_path, "b")

    assert len(first["trades.csv"].splitlines()) > 1
    assert first.keys() == again.keys()
    assert [name for name in first if first[name] != again[name]] == []
