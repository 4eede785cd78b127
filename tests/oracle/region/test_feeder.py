"""Feeders are what they are said to be, and the same wherever they are made."""

from typing import Any

import numpy as np
import pytest

from oracle.domain.community import Community
from oracle.domain.rows import rows_of
from oracle.errors import InvalidInputError
from oracle.plan import initial_scores
from oracle.region.feeder import SUNRISE, SUNSET, RegionTerms, feeder
from oracle.units import SLOTS_PER_DAY


def terms(**changes: Any) -> RegionTerms:
    return RegionTerms(**{"feeders": 5, "prosumers": 40, "seed": 1} | changes)


def content(community: Community) -> tuple[object, ...]:
    return (
        community.prosumers,
        community.lines,
        community.pv.tolist(),
        community.load.tolist(),
    )


def test_a_feeder_depends_on_seed_and_number_only() -> None:
    first = content(feeder(terms(), 3))

    assert content(feeder(terms(feeders=4), 3)) == first
    assert content(feeder(terms(), 2)) != first
    assert content(feeder(terms(seed=2), 3)) != first


def test_everything_is_drawn_in_whole_numbers() -> None:
    community = feeder(terms(), 0)

    assert community.tariff is not None
    arrays = (community.pv, community.load, community.tariff.import_price)
    assert {array.dtype for array in arrays} == {np.dtype(np.int64)}
    assert community.pv.shape == community.load.shape == (40, SLOTS_PER_DAY)
    assert (community.load > 0).all()


def test_plants_rest_at_night_and_half_of_the_prosumers_have_one() -> None:
    community = feeder(terms(prosumers=1000), 0)

    generates = community.pv.any(axis=1)

    night = [*range(SUNRISE + 1), *range(SUNSET, SLOTS_PER_DAY)]
    assert not community.pv[:, night].any()
    assert 400 < generates.sum() < 600
    with_battery = [prosumer.battery is not None for prosumer in community.prosumers]
    assert 0.2 < sum(with_battery) / generates.sum() < 0.45


def test_reputations_are_such_that_the_registry_takes_them() -> None:
    community = feeder(terms(prosumers=1000), 0)

    scores = initial_scores(community)

    assert min(scores) >= 500
    assert max(scores) <= 9_500


@pytest.mark.parametrize("prosumers", [10, 1024])
def test_each_has_a_line_to_four_neighbours_on_either_side(prosumers: int) -> None:
    community = feeder(terms(prosumers=prosumers), 0)

    ends = np.bincount([end for line in community.lines for end in (line.first, line.second)])
    words, row_words = rows_of(community.lines, prosumers)

    assert ends.tolist() == [8] * prosumers
    assert (len(words), row_words) == (prosumers, 1)  # as the chain stores them
    to_next = {line.first: line.distance for line in community.lines[::4]}
    across = community.lines[3]  # from the first to the fourth on
    assert across.distance == sum(to_next[house] for house in range(4))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"feeders": 0}, "feeders: expected from 1 to 1,000,000, got 0"),
        ({"prosumers": 9}, "prosumers: expected from 10 to 1,024, got 9"),
        ({"prosumers": 1025}, "prosumers: expected from 10 to 1,024, got 1,025"),
        ({"seed": -1}, "seed: expected from 0 to"),
    ],
)
def test_refuses_a_region_that_cannot_be(changes: dict[str, int], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        terms(**changes)
