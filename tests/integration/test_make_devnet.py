"""`make devnet`, as the first steps have it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.devnets import GONE_WITHIN_S, ROOT, UP_WITHIN_S, Devnet

pytestmark = [pytest.mark.slow, pytest.mark.node]

TRADES_WITHIN_S = 180.0  # a minute where nothing else runs; here the other half of the tests does


def test_make_devnet_says_where_everything_is_and_trades(tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    with (tmp_path / "printed.txt").open("wb") as printed:
        process = subprocess.Popen(  # noqa: S603
            ["make", "devnet", f"ARGS=--state '{tmp_path}' --port 0 --rpc-port 0"],  # noqa: S607
            cwd=ROOT,
            env=inherited,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            start_new_session=True,
        )
    devnet = Devnet(tmp_path, process)

    def said() -> str:
        return (tmp_path / "printed.txt").read_text(errors="replace")

    try:
        await_text(said, r"page: http://127\.0\.0\.1:\d+/", process, UP_WITHIN_S)
        up_at = time.monotonic()
        while not devnet.get("/api/v1/trades?limit=1")["items"]:
            assert time.monotonic() < up_at + TRADES_WITHIN_S, "no trade"
            time.sleep(0.5)
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal: make and what it runs
        process.wait(timeout=GONE_WITHIN_S)

    assert re.search(r"Exchange .*0x[0-9a-fA-F]{40}", said())
    assert "goes on where it was" in said()


def await_text(
    said: Callable[[], str], pattern: str, process: "subprocess.Popen[bytes]", within_s: float
) -> None:
    deadline = time.monotonic() + within_s
    while not re.search(pattern, said()):
        assert process.poll() is None, said()
        assert time.monotonic() < deadline, said()
        time.sleep(0.1)
