"""
A TOML file whose tables are checked key by key; every fault names the file, the line and the key.

The standard library parses; the lines of the keys come from a second, simpler pass over the text
(`line_index`), which may rely on the text being valid TOML.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oracle.errors import InvalidInputError
from oracle.scenario_files.fields import Field, printable, shown
from oracle.scenario_files.text_file import read_text

KeyPath = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)")
_BARE_OR_QUOTED_KEY = re.compile(r"""\s*("(?:\\.|[^"\\])*"|'[^']*'|[A-Za-z0-9_-]+)\s*([.=\]]?)""")
_STRING_OR_BRACKET = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*|[\[\]{}\n]",
    re.DOTALL,
)


class Section:
    """One table of the file with its keys checked; locates faults that are found later."""

    def __init__(
        self, document: "TomlFile", path: KeyPath, heading: str, values: Mapping[str, Any]
    ) -> None:
        self._document = document
        self._path = path
        self._heading = heading
        self.values = values

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def has(self, key: str) -> bool:
        """Return whether the file itself gives the key."""
        return self._document.gives((*self._path, key))

    def fault(self, key: str, problem: str) -> InvalidInputError:
        """Return the error to raise about one key of this table."""
        line = self._document.line_of((*self._path, key))
        place = f"{self._heading} {key}".strip()
        return InvalidInputError(f"{self._document.name}, line {line}, {place}: {problem}")


class TomlFile:
    """A parsed file; `section` and `sections` check its tables against their fields."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        content = read_text(path)
        self._data = _parsed(content, self.name)
        self._lines = line_index(content)

    def has(self, key: str) -> bool:
        """Return whether the file has this table or key at its top."""
        return key in self._data

    def gives(self, path: KeyPath) -> bool:
        """Return whether the file gives exactly this key."""
        value: Any = self._data
        for part in path:
            if isinstance(part, str) and not (isinstance(value, dict) and part in value):
                return False
            value = value[part]
        return True

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key or, where it is missing, of the table it belongs to."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def top(self, fields: Mapping[str, Field], tables: tuple[str, ...]) -> Section:
        """Return the keys above the first table; refuse tables that are not in `tables`."""
        known = (*fields, *tables)
        for key in self._data:
            if key not in known:
                raise self._unknown((key,), "", known)
        values = {key: value for key, value in self._data.items() if key in fields}
        return self._checked(values, (), "", fields)

    def section(self, key: str, fields: Mapping[str, Field]) -> Section | None:
        """Return the table `[key]`, or None if the file has none."""
        if key not in self._data:
            return None
        return self._checked(self._data[key], (key,), f"[{key}]", fields)

    def subsections(
        self, key: str, fields: Mapping[str, Mapping[str, Field]]
    ) -> dict[str, Section]:
        """Return the tables `[key.name]` that the file has; `fields` are those of each name."""
        tables = self._data.get(key, {})
        if not isinstance(tables, dict):
            raise InvalidInputError(
                f"{self.name}, line {self.line_of((key,))}, {key}: "
                f"expected tables headed [{key}.…], got {shown(tables)}"
            )
        for name in tables:
            if name not in fields:
                raise self._unknown((key, name), f"[{key}]", tuple(fields))
        return {
            name: self._checked(table, (key, name), f"[{key}.{name}]", fields[name])
            for name, table in tables.items()
        }

    def sections(self, key: str, fields: Mapping[str, Field]) -> list[Section]:
        """Return the tables `[[key]]` in their order."""
        tables = self._data.get(key, [])
        if not isinstance(tables, list):
            raise InvalidInputError(
                f"{self.name}, line {self.line_of((key,))}, {key}: "
                f"expected tables headed [[{key}]], got {shown(tables)}"
            )
        return [
            self._checked(table, (key, position), f"[[{key}]]", fields)
            for position, table in enumerate(tables)
        ]

    def missing(self, heading: str, why: str) -> InvalidInputError:
        """Return the error to raise about a table that is not there."""
        return InvalidInputError(f"{self.name}, line 1, {heading}: expected this table, {why}")

    def _checked(
        self, table: Any, path: KeyPath, heading: str, fields: Mapping[str, Field]
    ) -> Section:
        if not isinstance(table, dict):
            raise InvalidInputError(
                f"{self.name}, line {self.line_of(path)}, {path[0]}: "
                f"expected tables headed {heading}, got {shown(table)}"
            )
        for key in table:
            if key not in fields:
                raise self._unknown((*path, key), heading, tuple(fields))
        values: dict[str, Any] = {}
        section = Section(self, path, heading, values)
        for key, field in fields.items():
            if key not in table:
                if field.required:
                    raise section.fault(key, f"expected {field.expected}, but the key is missing")
                values[key] = field.default
            elif not field.accepts(table[key]):
                raise section.fault(key, f"expected {field.expected}, got {shown(table[key])}")
            else:
                values[key] = float(table[key]) if field.is_number else table[key]
        return section

    def _unknown(self, path: KeyPath, heading: str, known: tuple[str, ...]) -> InvalidInputError:
        key = str(path[-1])
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        place = f"{heading} {printable(key)}".strip()
        return InvalidInputError(
            f"{self.name}, line {self.line_of(path)}, {place}: expected a known key, {hint}"
        )


def line_index(content: str) -> dict[KeyPath, int]:
    """Return the line, from 1, of every table heading and of every key of a valid TOML text."""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, statement in _statements(content):
        header = _HEADER.match(statement)
        if header:
            table = _located(_key_parts(statement[header.end() :]), counts, header[1] == "[[")
            lines.setdefault(table, number)
            if isinstance(table[-1], int):
                lines.setdefault(table[:-1], number)
        else:
            parts = _key_parts(statement)
            for length in range(1, len(parts) + 1):
                lines.setdefault((*table, *parts[:length]), number)
    return lines


def _located(parts: tuple[str, ...], counts: dict[KeyPath, int], is_array: bool) -> KeyPath:
    """Return the path of a heading, with the position wherever it passes an array of tables."""
    path: KeyPath = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if is_array and position == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _statements(content: str) -> list[tuple[int, str]]:
    """Return each heading or key-value statement with the line it starts on."""
    statements: list[tuple[int, str]] = []
    start, first_line, line, depth = 0, 1, 1, 0
    for token in _STRING_OR_BRACKET.finditer(content + "\n"):
        word = token[0]
        if word == "\n" and depth == 0:
            statements.append((first_line, content[start : token.start()]))
            start, first_line = token.end(), line + 1
        elif word in ("[", "{"):
            depth += 1
        elif word in ("]", "}"):
            depth -= 1
        line += word.count("\n")
    return [
        (number, statement)
        for number, statement in statements
        if statement.strip() and not statement.lstrip().startswith("#")
    ]


def _key_parts(statement: str) -> tuple[str, ...]:
    """Return the parts of a dotted key at the start of a statement."""
    parts: list[str] = []
    position = 0
    while match := _BARE_OR_QUOTED_KEY.match(statement, position):
        parts.append(_unquoted(match[1]))
        position = match.end()
        if match[2] != ".":
            break
    return tuple(parts)


def _unquoted(key: str) -> str:
    if key[0] not in "\"'":
        return key
    value = tomllib.loads(f"key = {key}")["key"]
    return str(value)


def _parsed(content: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        reason = str(error)
        place = re.search(r" \(at line (\d+), column \d+\)", reason)
        line = place[1] if place else str(content.count("\n") + 1)
        reason = printable(re.sub(r" \(at (line|end).*\)", "", reason))
        raise InvalidInputError(
            f"{name}, line {line}: expected valid TOML, got: {reason}"
        ) from error
