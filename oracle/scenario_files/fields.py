"""What a key of scenario.toml may hold, and how that is said to the user."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class _Required:
    """Default of a key that must be there."""


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Field:
    """One key: `accepts` tells good values from bad, `expected` says which are good."""

    expected: str
    accepts: Callable[[Any], bool]
    default: Any = REQUIRED
    is_number: bool = False

    @property
    def required(self) -> bool:
        """True if the key has no default."""
        return self.default is REQUIRED


def number(
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    default: Any = REQUIRED,
) -> Field:
    """Return a field for a finite number; it is read as a float."""

    def accepts(value: Any) -> bool:
        return (
            _is_number(value)
            and (at_least is None or value >= at_least)
            and (above is None or value > above)
            and (at_most is None or value <= at_most)
            and (below is None or value < below)
        )

    expected = "a number" + _interval(at_least, above, at_most, below)
    return Field(expected, accepts, default, is_number=True)


def whole(*, at_least: int, at_most: int | None = None, default: Any = REQUIRED) -> Field:
    """Return a field for an integer."""

    def accepts(value: Any) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and value >= at_least
            and (at_most is None or value <= at_most)
        )

    limits = f" of at least {at_least}" if at_most is None else f" from {at_least} to {at_most}"
    return Field(f"a whole number{limits}", accepts, default)


def flag(default: Any = REQUIRED) -> Field:
    """Return a field for true or false."""
    return Field("true or false", lambda value: isinstance(value, bool), default)


def text(default: Any = REQUIRED) -> Field:
    """Return a field for one line of text."""

    def accepts(value: Any) -> bool:
        return isinstance(value, str) and value.isprintable()

    return Field("one line of text", accepts, default)


def name() -> Field:
    """Return a field for a name that column headings and tables can carry."""

    def accepts(value: Any) -> bool:
        return (
            isinstance(value, str)
            and 1 <= len(value) <= 31
            and value[0].isalnum()
            and all(letter.isalnum() or letter in " ._-" for letter in value)
            and value == value.strip()
        )

    return Field("a name of 1 to 31 letters, digits, spaces, '.', '_' or '-'", accepts)


def choice(options: tuple[str, ...], default: Any = REQUIRED) -> Field:
    """Return a field for one of a few words."""
    listed = " or ".join(f'"{option}"' for option in options)
    return Field(listed, lambda value: isinstance(value, str) and value in options, default)


def pair() -> Field:
    """Return a field for the two ends of a line."""

    def accepts(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) == 2
            and all(isinstance(entry, str) for entry in value)
        )

    return Field("a list of two names", accepts)


def anything() -> Field:
    """Return a field whose value its reader checks."""
    return Field("a value", lambda value: True)


def shown(value: Any) -> str:
    """Return a value as the user wrote it, more or less, cut to a readable length."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _cut(f'"{printable(value)}"')
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        return "a list of tables"
    if isinstance(value, float | int):
        return _cut(f"{value:.15g}") if isinstance(value, float) else _short_integer(value)
    return _cut(printable(str(value)))


def printable(words: str) -> str:
    """Return the words on one line, with escapes for what cannot be printed."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in words
    )


def _short_integer(value: int) -> str:
    return str(value) if abs(value) < 10**20 else "an integer of more than 20 digits"


def _cut(words: str) -> str:
    return words if len(words) <= 60 else words[:57] + "..."


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 10**20


def _interval(
    at_least: float | None, above: float | None, at_most: float | None, below: float | None
) -> str:
    low = at_least if at_least is not None else above
    high = at_most if at_most is not None else below
    if low is not None and high is not None:
        left = "[" if at_least is not None else "("
        right = "]" if at_most is not None else ")"
        return f" in {left}{low:.15g}, {high:.15g}{right}"
    if low is not None:
        return f" of at least {low:.15g}" if at_least is not None else f" above {low:.15g}"
    if high is not None:
        return f" of at most {high:.15g}" if at_most is not None else f" below {high:.15g}"
    return ""
