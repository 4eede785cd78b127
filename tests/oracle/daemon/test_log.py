"""The log: one event a line, for machines or for a terminal."""

import json
from io import StringIO

from oracle.daemon.log import LogFormat, make_log


def test_a_line_of_json_begins_with_time_level_and_event() -> None:
    said = StringIO()

    make_log(LogFormat.JSON, said).warning("failed", slot=7, reason='a "quote"')

    line = json.loads(said.getvalue())
    assert list(line) == ["timestamp", "level", "event", "slot", "reason"]
    assert (line["level"], line["slot"], line["reason"]) == ("warning", 7, 'a "quote"')


def test_an_exception_stays_on_its_line() -> None:
    said = StringIO()
    log = make_log(LogFormat.JSON, said)

    try:
        raise ValueError("odd")
    except ValueError:
        log.exception("unexpected")

    assert said.getvalue().count("\n") == 1
    assert json.loads(said.getvalue())["exception"][0]["exc_value"] == "odd"


def test_text_is_for_a_terminal() -> None:
    said = StringIO()

    make_log(LogFormat.TEXT, said).info("cleared", slot=7)

    assert "cleared" in said.getvalue()
    assert "slot=7" in said.getvalue()
    assert "\x1b" not in said.getvalue()
