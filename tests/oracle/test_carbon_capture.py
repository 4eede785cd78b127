"""The carbon-capture plant: both readings of the efficiency by hand, then an identity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.power_system import CapturePolicy, ThermalUnit
from oracle.errors import InvalidInputError
from oracle.model.carbon_capture import capture_plant
from tests.oracle.power_systems import a_unit


def a_capture_unit() -> ThermalUnit:
    return a_unit(capture=True, capture_mwh_per_t=0.2, capture_fixed_mw=5.0, emission_t_per_mwh=0.9)


def test_reading_energy_divides_the_energy_by_the_efficiency() -> None:
    policy = CapturePolicy(reading="energy", efficiency=0.8, max_share=0.96)

    plant = capture_plant(a_capture_unit(), policy)

    assert plant.mwh_per_t == pytest.approx(0.25)
    assert plant.max_captured_t_per_mwh == pytest.approx(0.96 * 0.9)


def test_reading_share_caps_the_captured_share_at_the_efficiency() -> None:
    policy = CapturePolicy(reading="share", efficiency=0.8, max_share=0.96)

    plant = capture_plant(a_capture_unit(), policy)

    assert plant.mwh_per_t == pytest.approx(0.2)
    assert plant.max_captured_t_per_mwh == pytest.approx(0.8 * 0.9)


def test_a_quarter_of_an_hour_at_100_mw_by_hand() -> None:
    plant = capture_plant(
        a_capture_unit(), CapturePolicy(reading="energy", efficiency=0.8, max_share=1.0)
    )
    on, gross_mw, captured_t = np.ones(1), np.array([100.0]), np.array([20.0])

    capture_mw = plant.capture_mw(on, captured_t, 0.25)
    emitted_t = plant.emitted_t(gross_mw, captured_t, 0.25)

    assert capture_mw == pytest.approx([5.0 + 0.25 * 20.0 / 0.25])
    assert emitted_t == pytest.approx([0.9 * 100.0 * 0.25 - 20.0])


def test_a_unit_without_capture_uses_and_captures_nothing() -> None:
    unit = a_unit(capture_mwh_per_t=0.2, capture_fixed_mw=5.0, emission_t_per_mwh=0.9)

    plant = capture_plant(unit, CapturePolicy(reading="share", efficiency=0.8, max_share=1.0))

    assert plant.max_captured_t_per_mwh == 0.0
    assert plant.capture_mw(np.ones(2), np.zeros(2), 1.0) == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize(("efficiency", "max_share"), [(0.0, 0.9), (1.2, 0.9), (0.8, 1.1)])
def test_refuses_shares_outside_their_range(efficiency: float, max_share: float) -> None:
    with pytest.raises(InvalidInputError, match="efficiency"):
        CapturePolicy(reading="energy", efficiency=efficiency, max_share=max_share)


@given(efficiency=st.floats(0.1, 1.0), share=st.floats(0.0, 1.0), gross_mw=st.floats(0.0, 1e3))
def test_capturing_all_that_may_be_captured_leaves_the_rest_of_the_emission(
    efficiency: float, share: float, gross_mw: float
) -> None:
    policy = CapturePolicy(reading="energy", efficiency=efficiency, max_share=share)
    plant = capture_plant(a_capture_unit(), policy)
    captured_t = np.array([plant.max_captured_t_per_mwh * gross_mw])

    emitted_t = plant.emitted_t(np.array([gross_mw]), captured_t, 1.0)

    assert emitted_t == pytest.approx([(1 - share) * 0.9 * gross_mw], abs=1e-9)
