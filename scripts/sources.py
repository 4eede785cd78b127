"""The contracts as the compiler reads them, without the minutes that code takes."""

from typing import Any

import solcx

from scripts.compile import CONTRACTS, SETTINGS, find_compiler, sources_below


def product_sources() -> list[str]:
    """Return every contract below contracts/ but the mocks, by its place there."""
    return [name for name in sources_below(CONTRACTS) if not name.startswith("mocks/")]


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
