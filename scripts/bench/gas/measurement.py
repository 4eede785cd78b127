"""All sizes and shapes, one market for each size."""

from collections.abc import Iterable, Sequence
from contextlib import closing

from oracle.chain.chains import open_chain
from oracle.progress import Progress
from scripts.bench.gas.community import SHAPES, Shape, open_market, require_size
from scripts.bench.gas.figures import GasFigures, figures_of
from scripts.bench.gas.rounds import RoundBench, senders_of


def measured(
    sizes: Iterable[int], shapes: Sequence[Shape], chain_name: str, progress: Progress
) -> list[GasFigures]:
    """
    Return the figures of every size and shape, by size.

    Raises
    ------
    InvalidInputError
        If there is no ring of one of the sizes.
    """
    wanted = sorted(set(sizes))
    for size in wanted:
        require_size(size)
    return [
        figures for size in wanted for figures in _of_one_size(size, shapes, chain_name, progress)
    ]


def _of_one_size(
    size: int, shapes: Sequence[Shape], chain_name: str, progress: Progress
) -> list[GasFigures]:
    def report(stage: str, done: int, total: int) -> None:
        progress(f"{size:,} orders, {stage}", done, total)

    senders = [label for shape in SHAPES for label in senders_of(shape).values()]
    with closing(open_chain(chain_name)) as chain:
        bench = RoundBench(open_market(chain, size, senders, report), size, report)
        first_orders = bench.first_orders(shapes[0])
        return [
            figures_of(bench.run(shape), first_orders, hardfork=chain.hardfork, chain=chain.name)
            for shape in shapes
        ]
