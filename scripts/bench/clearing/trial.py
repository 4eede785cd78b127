"""
One contender in a process of its own, which is ended where it takes too long.

The process clears books of growing size, each some times, and sends what it measured of each.
"""

import json
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


def trials(task: Task) -> Iterator[tuple[int, Cell | str]]:
    """Yield each size with what was measured, or why there is nothing."""
    receiver, sender = Pipe(duplex=False)
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", WORKER, str(sender.fileno()), json.dumps(asdict(task))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[sender.fileno()],
    )
    sender.close()
    stopped = _received(receiver, IMPORTS_WITHIN_S)
    try:
        for size in task.sizes:
            if stopped == READY:
                found = _received(receiver, task.limit_s)
                if isinstance(found, str):
                    stopped = f"not tried: of {size:,} orders it was {found}"
                yield size, found
            else:
                yield size, str(stopped)
    finally:
        process.kill()
        process.wait()
        receiver.close()


def _received(receiver: Connection, limit_s: float) -> Cell | str:
    if not receiver.poll(limit_s):
        return f"stopped after {limit_s:g} s"
    try:
        found: Cell | str = receiver.recv()
    except EOFError:
        return "ended by the system, short of memory most likely"
    return found
