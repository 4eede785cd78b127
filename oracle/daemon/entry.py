"""From the settings of a process to a running oracle, and to its end."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any, TypeVar

from eth_account.signers.local import LocalAccount

from oracle.chain.chains import open_chain
from oracle.chain.manifest import Manifest, check_manifest, deployment_of
from oracle.daemon.daemon import Daemon, MarketStart, Pace
from oracle.daemon.desk import SET_POINTS, DispatchCase, answered
from oracle.daemon.log import Log
from oracle.daemon.metrics import Metrics
from oracle.daemon.set_point import SetPoint, idle
from oracle.errors import ChainUnavailable
from oracle.status_server import StatusServer, problem

T = TypeVar("T")

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
            daemon = self._once_the_node_answers(self._connected)
            if daemon is not None:
                self._daemon = daemon
                daemon.run(self._stop)
        finally:
            self._server.close()
        self._log.info("stopped")

    def _connected(self) -> Daemon:
        settings = self._settings
        chain = open_chain(settings.chain)
        check_manifest(chain, settings.manifest)
        return Daemon(
            chain,
            deployment_of(chain, settings.manifest),
            MarketStart(
                first_slot=settings.manifest.first_slot, start_slot=settings.manifest.start_slot
            ),
            settings.account,
            _no_forecast,
            metrics=self._metrics,
            log=self._log,
            pace=settings.pace,
        )

    def _once_the_node_answers(self, connect: Callable[[], T]) -> T | None:
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


def _no_forecast(case: DispatchCase) -> SetPoint:
    return idle(case.slot, case.stored_before, "no scenario was given")


def stop_on_signals(process: OracleProcess) -> None:
    """Let Ctrl-C and a polite kill end the process in order."""

    def end(number: int, frame: FrameType | None) -> None:
        process.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
