"""
Compile the contracts with the pinned compiler and write their artifacts, which are committed.

Running the product needs neither compiler nor Node: it reads `oracle/chain/artifacts`. Contracts
of `contracts/mocks` are for tests alone, and so are their artifacts.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import solcx
import typer
from solcx.exceptions import SolcError
from solcx.wrapper import get_solc_version

from oracle.errors import InvalidInputError, OracleError

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "contracts"
PRODUCT_ARTIFACTS = Path("oracle", "chain", "artifacts")
MOCK_ARTIFACTS = Path("tests", "contracts", "artifacts")

MAX_CODE_BYTES = 24_576
OPTIMIZER_RUNS = 200
SETTINGS: Mapping[str, Any] = {
    "evmVersion": "prague",
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": OPTIMIZER_RUNS},
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
    "remappings": [
        "@openzeppelin/contracts/=node_modules/@openzeppelin/contracts/",
        "solady/=node_modules/solady/src/",
    ],
}
OUTPUTS = ["abi", "evm.bytecode.object", "evm.deployedBytecode"]

NOT_SOURCES = {"cache", "node_modules", "out", "test"}
NEVER_DEPLOYED = {"interfaces", "libraries", "types"}


@dataclass(frozen=True, slots=True)
class Artifact:
    """What is kept of one compiled contract."""

    name: str
    is_mock: bool
    content: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """Return its place below the project's root."""
        return (MOCK_ARTIFACTS if self.is_mock else PRODUCT_ARTIFACTS) / f"{self.name}.json"

    @property
    def text(self) -> str:
        """Return the file's content: sorted, so that a difference is one of the contract."""
        return json.dumps(self.content, indent=1, sort_keys=True) + "\n"

    @property
    def code_bytes(self) -> int:
        """Return the size of what ends up on the chain."""
        return len(self.content["deployedBytecode"].removeprefix("0x")) // 2


@dataclass(frozen=True, slots=True)
class Compilation:
    """The artifacts of one run of the compiler, and what it had to say of our own sources."""

    artifacts: tuple[Artifact, ...]
    warnings: tuple[str, ...]


def pinned_version() -> str:
    """Return the version of the compiler that package.json pins."""
    package = json.loads((CONTRACTS / "package.json").read_text())
    return str(package["devDependencies"]["solc"])


def find_compiler() -> Path:
    """Return the native compiler that SOLC names, or the pinned one of npm."""
    if native := os.environ.get("SOLC"):
        found = shutil.which(native)
        if found is None:
            raise InvalidInputError(f"SOLC={native}: expected a program")
        if str(get_solc_version(found)) != pinned_version():
            raise InvalidInputError(f"SOLC={native}: expected version {pinned_version()}")
        return Path(found)

    if shutil.which("node") is None:
        raise InvalidInputError("no node: install Node 20 or later, or name a compiler with SOLC")
    if not (CONTRACTS / "node_modules" / "solc").is_dir():
        raise InvalidInputError("no compiler: run npm ci in contracts/, or name one with SOLC")
    return CONTRACTS / "solc-node.js"


