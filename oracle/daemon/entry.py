"""From the settings of a process to a running oracle, and to its end."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

from eth_account.signers.local import LocalAccount

from oracle.chain.chains import open_chain
from oracle.chain.manifest import Manifest, check_manifest, deployment_of
from oracle.daemon.daemon import Daemon, Pace
from oracle.daemon.desk import SET_POINTS, Compute, DispatchCase, answered
from oracle.daemon.forecast import ForecastFolder
from oracle.daemon.log import Log
from oracle.daemon.metrics import Metrics
from oracle.daemon.rolling import RollingDispatch
from oracle.daemon.set_point import SetPoint, idle
from oracle.domain.storage_rating import StorageRating
from oracle.errors import ChainUnavailable, InvalidInputError
from oracle.scenario import load_scenario
from oracle.status_server import StatusServer, problem
from oracle.units import Bps

NODE_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleSettings:
    """What an oracle process is told."""

    chain: str  # URL of the node
    manifest: Manifest
    account: LocalAccount
    scenario: Path | None  # folder with the forecasts; None to leave the storage idle
    port: int
    solver_time_limit_s: float
    pace: Pace


class OracleProcess:
    """An oracle with its HTTP server; `run` blocks until `stop`."""

    def __init__(self, settings: OracleSettings, log: Log) -> None:
        """
        Start to answer over HTTP; nothing is asked of the chain yet.

        Raises
        ------
        InvalidInputError
            If the port is taken.
        """
        self._settings = settings
        self._log = log
        self._metrics = Metrics()
        self._daemon: Daemon | None = None
        self._reason = "starting"
        self._stop = Event()
        self._server = StatusServer(
            settings.port,
            self._status,
            self._unready,
            {SET_POINTS: self._set_point},
            registry=self._metrics.registry,
        )

    @property
    def url(self) -> str:
        """Where the status is served."""
        return self._server.url

    def stop(self, *_: Any) -> None:
        """End `run` after the step that is being done."""
        self._stop.set()

    def run(self) -> None:
        """
        Work until `stop`; a node that is not there is waited for.

        Raises
        ------
        InvalidInputError
            If the chain is not the manifest's, or the scenario cannot be read.
        """
        settings = self._settings
        self._log.info(
            "started", chain=settings.chain, url=self.url, account=settings.account.address
        )
        try:
            compute, stamp = self._dispatch()
            daemon = self._once_the_node_answers(lambda: self._connected(compute, stamp))
            if daemon is not None:
                self._daemon = daemon
                daemon.run(self._stop)
        finally:
            self._server.close()
        self._log.info("stopped")

    def _connected(self, compute: Compute, stamp: Callable[[], object]) -> Daemon:
        settings, manifest = self._settings, self._settings.manifest
        chain = open_chain(settings.chain)
        check_manifest(chain, manifest)
        return Daemon(
            chain,
            deployment_of(chain, manifest),
            manifest.start_slot,
            settings.account,
            compute,
            stamp=stamp,
            metrics=self._metrics,
            log=self._log,
            pace=settings.pace,
        )

    def _dispatch(self) -> tuple[Compute, Callable[[], object]]:
        """Return what computes set-points, and what changes with its forecast."""
        settings, manifest = self._settings, self._settings.manifest
        if settings.scenario is None:
            return _no_forecast, lambda: None
        name = load_scenario(settings.scenario).name
        if name != manifest.scenario:
            raise InvalidInputError(
                f"{settings.scenario}: expected scenario {manifest.scenario}, as the manifest has "
                f"it, got {name}"
            )
        folder = ForecastFolder(settings.scenario, self._log)
        rolling = RollingDispatch(
            folder.newest,
            _rating(manifest),
            first_slot=manifest.first_slot,
            time_limit_s=settings.solver_time_limit_s,
            metrics=self._metrics,
        )
        return rolling.set_point, folder.stamp

    def _once_the_node_answers(self, connect: Callable[[], Daemon]) -> Daemon | None:
        """Return what comes of connecting, or None where we are stopped before."""
        while not self._stop.is_set():
            try:
                return connect()
            except ChainUnavailable as error:
                if self._reason != str(error):
                    self._log.warning("node-unavailable", reason=str(error))
                self._reason = str(error)
            self._stop.wait(NODE_PAUSE_S)
        return None

    def _status(self) -> dict[str, Any]:
        nothing = {"chain_time": None, "block": None, "through_slot": None}
        return nothing if self._daemon is None else self._daemon.status()

    def _unready(self) -> str | None:
        return self._reason if self._daemon is None else self._daemon.unready()

    def _set_point(self, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self._daemon is None:
            return 503, problem(503, SET_POINTS, self._reason)
        return answered(self._daemon.desk, query)


def _rating(manifest: Manifest) -> StorageRating:
    """Return the storage's limits; what it holds is in each case of its own."""
    storage = manifest.settings.storage
    return StorageRating(
        max_slot=storage.max_slot_wh,
        min_stored=storage.min_stored_wh,
        max_stored=storage.max_stored_wh,
        initial=storage.min_stored_wh,
        charge_efficiency=Bps(storage.charge_efficiency_bps),
        discharge_efficiency=Bps(storage.discharge_efficiency_bps),
        compensation=storage.compensation_micro_usd_per_mwh,
    )


def _no_forecast(case: DispatchCase) -> SetPoint:
    return idle(case.slot, case.stored_before, "no scenario was given")


def stop_on_signals(process: OracleProcess) -> None:
    """Let Ctrl-C and a polite kill end the process in order."""

    def end(number: int, frame: FrameType | None) -> None:
        process.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
