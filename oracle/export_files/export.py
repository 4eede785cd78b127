"""A whole export: a folder of the market's record and, of a run, the dispatch part."""

from dataclasses import dataclass
from pathlib import Path

from oracle.domain.record import MarketRecord
from oracle.export_files.manifest import (
    compare_digests,
    listed_files,
    read_manifest,
    write_manifest,
)
from oracle.export_files.market import FILES, read_market, write_market


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a folder holds; `digests` are those of its manifest."""

    folder: Path
    digests: dict[str, str]
    market: MarketRecord


def write_export(folder: Path, market: MarketRecord) -> None:
    """Write an export into a folder, in place of one that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in listed_files(folder):
        old.unlink()
    write_market(folder, market)
    write_manifest(folder, FILES)


def read_export(folder: Path) -> Export:
    """
    Return the export in a folder.

    Raises
    ------
    InvalidInputError
        With file, line and key where it is malformed.
    """
    digests = read_manifest(folder)
    return Export(folder=folder, digests=digests, market=read_market(folder))


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
