"""`wattline bench clearing`: how long clearing takes, and how that grows with the book."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from oracle.domain.book import Kind, Order
from oracle.errors import InvalidInputError
from oracle.market.matching import Matching
from oracle.market.mechanism import POOL, Edge, Mechanism, Round
from oracle.market.uniform import Uniform
from oracle.units import MicroUsdPerMwh, Wh
from scripts.console import errors_in_one_line, out, progress_bars

USD = 1_000_000  # micro-USD
REAL_TIME_PRICE = MicroUsdPerMwh(250 * USD)
MOST_LINED = 1 << 16  # positions of a line's orders have 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearingFigures:
    """One book, cleared and checked once."""

    mechanism: str
    orders: int
    lines: int
    trades: int
    clear_s: float  # with the certificate
    verify_s: float


def clearing(
    uniform: Annotated[
        str, typer.Option(help="Numbers of orders of a pool, with commas between; 0 for none.")
    ] = "1000,10000,100000",
    matching: Annotated[
        str,
        typer.Option(help="Numbers of orders on each side, with commas between; 0 for none."),
    ] = "250,500,1000,2000,4000",
    lines: Annotated[int, typer.Option(help="Lines of each offer, for matching.", min=1)] = 8,
    seed: Annotated[int, typer.Option(help="Of the random books.", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False,
) -> None:
    """
    Time the clearing of random books of growing size, without a chain.

    `uniform` clears one pool; `matching` offers and bids with a few lines each, at random fees. Its
    time grows with the lines, not with the pairs. The exponent of growth is the slope of the line
    through the logarithms of time and number of orders: 1 is in proportion, 2 with the square.

    Example: wattline bench clearing --matching 500,1000,2000
    """
    with errors_in_one_line():
        rounds: list[tuple[Mechanism, int, Callable[[np.random.Generator, int], Round]]] = [
            *((Uniform(), size, pool_of_size) for size in _sizes("--uniform", uniform)),
            *(
                (Matching(), size, lambda rng, size: lined(rng, size, lines))
                for size in _lined_sizes(matching, lines)
            ),
        ]
        if not rounds:
            raise InvalidInputError("expected a size for --uniform or --matching, got none")
        figures: list[ClearingFigures] = []
        with progress_bars("clearing") as report:
            for done, (mechanism, size, made) in enumerate(rounds):
                report(mechanism.name, done, len(rounds))
                rng = np.random.default_rng([seed, size])
                figures.append(measured(mechanism, made(rng, size)))

    exponents = dict(growth(figures))
    if as_json:
        rows = [asdict(one) for one in figures]
        typer.echo(json.dumps({"figures": rows, "growth": exponents}, indent=1))
        return
    out.print(_table(figures))
    for name, exponent in exponents.items():
        out.print(f"{name}: time grows with orders to the power of {exponent:.2f}", highlight=False)


def measured(mechanism: Mechanism, market_round: Round) -> ClearingFigures:
    """Clear a round, check the outcome, and return how long both took."""
    started = perf_counter()
    outcome = mechanism.clear(market_round)
    cleared = perf_counter()
    mechanism.verify(market_round, outcome)
    return ClearingFigures(
        mechanism=mechanism.name,
        orders=len(market_round.orders),
        lines=len(market_round.edges),
        trades=len(outcome.trades),
        clear_s=cleared - started,
        verify_s=perf_counter() - cleared,
    )


def growth(figures: Sequence[ClearingFigures]) -> Iterator[tuple[str, float]]:
    """Yield for each mechanism with two sizes the exponent of its growth, by least squares."""
    for name in dict.fromkeys(one.mechanism for one in figures):
        some = [one for one in figures if one.mechanism == name]
        orders, seconds = np.log([(one.orders, one.clear_s) for one in some]).T
        if len(set(orders)) > 1:
            yield name, float(np.polyfit(orders, seconds, 1)[0])


def pool_of_size(rng: np.random.Generator, orders: int) -> Round:
    """Return a round of one free pool, half of it offers, in random order."""
    kinds = rng.permutation(np.arange(orders) % 2).tolist()
    book = tuple(_orders(rng, [Kind.BID if kind else Kind.OFFER for kind in kinds]))
    return Round(orders=book, edges=(), spokes=(POOL,) * orders, real_time_price=REAL_TIME_PRICE)


def lined(rng: np.random.Generator, side: int, lines: int) -> Round:
    """Return a round of offers, each with lines to some of as many bids; those that fit a price."""
    book = tuple(_orders(rng, [Kind.OFFER] * side + [Kind.BID] * side))
    edges = []
    for i in range(side):
        bids = side + np.sort(rng.choice(side, lines, replace=False))
        fees = rng.integers(50 * USD, size=lines)
        for j, fee in zip(bids.tolist(), fees.tolist(), strict=True):
            if book[i].price + fee <= book[j].price:
                edges.append(Edge(offer=i, bid=j, fee=MicroUsdPerMwh(fee)))
    return Round(orders=book, edges=tuple(edges), real_time_price=REAL_TIME_PRICE)


def _orders(rng: np.random.Generator, kinds: Sequence[Kind]) -> Iterator[Order]:
    """Yield orders of a household's quarter of an hour: offers at 50 to 150, bids 100 to 300."""
    energies = rng.integers(1, 5_000, size=len(kinds)).tolist()
    shares = rng.random(len(kinds)).tolist()
    for number, (kind, energy, share) in enumerate(zip(kinds, energies, shares, strict=True), 1):
        price = 50 + 100 * share if kind is Kind.OFFER else 100 + 200 * share
        yield Order(
            kind=kind,
            participant=number,
            energy=Wh(energy),
            price=MicroUsdPerMwh(round(price * USD)),
        )


def _sizes(option: str, text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidInputError(
            f"{option} {text}: expected whole numbers with commas between, such as 10,100"
        ) from error
    if min(sizes) < 0:
        raise InvalidInputError(f"{option} {text}: expected numbers of orders from 0")
    return [size for size in sizes if size]


def _lined_sizes(text: str, lines: int) -> list[int]:
    sizes = _sizes("--matching", text)
    for side in sizes:
        if 2 * side > MOST_LINED or lines > side:
            raise InvalidInputError(
                f"--matching {side}: expected from {lines}, the lines, to {MOST_LINED // 2} orders "
                "on each side"
            )
    return sizes


def _table(figures: Sequence[ClearingFigures]) -> Table:
    table = Table(title="Clearing random books, synthetic data")
    for heading in ("mechanism", "orders", "lines", "trades", "clear, s", "verify, s"):
        table.add_column(heading, justify="left" if heading == "mechanism" else "right")
    for one in figures:
        numbers = (f"{number:,}" for number in (one.orders, one.lines, one.trades))
        table.add_row(one.mechanism, *numbers, f"{one.clear_s:.3f}", f"{one.verify_s:.3f}")
    return table
