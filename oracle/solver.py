"""
Solves programs of PuLP and flows with HiGHS, in this process, in one thread, with a stated gap;
large programs given as arrays are `oracle.sparse_solver`'s.

`solve` minimises a program and returns a `Solution`, or raises the SolverError that fits and says
where the fault most likely is:

* infeasible: the program is solved again with a slack on every constraint that has words, at the
  least sum of slacks; the constraint with the largest slack is named. The slacks are those of the
  linear relaxation, or, where that is feasible, of the integer program. Constraints without a unit
  are rules about on and off, where a slack of 1 saves hundreds of MW elsewhere: they get slacks in
  a second run only, and are named after what the first one found. Constraints without words are
  definitions, which no data can contradict.
* unbounded: the program is solved again inside a large box; the variable that runs farthest and
  earns by it is named.
* out of time: the linear relaxation is solved; the binary farthest from 0 and 1 is named.

The stopwatch here is the only look at a clock in the models; nothing but the reported durations
depends on it.
"""

from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pulp

from oracle.errors import (
    InfeasibleError,
    SolverError,
    SolverMissingError,
    TimeLimitError,
    UnboundedError,
)
from oracle.program import AT_LEAST, AT_MOST, EQUAL, LEAST_TIME_LIMIT_S, Program, Solution

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

PulpVariable = Any  # pulp.LpVariable; PuLP has no types

SENSES = {AT_MOST: pulp.LpConstraintLE, EQUAL: pulp.LpConstraintEQ, AT_LEAST: pulp.LpConstraintGE}

DIAGNOSIS_TIME_LIMIT_S = 10.0
SLACK_TOLERANCE = 1e-6  # ten times the solver's feasibility tolerance
FLOW_BITS = 20  # of the largest capacity, so that HiGHS' tolerance of 1e-7 is none
FLOW_COST = 1e4  # the largest cost, for the same reason
BOX = 1e7  # stands for infinity when looking for the reason of an unbounded program


def solve(program: Program, *, time_limit_s: float, gap: float) -> Solution:
    """Minimise a program; its variables hold the values then. See `Program.solve`."""
    problem = _Problem(program)
    program.build_s += perf_counter() - program.mark
    return problem.solve(time_limit_s=time_limit_s, gap=gap)


def relaxed_duals(program: Program, *, time_limit_s: float = 60.0) -> list[float]:
    """
    Return the dual value of every row of the linear relaxation, in order.

    Raises
    ------
    SolverError
        If the relaxation has no optimum that is found in time.
    """
    return _Problem(program).relaxed_duals(time_limit_s)


def largest_flow(
    *,
    tail: IntArray,
    head: IntArray,
    capacity: IntArray,
    weight: IntArray,
    excess: IntArray,
    time_limit_s: float,
) -> IntArray:
    """
    Return a flow of the largest weight, in floats' precision: a vertex, rounded to integers.

    Arrays of arcs have shape (arcs,); `excess`, shape (nodes,), is by how much more leaves a node
    than reaches it. Handed over as one matrix: PuLP's objects would cost more than solving.

    Raises
    ------
    SolverError
        If no optimum is found in time.
    """
    _require_highs()
    import highspy

    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    options: dict[str, bool | int | float | str] = {
        "output_flag": False,
        "threads": 1,
        "time_limit": time_limit_s,
        "presolve": "off",  # it finds nothing in a network, and takes longer than solving it
    }
    for option, value in options.items():
        highs.setOptionValue(option, value)
    unit = 2.0 ** max(0, int(capacity.max()).bit_length() - FLOW_BITS)  # a power: exact in floats
    arcs, nodes = len(tail), len(excess)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = arcs, nodes
    model.col_cost_ = -(FLOW_COST / max(int(np.abs(weight).max()), 1)) * weight.astype(np.float64)
    model.col_lower_, model.col_upper_ = np.zeros(arcs), capacity / unit
    model.row_lower_, model.row_upper_ = excess / unit, excess / unit
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kColwise
    matrix.start_ = np.arange(0, 2 * arcs + 1, 2)
    matrix.index_ = np.stack([tail, head], axis=1).ravel().astype(np.int32)
    matrix.value_ = np.tile([1.0, -1.0], arcs)
    highs.passModel(model)
    highs.run()
    status = highs.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise SolverError(f"largest flow: HiGHS stopped with {highs.modelStatusToString(status)!r}")
    flow = np.rint(np.array(highs.getSolution().col_value) * unit).astype(np.int64)
    return np.clip(flow, 0, capacity)


