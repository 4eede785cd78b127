"""The log: one event a line, for machines or for a terminal."""

import json
from errno import ENOSPC
from io import StringIO
from typing import Any

import pytest

from oracle.chain.signatures import development_key
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


@pytest.mark.parametrize("format_", LogFormat)
def test_a_traceback_does_not_tell_the_key_that_was_signed_with(format_: LogFormat) -> None:
    said = StringIO()
    log = make_log(format_, said)
    account = development_key("oracle")
    unsigned: dict[str, Any] = {"nonce": None, "gas": 1, "chainId": 1, "maxFeePerGas": 1}

    try:  # as where a node that is starting answers null for the nonce
        account.sign_transaction(unsigned)
    except (TypeError, ValueError):
        log.exception("unexpected")

    assert "unexpected" in said.getvalue()
    assert account.key.hex()[:16] not in said.getvalue()
    assert repr(bytes(account.key))[2:18] not in said.getvalue()


class FullDisk(StringIO):
    def write(self, text: str) -> int:
        raise OSError(ENOSPC, "No space left on device")


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    make_log(LogFormat.JSON, FullDisk()).warning("said to nobody")

    with pytest.raises(OSError, match="No space"):
        FullDisk().write("what the log passed over")
