"""Axes: round numbers for the ticks, and numbers as people write them."""

import math
from dataclasses import dataclass

from scripts import numbers

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis; `place` is in percent of the axis, from its start."""

    place: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A linear axis from `low` to `high`, both of them round."""

    low: float
    high: float
    step: float

    def share(self, value: float) -> float:
        """Return where the value lies, 0 at the start of the axis and 1 at its end."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> tuple[Tick, ...]:
        """Return a tick at every step."""
        count = round((self.high - self.low) / self.step)
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        if self.step * 10**digits % 1 > 1e-9:
            digits += 1  # 0.25 needs one digit more than its size says
        values = (self.low + place * self.step for place in range(count + 1))
        return tuple(
            Tick(place=100 * self.share(value), label=number(value, digits)) for value in values
        )


def round_axis(low: float, high: float, *, intervals: int = 4) -> Axis:
    """Return the axis with about that many intervals that holds every value from low to high."""
    if high - low < 1e-5 * max(1e-4, abs(low), abs(high)):
        high = low + max(1e-3, abs(low) * 0.1)
    rough = (high - low) / intervals
    size = 10.0 ** math.floor(math.log10(rough))
    step = size * next(factor for factor in _STEPS if factor * size >= rough * (1 - 1e-9))
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return Axis(low=first * step, high=last * step, step=step)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAxis:
    """A logarithmic axis from 10^low to 10^high."""

    low: int
    high: int

    def share(self, value: float) -> float:
        """Return where a positive value lies, 0 at the start of the axis and 1 at its end."""
        return (math.log10(value) - self.low) / (self.high - self.low)

    def ticks(self) -> tuple[Tick, ...]:
        """Return a tick at every power of ten."""
        powers = range(self.low, self.high + 1)
        return tuple(
            Tick(place=100 * self.share(10.0**power), label=number(10.0**power, max(0, -power)))
            for power in powers
        )


def log_axis(low: float, high: float) -> LogAxis:
    """Return the axis of whole powers of ten that holds every value from low to high, above 0."""
    first = math.floor(math.log10(low) + 1e-9)
    return LogAxis(low=first, high=max(first + 1, math.ceil(math.log10(high) - 1e-9)))


def number(value: float, digits: int) -> str:
    """Return the value as `scripts.numbers` does, with a true minus sign."""
    return numbers.number(value, digits).replace("-", "−")


def signed(value: float, digits: int) -> str:
    """Return a difference as `scripts.numbers` does, with a true minus sign."""
    return numbers.signed(value, digits).replace("-", "−")
