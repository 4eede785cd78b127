"""A whole export: a folder of the market's record and, of a run, the dispatch part."""

from dataclasses import dataclass
from pathlib import Path

from oracle.domain.record import DispatchRecord, MarketRecord
from oracle.domain.scenario import Scenario
from oracle.errors import InvalidInputError
from oracle.export_files.dispatch import SCENARIO, read_dispatch, write_dispatch
from oracle.export_files.manifest import (
    compare_digests,
    listed_files,
    read_manifest,
    write_manifest,
)
from oracle.export_files.market import FILES, read_market, write_market
from oracle.scenario import load_scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a folder holds; `digests` are those of its manifest."""

    folder: Path
    digests: dict[str, str]
    market: MarketRecord
    dispatch: DispatchRecord | None
    scenario: Scenario | None


def make_ready(folder: Path, scenario: Path | None = None) -> None:
    """
    Make the folder of an export, before the work whose result is to be written into it.

    Raises
    ------
    InvalidInputError
        If `write_export` could not replace what is there, or would delete the scenario.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed_files(folder)
    if scenario is not None and scenario.resolve().is_relative_to(folder.resolve()):
        raise InvalidInputError(
            f"{scenario}: expected a scenario outside {folder}, where the export is written"
        )


def write_export(
    folder: Path,
    market: MarketRecord,
    dispatch: DispatchRecord | None = None,
    scenario: Path | None = None,
) -> None:
    """
    Write an export into a folder, in place of one of whatever version that is there.

    `scenario` is the folder of the scenario that `dispatch` was computed for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in listed_files(folder):
        old.unlink()
    write_market(folder, market)
    files = dict(FILES)
    if dispatch is not None and scenario is not None:
        files |= write_dispatch(folder, dispatch, scenario)
    write_manifest(folder, files)


def read_export(folder: Path) -> Export:
    """
    Return the export in a folder.

    Raises
    ------
    InvalidInputError
        With file, line and key where it is malformed.
    """
    manifest = read_manifest(folder)
    market, dispatch, scenario = read_market(folder), None, None
    if manifest.has_dispatch:
        dispatch = read_dispatch(folder)
        scenario = load_scenario(folder / SCENARIO, dispatch.days, dispatch.mechanism)
    return Export(
        folder=folder,
        digests=manifest.digests,
        market=market,
        dispatch=dispatch,
        scenario=scenario,
    )


def compare_files(export: Export) -> int:
    """
    Compare every file with the manifest and return how many there are.

    Raises
    ------
    Divergence
        At the first file that differs.
    """
    compare_digests(export.folder, export.digests, set(FILES))
    return len(export.digests)
