"""Asking the tests of a mutant, in a copy of the project."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from solcx.exceptions import SolcError

from scripts.compile import (
    CONTRACTS,
    MOCK_ARTIFACTS,
    PRODUCT_ARTIFACTS,
    ROOT,
    Artifact,
    compile_contracts,
    write,
)
from scripts.copies import copy_project
from scripts.mutation.mutants import Mutant
from scripts.mutation.reach import NEAR, can_notice, contracts_reaching

TESTS = Path("tests", "contracts")
NOT_ASKED = {"test_artifacts.py", "test_gas.py", "test_storage_layout.py"}
SLOWEST = "test_capacity.py"
SEQUENCES = 3
SECONDS = 900
FAILED = re.compile(r"^(?:FAILED|ERROR) tests/contracts/(\S+)", re.M)

Compiled = dict[tuple[str, ...], tuple[Artifact, ...]]


class TestsBrokenError(Exception):
    """The tests could not be asked: the mutant has neither been killed nor survived."""


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    REFUSED = "refused"  # by the compiler
    SAME_CODE = "same code"  # the compiler makes of it what it made before


@dataclass(frozen=True, slots=True)
class Verdict:
    """A mutant's fate, and the test that killed it."""

    fate: Fate
    killer: str = ""


class Copy:
    """A copy of the project in which one mutant at a time lives."""

    def __init__(self, folder: Path, originals: Compiled) -> None:
        """Make the copy; `originals` is shared by all copies, and filled by need."""
        self.folder = folder / "project"
        self._forge_folder = folder / "forge"
        self._originals = originals
        copy_project(self.folder)
        (self.contracts / "node_modules").symlink_to(CONTRACTS / "node_modules")

    @property
    def contracts(self) -> Path:
        return self.folder / "contracts"

    def fault_of_the_original(self, workers: int) -> str | None:
        """Return what fails without a mutant; nobody else may be asked then."""
        write(compile_contracts(self.contracts).artifacts, self.folder)
        return self._asked_pytest(self._tests(), workers=workers) or self._asked_forge()

    def verdict_on(self, mutant: Mutant) -> Verdict:
        """Ask the tests of a mutant; the copy is as before when this returns."""
        path = self.contracts / mutant.file
        original = path.read_text(encoding="utf-8")
        changed = mutant.applied_to(original)
        kept = self._artifacts()
        try:
            return self._verdict_on(mutant.file, original, changed)
        except SolcError:
            return Verdict(Fate.REFUSED)
        finally:
            path.write_text(original, encoding="utf-8")
            for artifact, text in kept.items():
                artifact.write_text(text, encoding="utf-8")

    def _verdict_on(self, file: str, original: str, changed: str) -> Verdict:
        path = self.contracts / file
        if near := NEAR.get(file):
            path.write_text(changed, encoding="utf-8")
            self._put(compile_contracts(self.contracts, only=near.contracts).artifacts)
            if killer := self._asked_pytest(near.tests, named=near.named):
                return Verdict(Fate.KILLED, killer)

        reached = tuple(contracts_reaching(file, self.contracts))
        if reached not in self._originals:
            path.write_text(original, encoding="utf-8")
            self._originals[reached] = compile_contracts(self.contracts, only=reached).artifacts
        path.write_text(changed, encoding="utf-8")
        artifacts = compile_contracts(self.contracts, only=reached).artifacts
        if artifacts == self._originals[reached]:
            return Verdict(Fate.SAME_CODE)

        self._put(artifacts)
        asked = near.tests if near else ()
        tests = [name for name in self._tests(last=asked) if can_notice(name, reached)]
        killer = self._asked_pytest(tests) or self._asked_forge()
        return Verdict(Fate.KILLED, killer) if killer else Verdict(Fate.SURVIVED)

    def _tests(self, *, last: Sequence[str] = ()) -> list[str]:
        """Return the files of tests by their places below tests/contracts, some of them last."""
        below = self.folder / TESTS
        found = [
            path.relative_to(below).as_posix()
            for path in below.rglob("test_*.py")
            if path.name not in NOT_ASKED
        ]
        return sorted(found, key=lambda name: (name == SLOWEST, name in last, name))

    def _artifacts(self) -> dict[Path, str]:
        return {
            path: path.read_text(encoding="utf-8")
            for folder in (PRODUCT_ARTIFACTS, MOCK_ARTIFACTS)
            for path in (self.folder / folder).glob("*.json")
        }

    def _put(self, artifacts: Sequence[Artifact]) -> None:
        for artifact in artifacts:
            (self.folder / artifact.path).write_text(artifact.text)

    def _asked_pytest(
        self, tests: Sequence[str], *, named: str = "", workers: int = 1
    ) -> str | None:
        """Return the first test in Python that fails."""
        done = self._run(
            self.folder,
            [
                *[sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"],
                "--hypothesis-profile=mutation",
                *(["-k", named] if named else []),
                *(["-n", str(workers), "--dist", "loadgroup"] if workers > 1 else []),
                *[str(TESTS / name) for name in tests],
            ],
            INVARIANT_SEQUENCES=str(SEQUENCES),
            PYTHONPATH=str(self.folder),
        )
        if done is None:
            return "timeout"
        if done.returncode == 0:
            return None
        found = FAILED.search(done.stdout)
        if done.returncode != 1 or found is None:
            raise TestsBrokenError(f"pytest ended with {done.returncode}: {done.stdout[-2000:]}")
        return found[1]

    def _asked_forge(self) -> str | None:
        """Return that forge's tests fail, those of the libraries or those of the market."""
        for name, chosen in (("libraries", "--no-match-contract"), ("market", "--match-contract")):
            done = self._run(
                self.contracts,
                [str(ROOT / "scripts" / "forge"), "test", "--fail-fast", chosen, "Invariants"],
                FOUNDRY_PROFILE="mutation",
                FOUNDRY_OUT=str(self._forge_folder / "out"),
                FOUNDRY_CACHE_PATH=str(self._forge_folder / "cache"),
            )
            if done is None or "[FAIL" in done.stdout:
                return f"forge ({name})"
            if done.returncode:
                raise TestsBrokenError(f"forge ended with {done.returncode}: {done.stderr[-2000:]}")
        return None

    @staticmethod
    def _run(
        folder: Path, command: list[str], **more: str
    ) -> subprocess.CompletedProcess[str] | None:
        """Return what a command said, or nothing where it took too long."""
        try:
            return subprocess.run(  # noqa: S603
                command,
                cwd=folder,
                env={**os.environ, **more},
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
