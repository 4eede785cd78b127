"""The dispatch by arrays: equal to the reference in PuLP, wherever the solver starts."""

from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from oracle.domain.power_system import DemandResponse, PowerSystem, ReservePolicy
from oracle.domain.results import DayAheadResult
from oracle.errors import InfeasibleError, InvalidInputError, TimeLimitError
from oracle.model import large_dispatch, real_time
from oracle.model.committed_system import CommittedSystem, committed_day, pieces_of, rest_of_day
from oracle.model.day_ahead import commit_units
from oracle.model.dispatch_sketch import STORAGES_OF_A_SKETCH, UNITS_OF_A_SKETCH, sketch_of
from oracle.model.large_dispatch import LargeDispatch, dispatch_committed
from oracle.model.storage import cycle
from oracle.units import SLOT_HOURS
from tests.oracle.power_systems import (
    a_random_system,
    a_storage,
    a_system,
    a_unit,
    always_on,
    paper_day,
    paper_day_ahead,
    paper_p2p_mw,
)


def random_commitment(system: PowerSystem, seed: int) -> DayAheadResult:
    """Return units on and off in blocks of four hours, whatever that costs."""
    rng = np.random.default_rng(seed)
    on = {unit.name: np.repeat(rng.integers(0, 2, 6), 4) for unit in system.units}
    return replace(always_on(system), commitment=on)


def many_units(count: int, storages: int, seed: int = 1) -> CommittedSystem:
    """Return the reference case's units and storage many times over, each a little different."""
    rng = np.random.default_rng(seed)
    day = committed_day(paper_day(), paper_day_ahead().commitment, sharing=True)
    scale = count / len(day.units)
    which = np.arange(count) % len(day.units)
    units = tuple(
        replace(
            day.units[kind],
            cost_usd_per_mwh=day.units[kind].cost_usd_per_mwh * rng.uniform(0.8, 1.2),
            ramp_mw_per_h=day.units[kind].ramp_mw_per_h * rng.uniform(0.5, 1.2),
        )
        for kind in which
    )
    shared = tuple(
        replace(
            day.storages[0],
            power_mw=day.storages[0].power_mw * scale / storages,
            capacity_mwh=day.storages[0].capacity_mwh * scale / storages * rng.uniform(0.5, 1.5),
        )
        for _ in range(storages)
    )
    return replace(
        day,
        units=units,
        pieces=tuple(pieces_of(unit) for unit in units),
        on=day.on[which],
        before_mw=np.full(count, np.nan),
        load_mw=day.load_mw * scale,
        wind_mw=day.wind_mw * scale,
        reserve_mw=day.reserve_mw * scale,
        storages=shared,
        ends=tuple(cycle(storage) for storage in shared),
    )


def by_both(
    system: PowerSystem, committed: DayAheadResult, **options: Any
) -> tuple[float, LargeDispatch]:
    sharing = options.pop("sharing", True)
    reference = real_time.dispatch(system, committed, sharing=sharing, **options)
    day = committed_day(system, committed.commitment, sharing=sharing, **options)
    return reference.objective_usd, dispatch_committed(day)


def test_the_reference_case_costs_what_the_reference_model_says() -> None:
    expected, found = by_both(
        paper_day(), paper_day_ahead(), p2p_mw=paper_p2p_mw(), p2p_cost_usd=262.01
    )

    assert found.objective_usd == pytest.approx(expected, rel=1e-9)
    assert found.integers == 0


