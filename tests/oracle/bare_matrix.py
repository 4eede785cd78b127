"""
The power-system models a second time, as bare matrices for HiGHS: the oracle's models must agree.

Written from the equations and apart from oracle.model: integers everywhere from the start, every
variable of the equations kept, ramps as ranges, no solver layer in between. Only optimal values are
compared.
"""

from dataclasses import dataclass, field

import highspy
import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import CapturePolicy, PowerSystem, SharedStorage, ThermalUnit

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Terms = list[tuple[int, float]]

INFINITY = float("inf")
QUARTER = 0.25


@dataclass
class Matrix:
    """Rows and columns of a program to be minimised."""

    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    integer: list[bool] = field(default_factory=list)
    row_lower: list[float] = field(default_factory=list)
    row_upper: list[float] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    columns: list[int] = field(default_factory=list)
    entries: list[float] = field(default_factory=list)
    constant: float = 0.0

    def var(
        self, low: float = 0.0, high: float = INFINITY, cost: float = 0.0, *, integer: bool = False
    ) -> int:
        self.lower.append(low)
        self.upper.append(high)
        self.cost.append(cost)
        self.integer.append(integer)
        return len(self.lower) - 1

    def row(self, terms: Terms, low: float, high: float) -> None:
        merged: dict[int, float] = {}
        for column, entry in terms:
            merged[column] = merged.get(column, 0.0) + entry
        self.columns += merged.keys()
        self.entries += merged.values()
        self.starts.append(len(self.columns))
        self.row_lower.append(low)
        self.row_upper.append(high)

    def minimum(self) -> float | None:
        """Return the least cost, or None if there is no feasible point."""
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(self.lower), len(self.row_lower)
        model.col_lower_, model.col_upper_ = np.array(self.lower), np.array(self.upper)
        model.col_cost_, model.offset_ = np.array(self.cost), self.constant
        model.row_lower_, model.row_upper_ = np.array(self.row_lower), np.array(self.row_upper)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.array(self.starts)
        model.a_matrix_.index_ = np.array(self.columns)
        model.a_matrix_.value_ = np.array(self.entries)
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[integer] for integer in self.integer]
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (("output_flag", False), ("mip_rel_gap", 1e-6), ("threads", 1)):
            solver.setOptionValue(option, value)
        solver.passModel(model)
        solver.run()
        status = solver.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        assert status == highspy.HighsModelStatus.kOptimal
        return float(solver.getInfo().objective_function_value)


def _capture(unit: ThermalUnit, policy: CapturePolicy) -> tuple[float, float]:
    """Return ω' and g of (2)."""
    if not unit.capture:
        return 0.0, 0.0
    if policy.reading == "energy":
        return unit.capture_mwh_per_t / policy.efficiency, policy.max_share
    return unit.capture_mwh_per_t, policy.efficiency


def _chords(unit: ThermalUnit, pieces: int) -> tuple[float, float, FloatArray]:
    """Return the cost at P_min, the width and the slopes of the pieces of (23)."""
    ends = np.linspace(unit.min_mw, unit.max_mw, pieces + 1)
    heights = unit.cost_usd_per_mwh * ends + unit.cost_usd_per_mw2h * ends**2
    width = float(ends[1] - ends[0])
    slopes = np.diff(heights) / width if width else np.zeros(pieces)
    return unit.cost_usd_per_h + float(heights[0]), width, slopes


