"""The process of the outside world: it waits for the node, follows it, and says how it stands."""

import signal
from dataclasses import dataclass
from threading import Event
from typing import Any

import httpx
from prometheus_client import CollectorRegistry, Counter, Gauge

from oracle.chain.chains import open_chain
from oracle.chain.manifest import Manifest, check_manifest
from oracle.daemon.log import Log
from oracle.domain.scenario import Scenario
from oracle.errors import ChainError
from oracle.simulator import AskSetPoint, Move, Simulator, stand_still
from oracle.status_server import StatusServer
from oracle.units import Slot, Wh

POLL_S = 0.1
PAUSE_S = 0.5  # after a failure
ANSWER_WITHIN_S = 5.0  # of the oracle; asked again after it


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSettings:
    """What the process is told."""

    chain: str  # URL of the node
    manifest: Manifest
    scenario: Scenario
    oracle: str | None  # URL of who says what the storage does
    port: int


class World:
    """The simulator with its HTTP server; `run` blocks until a signal."""

    def __init__(self, settings: WorldSettings, log: Log) -> None:
        """
        Start to answer over HTTP; nothing is asked of the chain yet.

        Raises
        ------
        InvalidInputError
            If the port is taken.
        """
        self._settings = settings
        self._log = log
        self._simulator: Simulator | None = None
        self._trouble: str | None = "the node has not answered yet"
        self._stop = Event()
        registry = CollectorRegistry()
        self._failures = Counter(
            "wattline_simulator_failures",
            "What went wrong and is tried again, by the kind of failure",
            ["kind"],
            registry=registry,
        )
        self._chain_time = Gauge(
            "wattline_simulator_chain_time_seconds",
            "Time of the latest block, Unix seconds",
            registry=registry,
        )
        self._through = Gauge(
            "wattline_simulator_through_slot",
            "Latest slot at whose start all was done",
            registry=registry,
        )
        self._server = StatusServer(
            settings.port, self._status, lambda: self._trouble, registry=registry
        )

    def run(self) -> None:
        """
        Follow the chain until SIGINT or SIGTERM.

        Raises
        ------
        InvalidInputError
            If the chain is not the manifest's, or the market not the scenario's.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        self._log.info("started", chain=self._settings.chain, url=self._server.url)
        try:
            while not self._stop.is_set():
                self._stop.wait(POLL_S if self._look() else PAUSE_S)
        finally:
            self._server.close()
        self._log.info("stopped")

    def _look(self) -> bool:
        """Look at the chain once; return whether that went well."""
        try:
            if self._simulator is None:
                self._simulator = self._connected()
            self._simulator.look()
        except ChainError as error:
            if self._trouble != str(error):
                self._log.warning("chain", reason=str(error))
            self._failures.labels(type(error).__name__).inc()
            self._trouble = str(error)
            if self._simulator is not None:
                self._simulator.forget()
            return False
        self._trouble = None
        self._note(self._simulator)
        return True

    def _connected(self) -> Simulator:
        settings = self._settings
        chain = open_chain(settings.chain)
        check_manifest(chain, settings.manifest)
        ask = stand_still if settings.oracle is None else _asking(settings.oracle)
        return Simulator(chain, settings.manifest, settings.scenario, ask, self._log)

    def _note(self, simulator: Simulator) -> None:
        if simulator.head is not None:
            self._chain_time.set(simulator.head.time)
        if simulator.through is not None:
            self._through.set(simulator.through)

    def _status(self) -> dict[str, Any]:
        if self._simulator is None:
            return {"chain_time": None, "block": None, "slot": None, "through_slot": None}
        return self._simulator.status()


def _asking(url: str) -> AskSetPoint:
    """Return how the oracle at a URL is asked; None is its answer while it has none."""
    client = httpx.Client(base_url=url, timeout=ANSWER_WITHIN_S)

    def ask(slot: Slot) -> Move | None:
        try:
            answer = client.get("/storage/setpoints", params={"slot": slot})
            if answer.status_code != httpx.codes.OK:
                return None
            said = answer.json()
            return Move(Wh(int(said["charge_wh"])), Wh(int(said["discharge_wh"])))
        except (httpx.HTTPError, ValueError, LookupError, TypeError):
            return None

    return ask
