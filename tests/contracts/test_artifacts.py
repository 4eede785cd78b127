"""The committed artifacts are what the pinned compiler makes of the sources."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from solcx.exceptions import SolcError

from oracle.errors import InvalidInputError
from scripts.compile import (
    CONTRACTS,
    MAX_CODE_BYTES,
    Artifact,
    Compilation,
    compile_contracts,
    find_compiler,
    oversized,
    reason_of,
    stale,
    write,
)

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("compiler")]

TOY = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

abstract contract Base is Ownable {
    uint256 public immutable seed;

    constructor(uint256 seed_) Ownable(msg.sender) {
        seed = seed_;
    }
}

contract Toy is Base {
    address public immutable table;

    constructor(bytes memory data) Base(7) {
        table = SSTORE2.write(data);
    }
}
"""


@pytest.fixture(scope="module")
def compilation() -> Compilation:
    return compile_contracts()


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifact, ...]:
    """Return a contract, and one of the same kind among the mocks."""
    folder = tmp_path_factory.mktemp("toy contracts")
    (folder / "node_modules").symlink_to(CONTRACTS / "node_modules")
    (folder / "mocks").mkdir()
    (folder / "libraries").mkdir()
    (folder / "Toy.sol").write_text(TOY)
    mock = TOY.replace("Toy", "ToyMock").replace("Base", "MockBase")
    (folder / "mocks" / "ToyMock.sol").write_text(mock)
    library = "pragma solidity 0.8.37; library ToyLib { function f() internal {} }"
    (folder / "libraries" / "ToyLib.sol").write_text(library)
    return compile_contracts(folder).artifacts


def test_the_committed_artifacts_are_up_to_date(compilation: Compilation) -> None:
    assert stale(compilation.artifacts) == []


def test_every_contract_can_be_deployed(compilation: Compilation) -> None:
    assert oversized(compilation.artifacts) == []


def test_the_compiler_has_nothing_to_remark(compilation: Compilation) -> None:
    assert compilation.warnings == ()


def test_keeps_deployable_contracts_only_and_mocks_apart(toys: tuple[Artifact, ...]) -> None:
    assert [artifact.path for artifact in toys] == [
        Path("oracle/chain/artifacts/Toy.json"),
        Path("tests/contracts/artifacts/ToyMock.json"),
    ]


def test_keeps_what_a_deployment_needs(toys: tuple[Artifact, ...]) -> None:
    content = toys[0].content

    constructor = next(entry for entry in content["abi"] if entry["type"] == "constructor")
    immutables = [length for _, length in content["immutableReferences"]]

    assert content["contractName"] == "Toy"
    assert [given["type"] for given in constructor["inputs"]] == ["bytes"]
    assert content["compiler"]["version"] == "0.8.37"
    assert content["compiler"]["evmVersion"] == "prague"
    assert len(content["deployedBytecode"]) < len(content["bytecode"])
    assert immutables == [32, 32]


def test_written_artifacts_are_up_to_date(toys: tuple[Artifact, ...], tmp_path: Path) -> None:
    write(toys, tmp_path)

    assert stale(toys, tmp_path) == []


def test_names_what_is_missing_stale_and_left_over(
    toys: tuple[Artifact, ...], tmp_path: Path
) -> None:
    toy, mock = toys
    gone = replace(toy, name="Gone")
    write((toy, gone), tmp_path)

    changed = replace(toy, content={**toy.content, "bytecode": "0x00"})

    assert stale((changed, mock), tmp_path) == [
        "oracle/chain/artifacts/Gone.json: no contract of that name",
        "oracle/chain/artifacts/Toy.json: stale",
        "tests/contracts/artifacts/ToyMock.json: missing",
    ]


def test_writing_removes_what_is_left_over(toys: tuple[Artifact, ...], tmp_path: Path) -> None:
    write((*toys, replace(toys[0], name="Gone")), tmp_path)

    write(toys, tmp_path)

    assert stale(toys, tmp_path) == []


def test_refuses_one_byte_above_the_limit(toys: tuple[Artifact, ...]) -> None:
    def of(size: int) -> Artifact:
        return replace(toys[0], content={"deployedBytecode": "0x" + "00" * size})

    assert oversized((of(MAX_CODE_BYTES),)) == []
    assert oversized((of(MAX_CODE_BYTES + 1),)) == [
        "Toy: 24,577 bytes, expected at most 24,576",
    ]


def test_tells_what_does_not_compile(tmp_path: Path) -> None:
    (tmp_path / "Bad.sol").write_text("pragma solidity 0.8.37; contract Bad is Worse {}")

    with pytest.raises(SolcError) as caught:
        compile_contracts(tmp_path)

    assert "Bad.sol:1:" in reason_of(caught.value)
    assert "Identifier not found" in reason_of(caught.value)


def test_tells_which_import_is_missing(tmp_path: Path) -> None:
    (tmp_path / "Bad.sol").write_text('pragma solidity 0.8.37; import {A} from "./A.sol";')

    with pytest.raises(SolcError) as caught:
        compile_contracts(tmp_path)

    assert 'Source "A.sol" not found' in reason_of(caught.value)


def test_refuses_a_native_compiler_of_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    native = tmp_path / "solc"
    native.write_text("#!/bin/sh\necho 'Version: 0.8.36+commit.00000000.Linux.g++'\n")
    native.chmod(0o755)
    monkeypatch.setenv("SOLC", str(native))

    with pytest.raises(InvalidInputError, match=r"expected version 0\.8\.37"):
        find_compiler()


def test_refuses_a_native_compiler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLC", "no-such-solc")

    with pytest.raises(InvalidInputError, match="SOLC=no-such-solc: expected a program"):
        find_compiler()


def test_says_how_to_get_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOLC", raising=False)
    monkeypatch.setenv("PATH", os.devnull)

    with pytest.raises(InvalidInputError, match="install Node 20 or later"):
        find_compiler()


@pytest.mark.parametrize("arguments", [[], ["--bin"], ["--base-path"]])
def test_the_node_compiler_refuses_what_it_does_not_know(arguments: list[str]) -> None:
    done = subprocess.run(  # noqa: S603
        [CONTRACTS / "solc-node.js", *arguments], capture_output=True, encoding="utf-8", check=False
    )

    assert done.returncode == 1
    assert done.stderr
    assert not done.stdout
