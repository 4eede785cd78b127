"""The stepped lease fee, MODEL equation (11)."""

from operator import mul

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.community import FeeLadder
from oracle.model.line_lease import fees_of_lines, lease_fee
from oracle.units import BPS, Bps, Meters, MicroUsdPerMwhKm, meters_from_km, usd_per_kwh
from tests.oracle.communities import a_line, the_ladder

LADDERS = st.builds(
    FeeLadder,
    base=st.integers(0, 10**9).map(MicroUsdPerMwhKm),
    interval=st.integers(1_000, 10**6).map(Meters),
    growth=st.integers(0, 0xFFFF).map(Bps),
)
DISTANCES = st.integers(0, 2**20 - 1).map(Meters)


@pytest.mark.parametrize(
    ("distance_km", "fee_usd_per_kwh"),
    [
        (0, 0.0),
        (50, 0.0037 * 50),
        (80, 0.0037 * (50 + 1.25 * 30)),  # 0.32375
        (90, 0.0037 * (50 + 1.25 * 40)),  # 0.37
        (100, 0.0037 * (50 + 1.25 * 50)),
        (120, 0.0037 * (50 + 1.25 * 50 + 1.5 * 20)),  # 0.52725
    ],
)
def test_paper_days_ladder_by_hand(distance_km: float, fee_usd_per_kwh: float) -> None:
    fee = lease_fee(the_ladder(), meters_from_km(distance_km))

    assert usd_per_kwh(fee) == pytest.approx(fee_usd_per_kwh, abs=1e-12)


def test_a_step_begins_behind_the_interval() -> None:
    ladder = FeeLadder(base=MicroUsdPerMwhKm(1_000), interval=Meters(1_000), growth=Bps(BPS))

    assert lease_fee(ladder, Meters(1_000)) == 1_000
    assert lease_fee(ladder, Meters(1_001)) == 1_002
    assert lease_fee(ladder, Meters(2_000)) == 3_000


def test_a_fee_is_rounded_up_once() -> None:
    ladder = FeeLadder(base=MicroUsdPerMwhKm(1), interval=Meters(400), growth=Bps(0))

    assert lease_fee(ladder, Meters(1)) == 1
    assert lease_fee(ladder, Meters(1_000)) == 1  # three intervals, not three roundings
    assert lease_fee(ladder, Meters(1_001)) == 2


def test_a_line_costs_the_same_both_ways() -> None:
    fees = fees_of_lines(the_ladder(), [a_line(0, 1, 80), a_line(1, 2, 120)])

    assert fees == {
        (0, 1): 323_750_000,
        (1, 0): 323_750_000,
        (1, 2): 527_250_000,
        (2, 1): 527_250_000,
    }


@given(ladder=LADDERS, distance=DISTANCES)
def test_a_fee_is_the_sum_of_what_its_intervals_cost(ladder: FeeLadder, distance: Meters) -> None:
    starts = range(0, distance, ladder.interval)
    lengths = [min(ladder.interval, distance - start) for start in starts]
    prices = [BPS + k * ladder.growth for k in range(len(lengths))]
    cost = ladder.base * sum(map(mul, prices, lengths))

    assert lease_fee(ladder, distance) == -(-cost // 10_000_000)


def test_a_fee_of_a_million_intervals_takes_no_longer() -> None:
    ladder = FeeLadder(base=MicroUsdPerMwhKm(1_000), interval=Meters(1), growth=Bps(BPS))

    fees = [lease_fee(ladder, Meters(2**20 - 1 - k)) for k in range(1_000)]

    assert fees[0] == 2**20 * (2**20 - 1) // 2


@given(ladder=LADDERS, one=DISTANCES, other=DISTANCES)
def test_a_longer_line_never_costs_less(ladder: FeeLadder, one: Meters, other: Meters) -> None:
    assert lease_fee(ladder, min(one, other)) <= lease_fee(ladder, max(one, other))


@given(ladder=LADDERS, distance=DISTANCES)
def test_without_growth_the_fee_is_proportional(ladder: FeeLadder, distance: Meters) -> None:
    flat = FeeLadder(base=ladder.base, interval=ladder.interval, growth=Bps(0))

    assert lease_fee(flat, distance) == -(-ladder.base * distance // 1_000)
    assert lease_fee(flat, distance) <= lease_fee(ladder, distance)
