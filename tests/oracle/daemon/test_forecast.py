"""The scenario folder as forecast: read again when it changes, kept when it cannot be read."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest

from oracle.daemon.forecast import ForecastFolder
from oracle.daemon.log import LogFormat, make_log
from oracle.errors import InvalidInputError
from tests.oracle.scenario_folders import a_copy, replace


def test_a_folder_is_read_once_until_a_file_changes(tmp_path: Path) -> None:
    path, said = a_copy(tmp_path, "paper-day"), StringIO()
    folder = ForecastFolder(path, make_log(LogFormat.JSON, said))
    first, stamp = folder.newest(), folder.stamp()
    assert folder.newest() is first

    toml = path / "scenario.toml"
    toml.write_text(replace("capacity_mwh = ", "capacity_mwh = 1")(toml.read_text()))
    second = folder.newest()

    assert folder.stamp() != stamp
    assert first.scenario.storage is not None
    assert second.scenario.storage is not None
    assert second.scenario.storage.capacity_mwh > first.scenario.storage.capacity_mwh
    assert second.plan is not None
    events = [json.loads(line)["event"] for line in said.getvalue().splitlines()]
    assert events == ["forecast-read", "forecast-read"]


def test_a_folder_that_cannot_be_read_any_more_leaves_the_forecast_before(tmp_path: Path) -> None:
    path, said = a_copy(tmp_path, "paper-day"), StringIO()
    folder = ForecastFolder(path, make_log(LogFormat.JSON, said))
    first = folder.newest()

    (path / "system.csv").write_text("half a fi")

    assert folder.newest() is first
    refused = json.loads(said.getvalue().splitlines()[-1])
    assert (refused["level"], refused["event"]) == ("warning", "forecast-refused")
    assert "system.csv" in refused["reason"]


def test_a_plan_that_does_not_exist_says_why(tmp_path: Path) -> None:
    path = a_copy(tmp_path, "paper-day")
    toml = path / "scenario.toml"
    weaker = re.sub(r"^(min|max)_mw = .*", r"\1_mw = 1.0", toml.read_text(), flags=re.M)
    toml.write_text(weaker)

    found = ForecastFolder(path, make_log(LogFormat.JSON, StringIO())).newest()

    assert found.plan is None
    assert found.reason is not None
    assert "day-ahead unit commitment is infeasible" in found.reason


def test_a_folder_that_never_was_a_scenario_is_refused(tmp_path: Path) -> None:
    folder = ForecastFolder(tmp_path, make_log(LogFormat.JSON, StringIO()))

    with pytest.raises(InvalidInputError, match=r"scenario\.toml"):
        folder.newest()
