"""
Every exception that the oracle raises on purpose:

* OracleError
  x InvalidInputError      the caller gave data that no model accepts
  + SolverError            the solver gave no optimal solution; says where the fault most likely is
    x InfeasibleError      no point meets every constraint
    x UnboundedError       the objective has no finite minimum
    x TimeLimitError       the time limit came before the proof of optimality
    x SolverMissingError   the solver cannot be loaded on this machine
  x WorkerError            the workers of a region do not come up, or are lost
  x Divergence             an export is not what its own records lead to
  + ChainError
    + ChainUnavailable     the node did not answer, or lacks what we need; a retry may help
      x TransactionRefused the node did not take a transaction: nothing is on its way
    x ContractRevert       the contract refused; a retry will not help
    x OrderSkipped         the contract passed over a signed order; says whose, and why
"""

from typing import Any


class OracleError(Exception):
    """
    Base of everything the oracle raises on purpose; its text is one line for the user.

    It comes out of a pickle as it went in, as what a worker process raises has to.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own calls the class with the finished text, which not every constructor takes.
        return _restored, (type(self), self.args, self.__dict__)


class InvalidInputError(OracleError):
    """The caller gave data that no model accepts."""


class SolverError(OracleError):
    """The solver stopped without an optimal solution."""


class InfeasibleError(SolverError):
    """No point meets every constraint."""


class UnboundedError(SolverError):
    """The objective has no finite minimum."""


class TimeLimitError(SolverError):
    """The time limit came before the proof of optimality."""


class SolverMissingError(SolverError):
    """The solver cannot be loaded on this machine."""


class WorkerError(OracleError):
    """The workers that were to compute do not come up, or are lost."""


class Divergence(OracleError):
    """A record of an export is not what those before it lead to; the first one found."""

    def __init__(self, record: str, what: str, *, slot: int | None = None) -> None:
        self.record = record
        self.what = what
        self.slot = slot
        place = "no slot" if slot is None else f"slot {slot}"
        super().__init__(f"{place}, {record}: {what}")


class ChainError(OracleError):
    """Something about the chain; see the subclasses."""


class ChainUnavailable(ChainError):
    """The node did not answer, or lacks a feature that we need."""


class TransactionRefused(ChainUnavailable):
    """The node did not take a transaction, so that nothing is on its way."""


class ContractRevert(ChainError):
    """The contract refused the call; `name` and `values` are those of its custom error."""

    def __init__(self, name: str, values: dict[str, object] | None = None) -> None:
        self.name = name
        self.values = values or {}
        arguments = ", ".join(f"{key}={value}" for key, value in self.values.items())
        super().__init__(f"the contract refused: {name}({arguments})")


class OrderSkipped(ChainError):
    """A signed order of ours was passed over, though nothing should be wrong with it."""


def _restored(
    kind: type[OracleError], args: tuple[object, ...], attributes: dict[str, object]
) -> OracleError:
    """Return an error as it was, without its constructor."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error
