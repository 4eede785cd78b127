"""The dispatch of `oracle.model.large_dispatch` in Pyomo: rules over sets, linear expressions."""

from time import perf_counter
from typing import Any

import pyomo.environ as pyo
from pyomo.core.expr.numeric_expr import LinearExpression

from oracle.errors import SolverError, TimeLimitError
from oracle.model.carbon_capture import capture_plant
from oracle.model.committed_system import CommittedSystem
from oracle.units import SLOT_HOURS, SLOTS_PER_HOUR

Term = tuple[float, Any]


class PyomoDispatch:
    """The model; built when made."""

    def __init__(self, system: CommittedSystem) -> None:
        self.model = pyo.ConcreteModel()
        self._system = system
        self._plants = [capture_plant(unit, system.capture) for unit in system.units]
        self._on = [(i, t) for i, row in enumerate(system.on) for t in row.nonzero()[0].tolist()]
        self._constant = system.fixed_cost_usd
        self._costs: list[Term] = []
        self._balance: list[list[Term]] = [[] for _ in range(system.slots)]
        self._need_mw = system.load_mw.tolist()
        self._add_units()
        self._add_ramps()
        self._add_capture()
        self._add_supply()
        self._add_shifts()
        self._add_storages()
        model = self.model
        model.balance = pyo.Constraint(
            range(system.slots),
            rule=lambda _, t: _sum(self._balance[t]) == self._need_mw[t],  # (27)
        )
        model.cost = pyo.Objective(expr=_sum(self._costs, self._constant))

    def solve(self, options: dict[str, Any]) -> float:
        """Return the objective; `options` are HiGHS's."""
        solver = pyo.SolverFactory("appsi_highs")
        solver.highs_options = options
        started = perf_counter()
        try:
            condition = solver.solve(self.model).solver.termination_condition
        except RuntimeError:  # without any point it raises, and does not say why
            if perf_counter() - started < options["time_limit"]:
                raise
            condition = pyo.TerminationCondition.maxTimeLimit
        if condition == pyo.TerminationCondition.maxTimeLimit:
            raise TimeLimitError(f"no optimum within {options['time_limit']:g} s")
        if condition != pyo.TerminationCondition.optimal:
            raise SolverError(f"no optimum: {condition}")
        return float(pyo.value(self.model.cost))

    def overlap_mw(self) -> float:
        """Return the most that a storage charges and discharges at once."""
        charge, discharge = self.model.charge, self.model.discharge
        return max((min(charge[k].value, discharge[k].value) for k in charge), default=0.0)

    def _add_units(self) -> None:
        """Add (16), (21), (23) and (29)."""
        model, system, units = self.model, self._system, self._system.units
        segments = [(i, t, k) for i, t in self._on for k in range(len(system.pieces[i].width_mw))]
        widths = [one.width_mw.tolist() for one in system.pieces]
        slopes = [(one.slope_usd_per_mwh * SLOT_HOURS).tolist() for one in system.pieces]
        gross = model.gross = pyo.Var(
            self._on, bounds=lambda _, i, t: (units[i].min_mw, units[i].max_mw)
        )
        piece = model.piece = pyo.Var(segments, bounds=lambda _, i, t, k: (0.0, widths[i][k]))

        def parts(_: Any, i: int, t: int) -> Any:
            terms = [(-1.0, piece[i, t, k]) for k in range(len(widths[i]))]
            return _sum([(1.0, gross[i, t]), *terms]) == units[i].min_mw

        model.parts = pyo.Constraint(self._on, rule=parts)
        price, allowance = system.carbon.price_usd_per_t, system.carbon.allowance_t_per_mwh
        per_mwh = [price * (one.emission_t_per_mwh - allowance) for one in self._plants]
        outputs: list[list[Term]] = [[] for _ in range(system.slots)]
        free_mw = (-system.reserve_mw).tolist()
        for i, t in self._on:
            self._constant += system.pieces[i].at_minimum_usd_per_h * SLOT_HOURS
            self._costs.append((per_mwh[i] * SLOT_HOURS, gross[i, t]))
            self._balance[t].append((1.0, gross[i, t]))
            self._need_mw[t] += self._plants[i].fixed_mw
            outputs[t].append((1.0, gross[i, t]))
            free_mw[t] += units[i].max_mw
        self._costs += [(slopes[i][k], piece[i, t, k]) for i, t, k in segments]

        def reserve(_: Any, t: int) -> Any:
            if not outputs[t]:
                return pyo.Constraint.Feasible if free_mw[t] >= 0 else pyo.Constraint.Infeasible
            return _sum(outputs[t]) <= free_mw[t]

        model.reserve = pyo.Constraint(range(system.slots), rule=reserve)

    def _add_ramps(self) -> None:
        """Add (28)."""
        model, system, units = self.model, self._system, self._system.units
        ramps = [unit.ramp_mw_per_h / SLOTS_PER_HOUR for unit in units]
        ramping = [
            ramp < unit.max_mw - unit.min_mw for ramp, unit in zip(ramps, units, strict=True)
        ]
        on = set(self._on)
        pairs = [(i, t) for i, t in self._on if ramping[i] and (i, t - 1) in on]

        def ramp(_: Any, i: int, t: int) -> Any:
            change = [(1.0, model.gross[i, t]), (-1.0, model.gross[i, t - 1])]
            return (-ramps[i], _sum(change), ramps[i])

        model.ramp = pyo.Constraint(pairs, rule=ramp)
        before = system.before_mw.tolist()
        first = [i for i, t in self._on if t == 0 and ramping[i] and before[i] == before[i]]
        model.first_ramp = pyo.Constraint(
            first,
            rule=lambda _, i: (before[i] - ramps[i], model.gross[i, 0], before[i] + ramps[i]),
        )

    def _add_capture(self) -> None:
        """Add the limit of (2), and what it earns in (21)."""
        model, units = self.model, self._system.units
        most = [one.max_captured_t_per_mwh * SLOT_HOURS for one in self._plants]
        where = [(i, t) for i, t in self._on if most[i]]
        captured = model.captured = pyo.Var(
            where, bounds=lambda _, i, t: (0.0, most[i] * units[i].max_mw)
        )

        def limit(_: Any, i: int, t: int) -> Any:
            return _sum([(1.0, captured[i, t]), (-most[i], model.gross[i, t])]) <= 0.0

        model.capture = pyo.Constraint(where, rule=limit)
        for i, t in where:
            self._costs.append((-self._system.carbon.price_usd_per_t, captured[i, t]))
            self._balance[t].append((-self._plants[i].mwh_per_t / SLOT_HOURS, captured[i, t]))

    def _add_supply(self) -> None:
        """Add (30) and unserved load."""
        model, system = self.model, self._system
        wind_mw, slots = system.wind_mw.tolist(), range(system.slots)
        model.wind = pyo.Var(slots, bounds=lambda _, t: (0.0, wind_mw[t]))
        model.unserved = pyo.Var(slots, bounds=(0.0, None))
        for t in slots:
            self._balance[t] += [(1.0, model.wind[t]), (1.0, model.unserved[t])]
            cost = system.unserved_cost_usd_per_mwh * SLOT_HOURS
            self._costs.append((cost, model.unserved[t]))

    def _add_shifts(self) -> None:
        """Add (4), (5) and (25)."""
        model, system = self.model, self._system
        loads, slots = system.demand_response, range(system.slots)
        up = [(load.max_mw - load.expected_mw).tolist() for load in loads]
        down = [(load.expected_mw - load.min_mw).tolist() for load in loads]
        where = [(m, t) for m in range(len(loads)) for t in slots]
        model.more = pyo.Var(
            where, bounds=lambda _, m, t: (max(-down[m][t], 0.0), max(up[m][t], 0.0))
        )
        model.less = pyo.Var(
            where, bounds=lambda _, m, t: (max(-up[m][t], 0.0), max(down[m][t], 0.0))
        )
        for m, t in where:
            cost = loads[m].cost_usd_per_mwh * SLOT_HOURS
            self._costs += [(cost, model.more[m, t]), (cost, model.less[m, t])]
            self._balance[t] += [(-1.0, model.more[m, t]), (1.0, model.less[m, t])]
            self._need_mw[t] += float(loads[m].expected_mw[t])
        day = system.day.tolist()

        def energy(_: Any, m: int, d: int) -> Any:
            some = [t for t in slots if day[t] == d]
            moved = [(1.0, model.more[m, t]) for t in some] + [
                (-1.0, model.less[m, t]) for t in some
            ]
            return _sum(moved) == float(system.owed_mw[m, d])

        model.energy = pyo.Constraint(range(len(loads)), range(system.days), rule=energy)

    def _add_storages(self) -> None:
        """Add (6) to (10) without the integers of (7) and (8), and (24)."""
        model, storages, ends = self.model, self._system.storages, self._system.ends
        slots, last = range(self._system.slots), self._system.slots - 1
        where = [(s, t) for s in range(len(storages)) for t in slots]

        def levels(_: Any, s: int, t: int) -> tuple[float, float]:
            if t == last:
                return (ends[s].final_mwh, ends[s].final_mwh)
            one = storages[s]
            return (one.min_soc * one.capacity_mwh, one.max_soc * one.capacity_mwh)

        model.charge = pyo.Var(where, bounds=lambda _, s, t: (0.0, storages[s].power_mw))
        model.discharge = pyo.Var(where, bounds=lambda _, s, t: (0.0, storages[s].power_mw))
        model.stored = pyo.Var(where, bounds=levels)

        def change(_: Any, s: int, t: int) -> Any:
            terms = [
                (1.0, model.stored[s, t]),
                (-storages[s].charge_efficiency * SLOT_HOURS, model.charge[s, t]),
                (SLOT_HOURS / storages[s].discharge_efficiency, model.discharge[s, t]),
            ]
            if t == 0:
                return _sum(terms) == ends[s].initial_mwh
            return _sum([*terms, (-1.0, model.stored[s, t - 1])]) == 0.0

        model.change = pyo.Constraint(where, rule=change)
        model.power = pyo.Constraint(
            where,
            rule=lambda _, s, t: (
                _sum([(1.0, model.charge[s, t]), (1.0, model.discharge[s, t])])
                <= storages[s].power_mw
            ),
        )
        for s, t in where:
            cost = storages[s].degradation_usd_per_mw_slot
            self._costs += [(cost, model.charge[s, t]), (cost, model.discharge[s, t])]
            self._balance[t] += [(1.0, model.discharge[s, t]), (-1.0, model.charge[s, t])]


def _sum(terms: list[Term], constant: float = 0.0) -> Any:
    """Return a linear expression; Pyomo's own sums of products take several times as long."""
    coefficients, variables = zip(*terms, strict=True)
    return LinearExpression(
        constant=constant, linear_coefs=list(coefficients), linear_vars=list(variables)
    )
