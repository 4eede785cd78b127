"""What is told of a book that was cleared some times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

DATA = "synthetic"

BookShape = Literal["pool", "lines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearingFigures:
    """One object of `wattline bench clearing --json`: a book, cleared and checked some times."""

    mechanism: str  # ours by its id, others' with their system before it
    orders: int
    seconds: float | None  # median of the runs, with the certificate; None where it was stopped
    seconds_least: float | None
    seconds_most: float | None
    runs: int
    verify_s: float | None  # median; only ours can be verified
    system: str
    book: BookShape
    lines: int
    trades: int
    volume_wh: int
    welfare_usd: float
    peak_mb: float  # of the process, libraries included
    equals: str  # id of the mechanism of ours whose volume and welfare it has been found to have
    stopped: str  # why there are no times
    limit_s: float
    seed: int
    data: str = DATA


def growth(figures: Sequence[ClearingFigures]) -> Iterator[tuple[str, float]]:
    """Yield for each mechanism with two sizes the exponent of its growth, by least squares."""
    for name in dict.fromkeys(one.mechanism for one in figures):
        points = [
            (one.orders, one.seconds) for one in figures if one.mechanism == name and one.seconds
        ]
        if len({orders for orders, _ in points}) > 1:
            orders, seconds = np.log(points).T
            yield name, float(np.polyfit(orders, seconds, 1)[0])
