"""
(19) to (30) of a committed system as arrays; see `oracle.model.real_time` for the equations.

Columns and rows are in blocks, one axis of each a block's slots. Integers of (7) and (8) are added
later, where they are needed.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import DemandResponse, SharedStorage
from oracle.model.carbon_capture import capture_plant
from oracle.model.committed_system import CommittedSystem
from oracle.model.storage import StorageEnds
from oracle.sparse import NO_LIMIT, SparseProgram
from oracle.units import SLOT_HOURS, SLOTS_PER_HOUR

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitBlock:
    """One unit where it is on: its columns, and the rows that are its own."""

    on: IntArray  # (n,) slots
    gross: IntArray  # (n,) columns
    pieces: IntArray  # (n, K) columns
    captured: IntArray | None  # (n,) columns; None without capture
    parts: IntArray  # (n,) rows of (23)
    capture_limit: IntArray | None  # (n,) rows of (2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StorageBlock:
    """One storage: columns and rows, each of shape (T,)."""

    charge: IntArray
    discharge: IntArray
    stored: IntArray
    change: IntArray  # rows of (6)
    power: IntArray  # rows of (7) and (8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """The columns and rows of a program by what they are."""

    units: tuple[UnitBlock, ...]
    storages: tuple[StorageBlock, ...]
    wind: IntArray  # (T,) columns
    unserved: IntArray  # (T,) columns
    balance: IntArray  # (T,) rows of (27)


def fill(program: SparseProgram, system: CommittedSystem) -> Blocks:
    """Add (19) to (30) without the integers of (7) and (8)."""
    slots, every = system.slots, np.arange(system.slots)
    program.offset += system.fixed_cost_usd
    cost = system.unserved_cost_usd_per_mwh * SLOT_HOURS
    wind = program.variables((slots,), 0.0, system.wind_mw, slots=every)
    unserved = program.variables((slots,), cost=cost, slots=every)
    units = tuple(_add_unit(program, system, index) for index in range(len(system.units)))

    need_mw, capacity_mw = system.load_mw.copy(), np.zeros(slots)
    for load in system.demand_response:
        need_mw += load.expected_mw
    for unit, block in zip(system.units, units, strict=True):
        capacity_mw[block.on] += unit.max_mw
        need_mw[block.on] += capture_plant(unit, system.capture).fixed_mw
    balance = program.constraints((slots,), need_mw, need_mw, slots=every)
    free_mw = capacity_mw - system.reserve_mw
    reserve = program.constraints((slots,), -NO_LIMIT, free_mw, slots=every)  # (29)
    program.put(balance, wind, 1.0)
    program.put(balance, unserved, 1.0)
    for unit, block in zip(system.units, units, strict=True):
        program.put(balance[block.on], block.gross, 1.0)
        program.put(reserve[block.on], block.gross, 1.0)
        if block.captured is not None:
            per_t = capture_plant(unit, system.capture).mwh_per_t / SLOT_HOURS
            program.put(balance[block.on], block.captured, -per_t)  # (1), (2)
    for index, load in enumerate(system.demand_response):
        _add_shift(program, system, index, load, balance)
    storages = tuple(
        _add_storage(program, storage, ends, balance)
        for storage, ends in zip(system.storages, system.ends, strict=True)
    )
    return Blocks(units=units, storages=storages, wind=wind, unserved=unserved, balance=balance)


def exclude(
    program: SparseProgram, system: CommittedSystem, blocks: Blocks, where: BoolArray
) -> None:
    """Add the integers of (7) and (8) to some storages and slots; `where` has shape (S, T)."""
    for storage, block, some in zip(system.storages, blocks.storages, where, strict=True):
        slots = np.flatnonzero(some)
        charging = program.variables(slots.shape, 0.0, 1.0)
        program.integers = np.concatenate([program.integers, charging])
        rows = program.constraints(slots.shape, -NO_LIMIT, 0.0)
        program.put(rows, block.charge[slots], 1.0)
        program.put(rows, charging, -storage.power_mw)
        rows = program.constraints(slots.shape, -NO_LIMIT, storage.power_mw)
        program.put(rows, block.discharge[slots], 1.0)
        program.put(rows, charging, storage.power_mw)


def _add_unit(program: SparseProgram, system: CommittedSystem, index: int) -> UnitBlock:
    """Add a unit where it is on: the limit of (2), (16), (21), (23), (28)."""
    unit, pieces = system.units[index], system.pieces[index]
    plant, price = capture_plant(unit, system.capture), system.carbon.price_usd_per_t
    on = np.flatnonzero(system.on[index])
    per_mwh = price * (plant.emission_t_per_mwh - system.carbon.allowance_t_per_mwh)
    program.offset += pieces.at_minimum_usd_per_h * len(on) * SLOT_HOURS
    gross = program.variables(on.shape, unit.min_mw, unit.max_mw, per_mwh * SLOT_HOURS, slots=on)
    widths, slopes = pieces.width_mw, pieces.slope_usd_per_mwh * SLOT_HOURS
    columns = program.variables((len(on), len(slopes)), 0.0, widths, slopes, slots=on[:, None])
    parts = program.constraints(on.shape, unit.min_mw, unit.min_mw, slots=on)
    program.put(parts, gross, 1.0)
    program.put(parts[:, None], columns, -1.0)

    ramp, before_mw = unit.ramp_mw_per_h / SLOTS_PER_HOUR, system.before_mw[index]
    if ramp < unit.max_mw - unit.min_mw:
        if len(on) and on[0] == 0 and not np.isnan(before_mw):
            first = program.constraints((1,), before_mw - ramp, before_mw + ramp)
            program.put(first, gross[:1], 1.0)
        next_to = np.flatnonzero(np.diff(on) == 1)
        change = program.constraints(next_to.shape, -ramp, ramp, slots=on[next_to + 1])
        program.put(change, gross[next_to + 1], 1.0)
        program.put(change, gross[next_to], -1.0)

    captured = limit = None
    if plant.max_captured_t_per_mwh:
        most = plant.max_captured_t_per_mwh * SLOT_HOURS
        captured = program.variables(on.shape, 0.0, most * unit.max_mw, -price, slots=on)
        limit = program.constraints(on.shape, -NO_LIMIT, 0.0, slots=on)
        program.put(limit, captured, 1.0)
        program.put(limit, gross, -most)
    return UnitBlock(
        on=on, gross=gross, pieces=columns, captured=captured, parts=parts, capture_limit=limit
    )


def _add_shift(
    program: SparseProgram,
    system: CommittedSystem,
    index: int,
    load: DemandResponse,
    balance: IntArray,
) -> None:
    """Add (4), (5) and (25), as deviations from what is expected."""
    cost = load.cost_usd_per_mwh * SLOT_HOURS
    up, down = load.max_mw - load.expected_mw, load.expected_mw - load.min_mw
    every, owed = np.arange(system.slots), system.owed_mw[index]
    more, less = (
        program.variables(
            every.shape, np.maximum(least, 0.0), np.maximum(most, 0.0), cost, slots=every
        )
        for least, most in ((-down, up), (-up, down))
    )
    last = np.searchsorted(system.day, np.arange(system.days), side="right") - 1
    days = program.constraints(owed.shape, owed, owed, slots=last)
    for columns, sign in ((more, 1.0), (less, -1.0)):
        program.put(days[system.day], columns, sign)
        program.put(balance, columns, -sign)


def _add_storage(
    program: SparseProgram, storage: SharedStorage, ends: StorageEnds, balance: IntArray
) -> StorageBlock:
    """Add (6) to (10) without the integers, and (24)."""
    slots, every, power = balance.shape, np.arange(len(balance)), storage.power_mw
    low = np.full(slots, storage.min_soc * storage.capacity_mwh)
    high = np.full(slots, storage.max_soc * storage.capacity_mwh)
    low[-1] = high[-1] = ends.final_mwh  # (10)
    cost = storage.degradation_usd_per_mw_slot
    charge = program.variables(slots, 0.0, power, cost, slots=every)
    discharge = program.variables(slots, 0.0, power, cost, slots=every)
    stored = program.variables(slots, low, high, slots=every)
    start = np.zeros(slots)
    start[0] = ends.initial_mwh
    change = program.constraints(slots, start, start, slots=every)
    program.put(change, stored, 1.0)
    program.put(change[1:], stored[:-1], -1.0)
    program.put(change, charge, -storage.charge_efficiency * SLOT_HOURS)
    program.put(change, discharge, SLOT_HOURS / storage.discharge_efficiency)
    both = program.constraints(slots, -NO_LIMIT, power, slots=every)
    program.put(both, charge, 1.0)
    program.put(both, discharge, 1.0)
    program.put(balance, discharge, 1.0)
    program.put(balance, charge, -1.0)
    return StorageBlock(
        charge=charge, discharge=discharge, stored=stored, change=change, power=both
    )
