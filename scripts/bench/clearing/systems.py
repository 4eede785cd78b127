"""Who clears: each mechanism of ours, and those that others have or would write."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from oracle.domain.community import FULL
from oracle.market.huang import Huang
from oracle.market.matching import Matching
from oracle.market.mechanism import Mechanism, Outcome, Round
from oracle.market.pairwise_nash import PairwiseNash
from oracle.market.registry import MECHANISMS
from oracle.market.uniform import Uniform
from scripts.bench.clearing import others
from scripts.bench.clearing.books import EXPORT_PRICE
from scripts.bench.clearing.figures import BookShape
from scripts.bench.clearing.sums import Sums, sums_of, sums_of_sides

OURS = "wattline"
PYMARKET = "pymarket"
PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Clears what `prepare` makes of a round; `same` are the sums it shares with `equals`."""

    name: str
    system: str
    book: BookShape
    clear: Callable[[Any], Any]
    sums: Callable[[Round, Any], Sums]
    prepare: Callable[[Round], Any] = lambda market_round: market_round
    verify: Callable[[Round, Any], None] | None = None
    equals: str = ""
    same: tuple[str, ...] = ()


def contenders(names: Iterable[str], *, with_others: bool) -> list[Contender]:
    """Return those of ours with these ids, and of the others those to be held against them."""
    wanted = set(names)
    found = [_ours(kind) for name, kind in MECHANISMS.items() if name in wanted]
    if with_others:
        rivals = _OTHERS if has_pymarket() else [o for o in _OTHERS if o.system != PYMARKET]
        found += [other for other in rivals if (other.equals or Huang.name) in wanted]
    return found


def contender(name: str) -> Contender:
    """Return the one of a name."""
    if name in MECHANISMS:
        return _ours(MECHANISMS[name])
    return next(other for other in _OTHERS if other.name == name)


def has_pymarket() -> bool:
    """Return whether the extra `bench` is installed."""
    try:
        version(PYMARKET)
    except PackageNotFoundError:
        return False
    return True


def _ours(kind: type[Mechanism]) -> Contender:
    mechanism = kind.of({one.key: one.default for one in kind.settings}, EXPORT_PRICE)

    def sums(market_round: Round, outcome: Outcome) -> Sums:
        return sums_of(market_round, ((t.offer, t.bid, t.energy) for t in outcome.trades))

    return Contender(
        name=kind.name,
        system=OURS,
        book="lines" if kind.graphs[0] == FULL else "pool",
        clear=mechanism.clear,
        sums=sums,
        verify=mechanism.verify,
    )


def _of_pymarket(name: str, clear: Callable[[Any], Any], equals: str = "") -> Contender:
    return Contender(
        name=f"{PYMARKET} {name}",
        system=PYMARKET,
        book="pool",
        prepare=others.pymarket_bids,
        clear=clear,
        sums=sums_of_sides,
        equals=equals,
        same=("volume_wh",) if equals else (),
    )


def _plain(
    name: str, book: BookShape, clear: Callable[[Any], Any], equals: str, *same: str
) -> Contender:
    return Contender(
        name=f"{PLAIN} {name}",
        system=PLAIN,
        book=book,
        clear=clear,
        sums=sums_of,
        equals=equals,
        same=same,
    )


_OTHERS = [
    _of_pymarket("huang", others.pymarket_huang, Huang.name),
    _of_pymarket("muda", others.pymarket_muda),
    _of_pymarket("p2p", others.pymarket_p2p),
    _plain("crossing", "pool", others.crossing, Uniform.name, "volume_wh", "welfare_usd"),
    _plain(
        "LP",
        "lines",
        others.largest_welfare,
        Matching.name,
        "welfare_usd",
    ),
    _plain(
        "two LPs",
        "lines",
        others.largest_volume,
        PairwiseNash.name,
        "volume_wh",
        "fees_usd",
    ),
]
