"""
Change the contracts at one place at a time, and see whether a test notices.

Each mutant is one small change of one line: an operator, a comparison, a number, a call of the
other rounding, a statement or a refusal left out. A copy of the project is compiled with it and
asked the forge tests, those of the libraries first; whoever survives them is asked the tests in
Python. What survives all must be explained in tests/contracts/MUTANTS.md.

The mutants are drawn with a fixed seed. Results are kept in out/mutation/results.json, so that a
run that was stopped goes on, and one with a larger sample continues a smaller one. A result is
kept by the mutant's file and change: remove the file to ask the tests of today again.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from scripts.compile import ROOT
from scripts.sources import product_sources

SEED = 2026
OUT = ROOT / "out" / "mutation"
RESULTS = OUT / "results.json"
EXPLAINED = ROOT / "tests" / "contracts" / "MUTANTS.md"
NOT_MUTATED = ("interfaces/", "types/", "TestDollar.sol")
COPIED = ("contracts", "oracle", "scenarios", "scripts", "tests", "pyproject.toml")
FORGE_SECONDS = 600
PYTHON_SECONDS = 900

NUMBER = re.compile(r"(?<![\w.\"])(0x[0-9a-f]+|[1-9]\d*)\b(?![\w.\"])")
REPLACEMENTS = [
    (r" \+ ", [" - "]),
    (r" - ", [" + "]),
    (r" \* ", [" / "]),
    (r" / ", [" * "]),
    (r" % ", [" / "]),
    (r" < ", [" <= ", " > "]),
    (r" <= ", [" < "]),
    (r" > ", [" >= ", " < "]),
    (r" >= ", [" > "]),
    (r" == ", [" != "]),
    (r" != ", [" == "]),
    (r" && ", [" || "]),
    (r" \|\| ", [" && "]),
    (r" << ", [" >> "]),
    (r" >> ", [" << "]),
    (r" \+= ", [" -= ", " = "]),
    (r" -= ", [" += "]),
    (r"\+\+(?=\w)", ["--"]),
    (r"(?<=\()!(?=\w)", [""]),
    (r"\badd\(", ["sub("]),
    (r"\bsub\(", ["add("]),
    (r"\bmul\(", ["div("]),
    (r"\bdiv\(", ["mul("]),
    (r"\bshl\(", ["shr("]),
    (r"\bshr\(", ["shl("]),
    (r"\blt\(", ["gt("]),
    (r"\bs?gt\(", ["lt("]),
    (r"\bamountDown\(", ["amountUp("]),
    (r"\bamountUp\(", ["amountDown("]),
]
STATEMENT = re.compile(
    r"^\s*(?!(?:return|using|import|error|event|function|modifier)\b)[\w.\[\]]"
    r"[^;{}]*(?:\(|=)[^;{}]*;$"
)
REFUSAL = re.compile(r"^\s*if \(.*\) revert \w[^;]*;$")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one line."""

    file: str
    line: int
    before: str
    after: str

    @property
    def name(self) -> str:
        """Return a name that outlives changes of other lines."""
        return f"{self.file}: `{self.before.strip()}` → `{self.after.strip()}`"


@dataclass(slots=True)
class Result:
    """What became of a mutant: `forge` or `python` killed it, `compiler` refused it, or none."""

    name: str
    place: str
    killed_by: str
    seconds: float


def mutants_of(file: str, text: str) -> Iterator[Mutant]:
    """Yield every change of a file."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        inside = inside or bool(re.match(r"(abstract )?(contract|library) ", bare))
        if not inside or not bare or bare.startswith(("//", "import", "using", "error", "event")):
            continue
        code = line.split(" // ")[0]
        if code.strip().startswith(
            ("contract", "abstract", "library", "pragma", "keccak256(", '"')
        ):
            continue
        for after in _changes(code):
            yield Mutant(file, number, line, after)


def _changes(code: str) -> Iterator[str]:
    for found in NUMBER.finditer(code):
        yield f"{code[: found.start()]}{int(found[1], 0) + 1}{code[found.end() :]}"
    for pattern, replacements in REPLACEMENTS:
        for found in re.finditer(pattern, code):
            for replacement in replacements:
                new = replacement.format(*found.groups())
                yield code[: found.start()] + new + code[found.end() :]
    if REFUSAL.match(code) or STATEMENT.match(code):
        yield re.match(r"\s*", code).group() + "{}"  # type: ignore[union-attr]


def all_mutants() -> list[Mutant]:
    """Return every mutant, in an order that is the same in every run."""
    found = [
        mutant
        for name in product_sources()
        if not name.startswith(NOT_MUTATED)
        for mutant in mutants_of(name, (ROOT / "contracts" / name).read_text(encoding="utf-8"))
    ]
    random.Random(SEED).shuffle(found)  # noqa: S311
    return found


def copy_project(folder: Path) -> None:
    """Make the copy in which the mutants live."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("node_modules", "__pycache__", "cache", "out")
            shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
    modules = folder / "contracts" / "node_modules"
    if not modules.exists():
        modules.symlink_to(ROOT / "contracts" / "node_modules")