def day_ahead_cost(system: PowerSystem) -> float | None:
    matrix, hours, carbon = Matrix(), range(24), system.carbon.price_usd_per_t
    supply: list[Terms] = [[(matrix.var(0.0, wind), 1.0)] for wind in system.day_ahead_wind_mw]
    spare: list[Terms] = [[] for _ in hours]
    for unit in system.units:
        omega, share = _capture(unit, system.capture)
        at_minimum, width, slopes = _chords(unit, 6)
        per_mwh = carbon * (unit.emission_t_per_mwh - system.carbon.allowance_t_per_mwh)
        on = [matrix.var(0, 1, at_minimum, integer=True) for _ in hours]
        start = [matrix.var(0, 1, unit.start_usd, integer=True) for _ in hours]
        stop = [matrix.var(0, 1, unit.stop_usd, integer=True) for _ in hours]
        gross = [matrix.var(cost=per_mwh) for _ in hours]
        captured = [matrix.var(cost=-carbon) for _ in hours]
        state = float(unit.initially_on)
        matrix.row([(on[-1], 1.0)], state, state)
        for h in hours:
            pieces = [matrix.var(0.0, width, slope) for slope in slopes]
            for piece in pieces:
                matrix.row([(piece, 1.0), (on[h], -width)], -INFINITY, 0.0)
            filled: Terms = [(piece, -1.0) for piece in pieces]
            matrix.row([(gross[h], 1.0), (on[h], -unit.min_mw), *filled], 0.0, 0.0)
            limit = -share * unit.emission_t_per_mwh
            matrix.row([(captured[h], 1.0), (gross[h], limit)], -INFINITY, 0.0)
            change: Terms = [(on[h], 1.0), (start[h], -1.0), (stop[h], 1.0)]
            if h:
                matrix.row([*change, (on[h - 1], -1.0)], 0.0, 0.0)
            else:
                matrix.row(change, state, state)
            matrix.row([(start[h], 1.0), (stop[h], 1.0)], -INFINITY, 1.0)
            # Minimum times, the long way: a start in hour h keeps every hour that follows on.
            for later in range(h, min(24, h + unit.min_up_h)):
                matrix.row([(start[h], 1.0), (on[later], -1.0)], -INFINITY, 0.0)
            for later in range(h, min(24, h + unit.min_down_h)):
                matrix.row([(stop[h], 1.0), (on[later], 1.0)], -INFINITY, 1.0)
            if h:
                rise: Terms = [(gross[h], 1.0), (gross[h - 1], -1.0)]
                ramp = unit.ramp_mw_per_h
                matrix.row([*rise, (start[h], -unit.max_mw)], -INFINITY, ramp)
                matrix.row([*rise, (stop[h], unit.max_mw)], -ramp, INFINITY)
            fixed = -unit.capture_fixed_mw if unit.capture else 0.0
            supply[h] += [(gross[h], 1.0), (captured[h], -omega), (on[h], fixed)]
            spare[h] += [(on[h], unit.max_mw), (gross[h], -1.0)]
    for h in hours:
        load = float(system.day_ahead_load_mw[h])
        matrix.row(supply[h], load, load)
        matrix.row(spare[h], _reserve(system, load), INFINITY)
    return matrix.minimum()


