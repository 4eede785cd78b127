"""Programs as arrays: small ones to solve by hand, and starts that change no optimum."""

import numpy as np
import pytest

from oracle.errors import InfeasibleError, SolverError, TimeLimitError
from oracle.sparse import AT_HIGH, AT_LOW, BASIC, NO_LIMIT, Basis, SparseProgram, Start


def a_program(need: float = 5.0) -> SparseProgram:
    """Return `min 1 + x + 3 y` with x + y = need, x ≤ 4, y ≤ 4."""
    program = SparseProgram()
    program.offset = 1.0
    columns = program.variables((2,), 0.0, 4.0, np.array([1.0, 3.0]))
    row = program.constraints((1,), need, need)
    program.put(row, columns, 1.0)
    return program


def test_the_cheap_column_is_used_first() -> None:
    found = a_program().columnwise().solve(title="two", time_limit_s=1.0)

    assert found.objective == pytest.approx(8.0)
    assert found.levels == pytest.approx([4.0, 1.0])
    assert found.duals == pytest.approx([3.0])
    assert found.basis is None


def test_the_basis_tells_what_is_between_its_limits() -> None:
    found = a_program().columnwise().solve(title="two", time_limit_s=1.0, with_basis=True)

    assert found.basis is not None
    assert found.basis.columns.tolist() == [AT_HIGH, BASIC]
    assert found.basis.rows.tolist() in ([AT_LOW], [AT_HIGH])


@pytest.mark.parametrize("price", [-7.0, 0.0, 2.0, 3.0, 40.0])
def test_a_start_changes_neither_optimum_nor_duals(price: float) -> None:
    start = Start(
        priced_rows=np.array([0]),
        prices=np.array([price]),
        basis=Basis(columns=np.array([AT_HIGH, AT_LOW]), rows=np.array([BASIC])),
    )

    found = a_program().columnwise().solve(title="two", time_limit_s=1.0, start=start)

    assert found.objective == pytest.approx(8.0)
    assert found.duals == pytest.approx([3.0])


def test_integers_are_whole() -> None:
    program = a_program(need=4.5)
    program.integers = np.array([0, 1])
    row = program.constraints((1,), 0.5, 0.5)
    slack = program.variables((1,), 0.0, NO_LIMIT, 100.0)
    program.put(np.array([0]), slack, 1.0)
    program.put(row, slack, 1.0)

    found = program.columnwise().solve(title="whole", time_limit_s=1.0)

    assert found.levels == pytest.approx([4.0, 0.0, 0.5])


def test_blocks_are_broadcast_and_sorted_by_column() -> None:
    program = SparseProgram()
    columns = program.variables((2, 3), 0.0, np.array([1.0, 2.0, 3.0]))
    rows = program.constraints((2,), -NO_LIMIT, 1.0)
    program.put(rows[:, None], columns, np.array([[1.0], [-1.0]]))
    program.put(rows[:1], columns[1, :1], 5.0)

    found = program.columnwise()

    assert found.start.tolist() == [0, 1, 2, 3, 5, 6, 7]
    assert found.row.tolist() == [0, 0, 0, 1, 0, 1, 1]
    assert found.value.tolist() == [1.0, 1.0, 1.0, -1.0, 5.0, -1.0, -1.0]
    assert found.high.tolist() == [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]


def test_rows_that_ask_for_nothing_bind_nothing() -> None:
    free = a_program().columnwise().without(np.array([0]))

    assert free.solve(title="free", time_limit_s=1.0).objective == pytest.approx(1.0)


def test_says_what_is_infeasible() -> None:
    with pytest.raises(InfeasibleError, match="two is infeasible"):
        a_program(need=9.0).columnwise().solve(title="two", time_limit_s=1.0)


def test_says_what_is_unbounded() -> None:
    program = SparseProgram()
    program.put(program.constraints((1,), 0.0, NO_LIMIT), program.variables((1,), cost=-1.0), 1.0)

    with pytest.raises(SolverError, match="open: HiGHS stopped with 'Unbounded'"):
        program.columnwise().solve(title="open", time_limit_s=1.0)


def test_says_when_time_is_up() -> None:
    rng = np.random.default_rng(1)
    program = SparseProgram()
    columns = program.variables((400,), 0.0, 1.0, -rng.random(400))
    rows = program.constraints((300, 1), -NO_LIMIT, 20.0)
    program.put(rows, columns, rng.random((300, 400)))

    with pytest.raises(TimeLimitError, match="many: no optimum proved within 1e-09 s"):
        program.columnwise().solve(title="many", time_limit_s=1e-9)
