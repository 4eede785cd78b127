"""
Large linear programs as arrays: blocks of columns and rows at once, no object per variable.

`oracle.program` names every variable and row and can say what is wrong with a program; this is for
sizes where that costs more than solving. Blocks have shapes, and `put` takes whatever numpy can
broadcast against each other. No solver here: `Columnwise.solve` hands it to
`oracle.sparse_solver`.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Number = float | FloatArray

NO_LIMIT = np.inf
AT_LOW, BASIC, AT_HIGH = 0, 1, 2  # where a column or a row is in a basis


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """Which columns and rows of a program are between their limits, and at which the others are."""

    columns: IntArray  # (columns,) of AT_LOW, BASIC, AT_HIGH
    rows: IntArray  # (rows,)

    def fits(self, program: "Columnwise") -> bool:
        """Tell whether it has a place for each column and each row."""
        sizes = len(program.cost), len(program.row_low)
        return (len(self.columns), len(self.rows)) == sizes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """Where to start from: what is thought to be the duals of equalities, and a basis for them."""

    priced_rows: IntArray  # (n,)
    prices: FloatArray  # (n,)
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseSolution:
    """An optimum; without integers, with the duals of all rows and, where asked for, its basis."""

    objective: float
    levels: FloatArray  # (columns,)
    duals: FloatArray  # (rows,)
    basis: Basis | None
    iterations: int
    solve_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columnwise:
    """A whole program `min cost·x + offset, row_low ≤ A x ≤ row_high, low ≤ x ≤ high`."""

    cost: FloatArray  # (columns,)
    low: FloatArray
    high: FloatArray
    row_low: FloatArray  # (rows,)
    row_high: FloatArray
    start: IntArray  # (columns + 1,)
    row: IntArray  # (entries,)
    value: FloatArray
    offset: float
    integers: IntArray  # columns that must be whole

    def priced(self, rows: IntArray, prices: FloatArray) -> "Columnwise":
        """
        Return the program with `prices` of equalities moved into its cost.

        The objective is the same wherever these rows hold; their duals are the difference to the
        prices then.
        """
        dual = np.zeros(len(self.row_low))
        dual[rows] = prices
        columns = np.repeat(np.arange(len(self.cost)), np.diff(self.start))
        paid = np.bincount(columns, weights=self.value * dual[self.row], minlength=len(self.cost))
        offset = self.offset + float(self.row_low[rows] @ prices)
        return replace(self, cost=self.cost - paid, offset=offset)

    def without(self, rows: IntArray) -> "Columnwise":
        """Return the program with some rows asking for nothing."""
        low, high = self.row_low.copy(), self.row_high.copy()
        low[rows], high[rows] = -NO_LIMIT, NO_LIMIT
        return replace(self, row_low=low, row_high=high)

    def solve(
        self,
        *,
        title: str,
        time_limit_s: float,
        start: Start | None = None,
        with_basis: bool = False,
    ) -> SparseSolution:
        """
        Minimise.

        Raises
        ------
        SolverError
            One of its subclasses, with one line.
        """
        from oracle.sparse_solver import solve_sparse  # only here: as in `oracle.program`

        return solve_sparse(
            self, title=title, time_limit_s=time_limit_s, start=start, with_basis=with_basis
        )


class SparseProgram:
    """A linear program to be minimised, under construction."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.integers: IntArray = np.zeros(0, dtype=np.int64)  # columns that must be whole
        self._columns = 0
        self._rows = 0
        self._cost: list[FloatArray] = []
        self._low: list[FloatArray] = []
        self._high: list[FloatArray] = []
        self._row_low: list[FloatArray] = []
        self._row_high: list[FloatArray] = []
        self._entries: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._column_slots: list[IntArray] = []
        self._row_slots: list[IntArray] = []

    def variables(
        self,
        shape: tuple[int, ...],
        low: Number = 0.0,
        high: Number = NO_LIMIT,
        cost: Number = 0.0,
        *,
        slots: IntArray | int = 0,
    ) -> IntArray:
        """Add a block of columns; return their indices, of this shape. `slots` are kept only."""
        size = int(np.prod(shape))
        self._column_slots.append(np.broadcast_to(slots, shape).ravel())
        for kept, value in ((self._low, low), (self._high, high), (self._cost, cost)):
            kept.append(np.broadcast_to(np.asarray(value, dtype=np.float64), shape).ravel())
        self._columns += size
        return np.arange(self._columns - size, self._columns).reshape(shape)

    def constraints(
        self, shape: tuple[int, ...], low: Number, high: Number, *, slots: IntArray | int = 0
    ) -> IntArray:
        """Add a block of rows without entries; return their indices, of this shape."""
        size = int(np.prod(shape))
        self._row_slots.append(np.broadcast_to(slots, shape).ravel())
        for kept, value in ((self._row_low, low), (self._row_high, high)):
            kept.append(np.broadcast_to(np.asarray(value, dtype=np.float64), shape).ravel())
        self._rows += size
        return np.arange(self._rows - size, self._rows).reshape(shape)

    def put(self, rows: IntArray, columns: IntArray, coefficient: Number) -> None:
        """Add entries; no column may occur twice in a row."""
        row, column, value = np.broadcast_arrays(rows, columns, coefficient)
        self._entries.append((row.ravel(), column.ravel(), value.ravel().astype(np.float64)))

    def columnwise(self) -> Columnwise:
        """Return the program as it stands."""
        row, column, value = (np.concatenate(parts) for parts in zip(*self._entries, strict=True))
        order = np.argsort(column, kind="stable")
        counts = np.bincount(column, minlength=self._columns)
        return Columnwise(
            cost=np.concatenate(self._cost),
            low=np.concatenate(self._low),
            high=np.concatenate(self._high),
            row_low=np.concatenate(self._row_low),
            row_high=np.concatenate(self._row_high),
            start=np.concatenate([[0], np.cumsum(counts)]),
            row=row[order],
            value=value[order],
            offset=self.offset,
            integers=self.integers,
        )

    def slots(self) -> tuple[IntArray, IntArray]:
        """Return the slot of every column and of every row."""
        return np.concatenate(self._column_slots), np.concatenate(self._row_slots)
