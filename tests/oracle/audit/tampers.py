"""Ways to tamper with an export, and to have it verified."""

import re
from collections.abc import Callable
from typing import Any

from typer.testing import CliRunner, Result

from scripts.cli import app
from tests.oracle.audit.exports import Event, Forgery, Row, flipped, more

Tamper = Callable[[Forgery], None]

ONE_MORE = more()


def verify(forgery: Forgery, *options: str) -> Result:
    return CliRunner().invoke(app, ["verify", str(forgery.folder), *options])


def assert_named(result: Result, expected: str) -> None:
    """Assert that all that was said is one line, which begins with a pattern."""
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert re.match(rf"error: {expected}", result.stderr), result.stderr


def in_event(
    name: str, *path: str | int, change: Callable[[Any], Any] = ONE_MORE, nth: int = 0
) -> Tamper:
    """Return a change of one value of the nth event of a name."""

    def tamper(forgery: Forgery) -> None:
        forgery.event(name, lambda event: changed(event, path, change), nth=nth)

    return tamper


def in_cell(
    file: str, column: str, change: Callable[[Any], Any] = ONE_MORE, row: int = 0
) -> Tamper:
    return lambda forgery: forgery.cell(file, column, change, row=row)


def in_value(file: str, *path: str | int, change: Callable[[Any], Any] = ONE_MORE) -> Tamper:
    return lambda forgery: forgery.value(file, lambda content: changed(content, path, change))


def changed(content: Any, path: tuple[str | int, ...], change: Callable[[Any], Any]) -> None:
    *way, last = path
    for step in way:
        content = content[step]
    content[last] = change(content[last])


def all_of(*tampers: Tamper) -> Tamper:
    def tamper(forgery: Forgery) -> None:
        for one in tampers:
            one(forgery)

    return tamper


def with_events(change: Callable[[list[Event]], list[Event]]) -> Tamper:
    return lambda forgery: forgery.write_events(change(forgery.events()))


def first(events: list[Event], name: str, nth: int = 0) -> int:
    return [k for k, event in enumerate(events) if event["event"] == name][nth]


def without(name: str, nth: int = 0) -> Tamper:
    """Return the loss of an event, with all that follow renumbered."""

    def lost(events: list[Event]) -> list[Event]:
        del events[first(events, name, nth)]
        return events

    return with_events(lost)


def twice(name: str, nth: int = 0) -> Tamper:
    def doubled(events: list[Event]) -> list[Event]:
        place = first(events, name, nth)
        return [*events[: place + 1], dict(events[place]), *events[place + 1 :]]

    return with_events(doubled)


def swapped(name: str, other: str) -> Tamper:
    """Return two orders of a book that change places, each in the other's block and time."""

    def swap(events: list[Event]) -> list[Event]:
        one, two = first(events, name), first(events, other)
        for key in ("event", "order"):
            events[one][key], events[two][key] = events[two][key], events[one][key]
        return events

    return with_events(swap)


def rows_without(file: str, row: int) -> Tamper:
    def cut(rows: list[Row]) -> list[Row]:
        return rows[:row] + rows[row + 1 :]

    return lambda forgery: forgery.rows(file, cut)


def spoilt(signature: str) -> str:
    return signature[:30] + flipped(signature[30:])
