"""`scripts.performance_tables`: runs side by side, and what it refuses to show."""

import json
from pathlib import Path
from typing import Any

import pytest

from oracle.errors import InvalidInputError
from scripts.performance_tables import add_systems, markdown, read_bench
from tests.scripts.test_bench_all import a_system

STEPS = {
    "count": 96, "runs": 5, "basis_s": 0.05, "median_s": 0.006, "most_s": 0.015,
    "cold_median_s": 0.04, "cold_most_s": 0.05, "ratios": [0.2, 0.1, 0.3],
}  # fmt: skip
MACHINE = {
    "cores": 2, "memory_gb": 25.3, "cpu": "AMD EPYC", "system": "Linux",
    "architecture": "x86_64", "load_average": [0.1, 0.2, 0.3],
}  # fmt: skip


def a_run(**changes: object) -> dict[str, Any]:
    run: dict[str, Any] = {
        "made_at": "2026-11-22T10:13:42+00:00",
        "asked": {"dispatch": "--days 1"},
        "data": "synthetic",
        "machine": MACHINE,
        "commit": "05dc1f7",
        "versions": {"python": "3.11.7"},
        "failed": [],
        "dispatch": [a_system("paper-day", 0.5)],
        "clearing": [],
        "rounds": [],
        "gas": [],
        "hardfork": "prague",
        "seeds": {"dispatch": [1]},
    }
    return run | changes


def a_dispatch(*rows: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return what `wattline bench dispatch --out` writes."""
    run = {"made_at": "2026-11-23", "commit": None, "machine": MACHINE, "dispatch": [*rows]}
    return run | changes


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def a_system_of(runs: int) -> dict[str, Any]:
    system = a_system("a week", 0.2)
    system["parts"]["linopy"] = {**system["parts"]["linopy"], "runs": runs}
    return system


def test_reads_a_run(tmp_path: Path) -> None:
    assert read_bench(written(tmp_path / "bench.json", a_run())) == a_run()


@pytest.mark.parametrize(
    "change",
    [
        {"machine": {}},
        {"machine": []},
        {"versions": []},
        {"seeds": {"dispatch": 1}},
        {"dispatch": [{"system": "A", "parts": {}}]},
        {"dispatch": 1},
        {"clearing": [{}]},
        {"rounds": [{}]},
        {"gas": [{}]},
        {"gas": ["orders"]},
    ],
    ids=repr,
)
def test_refuses_a_run_that_lacks_figures(tmp_path: Path, change: dict[str, object]) -> None:
    path = written(tmp_path / "bench.json", a_run(**change))

    with pytest.raises(InvalidInputError) as refusal:
        read_bench(path)

    (line,) = str(refusal.value).splitlines()
    assert line.startswith(f"{path}: expected bench.json of `wattline bench all`, got one with")


@pytest.mark.parametrize(
    "row",
    [
        {"system": "A", "parts": {}},
        {**a_system("A", 0.5), "parts": {"ours": {"runs": 5}}},
        {**a_system("A", 0.5), "parts": []},
        {**a_system("A", 0.5), "columns": "many"},
    ],
)
def test_refuses_systems_that_lack_figures(tmp_path: Path, row: dict[str, Any]) -> None:
    path = written(tmp_path / "dispatch.json", a_dispatch(a_system("a week", 0.2), row))

    with pytest.raises(InvalidInputError) as refusal:
        add_systems(a_run(), path)

    (line,) = str(refusal.value).splitlines()
    expected = f"{path}: expected dispatch.json of `wattline bench dispatch --out`"
    assert line.startswith(f"{expected}, got one with")


@pytest.mark.parametrize(
    ("row", "got"),
    [
        (a_system_of(runs=4), "got 4 of a week"),
        (a_system("a step", 0.2) | {"steps": STEPS | {"runs": 1}}, "got 1 of a step"),
        (a_system("no library", 0.2) | {"parts": {}}, "got 0 of no library"),
    ],
    ids=["a library", "the steps of a day", "none"],
)
def test_refuses_systems_of_fewer_runs_than_the_page_says(
    tmp_path: Path, row: dict[str, Any], got: str
) -> None:
    path = written(tmp_path / "dispatch.json", a_dispatch(a_system("a day", 0.2), row))

    with pytest.raises(InvalidInputError) as refusal:
        add_systems(a_run(), path)

    expected = f"{path}: expected at least 5 runs of each library, as the page says"
    assert str(refusal.value) == f"{expected}, {got}"


def test_adds_the_systems_that_a_run_has_not_and_says_where_they_are_from(tmp_path: Path) -> None:
    run = a_run()
    more = [a_system_of(runs=5), a_system("a step", 0.2) | {"steps": STEPS}]
    content = a_dispatch(a_system("paper-day", 0.1), *more)

    add_systems(run, written(tmp_path / "dispatch.json", content))

    assert run["dispatch"] == [*a_run()["dispatch"], *more]
    origin = "2026-11-23, commit –, load 0.1, 0.2, 0.3: a week; a step"
    assert f"- dispatch in a run of its own: {origin}\n" in markdown(run)


def test_a_run_without_a_new_system_adds_nothing(tmp_path: Path) -> None:
    run = a_run()

    add_systems(run, written(tmp_path / "dispatch.json", a_dispatch(a_system("paper-day", 0.1))))

    assert run == a_run()


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        [1],
        a_dispatch(machine={}),
        a_dispatch(dispatch=1),
        a_dispatch(dispatch=[1]),
        {"dispatch": [], "machine": MACHINE},
    ],
    ids=repr,
)
def test_refuses_what_is_no_run_of_the_dispatch(tmp_path: Path, content: object) -> None:
    path = written(tmp_path / "dispatch.json", content)

    with pytest.raises(InvalidInputError, match=r"^\S+: expected dispatch\.json of"):
        add_systems(a_run(), path)


def test_refuses_systems_in_no_json(tmp_path: Path) -> None:
    path = tmp_path / "dispatch.json"
    path.write_text("no JSON")

    with pytest.raises(InvalidInputError, match=r"expected dispatch\.json .*which is JSON"):
        add_systems(a_run(), path)


def test_refuses_systems_of_another_machine(tmp_path: Path) -> None:
    content = a_dispatch(a_system("a week", 0.2), machine=MACHINE | {"cores": 64})
    path = written(tmp_path / "dispatch.json", content)

    with pytest.raises(InvalidInputError) as refusal:
        add_systems(a_run(), path)

    assert str(refusal.value) == (
        f"{path}: expected the machine of the other run, 2 cores of AMD EPYC, 25.3 GB, "
        "Linux x86_64, got 64 cores of AMD EPYC, 25.3 GB, Linux x86_64"
    )
