"""Batteries (32) (34), sizes of orders (31) (35), and what is left for the grid."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.community import BATTERY_POLICIES, Battery, BatteryPolicy, Prosumer
from oracle.model.prosumers import (
    BatteryState,
    Position,
    Rest,
    after_trades,
    energy_to_order,
    initial_state,
    position,
)
from oracle.units import BPS, Bps, Wh
from tests.oracle.communities import a_battery, a_prosumer

EMPTY = BatteryState()


def a_state(stored: int, purchased: int = 0) -> BatteryState:
    return BatteryState(stored=Wh(stored), purchased=Wh(purchased))


def a_position(prosumer: Prosumer, net: int, state: BatteryState, policy: str) -> Position:
    assert policy in BATTERY_POLICIES
    return position(prosumer, policy, Wh(max(net, 0)), Wh(max(-net, 0)), state)


def a_rest(
    prosumer: Prosumer, before: Position, policy: BatteryPolicy = "idle", **traded: Any
) -> Rest:
    return after_trades(prosumer, policy, before, **{"sold": 0, "bought": 0, **traded})


@pytest.mark.parametrize(
    ("wanted", "energy"),
    [(0, 0), (4_999, 0), (5_000, 5_000), (75_000, 75_000), (75_001, 75_000)],
)
def test_an_order_below_the_minimum_is_not_placed_and_above_the_maximum_is_cut(
    wanted: int, energy: int
) -> None:
    assert energy_to_order(Wh(wanted), Wh(5_000), Wh(75_000)) == energy


def test_nothing_is_not_an_order_even_without_a_minimum() -> None:
    assert energy_to_order(Wh(0), Wh(0), Wh(75_000)) == 0


def test_a_prosumer_without_a_battery_trades_what_it_has() -> None:
    assert initial_state(a_prosumer()) == EMPTY
    assert a_position(a_prosumer(), 700, EMPTY, "self-consumption").surplus == 700
    assert a_position(a_prosumer(), -700, EMPTY, "self-consumption").deficit == 700


def test_an_idle_battery_leaves_surplus_and_deficit_alone() -> None:
    prosumer = a_prosumer(battery=a_battery())
    state = initial_state(prosumer)

    assert state == a_state(75_000)
    for net in (30_000, -30_000):
        before = a_position(prosumer, net, state, "idle")
        assert (before.surplus, before.deficit) == (max(net, 0), max(-net, 0))
        assert before.battery == state


def test_an_idle_battery_stores_what_a_seller_could_not_sell() -> None:
    prosumer = a_prosumer(battery=a_battery())
    before = a_position(prosumer, 30_000, a_state(75_000), "idle")

    sold_some = a_rest(prosumer, before, sold=Wh(10_000))
    sold_nothing = a_rest(prosumer, before)

    assert sold_some == Rest(battery=a_state(94_000), exported=Wh(0), imported=Wh(0))  # 0.95 · 20
    assert sold_nothing == Rest(battery=a_state(75_000), exported=Wh(30_000), imported=Wh(0))


def test_a_full_battery_spills_the_rest() -> None:
    prosumer = a_prosumer(battery=a_battery())
    before = a_position(prosumer, 30_000, a_state(190_500), "idle")

    rest = a_rest(prosumer, before, sold=Wh(10_000))

    assert rest == Rest(battery=a_state(200_000), exported=Wh(10_000), imported=Wh(0))


def test_self_consumption_stores_surplus_before_it_sells() -> None:
    prosumer = a_prosumer(battery=a_battery())

    before = a_position(prosumer, 30_000, a_state(181_000), "self-consumption")

    assert before.battery == a_state(200_000)  # 20 kWh in at 0.95
    assert before.surplus == 10_000


def test_self_consumption_serves_a_deficit_down_to_the_batterys_minimum() -> None:
    prosumer = a_prosumer(battery=a_battery())

    before = a_position(prosumer, -30_000, a_state(35_000), "self-consumption")

    assert before.battery == a_state(15_000)
    assert before.deficit == 10_000


def test_an_inverter_limits_a_slot_both_ways() -> None:
    prosumer = a_prosumer(battery=a_battery(max_energy_per_slot=Wh(2_000)))

    charging = a_position(prosumer, 30_000, a_state(75_000), "self-consumption")
    discharging = a_position(prosumer, -30_000, a_state(75_000), "self-consumption")

    assert (charging.surplus, charging.battery.stored) == (28_000, 76_900)
    assert (discharging.deficit, discharging.battery.stored) == (28_000, 73_000)


def test_purchases_to_store_end_at_the_share_of_the_free_battery() -> None:
    prosumer = a_prosumer(battery=a_battery(), stores_purchases=True)

    first = a_position(prosumer, -10_000, a_state(75_000), "idle")
    rest = a_rest(prosumer, first, bought=Wh(110_000))
    second = a_position(prosumer, -10_000, rest.battery, "idle")

    assert first.storable == 112_500  # θ (S_max − S_0) = 0.9 · 125 kWh
    assert rest == Rest(battery=a_state(170_000, 100_000), exported=Wh(0), imported=Wh(0))
    assert second.storable == 12_500


def test_purchases_to_store_fit_the_room_that_is_left() -> None:
    prosumer = a_prosumer(battery=a_battery(), stores_purchases=True)

    before = a_position(prosumer, -10_000, a_state(190_500), "idle")

    assert before.storable == 10_000


def test_only_a_buyer_that_asks_for_it_stores_purchases() -> None:
    asks = a_prosumer(battery=a_battery(), stores_purchases=True)

    assert (
        a_position(a_prosumer(battery=a_battery()), -1_000, a_state(20_000), "idle").storable == 0
    )
    assert a_position(asks, 1_000, a_state(20_000), "idle").storable == 0
    assert a_position(a_prosumer(stores_purchases=True), -1_000, EMPTY, "idle").storable == 0


def test_the_grid_gives_what_a_seller_failed_to_deliver() -> None:
    before = a_position(a_prosumer(), -10_000, EMPTY, "idle")

    rest = a_rest(a_prosumer(), before, bought=Wh(8_000), received=Wh(5_000))

    assert rest.imported == 5_000  # 2 never bought, 3 never delivered


@st.composite
def prosumers(draw: st.DrawFn) -> Prosumer:
    low, start, high = sorted(draw(st.tuples(*[st.integers(0, 100_000)] * 3)))
    limit = draw(st.none() | st.integers(0, 20_000).map(Wh))
    battery = a_battery(
        min_energy=Wh(low),
        max_energy=Wh(high),
        initial_energy=Wh(start),
        efficiency=Bps(draw(st.integers(1, BPS))),
        charge_ratio=Bps(draw(st.integers(0, BPS))),
        max_energy_per_slot=limit,
    )
    return a_prosumer(
        battery=draw(st.sampled_from([battery, None])), stores_purchases=draw(st.booleans())
    )


def stored_of(battery: Battery, energy: int) -> int:
    """What `energy` put in, or taken out where negative, changes in the battery."""
    return energy * battery.efficiency // BPS if energy > 0 else energy


def test_an_inverter_that_discharges_to_its_limit_stores_no_purchases() -> None:
    battery = a_battery(max_energy_per_slot=Wh(2_000))
    prosumer = a_prosumer(battery=battery, stores_purchases=True)

    full = a_position(prosumer, -10_000, a_state(75_000), "self-consumption")
    half = a_position(prosumer, -10_000, a_state(15_500), "self-consumption")

    assert (full.deficit, full.storable) == (8_000, 0)
    assert (half.deficit, half.storable) == (9_500, 1_500)


@given(
    prosumer=prosumers(),
    policy=st.sampled_from(BATTERY_POLICIES),
    slots=st.lists(
        st.tuples(st.integers(-50_000, 50_000), st.floats(0, 1), st.floats(0, 1)), max_size=20
    ),
)
def test_energy_is_conserved_and_a_battery_stays_inside_its_limits(
    prosumer: Prosumer, policy: BatteryPolicy, slots: list[tuple[int, float, float]]
) -> None:
    state = initial_state(prosumer)
    battery = prosumer.battery
    for net, sold_share, bought_share in slots:
        before = a_position(prosumer, net, state, policy)
        sold = Wh(int(before.surplus * sold_share))
        bought = Wh(int((before.deficit + before.storable) * bought_share))

        rest = after_trades(prosumer, policy, before, sold=sold, bought=bought)

        assert min(before.surplus, before.deficit) == 0
        assert min(rest.exported, rest.imported) >= 0
        by_policy = net - before.surplus + before.deficit
        by_trades = before.surplus - sold - rest.exported
        by_trades += bought - before.deficit + rest.imported
        if battery is None:
            assert by_policy == by_trades == 0
        else:
            gained = rest.battery.stored - state.stored
            assert gained == stored_of(battery, by_policy) + stored_of(battery, by_trades)
            assert battery.min_energy <= rest.battery.stored <= battery.max_energy
            if battery.max_energy_per_slot is not None:
                assert abs(by_policy) + abs(by_trades) <= battery.max_energy_per_slot
            free = battery.max_energy - battery.initial_energy
            assert rest.battery.purchased <= battery.charge_ratio * free // BPS
        state = rest.battery


def test_a_battery_takes_nothing_that_it_would_not_gain_by() -> None:
    """One Wh is missing, and one Wh charged at 95 % is stored as none."""
    prosumer = a_prosumer(battery=a_battery())

    before = a_position(prosumer, 1_000, a_state(199_999), "self-consumption")

    assert (before.surplus, before.battery.stored) == (1_000, 199_999)


def test_without_an_inverter_limit_one_slot_may_fill_the_battery() -> None:
    prosumer = a_prosumer(battery=a_battery())

    before = a_position(prosumer, 300_000, a_state(0), "self-consumption")

    assert before.battery.stored == 199_999
    assert before.surplus == 300_000 - 200_000 * BPS // 9_500
