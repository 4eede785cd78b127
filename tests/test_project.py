"""Set-up of the project: locks, Makefile, and what each says when something is missing."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts import compile as compile_script

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "contracts"
LOCKS = ["requirements.lock", "requirements-dev.lock"]

# The index at hand when the lock was made had no copy of these: named, but without a hash.
UNHASHED = {
    f"node_modules/@foundry-rs/{name}"
    for name in (
        "anvil-darwin-amd64",
        "anvil-darwin-arm64",
        "anvil-linux-arm64",
        "anvil-win32-amd64",
        "forge-darwin-amd64",
        "forge-linux-arm64",
    )
}


def requirements(lock: str) -> dict[str, str]:
    """Return the requirement of each package of a lock, with its hashes, by name."""
    lines = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return {
        re.split(r"[=\s]", line)[0]: line
        for line in lines
        if line.strip() and not line.startswith("-r ")
    }


def npm_packages() -> dict[str, dict[str, str]]:
    lock = json.loads((CONTRACTS / "package-lock.json").read_text(encoding="utf-8"))
    return {name: package for name, package in lock["packages"].items() if name}


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return what `make` reads, in a folder of its own whose path has a space."""
    folder = tmp_path / "a clone"
    (folder / "contracts").mkdir(parents=True)
    for name in ["Makefile", "pyproject.toml", *LOCKS]:
        shutil.copy(ROOT / name, folder)
    for name in ["package.json", "package-lock.json", ".npmrc"]:
        shutil.copy(CONTRACTS / name, folder / "contracts")
    return folder


