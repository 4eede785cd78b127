"""`wattline bench dispatch`: the same optimum by every library, and what is told of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from oracle.errors import SolverError
from oracle.model.committed_system import CommittedSystem
from scripts.bench.dispatch import timing
from scripts.bench.dispatch.command import dispatch_table
from scripts.bench.dispatch.figures import (
    Parts,
    SystemFigures,
    growth,
    largest_difference,
    parts_of,
    ratio,
    require_equal,
)
from scripts.bench.dispatch.measurement import (
    Measurement,
    NoResultError,
    Reference,
    Task,
    installed,
    measured,
    measured_apart,
)
from scripts.bench.dispatch.systems import STEP_SINCE, Size, larger, reference_case
from scripts.cli import app


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bench", "dispatch", *map(str, arguments)])


def a_task(library: str, system: CommittedSystem) -> Task:
    return Task(library=library, system=system, reference=None, time_limit_s=60.0)


def a_measurement(seconds: float, objective: float = 100.0) -> Measurement:
    return Measurement(
        objective=objective, build_s=0.25 * seconds, solve_s=0.75 * seconds, cpu_s=2 * seconds,
        memory_mb=10 * seconds,
    )  # fmt: skip


def parts(seconds: float) -> Parts:
    return parts_of([a_measurement(seconds)])


def a_row(difference: float | None) -> SystemFigures:
    return SystemFigures(
        system="one", ours_s=1.0, others={}, objective_relative_difference=difference,
        ratio_to_best=None, cpu_ratio_to_best=None, objective_usd=1.0, units=1, storages=1,
        days=1.0, columns=1, rows=1, iterations=1, integers=0, seed=None, parts={},
    )  # fmt: skip


def with_units_off(system: CommittedSystem) -> CommittedSystem:
    """Return a system with units that start, stop and are never on, and more to burn for it."""
    on = system.on.copy()
    on[0, :40] = False
    on[1, 60:] = False
    on[2] = False
    return replace(system, on=on, reserve_mw=np.full(system.slots, -1e3))


@pytest.mark.parametrize("library", ["linopy", "pyomo"])
@pytest.mark.parametrize("case", ["day", "step", "two storages", "two days", "none", "off"])
def test_every_library_finds_our_optimum(library: str, case: str) -> None:
    pytest.importorskip(library)
    reference = reference_case()
    system = {
        "day": lambda: reference.day,
        "step": lambda: reference.step,
        "two storages": lambda: larger(reference, Size(units=5, storages=2, days=1), seed=1),
        "two days": lambda: larger(reference, Size(units=4, storages=1, days=2), seed=1),
        "none": lambda: replace(reference.day, storages=(), ends=()),
        "off": lambda: with_units_off(larger(reference, Size(units=8, storages=1, days=1), seed=1)),
    }[case]()

    other = measured(a_task(library, system))

    ours = measured(a_task("ours", system))
    assert other.objective == pytest.approx(ours.objective, rel=1e-9)
    assert min(other.build_s, other.solve_s, other.cpu_s) > 0


@pytest.mark.parametrize("step", [False, True])
def test_the_reference_model_finds_our_optimum(step: bool) -> None:
    case = reference_case()
    system, rest = (case.step, case.rest(STEP_SINCE)) if step else (case.day, None)
    reference = Reference(system=case.system, day_ahead=case.day_ahead, rest=rest)

    other = measured(replace(a_task("pulp", system), reference=reference))

    ours = measured(a_task("ours", system))
    assert other.objective == pytest.approx(ours.objective, rel=1e-9)


def test_a_run_in_a_process_of_its_own_tells_the_same() -> None:
    system = reference_case().day

    apart = measured_apart(a_task("ours", system))

    assert apart.objective == pytest.approx(measured(a_task("ours", system)).objective, rel=1e-12)
    assert apart.columns == 5472
    assert apart.memory_mb > 0


def test_a_run_that_fails_says_why() -> None:
    day = reference_case().day
    infeasible = replace(day, reserve_mw=np.full(96, 1e6))

    with pytest.raises(SolverError, match=r"ours: dispatch of 4 units .* is infeasible"):
        measured_apart(a_task("ours", infeasible))


@pytest.mark.parametrize("library", ["linopy", "pyomo"])
def test_a_library_that_runs_out_of_time_has_no_optimum(library: str) -> None:
    pytest.importorskip(library)
    late = replace(a_task(library, reference_case().day), time_limit_s=1e-9)

    with pytest.raises(NoResultError, match=rf"^{library}: no optimum within 1e-09 s$"):
        measured_apart(late)


@pytest.mark.parametrize("library", ["linopy", "pyomo"])
def test_a_library_that_says_there_is_no_optimum_contradicts_us(library: str) -> None:
    pytest.importorskip(library)
    infeasible = replace(reference_case().day, reserve_mw=np.full(96, 1e6))

    with pytest.raises(SolverError, match=rf"^{library}: ") as raised:
        measured_apart(a_task(library, infeasible))

    assert not isinstance(raised.value, NoResultError)


def test_what_is_done_first_is_not_in_the_clock() -> None:
    system = larger(reference_case(), Size(units=200, storages=1, days=1), seed=1)
    last = reference_case().system_of(reference_case().rest(95))
    small = a_task("ours", last)

    found = measured_apart(replace(small, first=a_task("ours", system)))

    assert found.objective == pytest.approx(measured(small).objective, rel=1e-12)
    assert found.columns == measured(small).columns
    assert found.seconds < 0.2 * measured(a_task("ours", system)).seconds


@pytest.mark.parametrize(
    ("error", "key"), [(NoResultError("late"), "skipped"), (SolverError("wrong"), "failed")]
)
def test_who_has_too_little_time_is_skipped_and_who_contradicts_us_has_failed(
    error: SolverError, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(task: Task) -> Measurement:
        asked.append(task.library)
        if task.library == "linopy":
            raise error
        return replace(a_measurement(1.0), columns=100)

    monkeypatch.setattr(timing, "measured_apart", answer)
    monkeypatch.setattr(timing, "_steps", lambda *_: None)
    monkeypatch.setattr(timing, "installed", lambda library: library != "pyomo")

    day, _ = timing.timed(
        reference_case(), [], runs=2, seed=1, time_limit_s=60.0, report=lambda *_: None
    )

    assert (getattr(day, key)["linopy"], day.skipped["pyomo"]) == (str(error), timing.MISSING)
    assert [*day.parts] == ["ours", "pulp"]
    assert asked[: len(asked) // 2] == ["ours", "linopy", "pulp", "ours", "pulp"]
    if key == "skipped":
        require_equal([day])
    else:
        with pytest.raises(SolverError, match=r"^paper-day: wrong$"):
            require_equal([day])


def test_a_system_is_written_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = reference_case().day.slots

    def ended_in_the_second(task: Task) -> Measurement:
        if task.system.slots != first:
            raise KeyboardInterrupt
        return replace(a_measurement(1.0), columns=100)

    monkeypatch.setattr(timing, "measured_apart", ended_in_the_second)

    result = invoke("--units", 0, "--runs", 1, "--out", tmp_path)

    assert result.exit_code == 130
    written = json.loads((tmp_path / "dispatch.json").read_text(encoding="utf-8"))
    assert [row["system"] for row in written["dispatch"]] == ["paper-day"]


def test_larger_systems_are_the_same_for_the_same_seed_only() -> None:
    size = Size(units=7, storages=3, days=2)
    one, same, other = (larger(reference_case(), size, seed=seed) for seed in (1, 1, 2))

    assert (len(one.units), len(one.storages), one.slots) == (7, 3, 192)
    assert one.units == same.units
    assert np.array_equal(one.load_mw, same.load_mw)
    assert one.units != other.units
    assert one.load_mw.sum() == pytest.approx(
        2 * 7 / 4 * reference_case().system.load_mw.sum(), 0.02
    )


def test_medians_spread_and_ratios() -> None:
    some = parts_of([a_measurement(seconds) for seconds in (3.0, 1.0, 2.0)])

    assert (some.total_s, some.build_s, some.cpu_s, some.runs) == (2.0, 0.5, 4.0, 3)
    assert some.spread_s == (1.0, 3.0)
    rivals = {"ours": some, "linopy": parts(8.0), "pyomo": parts(5.0)}
    assert ratio(rivals, "total_s") == pytest.approx(0.4)
    assert ratio({"ours": some}, "total_s") is None


def test_growth_is_the_exponent_of_time_over_columns() -> None:
    assert growth(parts(9.0), 300, parts(1.0), 100) == pytest.approx(2.0)
    assert growth(parts(9.0), 150, parts(1.0), 100) is None


def test_objectives_that_differ_are_a_failure() -> None:
    runs = {"ours": [a_measurement(1.0)], "linopy": [a_measurement(1.0, objective=100.01)]}

    difference = largest_difference(runs)

    assert difference == pytest.approx(1e-4)
    assert largest_difference({"ours": runs["ours"]}) is None
    require_equal([a_row(None), a_row(1e-6)])
    with pytest.raises(SolverError, match=r"one: expected objectives within 1e-06 .*, got 0.0001"):
        require_equal([a_row(difference)])
    runs["linopy"].append(a_measurement(1.0, objective=float("nan")))
    with pytest.raises(SolverError, match="got nan"):
        require_equal([a_row(largest_difference(runs))])


def test_the_table_fits_a_terminal_of_80_columns() -> None:
    times = {"ours": 24.0, "linopy": 71.2, "pyomo": 7.891, "pulp": 0.177}
    large = replace(
        a_row(0.0), system="200 units, 100 storages, 7 d", ours_s=24.0, ratio_to_best=0.33,
        others={name: times[name] for name in ("linopy", "pyomo", "pulp")},
        parts={name: parts(time) for name, time in times.items()},
    )  # fmt: skip
    late = replace(large, others={}, skipped={"pyomo": "pyomo: no optimum within 9 s"})
    console = Console(width=80)

    with console.capture() as shown:
        console.print(dispatch_table([large, late]))

    lines = shown.get().splitlines()
    [row] = [line for line in lines if "7.891" in line]
    cells = "200 units, 100 storages, 7 d 24.0 24.0 24.0 71.2 7.891 0.177 0.33"
    assert row.split() == cells.split()
    assert any("200 units, 100 storages, 7 d: pyomo: no optimum within 9 s" in one for one in lines)
    assert "…" not in shown.get()


def test_libraries_of_the_product_are_there() -> None:
    assert installed("ours")
    assert installed("pulp")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--units", "ten"), "--units ten: expected whole numbers with commas between"),
        (("--days", "0"), "--days 0: expected numbers from 1"),
        (("--storages", "0,1"), "--storages 0,1: expected numbers from 1"),
        (("--units", "-1"), "--units -1: expected numbers from 0"),
    ],
)
def test_refuses_sizes_that_are_none(arguments: tuple[str, ...], message: str) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 1
    assert message in result.stderr


@pytest.mark.slow
def test_prints_the_rows_of_the_reference_case_and_writes_them(tmp_path: Path) -> None:
    result = invoke("--units", 0, "--runs", 1, "--json", "--out", tmp_path)

    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    written = json.loads((tmp_path / "dispatch.json").read_text(encoding="utf-8"))
    assert written["dispatch"] == rows
    assert written["data"] == "synthetic"
    assert written.keys() >= {"made_at", "machine", "commit", "versions"}
    assert [row["system"] for row in rows] == ["paper-day", "paper-day, rolling step"]
    for row in rows:
        assert row["ours_s"] == row["parts"]["ours"]["total_s"] > 0
        assert row["objective_relative_difference"] <= 1e-6
        assert set(row["others"]) | set(row["skipped"]) == {"linopy", "pyomo", "pulp"}
        assert row["ratio_to_best"] < 1.0
    assert rows[0]["steps"] is None
    assert rows[1]["steps"]["count"] == 96
    assert rows[1]["steps"]["ratios"][0] < 1.0
    assert rows[1]["steps"]["median_s"] <= 0.15
