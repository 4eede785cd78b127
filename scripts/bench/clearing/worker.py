"""
The process of one contender: clears books of growing size, and sends what it measured of each.

Nothing of the command line or the chain is loaded here, so that it is there at once.
"""

import json
import re
import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

from oracle.errors import OracleError
from scripts.bench.clearing.books import drawn_orders, lined_round, pool_round, with_terms
from scripts.bench.clearing.systems import PYMARKET, Contender, contender
from scripts.bench.clearing.trial import READY, Cell, Task
from scripts.bench.spread import spread


def measured(one: Contender, size: int, task: Task) -> Cell:
    """Draw a book, clear it as often as asked, and check each outcome."""
    orders = drawn_orders(task.seed, size)
    market_round = (
        pool_round(with_terms(orders, one.name))
        if one.book == "pool"
        else lined_round(with_terms(orders, one.name), task.lines, task.seed)
    )
    prepared = one.prepare(market_round)
    clear_s, verify_s = [], []
    for _ in range(task.runs):
        started = perf_counter()
        cleared = one.clear(prepared)
        clear_s.append(perf_counter() - started)
        if one.verify is not None:
            started = perf_counter()
            one.verify(market_round, cleared)
            verify_s.append(perf_counter() - started)
    return Cell(
        clear=spread(clear_s),
        verify=spread(verify_s) if verify_s else None,
        sums=one.sums(market_round, cleared),
        lines=len(market_round.edges),
        peak_mb=_peak_mb(),
    )


def work(task: Task, sender: Connection) -> None:
    """Say that all is loaded; then send each size's measurements, or why it is refused."""
    one = contender(task.name)
    if one.system == PYMARKET:
        one.prepare(pool_round(drawn_orders(task.seed, 2)))  # loads the library
    sender.send(READY)
    for size in task.sizes:
        try:
            sender.send(measured(one, size, task))
        except OracleError as error:
            sender.send(f"refused: {error}")
            return
        except MemoryError as error:
            sender.send(f"out of memory: {error}")
            return


def _peak_mb() -> float:
    """Return the most memory so far; what getrusage says on Linux is the starter's, if more."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(encoding="ascii"), re.M)
        if peak is not None:
            return round(int(peak[1]) * 1_024 / 1e6, 1)
    peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak_rss / (1e6 if sys.platform == "darwin" else 1e3), 1)


if __name__ == "__main__":
    descriptor, settings = sys.argv[1:]
    work(Task(**json.loads(settings)), Connection(int(descriptor), readable=False))
