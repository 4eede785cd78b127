"""Refusals of contracts, by name and values."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from web3.contract import Contract

from oracle.chain.reverts import translated
from oracle.errors import ContractRevert


@contextmanager
def reverts(contract: Contract, name: str, **values: Any) -> Iterator[None]:
    """Expect that `contract` refuses with its error `name`, and with these of its values."""
    declared = {entry["name"] for entry in contract.abi if entry["type"] == "error"}
    assert name in declared | {"Panic", "Error"}, f"{name} is no error of this contract"

    with pytest.raises(ContractRevert) as caught, translated():
        yield

    refusal = caught.value
    assert refusal.name == name, refusal
    given = {key: _plain(refusal.values[key]) for key in values}
    assert given == {key: _plain(value) for key, value in values.items()}


def _plain(value: Any) -> Any:
    """Return a value with the letters of an address in one case."""
    return value.lower() if isinstance(value, str) else value
