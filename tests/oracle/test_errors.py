"""Every error comes out of a pickle as it went in: so it leaves the worker that raised it."""

import pickle

import pytest

from oracle import errors
from oracle.errors import (
    ChainError,
    ChainUnavailable,
    ContractRevert,
    Divergence,
    InfeasibleError,
    InvalidInputError,
    OracleError,
    OrderSkipped,
    SolverError,
    SolverMissingError,
    TimeLimitError,
    TransactionRefused,
    UnboundedError,
    WorkerError,
)

ERRORS = [
    OracleError("refused"),
    InvalidInputError("orders: expected at least 1, got 0"),
    SolverError("no optimal solution"),
    InfeasibleError("no point meets D3"),
    UnboundedError("no finite minimum"),
    TimeLimitError("no optimum within 9 s"),
    SolverMissingError("HiGHS cannot be loaded"),
    WorkerError("a worker process died"),
    Divergence("record 7 OrderPlaced", "expected 3, came 4", slot=12),
    Divergence("totals.json", "expected 3, came 4"),
    ChainError("no such block"),
    ChainUnavailable("no Ethereum node answers"),
    TransactionRefused("nonce too low"),
    ContractRevert("NotOptimal", {"primal": 7, "dual": 8}),
    ContractRevert("GateClosed"),
    OrderSkipped("offer of 0x12: UnknownSlot"),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_comes_out_of_a_pickle_as_it_went_in(error: OracleError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert type(again) is type(error)
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))


def test_what_was_noted_of_an_error_comes_along() -> None:
    error = Divergence("totals.json", "expected 3, came 4")
    error.add_note("in the second export")

    again = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert again.__notes__ == ["in the second export"]


def test_no_error_of_the_module_is_left_out() -> None:
    declared = {
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, BaseException)
    }

    assert {type(error) for error in ERRORS} == declared
