"""
A smaller system that stands for a large one: units and storages alike taken together.

Units of one commitment and kind are taken together in the order of their cost; their pieces of (23)
stay apart as far as `PIECES_OF_A_SKETCH` allows, since it is the steps between them that prices
follow. What comes of a sketch is never a result, only a start (`oracle.model.dispatch_start`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import SharedStorage, ThermalUnit
from oracle.model.committed_system import CommittedSystem, Pieces
from oracle.model.storage import StorageEnds

FloatArray = npt.NDArray[np.float64]

UNITS_OF_A_SKETCH = 10
PIECES_OF_A_SKETCH = 40
STORAGES_OF_A_SKETCH = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sketch:
    """The smaller system, and which storages of the large one each of its storages stands for."""

    system: CommittedSystem
    storages: tuple[tuple[int, ...], ...]


def sketch_of(system: CommittedSystem) -> Sketch | None:
    """Return a sketch, or None for a system that is as small as one."""
    few_units = len(system.units) <= 2 * UNITS_OF_A_SKETCH
    if few_units and len(system.storages) <= 2 * STORAGES_OF_A_SKETCH:
        return None
    groups = list(_groups_of_units(system))
    storages = _groups_of_storages(system)
    sketched = [_one_storage(system, some) for some in storages]
    return Sketch(
        system=replace(
            system,
            units=tuple(_one_unit([system.units[k] for k in some]) for some in groups),
            pieces=tuple(_merged_pieces(system, some) for some in groups),
            on=system.on[[some[0] for some in groups]],
            before_mw=np.array([system.before_mw[list(some)].sum() for some in groups]),
            storages=tuple(storage for storage, _ in sketched),
            ends=tuple(ends for _, ends in sketched),
        ),
        storages=storages,
    )


def _groups_of_units(system: CommittedSystem) -> Iterable[Sequence[int]]:
    kinds: dict[tuple[bool, bool, bytes], list[int]] = {}
    for index, unit in enumerate(system.units):
        ramps_on = not np.isnan(system.before_mw[index])
        kinds.setdefault((unit.capture, ramps_on, system.on[index].tobytes()), []).append(index)
    share = -(-len(system.units) // UNITS_OF_A_SKETCH)
    for members in kinds.values():
        members.sort(key=lambda k: float(np.median(_cost(system, k))))
        yield from _parts(members, share)


def _groups_of_storages(system: CommittedSystem) -> tuple[tuple[int, ...], ...]:
    hours = [one.capacity_mwh / max(one.power_mw, 1e-9) for one in system.storages]
    order = sorted(range(len(hours)), key=hours.__getitem__)
    share = max(1, -(-len(order) // STORAGES_OF_A_SKETCH))
    return tuple(tuple(some) for some in _parts(order, share))


def _parts(items: Sequence[int], size: int) -> list[Sequence[int]]:
    return [items[first : first + size] for first in range(0, len(items), size)]


def _cost(system: CommittedSystem, index: int) -> FloatArray:
    """Return the cost of a unit's pieces with the carbon that it emits, in USD/MWh."""
    carbon = system.carbon.price_usd_per_t * system.units[index].emission_t_per_mwh
    slopes = system.pieces[index].slope_usd_per_mwh
    return slopes + carbon if len(slopes) else np.array([carbon])


def _one_unit(units: Sequence[ThermalUnit]) -> ThermalUnit:
    """Return a unit of the output of several; its cost is not its own, see `_merged_pieces`."""

    def total(name: str) -> float:
        return float(sum(getattr(unit, name) for unit in units))

    def mean(name: str) -> float:
        return total(name) / len(units)

    return replace(
        units[0],
        min_mw=total("min_mw"),
        max_mw=total("max_mw"),
        emission_t_per_mwh=mean("emission_t_per_mwh"),
        capture_mwh_per_t=mean("capture_mwh_per_t"),
        capture_fixed_mw=total("capture_fixed_mw"),
        ramp_mw_per_h=total("ramp_mw_per_h"),
    )


def _merged_pieces(system: CommittedSystem, members: Sequence[int]) -> Pieces:
    """Return the pieces of several units in order of their cost, neighbours taken together."""
    emission = np.array([system.units[k].emission_t_per_mwh for k in members])
    # The one unit emits their mean; what each piece's unit emits beyond it is in its slope.
    beyond = system.carbon.price_usd_per_t * (emission - emission.mean())
    pieces = [system.pieces[k] for k in members]
    widths = np.concatenate([one.width_mw for one in pieces])
    slopes = np.concatenate(
        [one.slope_usd_per_mwh + more for one, more in zip(pieces, beyond, strict=True)]
    )
    order = np.argsort(slopes, kind="stable")
    parts = np.array_split(order, min(PIECES_OF_A_SKETCH, len(order))) if len(order) else []
    return Pieces(
        at_minimum_usd_per_h=sum(one.at_minimum_usd_per_h for one in pieces),
        width_mw=np.array([widths[some].sum() for some in parts]),
        slope_usd_per_mwh=np.array([_weighted(slopes[some], widths[some]) for some in parts]),
    )


def _one_storage(
    system: CommittedSystem, members: Sequence[int]
) -> tuple[SharedStorage, StorageEnds]:
    storages = [system.storages[k] for k in members]
    power = np.array([one.power_mw for one in storages])
    capacity = np.array([one.capacity_mwh for one in storages])

    def mean(name: str, weights: FloatArray) -> float:
        return _weighted(np.array([getattr(one, name) for one in storages]), weights)

    storage = replace(
        storages[0],
        power_mw=float(power.sum()),
        capacity_mwh=float(capacity.sum()),
        min_soc=mean("min_soc", capacity),
        max_soc=mean("max_soc", capacity),
        initial_soc=mean("initial_soc", capacity),
        charge_efficiency=mean("charge_efficiency", power),
        discharge_efficiency=mean("discharge_efficiency", power),
        degradation_usd_per_mw_slot=mean("degradation_usd_per_mw_slot", power),
    )
    ends = StorageEnds(
        initial_mwh=sum(system.ends[k].initial_mwh for k in members),
        final_mwh=sum(system.ends[k].final_mwh for k in members),
    )
    return storage, ends


def _weighted(values: FloatArray, weights: FloatArray) -> float:
    return float(np.average(values, weights=weights) if weights.sum() else values.mean())
