"""
Linear and mixed-integer programs under construction, as plain rows and columns; no solver here.

A model fills a `Program`: variables with their cost, constraints with a name that carries the
equation's id (`E27_balance_41`) and with words for the user ("power balance (27) in slot 41").
`Program.solve` hands it to `oracle.solver`; `Program.matrix` is for who checks a solution without
one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt

from oracle.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]

AT_MOST, EQUAL, AT_LEAST = -1, 0, 1

DEFAULT_GAP = 1e-6
LEAST_TIME_LIMIT_S = 1e-3  # that a solver is given, however little is left


@dataclass(slots=True, kw_only=True, eq=False)
class Variable:
    """A column; `level` is its value, once solved."""

    name: str
    index: int
    low: float | None
    high: float | None
    integer: bool
    cost: float
    level: float | None = None

    def value(self) -> float:
        if self.level is None:
            raise ValueError(f"{self.name} has no value before its program is solved")
        return self.level


Term = tuple[Variable, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A constraint `Σ coefficient · variable  sense  bound`."""

    name: str
    terms: tuple[Term, ...]
    sense: int
    bound: float
    words: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matrix:
    """A whole program: row by row its columns and coefficients; limits may be infinite."""

    columns: tuple[str, ...]
    cost: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    integer: tuple[bool, ...]
    rows: tuple[str, ...]
    terms: tuple[tuple[tuple[int, float], ...], ...]  # per row (column, coefficient)
    row_low: tuple[float, ...]
    row_high: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """How a program was solved; the variables hold the values."""

    objective_usd: float
    build_s: float
    solve_s: float
    gap: float


class Program:
    """A linear or mixed-integer program to be minimised, under construction."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.variables: list[Variable] = []
        self.rows: list[Row] = []
        self.binaries: list[tuple[Variable, str]] = []
        self.build_s = 0.0
        self.solve_s = 0.0
        self.mark = perf_counter()

    def variable(
        self, name: str, low: float | None = 0.0, high: float | None = None, *, cost: float = 0.0
    ) -> Variable:
        """Add a continuous variable; `cost` is its coefficient in the objective."""
        return self._added(name, low, high, cost, integer=False)

    def binary(self, name: str, words: str, *, cost: float = 0.0) -> Variable:
        """Add a variable that is 0 or 1; `words` say what it decides."""
        variable = self._added(name, 0.0, 1.0, cost, integer=True)
        self.binaries.append((variable, words))
        return variable

    def add_cost(self, variable: Variable, cost: float) -> None:
        """Add to the variable's coefficient in the objective."""
        variable.cost += cost

    def constant_cost(self, amount_usd: float) -> None:
        """Add a constant to the objective, so that gaps are relative to the whole cost."""
        self.variable(f"constant_{len(self.variables)}", 1.0, 1.0, cost=amount_usd)

    def require(
        self,
        name: str,
        terms: Iterable[Term],
        sense: int,
        bound: float,
        words: str = "",
        unit: str = "MW",
    ) -> None:
        """
        Add `Σ coefficient · variable  sense  bound`; no variable may occur twice in `terms`.

        Constraints with `words` may be named as the fault of an infeasible program, with the amount
        they are missed by where a `unit` makes sense of it.
        """
        row = Row(
            name=name,
            terms=tuple(terms),
            sense=sense,
            bound=float(bound),
            words=words,
            unit=unit,
        )
        self.rows.append(row)

    def matrix(self) -> Matrix:
        """Return the program as it stands."""
        no = float("inf")
        return Matrix(
            columns=tuple(v.name for v in self.variables),
            cost=tuple(float(v.cost) for v in self.variables),
            low=tuple(-no if v.low is None else float(v.low) for v in self.variables),
            high=tuple(no if v.high is None else float(v.high) for v in self.variables),
            integer=tuple(v.integer for v in self.variables),
            rows=tuple(row.name for row in self.rows),
            terms=tuple(tuple((v.index, float(a)) for v, a in row.terms) for row in self.rows),
            row_low=tuple(-no if row.sense == AT_MOST else row.bound for row in self.rows),
            row_high=tuple(no if row.sense == AT_LEAST else row.bound for row in self.rows),
        )

    def levels(self) -> FloatArray:
        """Return the value of every variable, once solved, as the solver left it."""
        return np.array([variable.value() for variable in self.variables], dtype=np.float64)

    def solve(self, *, time_limit_s: float, gap: float = DEFAULT_GAP) -> Solution:
        """
        Minimise; may be called again after more variables and constraints were added.

        `time_limit_s` is for all calls together.

        Raises
        ------
        SolverError
            One of its subclasses, with one line that names the likeliest cause.
        """
        from oracle.solver import solve  # only here: who builds a program needs no solver

        if not time_limit_s > 0:
            raise InvalidInputError(
                f"{self.title}: need a time limit above 0 s, got {time_limit_s}"
            )
        return solve(self, time_limit_s=time_limit_s, gap=gap)

    def _added(
        self, name: str, low: float | None, high: float | None, cost: float, *, integer: bool
    ) -> Variable:
        variable = Variable(
            name=name,
            index=len(self.variables),
            low=low,
            high=high,
            integer=integer,
            cost=cost,
        )
        self.variables.append(variable)
        return variable


def values(variables: Iterable[Variable]) -> FloatArray:
    """Return the values of solved variables, without the solver's dust around zero."""
    return without_dust(variable.value() for variable in variables)


def without_dust(levels: Iterable[float]) -> FloatArray:
    """Return values with those next to zero at zero."""
    array = np.array(list(levels), dtype=np.float64)
    array[np.abs(array) < 1e-9] = 0.0
    return array
