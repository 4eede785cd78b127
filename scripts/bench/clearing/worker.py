"""
The process of one contender: clears books of growing size, and sends what it measured of each.

Nothing of the command line or the chain is loaded here, so that it is there at once.
"""

import json
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from time import perf_counter

from oracle.errors import InvalidInputError
from scripts.bench.clearing.books import drawn_orders, lined_round, pool_round, with_terms
from scripts.bench.clearing.systems import PYMARKET, Contender, contender
from scripts.bench.clearing.trial import READY, Cell, Fault, Found, Task
from scripts.bench.memory import peak_mb
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
        peak_mb=round(peak_mb(), 1),
    )


def results(task: Task) -> Iterator[Found]:
    """Yield that all is loaded, then each size's measurements; at last why there are no more."""
    try:
        one = contender(task.name)
        if one.system == PYMARKET:
            one.prepare(pool_round(drawn_orders(task.seed, 2)))  # loads the library
        yield READY
        for size in task.sizes:
            yield measured(one, size, task)
    except InvalidInputError as error:  # no book has that size, or no certificate as many trades
        yield f"refused: {error}"
    except MemoryError as error:
        yield f"out of memory: {error}"
    except Exception as error:  # others' libraries may raise anything
        yield Fault(f"failed: {type(error).__name__}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    descriptor, settings = sys.argv[1:]
    sender = Connection(int(descriptor), readable=False)
    for result in results(Task(**json.loads(settings))):
        sender.send(result)
