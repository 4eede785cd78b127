"""The storage in a program: overlaps, when the integers come in, the schedule by hand."""

import numpy as np
import pytest

from oracle.domain.power_system import SharedStorage
from oracle.errors import InvalidInputError
from oracle.model.storage import (
    StorageVariables,
    add_storage,
    schedule_of,
    solve_with_storage,
)
from oracle.program import EQUAL, Program, Variable
from tests.oracle.power_systems import a_storage


def a_solved_variable(level: float) -> Variable:
    return Variable(
        name="solved", index=0, low=0.0, high=None, integer=False, cost=0.0, level=level
    )


def solved_variables(
    storage: SharedStorage, charge_mw: list[float], discharge_mw: list[float]
) -> StorageVariables:
    return StorageVariables(
        storage=storage,
        charge=tuple(map(a_solved_variable, charge_mw)),
        discharge=tuple(map(a_solved_variable, discharge_mw)),
        initial_mwh=storage.initial_soc * storage.capacity_mwh,
    )


def a_lossy_storage() -> SharedStorage:
    return a_storage(
        initial_soc=0.5,
        charge_efficiency=0.5,
        discharge_efficiency=0.8,
        degradation_usd_per_mw_slot=2.0,
        compensation_usd_per_mwh=8.0,
    )


def test_the_schedule_adds_up_energy_wear_and_compensation() -> None:
    schedule = schedule_of(solved_variables(a_lossy_storage(), [8.0, 0.0], [0.0, 1.6]))

    assert schedule.stored_mwh == pytest.approx([10 + 0.25 * 4.0, 10 + 0.25 * (4.0 - 2.0)])
    assert schedule.degradation_usd == pytest.approx(2.0 * 9.6)
    assert schedule.compensation_usd == pytest.approx(8.0 * 9.6 * 0.25)


def test_netting_takes_an_overlap_out_at_the_same_stored_energy() -> None:
    variables = solved_variables(a_lossy_storage(), [10.0, 10.0, 2.0], [4.0, 1.0, 4.0])

    plain = schedule_of(variables)
    netted = schedule_of(variables, net_overlaps=True)

    assert netted.charge_mw == pytest.approx([0.0, 7.5, 0.0])
    assert netted.discharge_mw == pytest.approx([0.0, 0.0, 3.2])
    assert netted.stored_mwh == pytest.approx(plain.stored_mwh)


def test_no_dust_of_the_solver_is_left_in_the_schedule() -> None:
    schedule = schedule_of(solved_variables(a_storage(), [1e-12, -1e-13], [0.0, 5.0]))

    assert np.array_equal(schedule.charge_mw, [0.0, 0.0])


@pytest.mark.parametrize(("charge_cost", "integers"), [(1.0, 0), (-1.0, 4)])
def test_integers_come_in_only_where_the_linear_optimum_overlaps(
    charge_cost: float, integers: int
) -> None:
    program = Program("toy storage")
    storage = a_storage(charge_efficiency=0.9, discharge_efficiency=0.9, initial_soc=0.5)
    variables = add_storage(program, storage, 4)
    for charge in variables.charge:
        program.add_cost(charge, charge_cost)

    solve_with_storage(program, variables, time_limit_s=10.0, gap=1e-6)

    schedule = schedule_of(variables)
    assert len(program.binaries) == integers
    assert np.all(np.minimum(schedule.charge_mw, schedule.discharge_mw) <= 1e-6)


def test_a_program_without_storage_is_solved_as_it_is() -> None:
    program = Program("toy")
    x = program.variable("x", cost=1.0)
    program.require("fixed", [(x, 1.0)], EQUAL, 3.0)

    solution = solve_with_storage(program, None, time_limit_s=10.0, gap=1e-6)

    assert solution.solution.objective_usd == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("charge_efficiency", 1.2),
        ("discharge_efficiency", 0.0),
        ("initial_soc", 1.1),
        ("power_mw", -1.0),
        ("capacity_mwh", -1.0),
    ],
)
def test_refuses_a_storage_that_cannot_be(field: str, value: float) -> None:
    with pytest.raises(InvalidInputError, match=field if "eff" not in field else "efficiencies"):
        a_storage(**{field: value})