def make(folder: Path, *arguments: str, path: str | None = None) -> tuple[int, list[str]]:
    """Run make as from a fresh shell; return its exit code and what it wrote to stderr."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(  # noqa: S603
        ["make", "--no-print-directory", *arguments],  # noqa: S607
        cwd=folder,
        env=inherited | ({"PATH": path} if path else {}),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    return done.returncode, said


def python_of_version(path: Path, version: tuple[int, int, int]) -> Path:
    """Write a Python that believes to be of another version, and makes no environment."""
    pretend = f'"import sys; sys.version_info = {version}; $2"'
    return program(path, f'[ "$1" = -c ] && exec "{sys.executable}" -c {pretend}; exit 3')


def test_says_in_one_line_that_python_is_too_old(clone: Path, tmp_path: Path) -> None:
    old = python_of_version(tmp_path / "old python", (3, 10, 99))

    code, said = make(clone, "demo", f"PYTHON={old}")

    assert code != 0
    assert said == [f"error: {old}: expected Python 3.11 or later; name one with make PYTHON=…"]
    assert not (clone / ".venv").exists()


def test_takes_the_oldest_python_that_will_do(clone: Path, tmp_path: Path) -> None:
    _, said = make(clone, f"PYTHON={python_of_version(tmp_path / 'python', (3, 11, 0))}")

    assert said == []


def test_says_in_one_line_that_there_is_no_python(clone: Path) -> None:
    code, said = make(clone, "test", "PYTHON=no such python")

    assert code != 0
    assert said == [
        "error: no such python: expected Python 3.11 or later; name one with make PYTHON=…",
    ]


def test_says_in_one_line_that_python_cannot_make_environments(clone: Path, tmp_path: Path) -> None:
    bare = program(tmp_path / "bare python", 'case "$2" in *ensurepip*) exit 1 ;; esac')

    code, said = make(clone, f"PYTHON={bare}")

    assert code != 0
    assert len(said) == 1
    assert said[0].startswith(f"error: {bare}: expected the modules venv and ensurepip")


def node_of_version(path: Path, version: str) -> Path:
    """Write a Node that believes to be of another version."""
    pretend = f"Object.defineProperty(process, 'versions', {{ value: {{ node: '{version}' }} }});"
    return program(path, f'exec "{shutil.which("node")}" "$1" "{pretend} $2"')


@pytest.mark.node
def test_says_in_one_line_that_node_is_too_old(clone: Path, tmp_path: Path) -> None:
    old = node_of_version(tmp_path / "bin" / "node", "19.9.0")

    code, said = make(
        clone, "contracts/node_modules/.done", path=f"{old.parent}:{os.environ['PATH']}"
    )

    assert code != 0
    assert said == ["error: node: expected Node 20 or later"]


def test_says_in_one_line_that_there_is_no_node(clone: Path, tmp_path: Path) -> None:
    missing = program(tmp_path / "bin" / "node", "exec no-such-program")

    code, said = make(
        clone, "contracts/node_modules/.done", path=f"{missing.parent}:{os.environ['PATH']}"
    )

    assert code != 0
    assert said == ["error: node: expected Node 20 or later"]


@pytest.mark.node
def test_says_in_one_line_that_there_is_no_npm(clone: Path, tmp_path: Path) -> None:
    node_of_version(tmp_path / "bin" / "node", "20.0.0")
    missing = program(tmp_path / "bin" / "npm", "exec no-such-program")

    code, said = make(
        clone, "contracts/node_modules/.done", path=f"{missing.parent}:{os.environ['PATH']}"
    )

    assert code != 0
    assert said == ["error: npm: expected the npm that comes with Node"]


@pytest.mark.node
def test_takes_the_node_at_hand_and_installs_once(clone: Path, tmp_path: Path) -> None:
    npm = program(tmp_path / "bin" / "npm", 'echo "$*" >>calls; mkdir -p node_modules')
    path = f"{npm.parent}:{os.environ['PATH']}"

    for _ in range(2):
        code, said = make(clone, "contracts/node_modules/.done", path=path)
        assert (code, said) == (0, [])

    assert (clone / "contracts" / "calls").read_text() == "ci --loglevel=error\n"


@pytest.mark.parametrize(("made_for", "is_up_to_date"), [("here", True), ("elsewhere", False)])
def test_only_a_moved_project_makes_its_environment_anew(
    clone: Path, made_for: str, is_up_to_date: bool
) -> None:
    here = clone.resolve()
    (clone / ".venv").mkdir()
    for name in ["made-for", "product"]:
        (clone / ".venv" / name).write_text(f"{here if made_for == 'here' else '/elsewhere'}\n")

    code, _ = make(clone, "--question", "all")

    assert (code == 0) == is_up_to_date


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_is_installed_anew(clone: Path, changed: str) -> None:
    (clone / ".venv").mkdir()
    for name in ["made-for", "product"]:
        (clone / ".venv" / name).write_text(f"{clone.resolve()}\n")
    newer = (clone / ".venv" / "product").stat().st_mtime + 1
    os.utime(clone / changed, (newer, newer))

    code, _ = make(clone, "--question", "all")

    assert code == 1


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_is_pinned_and_hashed(lock: str) -> None:
    for name, line in requirements(lock).items():
        assert re.match(r"^[a-z0-9-]+==[\w.!+]+( ; [^#]+?)?\s+--hash=sha256:[0-9a-f]{64}", line), (
            name
        )


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_index_or_a_file(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")

    assert re.findall(r"://|file:|--index|--extra-index|--find-links|--trusted| @ ", text) == []


def test_the_locks_hold_every_dependency_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    def names(dependencies: list[str]) -> set[str]:
        return {re.split(r"[^\w.-]", dependency)[0].lower() for dependency in dependencies}

    product = names(project["project"]["dependencies"]) | {"setuptools"}
    tools = names(project["project"]["optional-dependencies"]["dev"])

    assert product <= requirements("requirements.lock").keys()
    assert (
        tools <= (requirements("requirements-dev.lock") | requirements("requirements.lock")).keys()
    )
    assert (ROOT / "requirements-dev.lock").read_text().startswith("-r requirements.lock\n")


def test_the_npm_packages_are_pinned_and_hashed_without_an_address() -> None:
    manifest = json.loads((CONTRACTS / "package.json").read_text(encoding="utf-8"))
    wanted = manifest["dependencies"] | manifest["devDependencies"]

    packages = npm_packages()
    unhashed = {name for name, package in packages.items() if "integrity" not in package}

    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert unhashed <= UNHASHED


@pytest.mark.parametrize("tool", ["anvil", "forge"])
def test_the_npm_lock_knows_the_native_programs_of_every_platform(tool: str) -> None:
    packages = npm_packages()
    owner = json.loads((CONTRACTS / "package-lock.json").read_text(encoding="utf-8"))["packages"]

    wanted = owner[f"node_modules/@foundry-rs/{tool}"]["optionalDependencies"]

    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version


@pytest.mark.node
def test_forge_tells_by_its_exit_code_that_it_failed() -> None:
    failed = subprocess.run(  # noqa: S603
        [ROOT / "scripts" / "forge", "no-such-command"], capture_output=True
    )

    assert failed.returncode != 0
    assert b"no-such-command" in failed.stderr


def test_npm_writes_no_addresses_and_runs_no_scripts() -> None:
    settings = (CONTRACTS / ".npmrc").read_text(encoding="utf-8").splitlines()

    assert {"omit-lockfile-registry-resolved=true", "ignore-scripts=true"} <= set(settings)


def test_there_is_one_kind_of_python_lock() -> None:
    assert not (ROOT / "uv.lock").exists()


def test_forge_and_the_artifacts_share_their_compiler_settings() -> None:
    forge = tomllib.loads((CONTRACTS / "foundry.toml").read_text("utf-8"))["profile"]["default"]
    ours = compile_script.SETTINGS

    assert forge["evm_version"] == ours["evmVersion"]
    assert forge["via_ir"] == ours["viaIR"]
    assert forge["optimizer"] == ours["optimizer"]["enabled"]
    assert forge["optimizer_runs"] == ours["optimizer"]["runs"]
    assert forge["bytecode_hash"] == ours["metadata"]["bytecodeHash"]
    assert forge["cbor_metadata"] == ours["metadata"]["appendCBOR"]
    assert forge["remappings"] == ours["remappings"]


@pytest.mark.parametrize("name", [".ci/run", "scripts/check", "scripts/lock", "scripts/test"])
def test_shell_scripts_can_be_run_and_parsed(name: str) -> None:
    path = ROOT / name

    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", str(path)], check=True)  # noqa: S603, S607


def test_continuous_integration_runs_the_tests() -> None:
    assert re.search(r"^make test\b", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.M)
