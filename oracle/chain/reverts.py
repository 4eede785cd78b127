"""What a refused call says: the custom error and its values, whichever chain it comes from."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eth_abi.abi import decode
from eth_utils.abi import collapse_if_tuple
from eth_utils.conversions import to_bytes
from eth_utils.exceptions import ValidationError
from requests.exceptions import RequestException
from web3.exceptions import ContractLogicError, Web3Exception, Web3RPCError

from oracle.chain.artifacts import all_errors
from oracle.domain.blocks import Refusal
from oracle.errors import ChainUnavailable, ContractRevert

ERROR_STRING = to_bytes(hexstr="0x08c379a0")
PANIC = to_bytes(hexstr="0x4e487b71")


def decoded(data: bytes) -> ContractRevert:
    """Return the exception for the data that a contract reverted with."""
    selector, body = data[:4], data[4:]
    if selector == ERROR_STRING:
        return ContractRevert("Error", {"reason": decode(["string"], body)[0]})
    if selector == PANIC:
        return ContractRevert("Panic", {"code": decode(["uint256"], body)[0]})
    entry = all_errors().get(selector)
    if entry is None:
        return ContractRevert("Unknown", {"data": "0x" + data.hex()})
    inputs = entry["inputs"]
    values = decode([collapse_if_tuple(item) for item in inputs], body)
    names = (item["name"] or str(position) for position, item in enumerate(inputs))
    return ContractRevert(entry["name"], dict(zip(names, values, strict=True)))


def refusal_of(revert: ContractRevert) -> Refusal:
    """Return a contract's error as a service tells it."""
    values = ", ".join(f"{key}={value}" for key, value in revert.values.items())
    return Refusal(name=revert.name, text=f"{revert.name}({values})")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what web3 and the network raise into exceptions of the oracle."""
    try:
        yield
    except ContractLogicError as error:
        raise decoded(to_bytes(hexstr=_hex_of(error.data))) from error
    except (RequestException, ConnectionError) as error:
        raise ChainUnavailable("the node does not answer: is it running?") from error
    except (Web3Exception, ValidationError) as error:
        raise ChainUnavailable(f"the node refused: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return what a node or a chain's library said, on one line."""
    answer = error.rpc_response if isinstance(error, Web3RPCError) else None
    fault = answer.get("error") if answer else None
    text = fault["message"] if isinstance(fault, dict) and "message" in fault else error
    return " ".join(str(text).split())


def _hex_of(data: Any) -> str:
    return data if isinstance(data, str) and data.startswith("0x") else "0x"