class _Problem:
    """A program in PuLP's objects, and the search for what is wrong with it."""

    def __init__(self, program: Program) -> None:
        self.title = program.title
        self._program = program
        self._problem = pulp.LpProblem(program.title.replace(" ", "_"), pulp.LpMinimize)
        self._variables: list[PulpVariable] = [
            self._problem.add_variable(variable.name, cat=pulp.LpBinary)
            if variable.integer
            else self._problem.add_variable(variable.name, variable.low, variable.high)
            for variable in program.variables
        ]
        for row in program.rows:
            expression = pulp.LpAffineExpression(
                [(self._variables[variable.index], factor) for variable, factor in row.terms]
            )
            self._problem.addConstraint(
                pulp.LpConstraint(expression, SENSES[row.sense], row.name, row.bound)
            )
        self._cost = {
            pulp_variable: variable.cost
            for pulp_variable, variable in zip(self._variables, program.variables, strict=True)
        }
        self._problem.setObjective(pulp.LpAffineExpression(self._cost))
        self._words = {row.name: (row.words, row.unit) for row in program.rows if row.words}
        self._binaries = [
            (self._variables[variable.index], words) for variable, words in program.binaries
        ]

    def solve(self, *, time_limit_s: float, gap: float) -> Solution:
        program = self._program
        started = perf_counter()
        left_s = max(time_limit_s - program.solve_s, LEAST_TIME_LIMIT_S)
        _run(self._problem, time_limit_s=left_s, gap=gap)
        program.mark = perf_counter()
        program.solve_s += program.mark - started

        if self._problem.sol_status != pulp.LpSolutionOptimal:
            raise self._diagnosis(time_limit_s)
        for variable, solved in zip(program.variables, self._variables, strict=True):
            variable.level = solved.value()
        return Solution(
            objective_usd=float(pulp.value(self._problem.objective)),
            build_s=program.build_s,
            solve_s=program.solve_s,
            gap=_reached_gap(self._problem) if self._binaries else 0.0,
        )

    def relaxed_duals(self, time_limit_s: float) -> list[float]:
        _run(self._problem, time_limit_s=time_limit_s, gap=0.0, integer=False)
        if self._problem.sol_status != pulp.LpSolutionOptimal:
            raise self._diagnosis(time_limit_s)
        return list(self._problem.solverModel.getSolution().row_dual)

    def _diagnosis(self, time_limit_s: float) -> SolverError:
        if _status(self._problem) == "Time limit reached":
            return self._out_of_time(time_limit_s)
        status = _status(self._problem)
        # HiGHS may stop at "unbounded or infeasible": only the slacks tell which.
        culprit = self._culprit()
        if culprit is not None:
            return InfeasibleError(f"{self.title} is infeasible; most likely at fault: {culprit}")
        if status == "Infeasible":  # by less than a slack is told apart from rounding
            return InfeasibleError(f"{self.title} is infeasible, by a hair")
        runaway = self._runaway()
        if runaway is not None:
            return UnboundedError(f"{self.title} is unbounded; most likely at fault: {runaway}")
        return SolverError(f"{self.title}: the solver stopped with {status!r}")

    def _culprit(self) -> str | None:
        """Return what is most likely at fault, or None if the program is feasible."""
        rules = {words for words, unit in self._words.values() if not unit}
        amount = self._most_missed({name for name, (_, unit) in self._words.items() if unit})
        if not rules:
            return amount
        cause = self._most_missed(set(self._words))
        if amount is None or cause not in rules:
            return amount or cause
        return f"{amount}, or {cause}"

    def _most_missed(self, loose: set[str]) -> str | None:
        """Return the constraint of `loose` to be missed by most, or None if that is of no help."""
        culprit = self._largest_slack(loose, integer=False)
        if culprit is None and self._binaries:
            culprit = self._largest_slack(loose, integer=True)
        return culprit

    def _largest_slack(self, loose: set[str], *, integer: bool) -> str | None:
        elastic = pulp.LpProblem("elastic", pulp.LpMinimize)
        slacks: list[tuple[Any, PulpVariable, PulpVariable]] = []
        for row in self._problem.constraints():
            terms = list(row.items())
            if row.name in loose:
                more = elastic.add_variable(f"more__{row.name}", 0.0)
                less = elastic.add_variable(f"less__{row.name}", 0.0)
                slacks.append((row, more, less))
                terms += [(more, 1.0), (less, -1.0)]
            expression = pulp.LpAffineExpression(terms)
            elastic.addConstraint(pulp.LpConstraint(expression, row.sense, row.name, -row.constant))
        if not slacks:
            return None
        elastic.setObjective(
            pulp.LpAffineExpression([(slack, 1.0) for _, *both in slacks for slack in both])
        )

        _run(elastic, time_limit_s=DIAGNOSIS_TIME_LIMIT_S, gap=1e-2, integer=integer)
        if elastic.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
            return None
        row, more, less = max(slacks, key=lambda slack: slack[1].value() + slack[2].value())
        missing, excess = more.value(), less.value()
        if missing + excess <= SLACK_TOLERANCE:
            return None
        words, unit = self._words[row.name]
        if not unit:
            return words
        if row.sense != pulp.LpConstraintEQ:
            return f"{words}, missed by {missing + excess:.4g} {unit}"
        side = "too little" if missing > excess else "too much"
        return f"{words}, {abs(missing - excess):.4g} {unit} {side}"

    def _runaway(self) -> str | None:
        free = [(v, c) for v, c in self._cost.items() if v.lowBound is None or v.upBound is None]
        bounds = [(variable, variable.lowBound, variable.upBound) for variable, _ in free]
        for variable, low, high in bounds:
            variable.bounds(-BOX if low is None else low, BOX if high is None else high)
        _run(self._problem, time_limit_s=DIAGNOSIS_TIME_LIMIT_S, gap=1e-2, integer=False)
        found = self._problem.sol_status == pulp.LpSolutionOptimal
        earning = [(v, c) for v, c in free if found and c * v.value() < 0 and abs(v.value()) >= BOX]
        for variable, low, high in bounds:
            variable.bounds(low, high)
        if not earning:
            return None
        variable, cost = min(earning, key=lambda pair: pair[1] * pair[0].value())
        return f"{variable.name}, which earns {abs(cost):.4g} USD per unit and has no limit"

    def _out_of_time(self, time_limit_s: float) -> TimeLimitError:
        text = f"{self.title}: no optimum proved within {time_limit_s:g} s"
        if not self._binaries:
            return TimeLimitError(text)
        if self._problem.sol_status == pulp.LpSolutionIntegerFeasible:
            text += f" (gap {100 * _reached_gap(self._problem):.2g}%)"
        _run(self._problem, time_limit_s=DIAGNOSIS_TIME_LIMIT_S, gap=1e-2, integer=False)
        if self._problem.sol_status != pulp.LpSolutionOptimal:
            return TimeLimitError(text)
        _, words = max(self._binaries, key=lambda pair: 0.5 - abs(pair[0].value() - 0.5))
        return TimeLimitError(f"{text}; hardest to decide: {words}")


