"""Structured logs: one event a line, as JSON for machines or as text for a terminal."""

import sys
from contextlib import suppress
from enum import StrEnum
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

Log = structlog.typing.FilteringBoundLogger

# Without the frames' local variables: those of signing hold the key, those of requests bodies.
BARE_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


STAMPS: tuple[Processor, ...] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
)


class LogFormat(StrEnum):
    """How a line of the log is written."""

    JSON = "json"
    TEXT = "text"


def make_log(format_: LogFormat, stream: TextIO | None = None) -> Log:
    """Return a log on standard error, or on another stream."""
    to = sys.stderr if stream is None else stream
    log: Log = structlog.wrap_logger(
        Lines(to),
        processors=[*STAMPS, *rendering(format_, to)],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    return log


def rendering(format_: LogFormat, to: TextIO) -> list[Processor]:
    """Return what makes a line of an event that is stamped."""
    if format_ is LogFormat.JSON:
        return [_in_order, BARE_TRACEBACKS, structlog.processors.JSONRenderer()]
    text = structlog.dev.ConsoleRenderer(
        colors=to.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return [_in_order, text]


class Lines(structlog.WriteLogger):
    """Goes on without a line that cannot be written: a full disk must not end the process."""

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    debug = info = warning = error = critical = msg


def _in_order(logger: object, method: str, event: EventDict) -> EventDict:
    """Begin each line with when, how grave and what."""
    first = ("timestamp", "level", "event")
    rest = {key: value for key, value in event.items() if key not in first}
    return {key: event[key] for key in first} | rest
