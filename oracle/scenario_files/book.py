"""
Reads an order book and its lease fees from CSV files, to clear it under any mechanism.

`side,participant,energy_kwh,price_usd_per_kwh`: a row per offer or bid, in the order in which they
came; a participant may have several, and an offer and a bid of one name meet as any two.
`seller,buyer,fee_usd_per_kwh`: a row per pair that lines join, each offer of the one with each bid
of the other. Rows of empty cells are passed over. Cells are read as exact numbers and rounded to
the nearest Wh and micro-USD/MWh; how many were is told. What the chain's integers cannot hold is
refused, and so is an energy that rounds to nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind, Order
from oracle.errors import InvalidInputError
from oracle.scenario_files.csv_file import Row, check_headings, numbered_rows, said
from oracle.units import KWH_PER_MWH, MICRO_USD_PER_USD, WH_PER_KWH, MicroUsdPerMwh, Wh

ORDERS = ("side", "participant", "energy_kwh", "price_usd_per_kwh")
FEES = ("seller", "buyer", "fee_usd_per_kwh")
SIDES = {"offer": Kind.OFFER, "bid": Kind.BID}

MAX_FEES = 1_000_000  # pairs of an offer and a bid

_PRICE_SCALE = KWH_PER_MWH * MICRO_USD_PER_USD
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_MAX_LENGTH = 40  # of a number's text


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFile:
    """
    A book, and the fees of its lines.

    `fees` maps (offer, bid), by their positions, to the lease fee of their line; None where all
    orders meet in one free pool.
    """

    orders: tuple[Order, ...]  # each of a participant of its own: its position plus 1
    names: tuple[str, ...]  # whose each order is; of several orders the same name
    fees: Mapping[tuple[int, int], MicroUsdPerMwh] | None = None
    rounded: int = 0  # numbers of the files


class _Rounding:
    """Scales cells to whole numbers, and counts those that were none."""

    def __init__(self) -> None:
        self.count = 0

    def energy(self, place: str, cell: str) -> Wh:
        energy = self._scaled(f"{place}, energy_kwh", cell, WH_PER_KWH, MAX_ENERGY)
        if energy == 0:
            raise InvalidInputError(
                f"{place}, energy_kwh: expected at least half a Wh, got {said(cell)}"
            )
        return Wh(energy)

    def price(self, place: str, cell: str) -> MicroUsdPerMwh:
        return MicroUsdPerMwh(self._scaled(place, cell, _PRICE_SCALE, MAX_PRICE))

    def _scaled(self, place: str, cell: str, scale: int, at_most: int) -> int:
        """Return the whole number nearest to a cell times the scale; halves go to the even one."""
        is_number = len(cell) <= _MAX_LENGTH and _DECIMAL.fullmatch(cell)
        exact = Fraction(cell) * scale if is_number else Fraction(-1)
        if exact < 0 or round(exact) > at_most:
            raise InvalidInputError(
                f"{place}: expected a number in [0, {at_most / scale:.15g}], got {said(cell)}"
            )
        self.count += exact.denominator != 1
        return round(exact)


def read_book(path: Path, fees_path: Path | None = None) -> BookFile:
    """
    Return the book of a file, and the fees of another.

    Raises
    ------
    InvalidInputError
        With file, line and column at fault.
    """
    rounding = _Rounding()
    orders: list[Order] = []
    names: list[str] = []
    for row, cells in _rows(path, ORDERS):
        place = f"{path.name}, line {row.line}"
        side, name = cells["side"], cells["participant"]
        if side.lower() not in SIDES:
            raise InvalidInputError(f"{place}, side: expected offer or bid, got {said(side)}")
        if not name:
            raise InvalidInputError(f"{place}, participant: expected a name, got {said(name)}")
        names.append(name)
        energy = rounding.energy(place, cells["energy_kwh"])
        price = rounding.price(f"{place}, price_usd_per_kwh", cells["price_usd_per_kwh"])
        kind = SIDES[side.lower()]
        orders.append(Order(kind=kind, participant=len(names), energy=energy, price=price))
    fees = None if fees_path is None else _fees(fees_path, orders, names, rounding)
    return BookFile(orders=tuple(orders), names=tuple(names), fees=fees, rounded=rounding.count)


def _fees(
    path: Path, orders: Sequence[Order], names: Sequence[str], rounding: _Rounding
) -> dict[tuple[int, int], MicroUsdPerMwh]:
    positions: dict[tuple[str, Kind], list[int]] = {}
    for position, (name, order) in enumerate(zip(names, orders, strict=True)):
        positions.setdefault((name, order.kind), []).append(position)
    fees: dict[tuple[int, int], MicroUsdPerMwh] = {}
    for row, cells in _rows(path, FEES):
        place = f"{path.name}, line {row.line}"
        sides = []
        for column, kind in (("seller", Kind.OFFER), ("buyer", Kind.BID)):
            found = positions.get((cells[column], kind))
            if found is None:
                expected = f"a participant with {'an offer' if kind is Kind.OFFER else 'a bid'}"
                raise InvalidInputError(
                    f"{place}, {column}: expected {expected}, got {said(cells[column])}"
                )
            sides.append(found)
        if len(fees) + len(sides[0]) * len(sides[1]) > MAX_FEES:
            raise InvalidInputError(f"{place}: expected at most {MAX_FEES:,} pairs of orders")
        lines = list(product(sides[0], sides[1]))
        if lines[0] in fees:
            raise InvalidInputError(f"{place}: expected one fee of this pair, got a second")
        fee = rounding.price(f"{place}, fee_usd_per_kwh", cells["fee_usd_per_kwh"])
        fees |= dict.fromkeys(lines, fee)
    return fees


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[Row, dict[str, str]]]:
    """Return each row that is not all empty, with its cells by heading."""
    filled = [row for row in numbered_rows(path) if any(map(str.strip, row.cells))]
    heading_row, *rows = filled or [Row(1, [])]
    headings = [heading.strip() for heading in heading_row.cells]
    check_headings(path.name, headings, columns)
    found = []
    for row in rows:
        if len(row.cells) != len(headings):
            raise InvalidInputError(
                f"{path.name}, line {row.line}: expected {len(headings)} values, "
                f"got {len(row.cells)}"
            )
        found.append((row, dict(zip(headings, map(str.strip, row.cells), strict=True))))
    return found
