"""Copies of the project, for runs that change it."""

import shutil
from pathlib import Path

from scripts.compile import ROOT

COPIED = ("contracts", "oracle", "scenarios", "scripts", "tests", "pyproject.toml")
NOT_COPIED = shutil.ignore_patterns("node_modules", "__pycache__", ".hypothesis", "cache", "out")


def copy_project(folder: Path) -> None:
    """Make of a folder a copy of the project, without npm packages and what runs leave behind."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=NOT_COPIED)
        else:
            shutil.copy(ROOT / name, folder / name)
