"""
Starts a devnet and keeps it running: node, market, oracle, service, outside world, clock.

Whatever is killed is started again, and goes on with what the chain says. The chain itself is on
disk, at most a moment old; the supervisor has nothing that would be lost with it.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from oracle.chain.anvil import free_port
from oracle.chain.manifest import Manifest, check_manifest, load, write
from oracle.chain.node import Node
from oracle.chain.signatures import development_key
from oracle.daemon.log import Log
from oracle.deploy import LEAD, deploy_scenario, genesis_for
from oracle.domain.clock import starts_at
from oracle.domain.scenario import Scenario
from oracle.errors import ChainUnavailable, InvalidInputError
from oracle.units import Slot
from scripts.devnet.children import Child, die_with_parent, roll
from scripts.devnet.folder import VERSION, DevnetFolder, DevnetRecord, Pids, Speed
from scripts.devnet.pacemaker import Pacemaker
from scripts.devnet.status import is_healthy, progress_of

POLL_S = 0.05
READY_WITHIN_S = 60.0
PATIENT = 10  # the niceness of whoever has minutes of the chain's time, and no one waiting
NODE_PAUSE_S = 1.0  # before a node that would not start is tried again
PAYERS = ("oracle", "simulator", "relay", "registrar", "system operator", "storage provider")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetSettings:
    """What a devnet is told."""

    scenario_folder: Path
    scenario: Scenario
    speed: Speed
    start_index: int
    port: int  # of the service; 0 for a free one
    rpc_port: int  # of the node; 0 for a free one


class Supervisor:
    """The processes of one devnet; the folder is held by the caller."""

    def __init__(self, settings: DevnetSettings, folder: DevnetFolder, log: Log, say: Say) -> None:
        """
        Find the ports.

        Raises
        ------
        InvalidInputError
            If one is taken.
        """
        self._settings = settings
        self._folder = folder
        self._log = log
        self._say = say
        rpc_port = _port(settings.rpc_port, "--rpc-port")
        self._service_url = f"http://127.0.0.1:{_port(settings.port, '--port')}"
        self._oracle_url = f"http://127.0.0.1:{free_port()}"
        self._simulator_url = f"http://127.0.0.1:{free_port()}"
        self._node = Node(
            folder.node,
            rpc_port,
            genesis=genesis_for(settings.scenario, settings.start_index),
            on_start=die_with_parent,
        )
        self._children = {child.name: child for child in self._commands()}
        self._pacemaker = None if settings.speed is Speed.STEP else self._a_pacemaker()
        self._node_at = 0.0

    @property
    def record(self) -> DevnetRecord:
        """What runs now."""
        pids = {name: child.pid for name, child in self._children.items()}
        return DevnetRecord(
            version=VERSION,
            scenario=str(self._settings.scenario_folder.resolve()),
            rpc_url=self._node.url,
            service_url=self._service_url,
            oracle_url=self._oracle_url,
            simulator_url=self._simulator_url,
            speed=self._settings.speed,
            pids=Pids(supervisor=os.getpid(), node=self._node.pid, **pids),
        )

    def start(self, stop: Event) -> Manifest:
        """
        Start the node and the processes, and wait until they answer; deploy where nothing is yet.

        Raises
        ------
        InvalidInputError
            If the folder holds another market than the scenario's.
        ChainError
            If the node fails us.
        """
        manifest = self._with_a_market()
        names = [one.name for one in manifest.participants]
        owners = [development_key(f"{name} owner").address for name in names]
        self._node.give_coins([*owners, *(development_key(who).address for who in PAYERS)])
        self._node.save()
        for child in self._children.values():
            child.start()
        self._folder.write(self.record)
        self._await_answers(stop)
        return manifest

    def run(self, stop: Event) -> None:
        """Keep everything running, and the time, until `stop`."""
        if self._pacemaker is not None:
            self._pacemaker.pause()
        while not stop.is_set():
            self._keep_children()
            if self._keep_node():
                try:
                    if self._pacemaker is not None:
                        self._pacemaker.beat()
                    self._node.save_if_due()
                except ChainUnavailable as error:
                    self._log.warning("node", reason=str(error))
                except OSError as error:
                    self._log.warning("state-not-written", reason=str(error))
            stop.wait(POLL_S)

    def close(self) -> None:
        """Stop the processes, then write the chain and stop the node."""
        for child in self._children.values():
            child.end()
        for child in self._children.values():
            child.wait()
        self._node.stop()

    def _with_a_market(self) -> Manifest:
        folder = self._folder
        has_state = self._node.state.exists()
        if folder.manifest.exists():
            if not has_state:
                raise InvalidInputError(f"{self._node.state}: expected the chain of {folder.path}")
            manifest = load(folder.manifest)
            self._start_node()
            check_manifest(self._node.chain(), manifest)
            return manifest
        folder.clear()
        self._start_node()
        self._say(f"deploying the market of {self._settings.scenario.name} …")
        manifest = deploy_scenario(
            self._node.chain(), self._settings.scenario, start_index=self._settings.start_index
        )
        self._node.move_to(starts_at(Slot(manifest.start_slot - LEAD)))
        self._node.save()
        write(manifest, folder.manifest)
        return manifest

    def _commands(self) -> list[Child]:
        folder, scenario = self._folder, str(self._settings.scenario_folder.resolve())
        market = ["--chain", self._node.url, "--manifest", str(folder.manifest)]
        oracle = ["oracle", *market, "--scenario", scenario, *_port_of(self._oracle_url)]
        simulate = ["simulate", *market, "--scenario", scenario, *_port_of(self._simulator_url)]
        serve = ["serve", *market, *_port_of(self._service_url)]
        serve += ["--database", f"sqlite:///{folder.index.resolve()}"]
        about = ["--oracle", self._oracle_url]
        return [
            Child("oracle", oracle, folder.logs / "oracle.log", niceness=PATIENT),
            Child("service", [*serve, *about], folder.logs / "service.log"),
            Child(
                "simulator",
                [*simulate, *about],
                folder.logs / "simulator.log",
                niceness=PATIENT,
            ),
        ]

    def _a_pacemaker(self) -> Pacemaker:
        urls = (self._oracle_url, self._simulator_url)

        def is_through(slot: Slot) -> bool:
            progress = [progress_of(url) for url in urls]
            return all(one is not None and one.through_slot >= slot for one in progress)

        return Pacemaker(self._node, int(self._settings.speed), is_through)

    def _await_answers(self, stop: Event) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not stop.is_set() and time.monotonic() < deadline:
            self._keep_children()
            self._keep_node()
            if all(is_healthy(url) for url in self._urls()):
                return
            stop.wait(POLL_S)
        if not stop.is_set():
            self._say(
                f"not everything answers after {READY_WITHIN_S:.0f} s: see {self._folder.logs}"
            )

    def _urls(self) -> list[str]:
        return [self._oracle_url, self._service_url, self._simulator_url]

    def _keep_children(self) -> None:
        for name, child in self._children.items():
            death = child.death()
            if death is not None:
                self._log.warning("died", process=name, how=death)
                self._say(f"{name} ended ({death}); starting it again")
            if child.start_if_due():
                self._log.info("started", process=name, pid=child.pid)
                self._folder.write(self.record)

    def _keep_node(self) -> bool:
        """Start the node again if it has died; return whether it runs."""
        if self._node.is_running():
            return True
        if time.monotonic() < self._node_at:
            return False
        self._node_at = time.monotonic() + NODE_PAUSE_S
        self._log.warning("died", process="node")
        self._say("node ended; starting it again with what is on disk")
        try:
            self._start_node()
        except ChainUnavailable as error:
            self._log.warning("node", reason=str(error))
            return False
        if self._pacemaker is not None:
            self._pacemaker.pause()
        self._folder.write(self.record)
        return True

    def _start_node(self) -> None:
        log = self._folder.logs / "node.log"
        roll(log)
        self._node.start(log)


def _port(wanted: int, option: str) -> int:
    if wanted == 0:
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise InvalidInputError(
                f"{option} {wanted}: expected a free port: {error.strerror}; 0 takes any"
            ) from error
    return wanted


def _port_of(url: str) -> list[str]:
    return ["--port", url.rpartition(":")[2]]
