"""Copies of the committed scenarios with one thing changed."""

import shutil
from collections.abc import Callable
from pathlib import Path

SCENARIOS = Path(__file__).parents[2] / "scenarios"

Edit = Callable[[str], str]


def a_copy(tmp_path: Path, base: str) -> Path:
    return Path(shutil.copytree(SCENARIOS / base, tmp_path / base))


def an_edited_copy(tmp_path: Path, base: str, file: str, edit: Edit) -> Path:
    folder = a_copy(tmp_path, base)
    path = folder / file
    path.write_text(edit(path.read_text()))
    return folder


def replace(old: str, new: str) -> Edit:
    """Return an edit of the first place where `old` stands; it must stand somewhere."""

    def edit(content: str) -> str:
        assert old in content
        return content.replace(old, new, 1)

    return edit


def rewrite(line: int, text: str) -> Edit:
    """Return an edit of one line, counted from 1."""

    def edit(content: str) -> str:
        lines = content.splitlines()
        lines[line - 1] = text
        return "\n".join(lines) + "\n"

    return edit


def drop_last_line(content: str) -> str:
    return "".join(content.splitlines(keepends=True)[:-1])


def repeat_last_line(content: str) -> str:
    return content + content.splitlines(keepends=True)[-1]
