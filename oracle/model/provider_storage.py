"""
The shared storage of a community, dispatched against the grid's tariffs over T slots.

    min   Σ_t Δ (π⁺_t g⁺_t − π⁻_t g⁻_t) + β Σ_t (c_t + h_t)               (D1)
    s.t.  g⁺_t − g⁻_t = d_t + c_t − h_t                                   (D2)
          e_t = e_{t−1} + Δ (η_c c_t − h_t / η_h)                         (D3)
          SOC_min·E ≤ e_t ≤ SOC_max·E,  e_T = ē                           (D4)
          c_t ≤ P z_t,  h_t ≤ P (1 − z_t),  z_t ∈ {0, 1}                  (D5)

=========  ==============================  =====  ========  =====================================
Symbol     Name in the code                Shape  Unit      Meaning
=========  ==============================  =====  ========  =====================================
d          net_load_mw                     (T,)   MW        of the community, after its trades
π⁺, π⁻     import_price, export_price      (T,)   USD/MWh   what the grid charges, pays
P, E       power_mw, capacity_mwh          ()     MW, MWh   limits of the storage
η_c, η_h   charge_efficiency, …            ()     1         one-way efficiencies
β          degradation_usd_per_mw_slot     ()     USD/MW    per MW and slot, as in (24)
c, h       charge_mw, discharge_mw         (T,)   MW        decision
e          stored_mwh                      (T,)   MWh       energy at the end of the slot
ē          ends.final_mwh                  ()     MWh       e_0, or as planned for the day's end
g⁺ − g⁻    net_import_mw                   (T,)   MW        decision; positive = import
=========  ==============================  =====  ========  =====================================

All are ours; (D3) to (D5) are (6) to (10), and the degradation is (24). g⁻ is eliminated by (D2),
which leaves π⁻·(d + c − h) + (π⁺ − π⁻)·g⁺ with g⁺ ≥ d + c − h in (D1): no ray of importing and
exporting at once is left. There is no limit on the grid's side.

A plan of whole days is a cycle, ē = e_0. The rest of a day, optimised again when some of its slots
are over, begins with what the storage holds then, and ends with ē as the plan has it at the end of
that day: with nothing disturbed, its optimum costs what the plan does. Where that energy is out of
reach, because the storage did not follow, ē is the nearest that is not.

(D5) needs its integers only where the export price is below zero. Elsewhere a unit less charged,
and as much less discharged as that would have given back, leaves the stored energy alone and lowers
the import, at no cost; a plan that overlaps there is one of a tie, and is netted so.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import SharedStorage
from oracle.domain.results import SolvedColumns, StoragePlan
from oracle.errors import InvalidInputError
from oracle.model.storage import (
    StorageEnds,
    StorageVariables,
    add_storage,
    reachable,
    schedule_of,
    solve_with_storage,
)
from oracle.program import AT_MOST, DEFAULT_GAP, Program, Term
from oracle.units import SLOT_HOURS

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TariffDispatch:
    """The storage's plan, what the community draws with it, and how it was found."""

    plan: StoragePlan
    net_import_mw: FloatArray  # (T,), positive = import
    grid_cost_usd: float  # import cost less export revenue, with the storage
    idle_grid_cost_usd: float  # the same without it
    build_s: float
    solve_s: float
    gap: float
    solved: SolvedColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffProgram:
    """The program and the storage's variables in it."""

    program: Program
    storage: StorageVariables


