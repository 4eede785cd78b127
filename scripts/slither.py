"""
Run slither over the contracts; a finding of high or medium impact must be triaged, with a reason.

Findings and reasons are in contracts/slither.toml. An entry that nothing answers to fails as well,
so that the list does not outlive what it explains. slither gets the syntax trees of the pinned
compiler; it needs no code, which would take a minute.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from scripts.compile import CONTRACTS, ROOT, pinned_version
from scripts.sources import analysed, standard_input

SLITHER = ROOT / ".venv-audit" / "bin" / "slither"
TRIAGE = CONTRACTS / "slither.toml"
BUILD = Path("out", "slither")
GRAVE = {"High", "Medium"}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What slither found, and where: `Contract.function` or `Contract.function.variable`."""

    check: str
    where: str

    def __str__(self) -> str:
        return f"{self.check} in {self.where}"


def write_syntax_trees() -> None:
    """Write what slither reads of a forge build: trees and interfaces, but no code."""
    question = standard_input({"": ["ast"], "*": ["abi"]})
    answer = analysed(question)
    nothing = {"object": "", "sourceMap": ""}
    for contracts in answer["contracts"].values():
        for contract in contracts.values():
            contract["evm"] = {"bytecode": nothing, "deployedBytecode": nothing}
    folder = CONTRACTS / BUILD
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    build = {"solcVersion": pinned_version(), "input": question, "output": answer}
    (folder / "build.json").write_text(json.dumps(build), encoding="utf-8")


def run_slither() -> Mapping[str, Any]:
    """Return slither's answer over the trees written before."""
    tools = CONTRACTS / "node_modules" / ".bin"
    done = subprocess.run(  # noqa: S603
        [
            str(SLITHER),
            ".",
            "--ignore-compile",
            "--foundry-build-info-directory",
            BUILD.as_posix(),
            "--filter-paths",
            "node_modules",
            "--json",
            "-",
        ],
        cwd=CONTRACTS,
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    try:
        answer: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        answer = {"success": False, "error": done.stderr.strip().splitlines()[-1:]}
    if not answer["success"]:
        typer.echo(f"error: slither: {answer['error']}", err=True)
        raise typer.Exit(code=1)
    return answer


def findings_in(answer: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the findings of high and medium impact."""
    for found in answer["results"].get("detectors", []):
        if found["impact"] in GRAVE:
            yield Finding(found["check"], ".".join(_names(found["elements"][0])))


def _names(element: Mapping[str, Any]) -> Iterator[str]:
    parent = element.get("type_specific_fields", {}).get("parent", {})
    if parent.get("type") in {"contract", "function"}:
        yield from _names(parent)
    yield element["name"]


def triaged() -> dict[Finding, str]:
    """Return the reason of each finding that was looked at."""
    entries = tomllib.loads(TRIAGE.read_text(encoding="utf-8"))["finding"]
    return {Finding(entry["check"], entry["where"]): entry["reason"] for entry in entries}


def faults_of(found: Iterable[Finding], known: Mapping[Finding, str]) -> list[str]:
    """Return what is found and not triaged, triaged and not found, or has no reason."""
    seen = set(found)
    return [
        *(f"not triaged: {finding}" for finding in sorted(seen - known.keys())),
        *(f"triaged, but not found: {finding}" for finding in sorted(known.keys() - seen)),
        *(f"no reason given: {finding}" for finding, why in sorted(known.items()) if not why),
    ]


def slither_command() -> None:
    """
    Let slither read the contracts; end with 1 if a finding is not triaged.

    Example: python -m scripts.slither
    """
    write_syntax_trees()
    answer = run_slither()
    found = list(findings_in(answer))
    faults = faults_of(found, triaged())
    for fault in faults:
        typer.echo(f"error: {fault}", err=True)
    if faults:
        sys.exit(1)
    everything = len(answer["results"].get("detectors", []))
    typer.echo(f"slither: {everything} findings, {len(found)} high or medium, all triaged")


if __name__ == "__main__":
    typer.run(slither_command)
