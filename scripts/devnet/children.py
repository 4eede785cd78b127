"""Processes that a supervisor starts, and starts again when they die."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
STEADY_S = 30.0  # who lived so long starts again without delay
STOPS_WITHIN_S = 10.0
LOG_BYTES = 20_000_000  # then the log begins anew; one old one is kept
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Let the kernel end this process with its parent, where it can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def roll(log: Path) -> None:
    """Put a long log aside."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))


class Child:
    """One `wattline` process; its standard error is its log."""

    def __init__(
        self, name: str, arguments: Sequence[str], log: Path, *, niceness: int = 0
    ) -> None:
        """`niceness` is by how much the system prefers others to it where processors are short."""
        self.name = name
        self._niceness = niceness
        self._command = [sys.executable, "-P", "-m", "scripts", *arguments]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._start_at: float | None = None  # of the next try, while it is dead

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        roll(self._log)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the supervisor. Not a session: Linux may share processors out by
                # session first, and niceness would say nothing about the others here.
                process_group=0,
                preexec_fn=self._prepare,
            )
        self._started_at = time.monotonic()
        self._start_at = None

    def _prepare(self) -> None:
        die_with_parent()
        os.nice(self._niceness)

    def death(self) -> str | None:
        """Return how it ended, once; a restart is due some time after it."""
        if self._process is None or self._start_at is not None:
            return None
        code = self._process.poll()
        if code is None:
            return None
        if time.monotonic() - self._started_at > STEADY_S:
            self._pause_s = FIRST_PAUSE_S
        self._start_at = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return f"signal {-code}" if code < 0 else f"exit code {code}: {self._last_words()}"

    def start_if_due(self) -> bool:
        """Start it again if its time has come; return whether."""
        if self._start_at is None or time.monotonic() < self._start_at:
            return False
        self.start()
        return True

    def end(self) -> None:
        """Ask it to stop."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self) -> None:
        """Wait until it has stopped; kill it if it does not."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout=STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - 2000))
            lines = log.read().decode(errors="replace").splitlines()
        said = [line.strip("│ ") for line in lines if any(letter.isalpha() for letter in line)]
        return said[-1][:300] if said else "it said nothing"
