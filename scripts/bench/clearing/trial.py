"""
One contender in a process of its own, which is ended where it takes too long.

The process clears books of growing size, each some times, and sends what it measured of each.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from scripts.bench.clearing.sums import Sums
from scripts.bench.spread import Spread

IMPORTS_WITHIN_S = 60.0
READY = "ready"
WORKER = "scripts.bench.clearing.worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A contender, the sizes of its books and how often each is cleared."""

    name: str
    sizes: tuple[int, ...]
    runs: int
    lines: int
    seed: int
    limit_s: float  # for one book with all its runs, checks and drawing included


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A book that was cleared by one contender."""

    clear: Spread
    verify: Spread | None
    sums: Sums
    lines: int
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong in a contender, in one line; not that a book is too large for it."""

    what: str

    def __str__(self) -> str:
        return self.what


Found = Cell | Fault | str  # text: why there is nothing, though nothing went wrong


def trials(task: Task) -> Iterator[tuple[int, Found]]:
    """Yield each size with what was measured, or why there is nothing."""
    receiver, sender = Pipe(duplex=False)
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", WORKER, str(sender.fileno()), json.dumps(asdict(task))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[sender.fileno()],
    )
    sender.close()
    try:
        state = _received(receiver, process, IMPORTS_WITHIN_S)
        for size in task.sizes:
            if state != READY:
                yield size, state
                continue
            found = _received(receiver, process, task.limit_s)
            if not isinstance(found, Cell):
                state = f"not tried; of {size:,} orders: {found}"
            yield size, found
    finally:
        process.kill()
        process.wait()
        receiver.close()


def _received(receiver: Connection, process: "subprocess.Popen[bytes]", limit_s: float) -> Found:
    if not receiver.poll(limit_s):
        return f"stopped after {limit_s:g} s"
    try:
        found: Found = receiver.recv()
    except EOFError:
        code = process.wait()
        if code == -signal.SIGKILL:
            return "killed by the system, short of memory most likely"
        return Fault(f"ended with exit code {code}")
    return found
