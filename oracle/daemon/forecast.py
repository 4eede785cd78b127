"""The scenario folder as forecast: read again when its files change, and planned day-ahead."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from oracle.daemon.log import Log
from oracle.domain.results import Plan
from oracle.domain.scenario import Scenario
from oracle.errors import OracleError, SolverError
from oracle.plan import TradePlan, plan_scenario, plan_trades
from oracle.scenario import load_scenario

PLAN_TIME_LIMIT_S = 60.0  # the day-ahead plan is there before its day, and is what we fall back to

Stamp = tuple[tuple[str, int, int], ...]  # name, time of change and size of each file


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """A scenario, what its prosumers would trade, and its day-ahead plan."""

    scenario: Scenario
    traded: TradePlan | None
    plan: Plan | None
    reason: str | None = None  # why there is no plan


class ForecastFolder:
    """The newest forecast of a folder."""

    def __init__(self, folder: Path, log: Log, *, clock: Callable[[], float] = monotonic) -> None:
        self._folder = folder
        self._log = log
        self._clock = clock
        self._read: tuple[Stamp, Forecast] | None = None

    def stamp(self) -> Stamp:
        """Return what changes with the folder's files."""
        files = []
        for path in sorted(self._folder.glob("*")):
            if path.suffix in (".csv", ".toml"):
                try:
                    about = path.stat()
                except FileNotFoundError:  # replaced this moment
                    continue
                files.append((path.name, about.st_mtime_ns, about.st_size))
        return tuple(files)

    def newest(self) -> Forecast:
        """
        Return the forecast; the one before, where the folder's files are not a scenario now.

        Raises
        ------
        InvalidInputError
            If they have never been one.
        """
        stamp = self.stamp()
        if self._read is None or self._read[0] != stamp:
            self._read = stamp, self._forecast()
        return self._read[1]

    def _forecast(self) -> Forecast:
        started = self._clock()
        try:
            scenario = load_scenario(self._folder)
        except OracleError as error:
            if self._read is None:
                raise
            self._log.warning("forecast-refused", folder=str(self._folder), reason=str(error))
            return self._read[1]
        traded = None if scenario.community is None else plan_trades(scenario.community)
        plan, reason = None, None
        try:
            plan = plan_scenario(scenario, time_limit_s=PLAN_TIME_LIMIT_S, traded=traded)
        except SolverError as error:
            reason = str(error)
        self._log.info(
            "forecast-read",
            scenario=scenario.name,
            slots=scenario.slot_count,
            reason=reason,
            ms=round(1000 * (self._clock() - started)),
        )
        return Forecast(scenario=scenario, traded=traded, plan=plan, reason=reason)
