"""A devnet for a test: started as people start it, its time moved on step by step."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle.chain.chains import Chain, open_chain
from oracle.chain.manifest import load
from oracle.chain.record import read_market
from oracle.domain.clock import slot_at
from oracle.domain.record import MarketRecord
from oracle.errors import ChainUnavailable
from oracle.units import Slot

ROOT = Path(__file__).parents[2]
UP_WITHIN_S = 120.0
GONE_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Devnet:
    """A devnet that runs, in its folder."""

    folder: Path
    process: "subprocess.Popen[bytes]"

    @property
    def record(self) -> dict[str, Any]:
        """What the supervisor says of the processes now."""
        content: dict[str, Any] = json.loads((self.folder / "devnet.json").read_text())
        return content

    @property
    def service_url(self) -> str:
        return str(self.record["service_url"])

    def pid(self, name: str) -> int:
        return int(self.record["pids"][name])

    def get(self, path: str) -> Any:
        """Return what the service answers, as JSON."""
        with urllib.request.urlopen(self.service_url + path, timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read())

    def readiness(self) -> int | None:
        """Return the status of the service's /ready; None where it does not answer."""
        try:
            with urllib.request.urlopen(self.service_url + "/ready", timeout=5) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def step(self, slots: int = 1) -> None:
        """Let time go on by some slots, and wait until all is done."""
        done = self.begin_step(slots)
        said, _ = done.communicate(timeout=150 * slots)
        assert done.returncode == 0, said.decode()

    def begin_step(self, slots: int = 1) -> "subprocess.Popen[bytes]":
        """Do the same without waiting."""
        return subprocess.Popen(  # noqa: S603
            [*COMMAND, "step", "--state", str(self.folder), "--slots", str(slots)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    @contextmanager
    def chain(self) -> Iterator[Chain]:
        with closing(open_chain(self.record["rpc_url"])) as chain:
            yield chain

    def now(self) -> int:
        """Return the chain's time, Unix seconds, once the node answers."""
        deadline = time.monotonic() + UP_WITHIN_S
        while True:
            try:
                with self.chain() as chain:
                    return chain.now()
            except ChainUnavailable:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def catch_up(self, slot: Slot) -> None:
        """Let time go on to a slot, if it is not there."""
        while slot_at(self.now()) < slot:
            self.step()

    def market_record(self) -> MarketRecord:
        """Return everything that the contracts have recorded."""
        manifest = load(self.folder / "market.json")
        with self.chain() as chain:
            return read_market(
                chain, manifest.address("Exchange"), first_block=manifest.first_block
            )

    def stop(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=GONE_WITHIN_S)
        assert code == 0, (self.folder / "printed.txt").read_text()


COMMAND = [str(Path(sys.executable).with_name("wattline"))]


@contextmanager
def running_devnet(folder: Path, *arguments: str, speed: str = "step") -> Iterator[Devnet]:
    """Start a devnet on free ports, wait until it answers, and stop it in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = ["--port", "0", "--rpc-port", "0"]
    command = [*COMMAND, "devnet", *arguments, "--state", str(folder), "--speed", speed, *ports]
    with (folder / "printed.txt").open("ab") as printed:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed
        )
    devnet = Devnet(folder, process)
    try:
        _await(devnet)
        yield devnet
        if process.poll() is None:
            devnet.stop()
    finally:
        if process.poll() is None:
            process.kill()  # the children of a supervisor die with it
            process.wait()


def _await(devnet: Devnet) -> None:
    deadline = time.monotonic() + UP_WITHIN_S
    while True:
        said = (devnet.folder / "printed.txt").read_text(errors="replace")
        if "Ctrl-C stops it" in said.rpartition("stopped;")[2] and devnet.readiness() == 200:
            return
        assert devnet.process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def kill(pid: int) -> None:
    """End a process as a power cut does."""
    os.kill(pid, signal.SIGKILL)