def sources_below(folder: Path) -> list[str]:
    """Return every file of contracts below `folder`, by its place there."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.sol")
        if path.relative_to(folder).parts[0] not in NOT_SOURCES
    )


def compile_contracts(
    folder: Path = CONTRACTS,
    *,
    only: Sequence[str] | None = None,
    settings: Mapping[str, Any] = SETTINGS,
) -> Compilation:
    """
    Compile every contract below `folder`; all of them together, so that names are unique.

    With `only`, compile the contracts of these files alone, and what they import with them.
    """
    names = sources_below(folder) if only is None else list(only)
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {name: {"content": (folder / name).read_text()} for name in names},
            "settings": {
                **settings,
                "outputSelection": {name: {"*": OUTPUTS} for name in names},
            },
        },
        base_path=folder,
        allow_paths=folder,
        solc_binary=find_compiler(),
    )
    compiled = {name: output["contracts"].get(name, {}) for name in names}
    return Compilation(
        artifacts=tuple(_artifacts(compiled)),
        warnings=tuple(
            error["formattedMessage"]
            for error in output.get("errors", [])
            if not error["sourceLocation"]["file"].startswith("node_modules/")
        ),
    )


def _artifacts(compiled: Mapping[str, Mapping[str, Any]]) -> Iterator[Artifact]:
    """Yield the deployable contracts, by name."""
    deployable = [
        (contract, name.startswith("mocks/"), output)
        for name, contracts in compiled.items()
        if name.split("/")[0] not in NEVER_DEPLOYED
        for contract, output in contracts.items()
        if output["evm"]["bytecode"]["object"]
    ]
    for contract, is_mock, output in sorted(deployable, key=lambda item: item[0]):
        yield Artifact(contract, is_mock, _content(contract, output))


def _content(contract: str, output: Mapping[str, Any]) -> Mapping[str, Any]:
    deployed = output["evm"]["deployedBytecode"]
    places = [place for group in deployed["immutableReferences"].values() for place in group]
    return {
        "abi": output["abi"],
        "bytecode": "0x" + output["evm"]["bytecode"]["object"],
        "compiler": {
            "evmVersion": SETTINGS["evmVersion"],
            "optimizer": SETTINGS["optimizer"],
            "version": pinned_version(),
            "viaIR": SETTINGS["viaIR"],
        },
        "contractName": contract,
        "deployedBytecode": "0x" + deployed["object"],
        "immutableReferences": sorted([place["start"], place["length"]] for place in places),
    }


def oversized(artifacts: tuple[Artifact, ...]) -> list[str]:
    """Return what is too large to be deployed, one line each."""
    return [
        f"{artifact.name}: {artifact.code_bytes:,} bytes, expected at most {MAX_CODE_BYTES:,}"
        for artifact in artifacts
        if artifact.code_bytes > MAX_CODE_BYTES
    ]


def stale(artifacts: tuple[Artifact, ...], root: Path = ROOT) -> list[str]:
    """Return which committed artifacts differ from the sources, one line each."""
    wanted = {artifact.path: artifact.text for artifact in artifacts}
    kept = {
        path.relative_to(root): path.read_text()
        for folder in (PRODUCT_ARTIFACTS, MOCK_ARTIFACTS)
        for path in (root / folder).glob("*.json")
    }
    return [
        f"{path}: {_difference(wanted.get(path), kept.get(path))}"
        for path in sorted(wanted.keys() | kept.keys())
        if wanted.get(path) != kept.get(path)
    ]


def _difference(wanted: str | None, kept: str | None) -> str:
    if kept is None:
        return "missing"
    if wanted is None:
        return "no contract of that name"
    return "stale"


def write(artifacts: tuple[Artifact, ...], root: Path = ROOT) -> None:
    """Replace the committed artifacts."""
    for folder in (PRODUCT_ARTIFACTS, MOCK_ARTIFACTS):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for path in (root / folder).glob("*.json"):
            path.unlink()
    for artifact in artifacts:
        (root / artifact.path).write_text(artifact.text)


def reason_of(error: OracleError | SolcError) -> str:
    """Return what went wrong, without the input and output of the compiler."""
    if not isinstance(error, SolcError):
        return str(error)
    return str(error.message if error.error_dict else error.stderr_data or error.message)


def compile_command(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if an artifact is stale.")
    ] = False,
) -> None:
    """
    Compile the contracts and write their artifacts.

    Example: python -m scripts.compile --check
    """
    try:
        compilation = compile_contracts()
    except (OracleError, SolcError) as error:
        typer.echo(f"error: {reason_of(error)}", err=True)
        raise typer.Exit(code=1) from error

    for warning in compilation.warnings:
        typer.echo(warning, err=True)
    for artifact in compilation.artifacts:
        typer.echo(f"{artifact.name:24} {artifact.code_bytes:>7,} bytes")

    faults = oversized(compilation.artifacts)
    if check:
        faults += stale(compilation.artifacts)
    else:
        write(compilation.artifacts)
    for fault in faults:
        typer.echo(f"error: {fault}", err=True)
    if faults:
        raise typer.Exit(code=1)


if __name__ == "__main__":
    typer.run(compile_command)
