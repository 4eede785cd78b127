"""
manifest.json: the version of the format, what each file is, and its SHA-256.

It says besides whether there is a dispatch: an export of `wattline run` has one, one of a chain has
none. Who takes the dispatch away must say so here.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from oracle.errors import Divergence, InvalidInputError
from oracle.export_files.dispatch import FILE as DISPATCH
from oracle.export_files.market import write_json
from oracle.export_files.values import FLAG, HASH, POSITION, TEXT, object_of, parsed, taken, text_of

FILE = "manifest.json"
FORMAT = "wattline-export"
VERSION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The SHA-256 of each file by its name, and whether a dispatch is among them."""

    digests: dict[str, str]
    has_dispatch: bool


def write_manifest(folder: Path, files: dict[str, str]) -> None:
    """Write the manifest of files that are there, by name what each is."""
    entries = {
        name: {"holds": holds, "sha256": _digest(folder / name)} for name, holds in files.items()
    }
    head = {"format": FORMAT, "version": VERSION, "dispatch": DISPATCH in files}
    write_json(folder / FILE, head | {"files": entries})


def read_manifest(folder: Path) -> Manifest:
    """
    Return what the manifest says.

    Raises
    ------
    InvalidInputError
        If the folder holds no export of a version that is known here, or the manifest names a
        dispatch that it says there is not, or none where it says there is one.
    """
    if not folder.is_dir():
        raise InvalidInputError(f"{folder}: expected the folder of an export")
    fields = parsed(FILE, text_of(folder / FILE))
    if isinstance(fields, dict) and fields.get("version") not in (None, VERSION):
        raise InvalidInputError(
            f"{FILE}, version: expected {VERSION}, got {fields.get('version')!r}"
        )
    names = fields.get("files") if isinstance(fields, dict) else None
    entry = object_of(holds=TEXT, sha256=HASH)
    files = dict.fromkeys(names, entry) if isinstance(names, dict) else {}
    kinds = {
        "format": TEXT,
        "version": POSITION,
        "dispatch": FLAG,
        "files": object_of(**files),
    }
    head = taken(FILE, fields, kinds)
    if head["format"] != FORMAT:
        raise InvalidInputError(f"{FILE}, format: expected {FORMAT}, got {head['format']!r}")
    digests = {name: entry["sha256"] for name, entry in head["files"].items()}
    if head["dispatch"] is not (DISPATCH in digests):
        wanted = DISPATCH if head["dispatch"] else f"no {DISPATCH}"
        raise InvalidInputError(f"{FILE}, files: expected {wanted}, by what is said of a dispatch")
    return Manifest(digests=digests, has_dispatch=head["dispatch"])


def listed_files(folder: Path) -> list[Path]:
    """
    Return the files of an export, of whatever version, that is in a folder already.

    Its manifest is the last of them.

    Raises
    ------
    InvalidInputError
        If what is called as the manifest is something else: nothing is known of the folder then.
    """
    path = folder / FILE
    if not path.exists():
        return []
    try:
        head = parsed(FILE, text_of(path))
    except InvalidInputError:
        head = None
    names = head.get("files") if isinstance(head, dict) and head.get("format") == FORMAT else None
    if not isinstance(names, dict):
        raise InvalidInputError(
            f"{path}: expected the manifest of an older export, or none; use another folder"
        )
    return [*(folder / name for name in sorted(_files(folder) & names.keys())), path]


def compare_digests(folder: Path, digests: dict[str, str], expected: set[str]) -> None:
    """
    Compare every file with the manifest: what no other check noticed ends here.

    Raises
    ------
    Divergence
        At the first file that differs, or that only one of folder and manifest has.
    """
    there = _files(folder)
    for name in sorted(there | digests.keys() | expected):
        if name not in digests:
            raise Divergence(name, f"expected the files of {FILE} and no others")
        if name not in there:
            raise Divergence(name, f"expected this file of {FILE}, came none")
        digest = _digest(folder / name)
        if digest != digests[name]:
            raise Divergence(name, f"SHA-256: expected {digests[name]}, came {digest}")


def _files(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - {FILE}


def _digest(path: Path) -> str:
    return "0x" + hashlib.sha256(path.read_bytes()).hexdigest()
