"""What benchmarks share: sizes from the command line, and times of repeated runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from statistics import median

from oracle.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Seconds of some runs as documents give them: the median, with the least and the most."""

    median: float
    least: float
    most: float
    runs: int


def spread(seconds: Sequence[float]) -> Spread:
    """Return the spread of at least one time, rounded to the microsecond."""
    return Spread(
        median=round(median(seconds), 6),
        least=round(min(seconds), 6),
        most=round(max(seconds), 6),
        runs=len(seconds),
    )


def significant(value: float) -> str:
    """Return a positive number as text with three digits that mean something."""
    digits = 2 - floor(log10(value)) if value > 0 else 0
    return f"{value:,.{max(0, digits)}f}"


def sizes(option: str, text: str, least: int = 1) -> list[int]:
    """
    Return the sizes that an option names, ascending, each once.

    Raises
    ------
    InvalidInputError
        Unless they are whole numbers from `least` with commas between.
    """
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise InvalidInputError(
            f"{option} {text}: expected whole numbers with commas between, such as 10,100"
        ) from error
    if found[0] < least:
        raise InvalidInputError(f"{option} {text}: expected numbers from {least}")
    return found