def run(folder: Path, seconds: int, command: list[str], **more: str) -> tuple[int, str]:
    """Return exit code and output; a run that takes too long has failed."""
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=folder,
            env={**os.environ, **more},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, "timeout"
    return done.returncode, done.stdout + done.stderr


def killer_of(mutant: Mutant, folder: Path) -> str:
    """Return who kills a mutant; the copy is as before when this returns."""
    path = folder / "contracts" / mutant.file
    original = path.read_text(encoding="utf-8")
    lines = original.split("\n")
    lines[mutant.line - 1] = mutant.after
    path.write_text("\n".join(lines), encoding="utf-8")
    try:
        return _killer(folder, mutant.file)
    finally:
        path.write_text(original, encoding="utf-8")


def _killer(folder: Path, file: str) -> str:
    forge = ["node", str(ROOT / "contracts/node_modules/@foundry-rs/forge/bin.mjs"), "test"]
    market = ["--match-contract", "Invariants"]
    library = ["--no-match-contract", "Invariants"]
    for tests in [library, market] if file.startswith("libraries/") else [market]:
        code, said = run(
            folder / "contracts",
            FORGE_SECONDS,
            [*forge, "--fail-fast", *tests],
            FOUNDRY_PROFILE="mutation",
        )
        if re.search(r"Compiler run failed|Compilation failed", said):
            return "compiler"
        if code:
            return "forge"
    code, said = run(folder, PYTHON_SECONDS, [sys.executable, "-m", "scripts.compile"])
    if code:
        return "compiler"
    left_out = ["test_gas.py", "test_storage_layout.py", "test_artifacts.py"]
    code, said = run(
        folder,
        PYTHON_SECONDS,
        [
            *[sys.executable, "-m", "pytest", "-x", "-q", "-n", "2", "--dist", "loadgroup"],
            *["-p", "no:cacheprovider", "tests/contracts"],
            *[f"--ignore=tests/contracts/{name}" for name in left_out],
        ],
        INVARIANT_SEQUENCES="3",
        PYTHONPATH=str(folder),
    )
    return "python" if code else "none"


def explained() -> set[str]:
    """Return the names of the survivors that MUTANTS.md explains."""
    text = EXPLAINED.read_text(encoding="utf-8") if EXPLAINED.exists() else ""
    return set(re.findall(r"^- (.+? → `.*?`)", text, re.M))


def mutate_command(
    sample: Annotated[int, typer.Option(help="How many mutants to try.")] = 60,
    minutes: Annotated[float, typer.Option(help="Stop after this long; go on next time.")] = 75,
) -> None:
    """
    Try a sample of mutants; end with 1 if the score is below 90 % or a survivor is not explained.

    Example: python -m scripts.mutate --sample 40
    """
    OUT.mkdir(parents=True, exist_ok=True)
    known = (
        [Result(**entry) for entry in json.loads(RESULTS.read_text())] if RESULTS.exists() else []
    )
    results = {result.name: result for result in known}
    drawn = all_mutants()
    typer.echo(f"{len(drawn)} mutants, of which {sample} drawn with seed {SEED}")
    folder = OUT / "copy"
    copy_project(folder)
    ends = time.monotonic() + 60 * minutes
    for mutant in drawn[:sample]:
        if mutant.name in results or time.monotonic() > ends:
            continue
        started = time.monotonic()
        killer = killer_of(mutant, folder)
        place = f"{mutant.file}:{mutant.line}"
        results[mutant.name] = Result(mutant.name, place, killer, round(time.monotonic() - started))
        RESULTS.write_text(json.dumps([asdict(result) for result in results.values()], indent=1))
        typer.echo(f"{killer:9} {results[mutant.name].seconds:4.0f} s  {mutant.name}")
    _conclude([results[m.name] for m in drawn[:sample] if m.name in results], sample)


def _conclude(results: list[Result], sample: int) -> None:
    counts = dict.fromkeys(("compiler", "forge", "python", "none"), 0)
    for result in results:
        counts[result.killed_by] += 1
    tried = len(results) - counts["compiler"]
    killed = counts["forge"] + counts["python"]
    score = killed / tried if tried else 0
    typer.echo(
        f"{len(results)} of {sample} mutants: {counts['compiler']} do not compile, "
        f"{counts['forge']} killed by forge, {counts['python']} by pytest, "
        f"{counts['none']} survive: score {score:.1%}"
    )
    survivors = [result for result in results if result.killed_by == "none"]
    unexplained = [result for result in survivors if result.name not in explained()]
    for result in unexplained:
        typer.echo(f"error: not explained: {result.place}: {result.name}", err=True)
    if unexplained or score < 0.9:
        raise typer.Exit(code=1)


if __name__ == "__main__":
    typer.run(mutate_command)
