"""Slots as people count them, and numbers as they write them."""

import numpy as np
import pytest

from scripts.numbers import counted, number, signed
from scripts.slots import slot_ranges, slot_time
from tests.scripts.results import a_village_plan


@pytest.mark.parametrize(
    ("slots", "text"),
    [
        ((), ""),
        ((0,), "1"),
        ((0, 1, 2), "1–3"),
        ((3, 4, 5, 9), "4–6, 10"),
        (tuple(range(96)), "1–96"),
    ],
)
def test_ranges_name_the_first_and_last_slot(slots: tuple[int, ...], text: str) -> None:
    active = np.zeros(96, dtype=np.bool_)
    active[list(slots)] = True

    assert slot_ranges(active) == text


def test_a_slot_is_named_by_its_start_and_over_days_by_its_date() -> None:
    day = a_village_plan("A", "B").scenario
    week = a_village_plan("A", "B", days=7).scenario

    assert slot_time(day, 49) == "12:15"
    assert slot_time(week, 96 + 49) == "10 May 12:15"


def test_numbers_are_apart_by_thousands_and_have_no_negative_zero() -> None:
    assert number(-1234.5678, 2) == "-1,234.57"
    assert number(-0.0001, 2) == "0.00"


def test_a_difference_has_a_sign_unless_it_is_nothing() -> None:
    assert signed(0.004, 2) == "0.00"
    assert signed(0.006, 2) == "+0.01"
    assert signed(-0.006, 2) == "-0.01"


def test_one_thing_has_no_plural() -> None:
    assert [counted(count, "bid") for count in (0, 1, 2)] == ["0 bids", "1 bid", "2 bids"]
