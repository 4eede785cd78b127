"""`wattline devnet` as people start it, stop it, and kill what it runs."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from oracle.chain.chains import Chain, Head, open_chain
from oracle.chain.manifest import deployment_of, load
from oracle.chain.market import AccountRecord, Market, Phase
from oracle.domain.book import Trade
from oracle.domain.clock import slot_at
from oracle.units import Slot
from scripts.devnet.status import is_healthy
from tests.integration.asking import wait_until

pytestmark = [pytest.mark.contract, pytest.mark.node, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
VILLAGE, PAPER_DAY = ROOT / "scenarios" / "village", ROOT / "scenarios" / "paper-day"
WATTLINE = [sys.executable, "-P", "-m", "scripts"]
UP_WITHIN_S = 120.0
SLOTS = 14  # before the first order's slot, and in it


def wattline(*arguments: object, **environment: str) -> tuple[int, str, list[str]]:
    """Return exit code, output and the lines of standard error."""
    done = subprocess.run(  # noqa: S603
        [*WATTLINE, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=UP_WITHIN_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.strip().splitlines()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" not in status.read_text()


class Devnet:
    """A devnet in a process of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._out = state.parent / "out"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: object) -> None:
        options = ["--state", self.state, "--port", 0, "--rpc-port", 0, *arguments]
        with self._out.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603
                [*WATTLINE, "devnet", *map(str, options)], cwd=ROOT, stdout=out, stderr=out
            )
        process = self._process
        wait_until(
            lambda: "Ctrl-C stops it" in self.said or process.poll() is not None,
            within_s=UP_WITHIN_S,
        )
        assert process.poll() is None, self.said

    @property
    def said(self) -> str:
        return self._out.read_text()

    @property
    def record(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.state / "devnet.json").read_text())
        return content

    def pid(self, name: str) -> int:
        return int(self.record["pids"][name])

    def chain(self) -> Chain:
        return open_chain(self.record["rpc_url"])

    def market(self) -> Market:
        chain = self.chain()
        return Market(chain, deployment_of(chain, load(self.state / "market.json")))

    @property
    def start_slot(self) -> Slot:
        return load(self.state / "market.json").start_slot

    def step(self, slots: int = 1) -> None:
        code, _, errors = wattline("step", "--state", self.state, "--slots", slots)
        assert (code, errors) == (0, [])

    def facts(self) -> tuple[Head, list[tuple[Trade, ...] | None], list[AccountRecord]]:
        """Return the latest block, all trades, and everybody's money."""
        manifest, market = load(self.state / "market.json"), self.market()
        slots = (Slot(self.start_slot + index) for index in range(SLOTS))
        trades = [market.settled_trades(slot) or market.cleared_trades(slot) for slot in slots]
        money = [market.account(one.owner) for one in manifest.participants]  # type: ignore[arg-type]
        return market.chain.head(), trades, money

    def stop(self) -> None:
        """Press Ctrl-C."""
        assert self._process is not None
        pids = [pid for pid in self.record["pids"].values() if pid is not None]
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(timeout=60) == 0, self.said
        assert "stopped" in self.said
        assert [pid for pid in pids if is_alive(pid)] == []

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[Devnet]:
    devnet = Devnet(tmp_path / "devnet")
    try:
        yield devnet
    finally:
        devnet.kill()


def test_a_devnet_settles_step_by_step_and_goes_on_where_it_was(devnet: Devnet) -> None:
    devnet.start(VILLAGE, "--speed", "step", "--start", "12:00")
    devnet.step(4)
    market, first = devnet.market(), devnet.start_slot
    assert slot_at(market.chain.now()) == first + 1
    assert market.phase(first) is Phase.SETTLED
    assert market.settled_trades(first)
    assert len(market.book(Slot(first + 4))) > 1
    assert market.next_storage_slot() == first + 1
    before = devnet.facts()

    devnet.stop()
    devnet.start("--speed", "step")

    assert devnet.facts() == before
    page = httpx.get(devnet.record["service_url"] + "/api/v1/trades", params={"limit": 500})
    told = sum(len(trades) for trades in before[1] if trades)
    assert len(page.json()["items"]) == told
    devnet.step()
    assert devnet.market().phase(Slot(first + 1)) is Phase.SETTLED