def dispatch_against_tariff(
    storage: SharedStorage,
    net_load_mw: FloatArray,
    import_price: FloatArray,
    export_price: FloatArray,
    *,
    ends: StorageEnds | None = None,
    time_limit_s: float = 60.0,
    gap: float = DEFAULT_GAP,
) -> TariffDispatch:
    """
    Return the cheapest dispatch, equations (D1) to (D5) of the module docstring.

    `ends` are those of the rest of a day; without them the slots are a cycle. The plan's profit is
    the compensation and what the community's bill falls by, less degradation; lease fees are the
    market's and not in it.

    Raises
    ------
    InvalidInputError
        If the export price is above the import price in a slot: the cost has no minimum.
    SolverError
        If no optimum was proved within `time_limit_s`.
    """
    model = tariff_program(storage, net_load_mw, import_price, export_price, ends)
    variables = model.storage
    paid_to_waste = [t for t in range(len(net_load_mw)) if export_price[t] < 0]
    solved = solve_with_storage(
        model.program, variables, time_limit_s=time_limit_s, gap=gap, exclusive_slots=paid_to_waste
    )
    solution = solved.solution

    schedule = schedule_of(variables, net_overlaps=True)
    net_import_mw = net_load_mw + schedule.charge_mw - schedule.discharge_mw
    grid_cost = _grid_cost_usd(net_import_mw, import_price, export_price)
    idle_grid_cost = _grid_cost_usd(net_load_mw, import_price, export_price)
    saving = idle_grid_cost - grid_cost
    return TariffDispatch(
        plan=StoragePlan(
            charge_mw=schedule.charge_mw,
            discharge_mw=schedule.discharge_mw,
            stored_mwh=schedule.stored_mwh,
            cost_usd=schedule.degradation_usd,
            profit_usd=schedule.compensation_usd - schedule.degradation_usd + saving,
        ),
        net_import_mw=net_import_mw,
        grid_cost_usd=grid_cost,
        idle_grid_cost_usd=idle_grid_cost,
        build_s=solution.build_s,
        solve_s=solution.solve_s,
        gap=solution.gap,
        solved=solved.columns,
    )


def tariff_program(
    storage: SharedStorage,
    net_load_mw: FloatArray,
    import_price: FloatArray,
    export_price: FloatArray,
    ends: StorageEnds | None = None,
) -> TariffProgram:
    """
    Return (D1) to (D5) without the integers of (D5), to be solved or checked.

    Raises
    ------
    InvalidInputError
        As `dispatch_against_tariff`.
    """
    _check(net_load_mw, import_price, export_price)
    slots = range(len(net_load_mw))
    program = Program("storage dispatch against the tariff")
    if ends is not None:
        ends = reachable(storage, ends, len(slots))
    variables = add_storage(program, storage, len(slots), ends)
    for t in slots:
        _add_grid(
            program,
            t,
            [(variables.charge[t], 1.0), (variables.discharge[t], -1.0)],
            net_load_mw=float(net_load_mw[t]),
            import_price=float(import_price[t]),
            export_price=float(export_price[t]),
        )
    return TariffProgram(program=program, storage=variables)


def _check(net_load_mw: FloatArray, import_price: FloatArray, export_price: FloatArray) -> None:
    shapes = net_load_mw.shape, import_price.shape, export_price.shape
    if len(set(shapes)) > 1 or len(shapes[0]) != 1 or not net_load_mw.size:
        raise InvalidInputError(
            f"net load and prices must have one shape (T,), with T > 0, got {shapes}"
        )
    if not np.all(np.isfinite([net_load_mw, import_price, export_price])):
        raise InvalidInputError("net load and prices must be finite numbers")
    if np.any(export_price > import_price):
        slot = int(np.argmax(export_price > import_price))
        raise InvalidInputError(
            f"slot {slot + 1}: export price {export_price[slot]:g} above import price "
            f"{import_price[slot]:g} USD/MWh, so the cost has no finite minimum"
        )


def _add_grid(
    program: Program,
    slot: int,
    use: list[Term],
    *,
    net_load_mw: float,
    import_price: float,
    export_price: float,
) -> None:
    """Add one slot of (D1) and (D2); `use` is c − h."""
    program.constant_cost(export_price * net_load_mw * SLOT_HOURS)
    for variable, sign in use:
        program.add_cost(variable, sign * export_price * SLOT_HOURS)
    if import_price == export_price:
        return
    spread = import_price - export_price
    imported = program.variable(f"import_mw_{slot}", cost=spread * SLOT_HOURS)
    terms = [*use, (imported, -1.0)]
    program.require(f"D2_balance_{slot}", terms, AT_MOST, -net_load_mw)


def _grid_cost_usd(
    net_import_mw: FloatArray, import_price: FloatArray, export_price: FloatArray
) -> float:
    price = np.where(net_import_mw > 0, import_price, export_price)
    return float(np.sum(price * net_import_mw)) * SLOT_HOURS
