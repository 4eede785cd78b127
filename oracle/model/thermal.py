"""
Thermal units inside a linear program: cost, output, capture and reserve of both stages.

    u·P_min ≤ P_G ≤ u·P_max                                                (16)
    C_carbon = price·Σ(E − allowance·P_G·Δ)                                (21)
    C_operation = Σ(a·u + b·P_G + c·P_G²)·Δ                                (23)
    Σ (P_max·u − P_G) ≥ μ_load·load + μ_wind·installed wind                (29)

=========  =========================================  ======  ==========  ========================
Symbol     Name in the code                           Shape   Unit        Meaning
=========  =========================================  ======  ==========  ========================
P_G        gross_mw                                   (T,)    MW          output before capture
u          on                                         (T,)    0/1         commitment
a, b, c    cost_usd_per_h, …_per_mwh, …_per_mw2h      ()      USD/h, …    cost coefficients
price      carbon.price_usd_per_t                     ()      USD/t       price of CO₂
allowance  carbon.allowance_t_per_mwh                 ()      t/MWh       free, per gross output
μ          reserve.load_fraction, …                   ()      1           reserve factors
Δ          hours                                      ()      h           length of a slot
=========  =========================================  ======  ==========  ========================

(21) and (23) are printed; that the allowance counts the gross output, (16) and (29) are inferred.

Where the equations are silent: the segments of the piecewise linear (23) divide [P_min, P_max]
equally, and each runs along the chord between its ends, so that the linear cost is exact at the
ends and never below the quadratic. The load of (29) is the `load` of the balance, without demand
response in real time; the reference case tells (with it, the CO₂ of scenario 1 would be 1085 t and
not 1063 t).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import CarbonPolicy, PowerSystem, ThermalUnit
from oracle.model.carbon_capture import CapturePlant
from oracle.program import AT_MOST, EQUAL, Program, Term, Variable

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostCurve:
    """The piecewise linear (23): cost at P_min, then one slope per segment of equal width."""

    at_minimum_usd_per_h: float
    width_mw: float
    slopes_usd_per_mwh: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputVariables:
    """One unit's variables in one slot."""

    gross: Variable  # MW
    captured: Variable | None  # t; None without capture


def cost_usd_per_h(unit: ThermalUnit, on: FloatArray, gross_mw: FloatArray) -> FloatArray:
    """Return the quadratic (23)."""
    variable = unit.cost_usd_per_mwh * gross_mw + unit.cost_usd_per_mw2h * gross_mw**2
    return unit.cost_usd_per_h * on + variable


def cost_curve(unit: ThermalUnit, segment_count: int) -> CostCurve:
    if unit.max_mw == unit.min_mw:
        segment_count = 0
    ends = np.linspace(unit.min_mw, unit.max_mw, segment_count + 1)
    width = (unit.max_mw - unit.min_mw) / max(segment_count, 1)
    # The chord of b·P + c·P² between two points has the slope b + c·(P₁ + P₂).
    slopes = unit.cost_usd_per_mwh + unit.cost_usd_per_mw2h * (ends[:-1] + ends[1:])
    at_minimum = cost_usd_per_h(unit, np.ones(1), np.array([unit.min_mw]))
    return CostCurve(
        at_minimum_usd_per_h=float(at_minimum[0]),
        width_mw=width,
        slopes_usd_per_mwh=tuple(slopes.tolist()),
    )


def reserve_requirement_mw(system: PowerSystem, load_mw: FloatArray) -> FloatArray:
    """Return the right-hand side of (29)."""
    for_wind = system.reserve.installed_wind_fraction * system.installed_wind_mw
    return system.reserve.load_fraction * load_mw + for_wind


def add_output(
    program: Program,
    place: str,
    unit: ThermalUnit,
    curve: CostCurve,
    plant: CapturePlant,
    carbon: CarbonPolicy,
    *,
    hours: float,
    on: Variable | None = None,
) -> OutputVariables:
    """
    Add one unit in one slot: (16), the limit of (2), and its part of (21) and (23).

    Without `on` the unit is on, and the caller owes the objective its cost at P_min.
    """
    price = carbon.price_usd_per_t
    per_mwh = price * (plant.emission_t_per_mwh - carbon.allowance_t_per_mwh)
    gross = program.variable(
        f"gross_mw_{place}", unit.min_mw if on is None else 0.0, unit.max_mw, cost=per_mwh * hours
    )
    segments = [
        program.variable(f"segment_mw_{place}_{k}", 0.0, curve.width_mw, cost=slope * hours)
        for k, slope in enumerate(curve.slopes_usd_per_mwh)
    ]
    parts: list[Term] = [(gross, 1.0), *((segment, -1.0) for segment in segments)]
    if on is None:
        program.require(f"E23_segments_{place}", parts, EQUAL, unit.min_mw)
    else:
        program.require(f"E23_segments_{place}", [*parts, (on, -unit.min_mw)], EQUAL, 0.0)
        for k, segment in enumerate(segments):
            limit: list[Term] = [(segment, 1.0), (on, -curve.width_mw)]
            program.require(f"E16_limit_{place}_{k}", limit, AT_MOST, 0.0)

    if not plant.max_captured_t_per_mwh:
        return OutputVariables(gross=gross, captured=None)
    most = plant.max_captured_t_per_mwh * hours
    captured = program.variable(f"captured_t_{place}", 0.0, most * unit.max_mw, cost=-price)
    program.require(f"E2_limit_{place}", [(captured, 1.0), (gross, -most)], AT_MOST, 0.0)
    return OutputVariables(gross=gross, captured=captured)


def net_terms(output: OutputVariables, plant: CapturePlant, hours: float) -> list[Term]:
    """Return P_net of (1) but for the fixed use of the plant."""
    if output.captured is None:
        return [(output.gross, 1.0)]
    return [(output.gross, 1.0), (output.captured, -plant.mwh_per_t / hours)]
