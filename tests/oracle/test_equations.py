"""EQUATIONS.md and parameters.csv agree with the code and with the scenarios."""

import csv
import re
import tomllib
from pathlib import Path

import pytest

ORACLE = Path(__file__).parents[2] / "oracle"
PAPER_DAY = ORACLE.parent / "scenarios" / "paper-day" / "scenario.toml"
TAGS = ("printed", "inferred", "ours")


def rows() -> list[list[str]]:
    """Return the cells of each equation's row."""
    text = (ORACLE / "EQUATIONS.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| ((?:\d+|[A-Z]\d+) \|.*) \|$", text, re.M)
    return [re.split(r" (?<!\\)\| ", row) for row in found]


def equations() -> dict[str, list[str]]:
    """Return the cells of each equation's row by its id."""
    return {row[0]: row for row in rows()}


def parameters() -> dict[str, dict[str, str]]:
    with (ORACLE / "parameters.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_no_id_is_listed_twice() -> None:
    ids = [row[0] for row in rows()]

    assert len(ids) == len(set(ids))


def test_all_37_equations_of_the_paper_are_listed_in_order() -> None:
    ids = [key for key in equations() if key.isdigit()]

    assert ids == [str(number) for number in range(1, 38)]


def test_every_equation_named_by_the_models_is_listed() -> None:
    files = [*ORACLE.glob("model/*.py"), *ORACLE.glob("market/*.py"), ORACLE / "plan.py"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)

    named = set(re.findall(r"\(([A-Z]\d+)\)", text))
    constraints = set(re.findall(r'"[A-Z0-9_]*?E(\d+)_', text))

    assert named <= set(equations())
    assert constraints <= set(equations())


@pytest.mark.parametrize("key", sorted(equations()))
def test_every_equation_has_a_tag_and_code_that_exists(key: str) -> None:
    _, statement, tag, _, code = (cell.strip() for cell in equations()[key])

    assert statement
    assert tag.startswith(TAGS)
    path = ""
    for name in re.findall(r"`([^`]+)`", code):
        if name.endswith(".py"):
            path = name
            continue
        last = name.split(".")[-1]
        assert re.search(rf"\b(def|class) {last}\b", (ORACLE / path).read_text(encoding="utf-8"))


def test_every_key_of_the_reference_case_is_a_parameter() -> None:
    document = tomllib.loads(PAPER_DAY.read_text(encoding="utf-8"))
    tables = {name: table for name, table in document.items() if isinstance(table, dict | list)}

    keys = {
        f"{name}.{key}"
        for name, table in tables.items()
        for one in (table if isinstance(table, list) else [table])
        for key in one
    }

    assert keys <= set(parameters())


def test_every_parameter_has_a_unit_a_default_and_a_source() -> None:
    for name, row in parameters().items():
        assert None not in row, name
        assert row["unit"], name
        assert row["default"], name
        assert re.match(r"printed|inferred|ours|w1 \+ w2", row["source"]), name