def real_time_cost(
    system: PowerSystem,
    commitment: dict[str, IntArray],
    *,
    sharing: bool,
    p2p_mw: FloatArray,
    p2p_cost_usd: float,
) -> float | None:
    matrix, slots, carbon = Matrix(), range(96), system.carbon.price_usd_per_t
    matrix.constant = p2p_cost_usd if sharing else 0.0
    unserved_cost = QUARTER * system.unserved_cost_usd_per_mwh
    supply: list[Terms] = [
        [(matrix.var(0.0, wind), 1.0), (matrix.var(cost=unserved_cost), 1.0)]
        for wind in system.wind_mw
    ]
    output: list[Terms] = [[] for _ in slots]
    fixed_mw, capacity_mw = np.zeros(96), np.zeros(96)
    for unit in system.units:
        omega, share = _capture(unit, system.capture)
        at_minimum, width, slopes = _chords(unit, 10)
        per_mwh = carbon * (unit.emission_t_per_mwh - system.carbon.allowance_t_per_mwh)
        on = np.repeat(commitment[unit.name], 4).astype(float)
        gross = [matrix.var(cost=QUARTER * per_mwh) for _ in slots]
        fixed_mw += on * (unit.capture_fixed_mw if unit.capture else 0.0)
        capacity_mw += on * unit.max_mw
        matrix.constant += QUARTER * at_minimum * float(on.sum())
        for t in slots:
            pieces: Terms = [
                (matrix.var(0.0, width * on[t], QUARTER * slope), -1.0) for slope in slopes
            ]
            matrix.row([(gross[t], 1.0), *pieces], unit.min_mw * on[t], unit.min_mw * on[t])
            captured = matrix.var(cost=-carbon)
            limit = -QUARTER * share * unit.emission_t_per_mwh
            matrix.row([(captured, 1.0), (gross[t], limit)], -INFINITY, 0.0)
            supply[t] += [(gross[t], 1.0), (captured, -omega / QUARTER)]
            output[t].append((gross[t], 1.0))
            if t:
                ramp = unit.ramp_mw_per_h / 4
                relax = unit.max_mw if on[t] != on[t - 1] else 0.0
                rise: Terms = [(gross[t], 1.0), (gross[t - 1], -1.0)]
                matrix.row(rise, -ramp - relax, ramp + relax)
    for dr in system.demand_response:
        used = [matrix.var(dr.min_mw[t], dr.max_mw[t]) for t in slots]
        total = float(dr.expected_mw.sum())
        matrix.row([(column, 1.0) for column in used], total, total)
        for t in slots:
            away = matrix.var(cost=QUARTER * dr.cost_usd_per_mwh)
            expected = float(dr.expected_mw[t])
            matrix.row([(away, 1.0), (used[t], -1.0)], -expected, INFINITY)
            matrix.row([(away, 1.0), (used[t], 1.0)], expected, INFINITY)
            supply[t].append((used[t], -1.0))
    if sharing and system.storage is not None:
        for terms, use in zip(supply, _storage(matrix, system.storage, 96), strict=True):
            terms += use
    for t in slots:
        need = float(system.load_mw[t] + fixed_mw[t] - (p2p_mw[t] if sharing else 0.0))
        matrix.row(supply[t], need, need)
        most = float(capacity_mw[t]) - _reserve(system, float(system.load_mw[t]))
        matrix.row(output[t], -INFINITY, most)
    return matrix.minimum()


def tariff_cost(
    storage: SharedStorage, net_load_mw: FloatArray, buy: FloatArray, sell: FloatArray
) -> float | None:
    matrix = Matrix()
    uses = _storage(matrix, storage, len(net_load_mw))
    for t, use in enumerate(uses):
        # Far above any net load here: keeps equal prices from circulating without limit.
        bought = matrix.var(0.0, 1e3, QUARTER * float(buy[t]))
        sold = matrix.var(0.0, 1e3, -QUARTER * float(sell[t]))
        terms: Terms = [(bought, 1.0), (sold, -1.0), *use]
        matrix.row(terms, float(net_load_mw[t]), float(net_load_mw[t]))
    return matrix.minimum()


def _storage(matrix: Matrix, storage: SharedStorage, slots: int) -> list[Terms]:
    """Add (6) to (10) and (24); return discharge less charge per slot."""
    power, wear = storage.power_mw, storage.degradation_usd_per_mw_slot
    low, high = storage.min_soc * storage.capacity_mwh, storage.max_soc * storage.capacity_mwh
    initial = storage.initial_soc * storage.capacity_mwh
    uses: list[Terms] = []
    before: Terms = []
    for t in range(slots):
        charge, discharge = matrix.var(0.0, power, wear), matrix.var(0.0, power, wear)
        charging = matrix.var(0, 1, integer=True)
        last = t == slots - 1
        stored = matrix.var(initial if last else low, initial if last else high)
        matrix.row([(charge, 1.0), (charging, -power)], -INFINITY, 0.0)
        matrix.row([(discharge, 1.0), (charging, power)], -INFINITY, power)
        gain: Terms = [
            (charge, -QUARTER * storage.charge_efficiency),
            (discharge, QUARTER / storage.discharge_efficiency),
        ]
        start = 0.0 if t else initial
        matrix.row([(stored, 1.0), *before, *gain], start, start)
        before = [(stored, -1.0)]
        uses.append([(discharge, 1.0), (charge, -1.0)])
    return uses


def _reserve(system: PowerSystem, load_mw: float) -> float:
    wind = system.reserve.installed_wind_fraction * system.installed_wind_mw
    return system.reserve.load_fraction * load_mw + wind
