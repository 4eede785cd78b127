"""Sharing in proportion: by hand, in exact fractions, and what is refused."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY
from oracle.errors import ContractRevert
from oracle.market.sharing import pro_rata, require_pro_rata
from tests.oracle.shares import shares_of


def shared(weights: list[int], total: int) -> list[int]:
    return [int(share) for share in pro_rata(np.array(weights, dtype=np.int64), total)]


@pytest.mark.parametrize(
    ("weights", "total", "shares"),
    [
        ([], 0, []),
        ([0, 0], 0, [0, 0]),
        ([5, 5, 4], 10, [4, 3, 3]),  # 25/7, 25/7 and 20/7
        ([1, 1, 1], 2, [1, 1, 0]),  # ties to the earlier
        ([0, 3, 0, 1], 4, [0, 3, 0, 1]),
        ([MAX_ENERGY] * 3, MAX_ENERGY, [MAX_ENERGY // 3] * 3),
        ([MAX_ENERGY] * 2, MAX_ENERGY, [2**31, 2**31 - 1]),
    ],
)
def test_shares_by_hand(weights: list[int], total: int, shares: list[int]) -> None:
    assert shared(weights, total) == shares


@given(
    weights=st.lists(st.integers(0, MAX_ENERGY) | st.integers(0, 3), min_size=1, max_size=12),
    part=st.fractions(0, 1),
)
@example(weights=[MAX_ENERGY - k for k in range(12)], part=1)
def test_shares_are_those_of_exact_fractions(weights: list[int], part: float) -> None:
    total = int(sum(weights) * part)

    shares = shared(weights, total)

    assert shares == list(shares_of(dict(enumerate(weights)), total).values())
    assert sum(shares) == total
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


@given(
    weights=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    filled=st.lists(st.integers(0, 5), min_size=4, max_size=4),
)
def test_accepts_the_shares_and_nothing_else(weights: list[int], filled: list[int]) -> None:
    arrays = [np.array(row, dtype=np.int64) for row in (weights, filled[: len(weights)])]
    total = int(arrays[1].sum())
    assume(total <= sum(weights))
    are_shares = shared(weights, total) == arrays[1].tolist()

    try:
        require_pro_rata(np.arange(len(weights)), *arrays)
        accepted = True
    except ContractRevert:
        accepted = False

    assert accepted == are_shares


@pytest.mark.parametrize(
    ("filled", "message"),
    [([4, 4, 2], "NotProRata.*12"), ([3, 4, 3], "NotProRata.*10"), ([5, 3, 2], "WrongFill.*10")],
)
def test_names_who_was_passed_over(filled: list[int], message: str) -> None:
    with pytest.raises(ContractRevert, match=message):
        require_pro_rata(np.array([10, 11, 12]), np.array([5, 5, 4]), np.array(filled))
