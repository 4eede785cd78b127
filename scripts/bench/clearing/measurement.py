"""All contenders and sizes, one contender after the other, so that none takes another's time."""

from collections.abc import Sequence
from dataclasses import replace

from oracle.errors import Divergence, WorkerError
from oracle.progress import Progress
from scripts.bench.clearing.books import MOST_LINED
from scripts.bench.clearing.figures import ClearingFigures
from scripts.bench.clearing.sums import Sums
from scripts.bench.clearing.systems import OURS, Contender
from scripts.bench.clearing.trial import Cell, Fault, Found, Task, trials


def measure_clearing(
    some: Sequence[Contender],
    sizes: Sequence[int],
    *,
    runs: int,
    lines: int,
    seed: int,
    limit_s: float,
    progress: Progress,
) -> list[ClearingFigures]:
    """
    Return the figures of each contender at each size; over lines, at those that a book can have.

    Raises
    ------
    Divergence
        If an algorithm of others that is one of ours comes to other sums.
    WorkerError
        If a mechanism of ours fails, other than at a book that is too large for it.
    """
    figures: list[ClearingFigures] = []
    sums: dict[tuple[str, int], Sums] = {}
    for place, one in enumerate(some):
        progress("contenders", place, len(some))
        task = Task(
            name=one.name,
            sizes=_sizes(one, sizes),
            runs=runs,
            lines=lines,
            seed=seed,
            limit_s=limit_s,
        )
        for done, (size, cell) in enumerate(trials(task), 1):
            progress(one.name, done, len(task.sizes))
            if isinstance(cell, Fault) and one.system == OURS:
                raise WorkerError(f"{one.name}, {size:,} orders: {cell}")
            row = _figures(one, size, cell, task)
            if isinstance(cell, Cell):
                sums[one.name, size] = cell.sums
                ours = sums.get((one.equals, size))
                if ours is not None:
                    _require_same(one, size, cell.sums, ours)
                    row = replace(row, equals=one.equals)
            figures.append(row)
    progress("contenders", len(some), len(some))
    return figures


def _sizes(one: Contender, sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of a contender's books; the largest over lines stands for larger ones."""
    if one.book == "pool":
        return tuple(sizes)
    return tuple(dict.fromkeys(min(size, MOST_LINED) for size in sizes))


def _require_same(one: Contender, size: int, theirs: Sums, ours: Sums) -> None:
    if not theirs.agrees(ours, one.same):
        told = ", ".join(
            f"{name} {getattr(theirs, name):.6f} against {getattr(ours, name):.6f}"
            for name in one.same
        )
        raise Divergence(f"{size:,} orders", f"{one.name} is not {one.equals}: {told}")


def _figures(one: Contender, size: int, cell: Found, task: Task) -> ClearingFigures:
    done = cell if isinstance(cell, Cell) else None
    return ClearingFigures(
        mechanism=one.name,
        orders=size,
        seconds=done.clear.median if done else None,
        seconds_least=done.clear.least if done else None,
        seconds_most=done.clear.most if done else None,
        runs=task.runs if done else 0,
        verify_s=done.verify.median if done and done.verify else None,
        system=one.system,
        book=one.book,
        lines=done.lines if done else 0,
        trades=done.sums.trades if done else 0,
        volume_wh=round(done.sums.volume_wh) if done else 0,
        welfare_usd=round(done.sums.welfare_usd, 6) if done else 0.0,
        peak_mb=done.peak_mb if done else 0.0,
        equals="",
        stopped="" if done else str(cell),
        limit_s=task.limit_s,
        seed=task.seed,
    )
