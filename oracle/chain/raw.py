"""Many requests to a node at once, answered as the node says it, without a library's decoding."""

from collections.abc import Mapping, Sequence
from typing import Any

from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint, RPCResponse

from oracle.chain.reverts import translated
from oracle.errors import ChainUnavailable, InvalidInputError

PER_BATCH = 200

Request = tuple[str, list[Any]]  # method and parameters


def sent_together(w3: Web3, requests: Sequence[Request]) -> list[Any]:
    """
    Return the results in order; None for what the node does not have.

    Raises
    ------
    ChainUnavailable
        If the node does not answer, or refuses.
    InvalidInputError
        If the chain is no node: one in the process answers too slowly to be read block by block.
    """
    provider = w3.provider
    if not isinstance(provider, HTTPProvider):
        raise InvalidInputError("expected a chain that is a node with a URL, such as anvil")
    results: list[Any] = []
    for first in range(0, len(requests), PER_BATCH):
        some = requests[first : first + PER_BATCH]
        calls: list[tuple[RPCEndpoint, Any]] = [(RPCEndpoint(name), asked) for name, asked in some]
        with translated():
            answers = provider.make_batch_request(calls)
        results += _results(answers, len(some))
    return results


def _results(answers: list[RPCResponse] | RPCResponse, expected: int) -> list[Any]:
    if isinstance(answers, Mapping) or len(answers) != expected:
        raise ChainUnavailable(f"the node refused {expected} requests at once")
    for answer in answers:
        if "error" in answer:
            fault = answer["error"]
            text = fault["message"] if isinstance(fault, Mapping) else fault
            raise ChainUnavailable(f"the node refused: {' '.join(str(text).split())}")
    return [answer.get("result") for answer in answers]
