"""Rows of lines as the chain stores them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.community import Line
from oracle.domain.rows import MAX_DISTANCE, MAX_ROW_LINES, lines_of, most_lines, rows_of
from oracle.errors import InvalidInputError
from oracle.units import Meters
from tests.oracle.communities import a_line


def test_packs_eight_lines_a_word_by_ascending_peer() -> None:
    lines = [a_line(0, 2, 0.9), a_line(0, 1, 0.8)]

    words, row_words = rows_of(lines, 3)

    to_2, to_3 = 2 << 20 | 800, 3 << 20 | 900
    assert row_words == 1
    assert words == [to_2 << 224 | to_3 << 192, (1 << 20 | 800) << 224, (1 << 20 | 900) << 224]


def test_nine_lines_need_a_second_word_in_every_row() -> None:
    words, row_words = rows_of([a_line(0, peer, 1) for peer in range(1, 10)], 10)

    assert row_words == 2
    assert len(words) == 20
    assert words[1] == (10 << 20 | 1_000) << 224


def test_sixteen_lines_fit_and_seventeen_do_not() -> None:
    rows_of([a_line(0, peer, 1) for peer in range(1, 17)], 18)

    with pytest.raises(InvalidInputError, match="has 17 lines, expected at most 16"):
        rows_of([a_line(0, peer, 1) for peer in range(1, 18)], 18)


def test_a_community_of_more_than_512_has_half_as_many_lines_a_prosumer() -> None:
    nine = [a_line(0, peer, 1) for peer in range(1, 10)]
    assert len(rows_of(nine, 512)[0]) == len(rows_of(nine[:8], 1024)[0]) == 1024

    with pytest.raises(InvalidInputError, match="has 9 lines, expected at most 8 in"):
        rows_of(nine, 513)


@pytest.mark.parametrize("participants", [1, 512, 513, 1024])
def test_full_rows_are_within_the_contract_s_limit(participants: int) -> None:
    assert participants * most_lines(participants) <= MAX_ROW_LINES == 8192


def test_refuses_a_distance_that_does_not_fit_its_bits() -> None:
    rows_of([Line(first=0, second=1, distance=Meters(MAX_DISTANCE))], 2)

    with pytest.raises(InvalidInputError, match="1048576 m"):
        rows_of([Line(first=0, second=1, distance=Meters(MAX_DISTANCE + 1))], 2)


def test_a_community_without_lines_has_empty_rows() -> None:
    assert rows_of([], 3) == ([0, 0, 0], 1)
    assert rows_of([], 0) == ([], 1)


@given(
    distances=st.dictionaries(
        st.tuples(st.integers(0, 6), st.integers(7, 13)), st.integers(0, MAX_DISTANCE)
    )
)
def test_lines_come_back_both_ways(distances: dict[tuple[int, int], int]) -> None:
    lines = [
        Line(first=first, second=second, distance=Meters(distance))
        for (first, second), distance in distances.items()
    ]

    words, row_words = rows_of(lines, 14)

    forth = {(first + 1, second + 1): distance for (first, second), distance in distances.items()}
    back = {(buyer, seller): distance for (seller, buyer), distance in forth.items()}
    assert lines_of(words, row_words) == forth | back
