"""
Reads an order book and its lease fees from CSV files, to clear it under any mechanism.

`side,participant,energy_kwh,price_usd_per_kwh`: a line per offer or bid, in the order in which they
came; `seller,buyer,fee_usd_per_kwh`: a line per pair that a line joins. Cells are read as exact
numbers, so nothing is rounded: what the chain's integers cannot hold is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind, Order
from oracle.errors import InvalidInputError
from oracle.scenario_files.csv_file import Row, check_headings, numbered_rows, said
from oracle.units import KWH_PER_MWH, MICRO_USD_PER_USD, WH_PER_KWH, MicroUsdPerMwh, Wh

ORDERS = ("side", "participant", "energy_kwh", "price_usd_per_kwh")
FEES = ("seller", "buyer", "fee_usd_per_kwh")
SIDES = {"offer": Kind.OFFER, "bid": Kind.BID}

_PRICE_SCALE = KWH_PER_MWH * MICRO_USD_PER_USD
_DECIMAL = re.compile(r"\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_MAX_LENGTH = 40  # of a number's text


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFile:
    """
    A book, and the fees of its lines.

    `fees` maps (offer, bid), by their positions, to the lease fee of their line; None where all
    orders meet in one free pool.
    """

    orders: tuple[Order, ...]  # each of the participant whose number is its position plus 1
    names: tuple[str, ...]  # of the participants, in the same order
    fees: Mapping[tuple[int, int], MicroUsdPerMwh] | None = None


def read_book(path: Path, fees_path: Path | None = None) -> BookFile:
    """
    Return the book of a file, and the fees of another.

    Raises
    ------
    InvalidInputError
        With file, line and column at fault.
    """
    orders: list[Order] = []
    positions: dict[str, int] = {}
    for row, cells in _rows(path, ORDERS):
        place = f"{path.name}, line {row.line}"
        side, name = cells["side"], cells["participant"]
        if side not in SIDES:
            raise InvalidInputError(f"{place}, side: expected offer or bid, got {said(side)}")
        if not name:
            raise InvalidInputError(f"{place}, participant: expected a name, got {said(name)}")
        if name in positions:
            raise InvalidInputError(
                f"{place}, participant: expected one order of {said(name)}, got a second"
            )
        positions[name] = len(orders)
        energy = _energy(place, cells["energy_kwh"])
        price = _price(f"{place}, price_usd_per_kwh", cells["price_usd_per_kwh"])
        kind = SIDES[side]
        orders.append(Order(kind=kind, participant=len(orders) + 1, energy=energy, price=price))
    return BookFile(
        orders=tuple(orders),
        names=tuple(positions),
        fees=None if fees_path is None else _fees(fees_path, orders, positions),
    )


def _fees(
    path: Path, orders: list[Order], positions: Mapping[str, int]
) -> dict[tuple[int, int], MicroUsdPerMwh]:
    fees: dict[tuple[int, int], MicroUsdPerMwh] = {}
    for row, cells in _rows(path, FEES):
        place = f"{path.name}, line {row.line}"
        pair = []
        for column, kind in (("seller", Kind.OFFER), ("buyer", Kind.BID)):
            position = positions.get(cells[column])
            if position is None or orders[position].kind is not kind:
                expected = f"a participant with {'an offer' if kind is Kind.OFFER else 'a bid'}"
                raise InvalidInputError(
                    f"{place}, {column}: expected {expected}, got {said(cells[column])}"
                )
            pair.append(position)
        line = pair[0], pair[1]
        if line in fees:
            raise InvalidInputError(f"{place}: expected one fee of this pair, got a second")
        fees[line] = _price(f"{place}, fee_usd_per_kwh", cells["fee_usd_per_kwh"])
    return fees


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[Row, dict[str, str]]]:
    """Return each row with its cells by heading."""
    heading_row, *rows = numbered_rows(path) or [Row(1, [])]
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


def _energy(place: str, cell: str) -> Wh:
    energy = _scaled(f"{place}, energy_kwh", cell, WH_PER_KWH, MAX_ENERGY)
    if energy == 0:
        raise InvalidInputError(f"{place}, energy_kwh: expected more than 0, got {said(cell)}")
    return Wh(energy)


def _price(place: str, cell: str) -> MicroUsdPerMwh:
    return MicroUsdPerMwh(_scaled(place, cell, _PRICE_SCALE, MAX_PRICE))


def _scaled(place: str, cell: str, scale: int, at_most: int) -> int:
    """Return a cell times the scale, exactly."""
    is_number = len(cell) <= _MAX_LENGTH and _DECIMAL.fullmatch(cell)
    scaled = Fraction(cell) * scale if is_number else Fraction(-1)
    if not 0 <= scaled <= at_most:
        raise InvalidInputError(
            f"{place}: expected a number in [0, {at_most / scale:.15g}], got {said(cell)}"
        )
    if scaled.denominator != 1:
        raise InvalidInputError(f"{place}: expected a multiple of {1 / scale:g}, got {said(cell)}")
    return int(scaled)
