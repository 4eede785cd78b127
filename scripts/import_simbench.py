"""`wattline import-simbench`: make a scenario of a real low-voltage grid."""

import shutil
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from oracle.errors import InvalidInputError
from oracle.scenario import load_scenario
from scripts.console import errors_in_one_line
from scripts.simbench.folder import write_folder
from scripts.simbench.village import (
    DEFAULT_SCENARIO,
    DEFAULT_SEED,
    PlannedShortfall,
    Village,
    build_village,
)


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
    with errors_in_one_line():
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
    typer.echo(
        f"{folder}: {len(village.villagers)} prosumers, {len(village.pairs)} lines, "
        f"{days} days from {first_day:%Y-%m-%d}"
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