@pytest.mark.parametrize("sharing", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_random_systems_cost_what_the_reference_model_says(seed: int, sharing: bool) -> None:
    system = a_random_system(seed)
    committed = random_commitment(system, seed) if seed % 2 else always_on(system)
    day = committed_day(system, committed.commitment, sharing=sharing)

    try:
        reference = real_time.dispatch(system, committed, sharing=sharing)
    except InfeasibleError:
        with pytest.raises(InfeasibleError):
            dispatch_committed(day)
    else:
        found = dispatch_committed(day)
        assert found.objective_usd == pytest.approx(reference.objective_usd, rel=2e-6)


@pytest.mark.parametrize("since", [0, 1, 37, 95])
@pytest.mark.parametrize("seed", [1, 4, 5])
def test_the_rest_of_a_day_costs_what_the_reference_model_says(seed: int, since: int) -> None:
    system, p2p_mw = a_random_system(seed), np.zeros(96)
    committed = commit_units(system)
    plan = real_time.dispatch(system, committed, sharing=True)
    assert system.storage is not None
    assert plan.storage is not None
    before = [cycle(system.storage).initial_mwh, *plan.storage.stored_mwh]
    stored_mwh = float(before[since]) + 0.01 * system.storage.power_mw  # not quite as planned
    rest = real_time.RestOfDay(since=since, stored_mwh=stored_mwh, planned=plan)
    day = committed_day(system, committed.commitment, sharing=True, p2p_mw=p2p_mw)

    left = rest_of_day(day, plan, since=since, stored_mwh=stored_mwh)
    found = dispatch_committed(left)

    expected = real_time.dispatch_rest(system, committed, rest, p2p_mw=p2p_mw)
    assert found.objective_usd == pytest.approx(expected.objective_usd, rel=2e-6)
    assert left.slots == 96 - since


def test_the_storage_of_a_rest_ends_where_that_of_the_reference_model_does() -> None:
    system, committed, p2p_mw = paper_day(), paper_day_ahead(), paper_p2p_mw()
    plan = real_time.dispatch(system, committed, sharing=True, p2p_mw=p2p_mw)
    assert plan.storage is not None
    stored_mwh = float(plan.storage.stored_mwh[39])
    rest = real_time.RestOfDay(since=40, stored_mwh=stored_mwh, planned=plan)

    found = large_dispatch.dispatch_rest(system, committed, rest, p2p_mw=p2p_mw)

    expected = real_time.dispatch_rest(system, committed, rest, p2p_mw=p2p_mw)
    assert found.objective_usd == pytest.approx(expected.objective_usd, rel=1e-9)
    assert found.storage.stored_mwh.shape == (56,)
    assert found.storage.stored_mwh[-1] == pytest.approx(expected.storage.stored_mwh[-1])
    cost = found.storage.degradation_usd
    assert cost == pytest.approx(expected.storage.degradation_usd, rel=0.02)  # the others may tie


@pytest.mark.parametrize("since", [0, 1, 40, 95])
def test_a_rest_that_starts_from_its_day_takes_few_iterations(since: int) -> None:
    system, committed, p2p_mw = paper_day(), paper_day_ahead(), paper_p2p_mw()
    plan = real_time.dispatch(system, committed, sharing=True, p2p_mw=p2p_mw)
    day = committed_day(system, committed.commitment, sharing=True, p2p_mw=p2p_mw)
    assert plan.storage is not None
    before = [day.ends[0].initial_mwh, *plan.storage.stored_mwh]
    left = rest_of_day(day, plan, since=since, stored_mwh=before[since] + 0.1)
    basis = large_dispatch.basis_of_day(system, committed, p2p_mw=p2p_mw)
    assert basis is not None

    warm = dispatch_committed(left, basis=basis.since(since))

    cold = dispatch_committed(left)
    assert warm.objective_usd == pytest.approx(cold.objective_usd, rel=1e-9)
    assert warm.iterations < cold.iterations / 4


def test_a_basis_that_does_not_fit_is_not_used() -> None:
    system, committed = paper_day(), paper_day_ahead()
    day = committed_day(system, committed.commitment, sharing=True)
    basis = large_dispatch.basis_of_day(system, committed, p2p_mw=np.zeros(96))
    assert basis is not None

    found = dispatch_committed(day, basis=basis.since(3))

    assert found.objective_usd == pytest.approx(dispatch_committed(day).objective_usd)


def test_a_day_without_an_optimum_has_no_basis() -> None:
    system = a_system(a_unit(min_mw=60.0), load_mw=50.0)

    basis = large_dispatch.basis_of_day(system, always_on(system), p2p_mw=np.zeros(96))

    assert basis is None


def a_system_that_would_burn_surplus() -> PowerSystem:
    """Return two slots in which output earns money that a storage could lose, if it might."""
    load = np.full(96, 110.0)
    load[29:31] = 90.0
    paid, dear = a_unit(cost_usd_per_mwh=-5.0), a_unit(name="U2", cost_usd_per_mwh=60.0)
    storage = a_storage(
        power_mw=40.0, capacity_mwh=1.0, charge_efficiency=0.8, discharge_efficiency=0.8
    )
    return a_system(paid, dear, load_mw=load, storage=storage)


def test_a_storage_gets_integers_only_where_it_would_charge_and_discharge_at_once() -> None:
    system = a_system_that_would_burn_surplus()

    expected, found = by_both(system, always_on(system))

    assert found.objective_usd == pytest.approx(expected, rel=1e-6)
    assert 2 <= found.integers < 20
    assert np.max(np.minimum(found.charge_mw, found.discharge_mw)) <= 1e-6


def test_the_dispatch_obeys_balance_capture_and_storage() -> None:
    day = committed_day(paper_day(), paper_day_ahead().commitment, sharing=True)

    found = dispatch_committed(day)

    storage = day.storages[0]
    gain = storage.charge_efficiency * found.charge_mw[0]
    drain = found.discharge_mw[0] / storage.discharge_efficiency
    stored = day.ends[0].initial_mwh + np.cumsum(gain - drain) * SLOT_HOURS
    assert found.stored_mwh[0] == pytest.approx(stored, abs=1e-5)
    assert found.captured_t.sum() > 0
    assert found.unserved_mw == pytest.approx(np.zeros(96), abs=1e-6)
    assert np.all(found.wind_mw <= day.wind_mw + 1e-6)


@pytest.mark.parametrize(("units", "storages"), [(24, 1), (4, 12), (24, 12)])
def test_a_large_system_costs_the_same_wherever_the_solver_starts(
    units: int, storages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = many_units(units, storages)
    started = dispatch_committed(system)
    monkeypatch.setattr(large_dispatch, "sketch_of", lambda _: None)

    plain = dispatch_committed(system)

    assert started.objective_usd == pytest.approx(plain.objective_usd, rel=1e-9)
    assert started.iterations < plain.iterations / 2


def test_a_sketch_takes_its_time_from_the_limit_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = map(float, count())
    monkeypatch.setattr(large_dispatch, "perf_counter", lambda: next(seconds))
    limits = [100.0]

    def sketched(system: CommittedSystem, *, time_limit_s: float) -> LargeDispatch:
        limits.append(time_limit_s)
        return dispatch_committed(system, time_limit_s=time_limit_s)

    def started(*_: object, time_limit_s: float) -> None:
        limits.append(time_limit_s)

    monkeypatch.setattr(large_dispatch, "dispatch_committed", sketched)
    monkeypatch.setattr(large_dispatch, "start_at", started)

    dispatch_committed(many_units(30, 30), time_limit_s=limits[0])

    assert len(limits) == 3
    assert limits[0] > limits[1] > limits[2] > 0


def test_a_sketch_is_small_and_has_all_the_power_and_energy() -> None:
    system = many_units(60, 30)

    sketch = sketch_of(system)

    assert sketch is not None
    small = sketch.system
    assert len(small.units) <= UNITS_OF_A_SKETCH + 4  # one more per kind of unit
    assert len(small.storages) == STORAGES_OF_A_SKETCH
    for name in ("min_mw", "max_mw", "ramp_mw_per_h"):
        total = sum(getattr(unit, name) for unit in system.units)
        assert sum(getattr(unit, name) for unit in small.units) == pytest.approx(total)
    energy_mwh = sum(one.capacity_mwh for one in system.storages)
    assert sum(one.capacity_mwh for one in small.storages) == pytest.approx(energy_mwh)
    assert sorted(k for some in sketch.storages for k in some) == list(range(30))
    assert sketch_of(small) is None


def test_days_owe_their_demand_response_one_by_one() -> None:
    shift = DemandResponse(
        name="DR",
        cost_usd_per_mwh=0.0,
        expected_mw=np.full(96, 10.0),
        min_mw=np.zeros(96),
        max_mw=np.full(96, 20.0),
    )
    one = a_system(a_unit(), a_unit(name="U2", cost_usd_per_mwh=60.0), demand_response=(shift,))
    day = committed_day(one, always_on(one).commitment, sharing=False)
    twice = replace(
        shift,
        expected_mw=np.full(192, 10.0),
        min_mw=np.zeros(192),
        max_mw=np.full(192, 20.0),
    )
    cheap_day, dear_day = np.full(96, 50.0), np.full(96, 95.0)
    two = replace(
        day,
        on=np.ones((2, 192), dtype=np.bool_),
        load_mw=np.concatenate([cheap_day, dear_day]),
        wind_mw=np.zeros(192),
        reserve_mw=np.zeros(192),
        demand_response=(twice,),
        owed_mw=np.zeros((1, 2)),
    )

    found = dispatch_committed(two)

    # Each day serves its own 10 MW: all of the first at 20 USD, of the second's 105 MW 5 at 60 USD.
    expected = 24 * (60 * 20 + 100 * 20 + 5 * 60)
    assert found.objective_usd == pytest.approx(expected)


def test_an_infeasible_system_is_said_to_be_one() -> None:
    load = np.full(96, 50.0)
    load[29] = 95.0
    reserve = ReservePolicy(load_fraction=1.0, installed_wind_fraction=0.0)
    system = a_system(a_unit(min_mw=30.0), load_mw=load, reserve=reserve)

    with pytest.raises(InfeasibleError, match="dispatch of 1 units over 96 slots is infeasible"):
        dispatch_committed(committed_day(system, always_on(system).commitment, sharing=True))


def test_what_makes_a_rest_infeasible_is_named_by_the_reference() -> None:
    slow = a_unit(min_mw=10.0, ramp_mw_per_h=8.0)
    system = a_system(slow, load_mw=50.0, storage=a_storage())
    plan = real_time.dispatch(system, always_on(system), sharing=True)
    rest = real_time.RestOfDay(since=94, stored_mwh=5.0, planned=plan)

    with pytest.raises(InfeasibleError, match="most likely at fault"):
        large_dispatch.dispatch_rest(system, always_on(system), rest, p2p_mw=np.zeros(96))


def test_gives_up_when_time_is_up() -> None:
    with pytest.raises(TimeLimitError, match="no optimum proved within"):
        dispatch_committed(many_units(24, 1), time_limit_s=1e-3)


def test_a_rest_needs_one_storage() -> None:
    system = a_system(a_unit())
    day = committed_day(system, always_on(system).commitment, sharing=True)
    plan = real_time.dispatch(system, always_on(system), sharing=True)

    with pytest.raises(InvalidInputError, match="expected one storage, got 0"):
        rest_of_day(day, plan, since=1, stored_mwh=0.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"load_mw": np.zeros(0)}, "expected at least one slot, got none"),
        ({"wind_mw": np.zeros(95)}, r"wind_mw: expected shape \(96,\), got \(95,\)"),
        ({"before_mw": np.zeros(2)}, r"before_mw: expected shape \(1,\), got \(2,\)"),
        ({"pieces": ()}, "expected pieces of 1 units and ends of 0 storages, got 0 and 0"),
    ],
)
def test_refuses_data_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    system = a_system(a_unit())
    day = committed_day(system, always_on(system).commitment, sharing=True)

    with pytest.raises(InvalidInputError, match=message):
        replace(day, **changes)