class _WholeMatrixHiGHS(pulp.HiGHS):  # type: ignore[misc]
    """pulp.HiGHS that hands the program over as one matrix, which is several times faster."""

    def buildSolverModel(self, lp: pulp.LpProblem) -> None:
        import highspy  # PuLP knows by now that it is there

        variables, rows = lp.variables(), lp.constraints()
        for index, variable in enumerate(variables):
            variable.index = index
        for index, row in enumerate(rows):
            row.index = index
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(variables), len(rows)
        model.col_cost_ = np.array([lp.objective.get(v, 0.0) for v in variables], dtype=np.float64)
        model.col_lower_ = _bounds([v.lowBound for v in variables], -highspy.kHighsInf)
        model.col_upper_ = _bounds([v.upBound for v in variables], highspy.kHighsInf)
        model.row_lower_ = _bounds([row.getLb() for row in rows], -highspy.kHighsInf)
        model.row_upper_ = _bounds([row.getUb() for row in rows], highspy.kHighsInf)
        matrix = model.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kRowwise
        matrix.start_ = np.cumsum([0, *(len(row) for row in rows)])
        matrix.index_ = np.array([v.index for row in rows for v in row], dtype=np.int32)
        matrix.value_ = np.array([c for row in rows for c in row.values()], dtype=np.float64)
        if self.mip and any(v.cat == pulp.LpInteger for v in variables):
            kinds = {pulp.LpInteger: highspy.HighsVarType.kInteger}
            real = highspy.HighsVarType.kContinuous
            model.integrality_ = [kinds.get(v.cat, real) for v in variables]
        lp.solverModel.passModel(model)


def _bounds(bounds: list[float | None], infinity: float) -> FloatArray:
    return np.array([infinity if bound is None else bound for bound in bounds], dtype=np.float64)


def _require_highs() -> None:
    if not pulp.HiGHS().available():
        raise SolverMissingError(
            "the solver HiGHS is missing: install it with `pip install highspy`"
        )


def _run(problem: pulp.LpProblem, *, time_limit_s: float, gap: float, integer: bool = True) -> None:
    _require_highs()
    problem.solve(
        _WholeMatrixHiGHS(mip=integer, msg=False, timeLimit=time_limit_s, gapRel=gap, threads=1)
    )


def _status(problem: pulp.LpProblem) -> str:
    solver = problem.solverModel
    return str(solver.modelStatusToString(solver.getModelStatus()))


def _reached_gap(problem: pulp.LpProblem) -> float:
    gap = float(problem.solverModel.getInfo().mip_gap)
    return gap if np.isfinite(gap) else 0.0
