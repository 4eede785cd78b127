"""The compiled contracts, read from the files that `scripts.compile` writes."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from eth_utils.abi import function_abi_to_4byte_selector


@dataclass(frozen=True, slots=True)
class Artifact:
    """Interface and creation code of a contract."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: str
    immutables: tuple[tuple[int, int], ...]  # start and length in the code on the chain


@cache
def load_artifact(name: str) -> Artifact:
    """Return the artifact of a contract of the product."""
    path = resources.files("oracle.chain") / "artifacts" / f"{name}.json"
    content = json.loads(path.read_text())
    immutables = tuple((start, length) for start, length in content["immutableReferences"])
    return Artifact(name, content["abi"], content["bytecode"], immutables)


def is_code_of(code: bytes, name: str) -> bool:
    """
    Return whether a contract's creation code ends in this code, so that it is the contract.

    What its constructor wrote into the code is left out.
    """
    artifact, plain = load_artifact(name), bytearray(code)
    for start, length in artifact.immutables:
        if start + length > len(plain):
            return False
        plain[start : start + length] = bytes(length)
    return len(code) > 0 and bytes.fromhex(artifact.bytecode[2:]).endswith(plain)


CONTRACTS = tuple(
    sorted(
        entry.name.removesuffix(".json")
        for entry in (resources.files("oracle.chain") / "artifacts").iterdir()
        if entry.name.endswith(".json")
    )
)


@cache
def all_errors() -> dict[bytes, dict[str, Any]]:
    """Return every custom error by its selector."""
    return {
        function_abi_to_4byte_selector(entry): entry  # type: ignore[arg-type]
        for name in CONTRACTS
        for entry in load_artifact(name).abi
        if entry["type"] == "error"
    }
