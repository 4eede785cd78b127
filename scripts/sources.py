"""The contracts as the compiler reads them, without the minutes that code takes."""

from typing import Any

import solcx

from scripts.compile import CONTRACTS, NOT_SOURCES, SETTINGS, find_compiler


def product_sources() -> list[str]:
    """Return every contract below contracts/ but the mocks, by its place there."""
    paths = [path.relative_to(CONTRACTS) for path in CONTRACTS.rglob("*.sol")]
    return sorted(path.as_posix() for path in paths if path.parts[0] not in {*NOT_SOURCES, "mocks"})


def standard_input(outputs: dict[str, list[str]]) -> dict[str, Any]:
    """Return the compiler's input: `outputs` of each file (its name is empty) and contract."""
    return {
        "language": "Solidity",
        "sources": {
            name: {"content": (CONTRACTS / name).read_text()} for name in product_sources()
        },
        "settings": {**SETTINGS, "outputSelection": {"*": outputs}},
    }


def analysed(question: dict[str, Any]) -> dict[str, Any]:
    """Return the compiler's output."""
    output: dict[str, Any] = solcx.compile_standard(
        question, base_path=CONTRACTS, allow_paths=CONTRACTS, solc_binary=find_compiler()
    )
    return output
