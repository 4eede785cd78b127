"""The dispatch of `oracle.model.large_dispatch` in linopy: labelled arrays, passed in memory."""

from typing import Any

import linopy
import numpy as np
import pandas as pd
import xarray as xr

from oracle.errors import SolverError, TimeLimitError
from oracle.model.carbon_capture import capture_plant
from oracle.model.committed_system import CommittedSystem
from oracle.units import SLOT_HOURS, SLOTS_PER_HOUR


class LinopyDispatch:
    """The model; built when made."""

    def __init__(self, system: CommittedSystem) -> None:
        linopy.options["semantics"] = "v1"  # what is absent is left out, not taken for zero
        self.model = linopy.Model(sparse=True)
        self._slots = pd.RangeIndex(system.slots, name="slot")
        self._costs: list[Any] = []
        self._constant = system.fixed_cost_usd
        self._balance: list[Any] = []
        self._need_mw = self._by_slot(system.load_mw)
        self.charge = self.discharge = None
        self._add_units(system)
        self._add_supply(system)
        self._add_shifts(system)
        if system.storages:
            self._add_storages(system)
        self.model.add_constraints(sum(self._balance) == self._need_mw, name="balance")  # (27)
        self.model.add_objective(sum(self._costs))

    def solve(self, options: dict[str, Any]) -> float:
        """Return the objective; `options` are HiGHS's."""
        _, condition = self.model.solve("highs", io_api="direct", progress=False, **options)
        if condition == "time_limit":  # its status is "ok" then, too
            raise TimeLimitError(f"no optimum within {options['time_limit']:g} s")
        if condition != "optimal":
            raise SolverError(f"no optimum: {condition}")
        return float(self.model.objective.value) + self._constant

    def overlap_mw(self) -> float:
        """Return the most that a storage charges and discharges at once."""
        if self.charge is None or self.discharge is None:
            return 0.0
        return float(np.minimum(self.charge.solution, self.discharge.solution).max())

    def _by_slot(self, values: Any) -> xr.DataArray:
        return xr.DataArray(values, coords=[self._slots])

    def _add_units(self, system: CommittedSystem) -> None:
        """Add the limit of (2), (16), (21), (23), (28) and (29)."""
        model, units = self.model, pd.Index([one.name for one in system.units], name="unit")
        plants = [capture_plant(unit, system.capture) for unit in system.units]

        def by_unit(values: Any) -> xr.DataArray:
            return xr.DataArray(np.array(values, dtype=np.float64), coords=[units])

        on = xr.DataArray(system.on, coords=[units, self._slots])
        low = by_unit([unit.min_mw for unit in system.units])
        high = by_unit([unit.max_mw for unit in system.units])
        price = system.carbon.price_usd_per_t
        emission = by_unit([plant.emission_t_per_mwh for plant in plants])
        gross = model.add_variables(
            low, high, coords=[units, self._slots], mask=on, name="gross_mw"
        )
        count = pd.RangeIndex(
            max(len(one.slope_usd_per_mwh) for one in system.pieces), name="piece"
        )
        widths = _padded([one.width_mw for one in system.pieces], units, count)
        slopes = _padded([one.slope_usd_per_mwh for one in system.pieces], units, count)
        pieces = model.add_variables(
            0.0,
            widths.fillna(0.0),
            coords=[units, self._slots, count],
            mask=on & widths.notnull(),
            name="piece_mw",
        )
        model.add_constraints(gross - pieces.sum("piece") == low, mask=on, name="pieces")
        per_mwh = price * (emission - system.carbon.allowance_t_per_mwh)
        self._costs += [
            (gross * (per_mwh * SLOT_HOURS)).sum(),
            (pieces * (slopes.fillna(0.0) * SLOT_HOURS)).sum(),
        ]
        at_minimum = by_unit([one.at_minimum_usd_per_h for one in system.pieces])
        self._constant += float((at_minimum * on).sum()) * SLOT_HOURS

        capacity_mw = (high * on).sum("unit")
        free = capacity_mw - self._by_slot(system.reserve_mw)
        model.add_constraints(gross.sum("unit") <= free, name="reserve")
        self._balance.append(gross.sum("unit"))
        self._need_mw = self._need_mw + (by_unit([one.fixed_mw for one in plants]) * on).sum("unit")

        ramp = by_unit([unit.ramp_mw_per_h for unit in system.units]) / SLOTS_PER_HOUR
        ramping = ramp < high - low
        both_on = on & on.shift(slot=1, fill_value=False) & ramping
        change = gross - gross.shift(slot=1)
        model.add_constraints(change <= ramp, mask=both_on, name="ramp_up")
        model.add_constraints(change >= -ramp, mask=both_on, name="ramp_down")
        before = by_unit(system.before_mw)
        from_before = on.isel(slot=0) & ramping & before.notnull()
        if from_before.any():
            first, before = gross.isel(slot=0), before.fillna(0.0)
            model.add_constraints(first <= before + ramp, mask=from_before, name="first_up")
            model.add_constraints(first >= before - ramp, mask=from_before, name="first_down")

        capturing = [bool(plant.max_captured_t_per_mwh) for plant in plants]
        if any(capturing):
            some = units[capturing]
            most = by_unit([one.max_captured_t_per_mwh * SLOT_HOURS for one in plants]).loc[some]
            per_t = by_unit([one.mwh_per_t / SLOT_HOURS for one in plants]).loc[some]
            where = on.loc[some]
            captured = model.add_variables(
                0.0,
                most * high.loc[some],
                coords=[some, self._slots],
                mask=where,
                name="captured_t",
            )
            limit = captured - gross.loc[some] * most
            model.add_constraints(limit <= 0.0, mask=where, name="capture")
            self._costs.append((captured * -price).sum())
            self._balance.append((captured * -per_t).sum("unit"))

    def _add_supply(self, system: CommittedSystem) -> None:
        """Add (30) and unserved load."""
        wind = self.model.add_variables(
            0.0, self._by_slot(system.wind_mw), coords=[self._slots], name="wind_mw"
        )
        unserved = self.model.add_variables(0.0, coords=[self._slots], name="unserved_mw")
        self._balance += [1.0 * wind, 1.0 * unserved]
        self._costs.append((unserved * (system.unserved_cost_usd_per_mwh * SLOT_HOURS)).sum())

    def _add_shifts(self, system: CommittedSystem) -> None:
        """Add (4), (5) and (25)."""
        days = xr.DataArray(system.day, coords=[self._slots], name="day")
        for load, owed_mw in zip(system.demand_response, system.owed_mw, strict=True):
            up, down = load.max_mw - load.expected_mw, load.expected_mw - load.min_mw
            more, less = (
                self.model.add_variables(
                    self._by_slot(np.maximum(least, 0.0)),
                    self._by_slot(np.maximum(most, 0.0)),
                    coords=[self._slots],
                    name=f"{name}_{load.name}",
                )
                for name, least, most in (("more", -down, up), ("less", -up, down))
            )
            moved = more - less
            by_day = moved.groupby(days).sum()
            owed = xr.DataArray(owed_mw, dims="day", coords={"day": np.arange(system.days)})
            self.model.add_constraints(by_day == owed, name=f"energy_{load.name}")
            self._costs.append(((more + less) * (load.cost_usd_per_mwh * SLOT_HOURS)).sum())
            self._balance.append(-moved)
            self._need_mw = self._need_mw + self._by_slot(load.expected_mw)

    def _add_storages(self, system: CommittedSystem) -> None:
        """Add (6) to (10) without the integers of (7) and (8), and (24)."""
        model, storages = self.model, system.storages
        names = pd.RangeIndex(len(storages), name="storage")
        coords = [names, self._slots]

        def by_storage(values: Any) -> xr.DataArray:
            return xr.DataArray(np.array(values, dtype=np.float64), coords=[names])

        power = by_storage([one.power_mw for one in storages])
        gain = by_storage([one.charge_efficiency for one in storages]) * SLOT_HOURS
        drain = SLOT_HOURS / by_storage([one.discharge_efficiency for one in storages])
        last = self._by_slot(np.arange(system.slots) == system.slots - 1)
        final = by_storage([one.final_mwh for one in system.ends])
        low, high = (
            by_storage([getattr(one, name) * one.capacity_mwh for one in storages])
            for name in ("min_soc", "max_soc")
        )
        charge = model.add_variables(0.0, power, coords=coords, name="charge_mw")
        discharge = model.add_variables(0.0, power, coords=coords, name="discharge_mw")
        stored = model.add_variables(
            xr.where(last, final, low), xr.where(last, final, high), coords=coords, name="stored"
        )
        first = self._by_slot(np.arange(system.slots) == 0)
        initial = by_storage([one.initial_mwh for one in system.ends]) * first
        change = stored - stored.shift(slot=1).fillna(0.0) - charge * gain + discharge * drain
        model.add_constraints(change == initial, name="stored_change")
        model.add_constraints(charge + discharge <= power, name="power")
        cost = by_storage([one.degradation_usd_per_mw_slot for one in storages])
        self._costs.append(((charge + discharge) * cost).sum())
        self._balance.append((discharge - charge).sum("storage"))
        self.charge, self.discharge = charge, discharge


def _padded(rows: list[Any], units: pd.Index, pieces: pd.RangeIndex) -> xr.DataArray:
    """Return one row per unit; NaN where a unit has fewer pieces."""
    table = np.full((len(rows), len(pieces)), np.nan)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    return xr.DataArray(table, coords=[units, pieces])
