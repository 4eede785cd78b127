"""Slots as people count them: numbered from 1, named by the time at which they start."""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from oracle.domain.scenario import Scenario
from oracle.units import SLOT_SECONDS, SLOTS_PER_DAY


def slot_number(index: int) -> int:
    """Return the number of the slot in files, tables and pictures; indices count from 0."""
    return index + 1


def starts_at(scenario: Scenario, index: int) -> datetime:
    return scenario.first_slot + timedelta(seconds=SLOT_SECONDS * index)


def slot_time(scenario: Scenario, index: int) -> str:
    """Return the start of the slot: `12:15`, with the day in front where there are several days."""
    several_days = scenario.slot_count > SLOTS_PER_DAY
    return starts_at(scenario, index).strftime("%d %b %H:%M" if several_days else "%H:%M")


def slot_ranges(active: npt.NDArray[np.bool_]) -> str:
    """Return the numbers of the slots where `active` holds, as `4–16, 40–48`."""
    edges = np.diff(np.concatenate(([0], active.astype(np.int64), [0])))
    ranges = []
    for first, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        low, high = slot_number(int(first)), slot_number(int(end) - 1)
        ranges.append(str(low) if low == high else f"{low}–{high}")
    return ", ".join(ranges)
