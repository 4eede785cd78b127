"""A devnet of the village that time moves through step by step."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "scripts"]
UP_WITHIN_S = 180.0
STEP_WITHIN_S = 120.0
STOPPED_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Devnet:
    """A running devnet and its folder."""

    state: Path
    url: str

    def step(self, slots: int = 1) -> None:
        """Move its time on, and wait until everybody is through."""
        command = [*COMMAND, "step", "--state", str(self.state), "--slots", str(slots)]
        done = subprocess.run(  # noqa: S603  # our own command
            command,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=STEP_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def get(self, path: str, **parameters: Any) -> Any:
        """Return an answer of the API."""
        answer = httpx.get(f"{self.url}/api/v1{path}", params=parameters, timeout=30)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running_devnet(state: Path, start: str) -> Iterator[Devnet]:
    """Start a devnet at a time of the village's day; stop it as Ctrl-C does."""
    options = ["--state", str(state), "--speed", "step", "--start", start]
    options += ["--port", "0", "--rpc-port", "0"]
    log = state / "test.log"
    with log.open("w") as said:
        process = subprocess.Popen(  # noqa: S603  # our own command
            [*COMMAND, "devnet", "scenarios/village", *options],
            cwd=REPOSITORY,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=os.environ | {"COLUMNS": "200"},
        )
    try:
        yield Devnet(state, _page(process, state, log))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOPPED_WITHIN_S)


def _page(process: "subprocess.Popen[bytes]", state: Path, log: Path) -> str:
    deadline = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < deadline:
        said = log.read_text()
        assert process.poll() is None, said
        if "page: " in said:
            url: str = json.loads((state / "devnet.json").read_text())["service_url"]
            return url
        time.sleep(0.2)
    raise AssertionError(f"no page after {UP_WITHIN_S:.0f} s:\n{log.read_text()}")
