"""`wattline import-simbench`: make a scenario of a real low-voltage grid."""

import shutil
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from oracle.errors import InvalidInputError, OracleError
from oracle.scenario import load_scenario
from scripts.simbench.dataset import open_data_set, read_profiles
from scripts.simbench.folder import PlannedShortfall, Village, write_folder
from scripts.simbench.grid import read_grid
from scripts.simbench.prosumers import villagers

DEFAULT_SCENARIO = 1
"""SimBench's scenario with 14 loads, 8 PV plants and 4 batteries in LV1.101."""

DEFAULT_SEED = 2016


def import_simbench(
    grid: Annotated[str, typer.Argument(help="Low-voltage grid of SimBench, such as LV1.101.")],
    first_day: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day; profiles are of 2016."),
    ],
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="Number of days.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write  [default: scenarios/GRID]")
    ] = None,
    simbench_scenario: Annotated[
        int,
        typer.Option(min=0, max=2, help="SimBench's scenario: 0 is today, 1 and 2 are futures."),
    ] = DEFAULT_SCENARIO,
    lines_per_prosumer: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=16,
            help="Nearest prosumers that each gets lines to  [default: all of up to 16, else 8]",
        ),
    ] = None,
    shortfall: Annotated[
        list[str] | None,
        typer.Option(help="PROSUMER:SLOT:SHARE, delivers only this share of what it sold."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Fixes the prosumers' tastes.")] = DEFAULT_SEED,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that is not empty.")
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option(
            help="SimBench's folder of networks  [default: that of the installed package]"
        ),
    ] = None,
) -> None:
    """
    Write a scenario folder from a low-voltage grid of SimBench and its profiles.

    Example: wattline import-simbench LV1.101 --from 2016-05-09 --days 7 --out scenarios/village
    """
    folder = out or Path("scenarios") / grid
    try:
        village = build_village(
            grid,
            first_day.date(),
            days,
            name=folder.resolve().name,
            simbench_scenario=simbench_scenario,
            lines_per_prosumer=lines_per_prosumer,
            shortfalls=[_parsed(words) for words in shortfall or ()],
            seed=seed,
            source=source,
        )
        _require_room(folder, force=force)
        _write_checked(village, folder)
    except OSError as error:
        typer.echo(f"error: {folder}: cannot be written: {error.strerror}", err=True)
        raise typer.Exit(code=1) from error
    except OracleError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(code=1) from error
    typer.echo(
        f"{folder}: {len(village.villagers)} prosumers, {len(village.pairs)} lines, "
        f"{days} days from {first_day:%Y-%m-%d}"
    )


def build_village(
    grid_name: str,
    first_day: date,
    days: int,
    *,
    name: str,
    simbench_scenario: int = DEFAULT_SCENARIO,
    lines_per_prosumer: int | None = None,
    shortfalls: list[PlannedShortfall] | None = None,
    seed: int = DEFAULT_SEED,
    source: Path | None = None,
) -> Village:
    """Return what the folder will hold; nothing is written."""
    data = open_data_set(simbench_scenario, source)
    grid = read_grid(data, grid_name)
    load_columns = {f"{load.profile}_pload" for bus in grid.buses for load in bus.loads}
    plant_columns = {plant.profile for bus in grid.buses for plant in bus.plants}
    loads = read_profiles(data, "LoadProfile", load_columns, first_day, days)
    plants = read_profiles(data, "RESProfile", plant_columns, first_day, days)
    made = villagers(grid, loads, plants, seed)
    return Village(
        name=name,
        grid=grid,
        simbench_scenario=simbench_scenario,
        profiles=loads,
        villagers=made,
        lines_per_prosumer=lines_per_prosumer,
        shortfalls=shortfalls or [],
        command=_command(
            grid_name,
            first_day,
            days,
            simbench_scenario,
            lines_per_prosumer,
            shortfalls,
            seed,
            name,
        ),
    )


def _require_room(folder: Path, *, force: bool) -> None:
    if folder.exists() and not force and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInputError(
            f"{folder}: expected a new or an empty folder; add --force to write into it"
        )


def _write_checked(village: Village, folder: Path) -> None:
    """Write the folder only if it makes a scenario."""
    with TemporaryDirectory() as scratch:
        draft = Path(scratch) / village.name
        write_folder(village, draft)
        load_scenario(draft)
        shutil.copytree(draft, folder, dirs_exist_ok=True)


def _parsed(words: str) -> PlannedShortfall:
    parts = words.split(":")
    try:
        prosumer, slot, share = parts
        return PlannedShortfall(prosumer=prosumer, slot=int(slot), delivered_share=float(share))
    except ValueError as error:
        raise InvalidInputError(
            f"--shortfall: expected PROSUMER:SLOT:SHARE, such as B05:49:0.6, got {words}"
        ) from error


def _command(
    grid: str,
    first_day: date,
    days: int,
    simbench_scenario: int,
    lines_per_prosumer: int | None,
    shortfalls: list[PlannedShortfall] | None,
    seed: int,
    name: str,
) -> str:
    """Return the command that makes the folder again."""
    words = [f"wattline import-simbench {grid} --from {first_day} --days {days}"]
    if simbench_scenario != DEFAULT_SCENARIO:
        words.append(f"--simbench-scenario {simbench_scenario}")
    if lines_per_prosumer is not None:
        words.append(f"--lines-per-prosumer {lines_per_prosumer}")
    words += [f"--shortfall {s.prosumer}:{s.slot}:{s.delivered_share}" for s in shortfalls or ()]
    if seed != DEFAULT_SEED:
        words.append(f"--seed {seed}")
    words.append(f"--out scenarios/{name}")
    return " ".join(words)