def test_time_does_not_move_before_what_is_due_is_done(devnet: Devnet) -> None:
    """The first slot's gate closes at the first step: its orders have to be there."""
    devnet.start(VILLAGE, "--speed", "step", "--start", "12:00")
    simulator = devnet.pid("simulator")
    os.kill(simulator, signal.SIGSTOP)
    before = devnet.chain().now()
    command = [*WATTLINE, "step", "--state", str(devnet.state)]
    with subprocess.Popen(command, cwd=ROOT) as step:  # noqa: S603
        time.sleep(6)
        meanwhile = devnet.chain().now()
        os.kill(simulator, signal.SIGCONT)
        code = step.wait(timeout=UP_WITHIN_S)

    assert meanwhile == before
    assert code == 0
    assert slot_at(devnet.chain().now()) == slot_at(before) + 1
    assert devnet.market().book(devnet.start_slot)


def test_a_devnet_trades_whatever_is_killed(devnet: Devnet) -> None:
    devnet.start(VILLAGE)
    market, first = devnet.market(), devnet.start_slot
    wait_until(lambda: market.cleared_trades(first), within_s=150)  # a minute on a machine at rest
    code, _, errors = wattline("devnet", "--state", devnet.state, "--port", 0, "--rpc-port", 0)
    assert (code, len(errors)) == (1, 1)
    assert "a devnet runs there already" in errors[0]

    for name in ("node", "oracle", "simulator", "service"):
        dead = devnet.pid(name)
        os.kill(dead, signal.SIGKILL)
        wait_until(lambda name=name, dead=dead: devnet.pid(name) != dead, within_s=UP_WITHIN_S)  # type: ignore[misc]

    market = devnet.market()
    wait_until(lambda: market.settled_trades(Slot(first + 1)), within_s=UP_WITHIN_S)
    missed = [index for index in range(4) if not market.book(Slot(first + index))]
    assert missed == []
    wait_until(lambda: is_healthy(devnet.record["service_url"]), within_s=UP_WITHIN_S)


@pytest.mark.skipif(sys.platform != "linux", reason="only there children die with their parent")
def test_a_supervisor_that_is_killed_leaves_nothing_running_and_is_started_again(
    devnet: Devnet,
) -> None:
    devnet.start(VILLAGE, "--speed", "step", "--start", "12:00")
    devnet.step(2)
    before = devnet.facts()
    pids = [pid for pid in devnet.record["pids"].values() if pid is not None]
    time.sleep(2)  # until the state is written

    devnet.kill()
    wait_until(lambda: not any(map(is_alive, pids)), within_s=20)
    devnet.start("--speed", "step")

    assert devnet.facts() == before


def test_a_devnet_of_another_scenario_is_refused(devnet: Devnet) -> None:
    devnet.start(VILLAGE, "--speed", "step")
    devnet.stop()

    code, _, errors = wattline("devnet", PAPER_DAY, "--state", devnet.state)

    assert (code, len(errors)) == (1, 1)
    assert re.search(r"expected a devnet of .+/paper-day, found one of .+/village", errors[0])


@pytest.mark.parametrize("anvil", ["missing", "cannot/start"])
def test_a_devnet_without_anvil_says_so_in_one_line(tmp_path: Path, anvil: str) -> None:
    options = ["--state", tmp_path / "devnet", "--port", 0, "--rpc-port", 0]

    code, _, errors = wattline("devnet", VILLAGE, *options, ANVIL=str(tmp_path / anvil))

    assert (code, len(errors)) == (1, 1)
    assert "cannot be started: No such file" in errors[0]
    assert not (tmp_path / "devnet" / "market.json").exists()


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import socket; s = socket.create_server(('127.0.0.1', 0)); "
            "print(s.getsockname()[1], flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as holder:
        assert holder.stdout is not None
        port = int(holder.stdout.readline())

        code, _, errors = wattline("devnet", VILLAGE, "--state", tmp_path, "--port", port)
        holder.communicate("\n")

    assert (code, len(errors)) == (1, 1)
    assert f"--port {port}: expected a free port" in errors[0]


def test_a_step_needs_a_devnet_whose_time_is_moved_by_hand(tmp_path: Path) -> None:
    code, _, errors = wattline("step", "--state", tmp_path)

    assert (code, len(errors)) == (1, 1)
    assert "no devnet there" in errors[0]
