"""
The storage's set-point in a slot: the rest of the day, optimised with what is known now.

Known are the scenario as its folder describes it now, what is stored by the chain's record of the
slot before, and the trades that were cleared until that record. The day ends with the energy that
the day-ahead plan has at its end. Where the optimisation fails or takes too long, the plan's own
powers are the set-points, cut to what the storage can do; where there is no plan, it is left idle.
Either says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from oracle import bidding
from oracle.daemon.desk import DispatchCase
from oracle.daemon.forecast import Forecast
from oracle.daemon.metrics import Metrics
from oracle.daemon.net_load import FloatArray, NetLoad
from oracle.daemon.set_point import HorizonSlot, SetPoint, Source, idle
from oracle.domain.community import Community
from oracle.domain.power_system import PowerSystem, SharedStorage
from oracle.domain.results import DayAheadResult, Plan, RealTimeResult, StoragePlan
from oracle.domain.storage_rating import StorageRating
from oracle.errors import InvalidInputError, SolverError, TimeLimitError
from oracle.model import large_dispatch, real_time
from oracle.model.large_dispatch import DayBasis
from oracle.model.provider_storage import dispatch_against_tariff
from oracle.model.storage import StorageEnds
from oracle.plan import traded_mw
from oracle.units import (
    SLOTS_PER_DAY,
    Slot,
    mw_from_wh_per_slot,
    mwh_from_wh,
    usd_per_mwh,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rest:
    """The slots from one to the end of its day, by their places in the scenario."""

    case: DispatchCase
    forecast: Forecast
    storage: SharedStorage
    plan: StoragePlan
    slots: range

    @property
    def stored_mwh(self) -> float:
        return mwh_from_wh(self.case.stored_before)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Powers:
    charge_mw: FloatArray
    discharge_mw: FloatArray


class RollingDispatch:
    """Set-points of one market's storage; a function of its chain and its forecast alone."""

    def __init__(
        self,
        newest: Callable[[], Forecast],
        rating: StorageRating,
        *,
        first_slot: Slot,
        time_limit_s: float,
        metrics: Metrics,
        reference: bool = False,
    ) -> None:
        """
        `first_slot` is the chain's slot of the scenario's first; `rating` the chain's.

        With `reference`, power systems are dispatched by the model in PuLP rather than by arrays.
        """
        self._reference = reference
        self._newest = newest
        self._rating = rating
        self._first_slot = first_slot
        self._time_limit_s = time_limit_s
        self._metrics = metrics
        self._followed: tuple[Forecast, int, NetLoad] | None = None
        self._basis: tuple[Forecast, DayBasis | None] | None = None

    def set_point(self, case: DispatchCase) -> SetPoint:
        """Return what is to be done in a slot, and in the rest of its day."""
        started = perf_counter()
        found = self._found(case)
        self._metrics.solve_seconds.observe(perf_counter() - started)
        if found.reason is not None:
            self._metrics.fallbacks.labels(source=str(found.source)).inc()
        return found

    def _found(self, case: DispatchCase) -> SetPoint:
        try:
            forecast = self._newest()
        except InvalidInputError as error:
            return idle(case.slot, case.stored_before, f"no forecast: {error}")
        storage, plan = forecast.scenario.storage, forecast.plan
        if storage is None or self._rating.max_slot == 0:
            return idle(case.slot, case.stored_before, "the market has no storage to dispatch")
        if plan is None or plan.storage is None:
            return idle(case.slot, case.stored_before, f"no plan: {forecast.reason}")
        place = (case.slot - self._first_slot) % forecast.scenario.slot_count
        end = min((place // SLOTS_PER_DAY + 1) * SLOTS_PER_DAY, forecast.scenario.slot_count)
        rest = _Rest(
            case=case,
            forecast=forecast,
            storage=storage,
            plan=plan.storage,
            slots=range(place, end),
        )
        try:
            return self._in_integers(rest, self._optimised(rest, plan), Source.ROLLING, None)
        except TimeLimitError as error:
            reason = f"the solver took too long: {error}"
        except (SolverError, InvalidInputError) as error:
            reason = f"the solver failed: {error}"
        return self._in_integers(rest, _planned(rest), Source.DAY_AHEAD, reason)

    def _optimised(self, rest: _Rest, plan: Plan) -> _Powers:
        if not self._time_limit_s > 0:
            raise TimeLimitError("its time limit is 0 s")
        system, community = rest.forecast.scenario.power_system, rest.forecast.scenario.community
        if system is not None and plan.day_ahead and plan.with_sharing:
            return self._in_power_system(rest, system, plan.day_ahead, plan.with_sharing)
        if community is None:
            raise InvalidInputError("expected a power system, or a community with a tariff")
        return self._against_tariff(rest, community)

    def _against_tariff(self, rest: _Rest, community: Community) -> _Powers:
        prices = [bidding.grid_prices(community, slot) for slot in rest.slots]
        load = self._net_load(rest, community)
        found = dispatch_against_tariff(
            rest.storage,
            load.forecast_mw(rest.case.slot, len(rest.slots), rest.case.cleared),
            np.array([usd_per_mwh(price) for price, _ in prices]),
            np.array([usd_per_mwh(price) for _, price in prices]),
            ends=StorageEnds(
                initial_mwh=rest.stored_mwh,
                final_mwh=float(rest.plan.stored_mwh[rest.slots[-1]]),
            ),
            time_limit_s=self._time_limit_s,
        )
        return _Powers(charge_mw=found.plan.charge_mw, discharge_mw=found.plan.discharge_mw)

    def _in_power_system(
        self,
        rest: _Rest,
        system: PowerSystem,
        day_ahead: DayAheadResult,
        planned: RealTimeResult,
    ) -> _Powers:
        p2p_mw = _forecast_mw(rest.forecast)
        for place in rest.slots:
            cleared = rest.case.cleared.get(Slot(rest.case.slot + place - rest.slots.start))
            if cleared is not None:
                p2p_mw[place] = sum(mw_from_wh_per_slot(one.energy) for one in cleared.trades)
        left = real_time.RestOfDay(
            since=rest.slots.start, stored_mwh=rest.stored_mwh, planned=planned
        )
        limit_s = self._time_limit_s
        if self._reference:
            found = real_time.dispatch_rest(
                system, day_ahead, left, p2p_mw=p2p_mw, time_limit_s=limit_s
            ).storage
        else:
            found = large_dispatch.dispatch_rest(
                system,
                day_ahead,
                left,
                p2p_mw=p2p_mw,
                time_limit_s=limit_s,
                day_basis=self._day_basis(rest.forecast, system, day_ahead),
            ).storage
        return _Powers(charge_mw=found.charge_mw, discharge_mw=found.discharge_mw)

    def _day_basis(
        self, forecast: Forecast, system: PowerSystem, day_ahead: DayAheadResult
    ) -> DayBasis | None:
        """Return where the day's steps start from: of the forecast alone, not of steps before."""
        if self._basis is None or self._basis[0] is not forecast:
            basis = large_dispatch.basis_of_day(
                system, day_ahead, p2p_mw=_forecast_mw(forecast), time_limit_s=self._time_limit_s
            )
            self._basis = forecast, basis
        return self._basis[1]

    def _net_load(self, rest: _Rest, community: Community) -> NetLoad:
        """Return the community as followed so far, from its start where that may be no more."""
        key = rest.forecast, rest.case.history
        if self._followed is None or self._followed[:2] != key:
            traded = rest.forecast.traded
            load = NetLoad(
                community,
                traded.trades if traded else (),
                self._first_slot,
            )
            self._followed = (*key, load)
        return self._followed[2]

    def _in_integers(
        self, rest: _Rest, powers: _Powers, source: Source, reason: str | None
    ) -> SetPoint:
        rating = replace(self._rating, initial=rest.case.stored_before)
        schedule = rating.schedule(powers.charge_mw.tolist(), powers.discharge_mw.tolist())
        return SetPoint(
            slot=rest.case.slot,
            stored_before=rest.case.stored_before,
            source=source,
            reason=reason,
            horizon=tuple(
                HorizonSlot(
                    slot=Slot(rest.case.slot + ahead),
                    charge=charge,
                    discharge=discharge,
                    stored=stored,
                )
                for ahead, (charge, discharge, stored) in enumerate(schedule)
            ),
        )


def _forecast_mw(forecast: Forecast) -> FloatArray:
    """Return what trades are to supply by the forecast, shape (96,)."""
    return traded_mw(forecast.scenario, forecast.traded.trades if forecast.traded else ())


def _planned(rest: _Rest) -> _Powers:
    return _Powers(
        charge_mw=rest.plan.charge_mw[rest.slots.start : rest.slots.stop],
        discharge_mw=rest.plan.discharge_mw[rest.slots.start : rest.slots.stop],
    )
