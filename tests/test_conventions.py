"""The conventions that no linter knows."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import compile as compile_script
from scripts.bench.app import Benchmarks
from scripts.cli import Subcommands
from scripts.subcommands import SubcommandGroup

ROOT = Path(__file__).parents[1]
SOLIDITY = [
    path
    for path in sorted((ROOT / "contracts").rglob("*.sol"))
    if path.relative_to(ROOT / "contracts").parts[0] not in compile_script.NOT_SOURCES
]
CONTRACT_TESTS = sorted((ROOT / "tests").rglob("*.py"))


def text_of(paths: list[Path]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def lines_with(pattern: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if re.search(pattern, line)
    ]


def prose_of(path: Path) -> Iterator[str]:
    """Yield the docstrings and comments of a Python file."""
    source = path.read_text(encoding="utf-8")
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def test_every_custom_error_is_provoked_by_a_test() -> None:
    declared = set(re.findall(r"^\s*error (\w+)\(", text_of(SOLIDITY), re.M))

    tested = set(re.findall(r'reverts\(\s*[\w.]+,\s*"(\w+)"', text_of(CONTRACT_TESTS)))

    assert declared
    assert declared - tested == set()


def test_every_error_and_event_has_a_name_of_its_own() -> None:
    declared = re.findall(r"^\s*(?:error|event) (\w+)\(", text_of(SOLIDITY), re.M)

    assert {name for name in declared if declared.count(name) > 1} == set()


def test_every_equation_in_the_code_has_a_source() -> None:
    files = sorted([*ROOT.glob("oracle/model/*.py"), *ROOT.glob("oracle/market/*.py")])
    prose = "\n".join(text for path in files for text in prose_of(path))
    used = set(re.findall(r"\(([A-Z]?[1-9]\d?)\)", prose))

    index = (ROOT / "oracle" / "EQUATIONS.md").read_text(encoding="utf-8")
    registered = set(re.findall(r"^\| ([A-Z]?\d+) ", index, re.M))

    assert used
    assert used - registered == set()


def test_every_invariant_is_checked() -> None:
    index = (ROOT / "tests" / "contracts" / "INVARIANTS.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^- ([A-Z]-\d+) ", index, re.M))

    checked = re.findall(r"def (?:test_|invariant_)?([a-z])(\d+)_", text_of(CONTRACT_TESTS))

    assert listed
    assert listed == {f"{letter.upper()}-{number}" for letter, number in checked}


def test_every_contract_is_pinned_to_the_compiler() -> None:
    version = re.escape(compile_script.pinned_version())
    shared = {"interfaces", "libraries", "types"}

    loose = [
        path.relative_to(ROOT).as_posix()
        for path in SOLIDITY
        if path.parent.name not in shared
        and not re.search(rf"^pragma solidity {version};", path.read_text("utf-8"), re.M)
    ]

    assert loose == []


def test_every_init_file_holds_a_docstring_and_nothing_else() -> None:
    for path in tracked_files():
        if path.name == "__init__.py":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            assert len(body) == 1, path
            assert ast.get_docstring(ast.Module(body, [])), path


@pytest.mark.parametrize("name", sorted(Subcommands.subcommands))
def test_every_subcommand_shows_an_example(name: str) -> None:
    command = Subcommands.subcommands[name].load(name)

    assert re.search(rf"Examples?:\s.*wattline {name}\b", command.help or "", re.S)


@pytest.mark.parametrize("group", [Subcommands, Benchmarks])
def test_a_list_of_subcommands_says_what_their_own_help_says(group: type[SubcommandGroup]) -> None:
    listed = {name: one.summary for name, one in group.subcommands.items()}

    own = {name: one.load(name).help or "" for name, one in group.subcommands.items()}

    assert listed == {
        name: " ".join(text.strip().split("\n\n")[0].split()) for name, text in own.items()
    }


def test_every_script_that_is_run_as_a_module_shows_an_example() -> None:
    for path in sorted((ROOT / "scripts").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "typer.run(" in source:
            assert re.search(rf"Examples?: python -m scripts\.{path.stem}\b", source), path


def test_no_file_names_a_package_registry() -> None:
    hosts = [r"py" + r"pi\.org", r"python" + r"hosted\.org", r"npm" + r"js\.(?:org|com)"]

    assert lines_with("|".join(hosts)) == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    folders = "|".join(["home", "root", "Users", "work", "opt", "mnt", "tmp", "private"])

    assert lines_with(rf"(?<![\w.}}~/\\-])/(?:{folders})/") == []


def test_no_server_listens_to_other_machines() -> None:
    assert lines_with(r"\b0\.0" + r"\.0\.0\b") == []
