"""
Write docs/contracts.md, the reference of the contracts, from the NatSpec of their interfaces.

The interfaces are the manual (they alone carry documentation), so nothing is written twice.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import solcx
import typer
from eth_utils.abi import abi_to_signature, function_abi_to_4byte_selector

from scripts.compile import CONTRACTS, ROOT, SETTINGS, find_compiler
from scripts.console import errors_in_one_line

TARGET = ROOT / "docs" / "contracts.md"
OUTPUTS = ["abi", "devdoc", "userdoc"]
HEAD = """\
# Contracts

What each contract offers, made from the NatSpec of `contracts/interfaces/` by
`python -m scripts.contracts_reference`; do not edit it here. Energies are Wh, prices micro-USD per
MWh, money micro-USD, shares basis points (1/10,000), times seconds since 1970, slots quarters of an
hour since 1970.
"""

Entry = Mapping[str, Any]


def reference(folder: Path = CONTRACTS) -> str:
    """Return the reference of every interface below `folder`, as Markdown."""
    names = sorted(path.name for path in (folder / "interfaces").glob("*.sol"))
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {
                f"interfaces/{name}": {"content": (folder / "interfaces" / name).read_text()}
                for name in names
            },
            "settings": {
                "remappings": SETTINGS["remappings"],
                "outputSelection": {f"interfaces/{name}": {"*": OUTPUTS} for name in names},
            },
        },
        base_path=folder,
        allow_paths=folder,
        solc_binary=find_compiler(),
    )
    found = {
        contract: documents
        for name in names
        for contract, documents in output["contracts"].get(f"interfaces/{name}", {}).items()
    }
    chapters = ("\n".join(_chapter(name, found[name])) for name in sorted(found))
    return HEAD + "\n" + "\n".join(chapters)


def _chapter(name: str, documents: Mapping[str, Any]) -> Iterator[str]:
    user, developer = documents["userdoc"], documents["devdoc"]
    yield f"## {name}\n"
    yield from _paragraphs(user.get("notice"), developer.get("details"))
    for kind, title, key in (
        ("function", "Functions", "methods"),
        ("event", "Events", "events"),
        ("error", "Errors", "errors"),
    ):
        entries = sorted(
            (entry for entry in documents["abi"] if entry["type"] == kind),
            key=lambda entry: str(entry["name"]),
        )
        if entries:
            yield f"### {title} of {name}\n"
        for entry in entries:
            signature = abi_to_signature(entry)
            yield from _entry(
                entry,
                _first(user.get(key, {}).get(signature)),
                _first(developer.get(key, {}).get(signature)),
            )


def _entry(entry: Entry, user: Entry, developer: Entry) -> Iterator[str]:
    heading = f"**`{entry['name']}({_parameters(entry['inputs'])})`**{_returned(entry)}"
    yield f"{heading}{_selector(entry)}\n"
    yield from _paragraphs(user.get("notice"), developer.get("details"))
    described = {**developer.get("params", {}), **developer.get("returns", {})}
    for name, text in described.items():
        yield f"- `{name}`: {_flat(text)}"
    if described:
        yield ""


def _selector(entry: Entry) -> str:
    """Return the four bytes by which a call or an error is known."""
    if entry["type"] == "event":
        return ""
    as_function: Any = {**entry, "type": "function"}
    return f" · `0x{function_abi_to_4byte_selector(as_function).hex()}`"


def _returned(entry: Entry) -> str:
    outputs = entry.get("outputs", [])
    kind = f" · {entry['stateMutability']}" if entry.get("stateMutability") == "view" else ""
    return (f" → `{_parameters(outputs)}`" if outputs else "") + kind


def _parameters(inputs: list[Entry]) -> str:
    """Return names and types; types of ours by their own name, as in the sources."""
    return ", ".join(f"{_type(item)} {item['name']}".strip() for item in inputs)


def _type(item: Entry) -> str:
    internal = str(item.get("internalType") or item["type"])
    name = internal.removeprefix("struct ").removeprefix("enum ").removeprefix("contract ")
    return f"{name} indexed" if item.get("indexed") else name


def _first(documentation: Any) -> Entry:
    """Return what is said of a function, an event or, as a list, an error."""
    found = documentation[0] if isinstance(documentation, list) else documentation
    return found or {}


def _paragraphs(*texts: str | None) -> Iterator[str]:
    for text in texts:
        if text:
            yield f"{_flat(text)}\n"


def _flat(text: str) -> str:
    return " ".join(text.split())


def write_reference(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if the file is stale.")
    ] = False,
) -> None:
    """
    Write the reference of the contracts to docs/contracts.md.

    Example: python -m scripts.contracts_reference --check
    """
    with errors_in_one_line():
        text = reference()
        if not check:
            TARGET.write_text(text)
        elif not TARGET.is_file() or TARGET.read_text() != text:
            typer.echo(
                "error: docs/contracts.md: expected what the interfaces say; "
                "run python -m scripts.contracts_reference",
                err=True,
            )
            raise typer.Exit(code=1)


if __name__ == "__main__":
    typer.run(write_reference)
