"""Values as the files of an export hold them, and what is said where one is malformed."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle.errors import InvalidInputError

MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: `read` returns it from JSON or text, or raises ValueError."""

    words: str
    read: Callable[[Any], Any]


def uint(bits: int) -> Kind:
    """Return the kind of the integers from 0 up to 2 ** bits."""

    def read(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"0|[1-9]\d{0,80}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise ValueError
        return value

    return Kind(f"an integer of {bits} bits", read)


def hexadecimal(size: int | None = None) -> Kind:
    """Return the kind of the texts 0x… of `size` bytes, in lower case."""
    words = "bytes" if size is None else f"{size} bytes"

    def read(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"0x(?:[0-9a-f]{2})*", value):
            raise ValueError
        if size is not None and len(value) != 2 + 2 * size:
            raise ValueError
        return value

    return Kind(f"{words} in lower-case hexadecimal after 0x", read)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    try:
        number = float(value)
    except OverflowError as error:  # an integer beyond all floats
        raise ValueError from error
    if number != number or abs(number) == float("inf"):
        raise ValueError
    return number


def _interval(value: Any) -> int:
    interval: int = uint(32).read(value)
    if interval == 0:
        raise ValueError
    return interval


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


TEXT = Kind("a text", _text)
NUMBER = Kind("a number", _number)
FLAG = Kind("true or false", _flag)
ADDRESS = hexadecimal(20)
HASH = hexadecimal(32)
BYTES = hexadecimal()
SLOT = uint(32)
INTERVAL = Kind("a length above 0 m", _interval)
POSITION = uint(53)


def list_of(kind: Kind) -> Kind:
    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError
        return [kind.read(one) for one in value]

    return Kind(f"a list, each {kind.words}", read)


def object_of(**kinds: Kind) -> Kind:
    """Return the kind of the objects that have these keys and no others."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or value.keys() != kinds.keys():
            raise ValueError
        return {name: kind.read(value[name]) for name, kind in kinds.items()}

    return Kind("an object of " + ", ".join(kinds), read)


PRICE = uint(48)
ORDER = object_of(
    kind=uint(8),
    participant=uint(16),
    energy=uint(32),
    price=PRICE,
    score=uint(16),
    terms=uint(96),
    nonce=uint(20),
)
TRADE = object_of(
    offer=uint(16),
    bid=uint(16),
    energy=uint(32),
    price=PRICE,
    fee=PRICE,
    surplus=PRICE,
    pooled=FLAG,
)


def taken(place: str, fields: Any, kinds: dict[str, Kind]) -> dict[str, Any]:
    """Return an object's values by their kinds, which name all of its keys."""
    if not isinstance(fields, dict):
        raise InvalidInputError(f"{place}: expected an object")
    for name in kinds:
        if name not in fields:
            raise InvalidInputError(f"{place}, {name}: expected this key")
    for name in fields:
        if name not in kinds:
            raise InvalidInputError(f"{place}, {name}: expected no such key")
    values = {}
    for name, kind in kinds.items():
        try:
            values[name] = kind.read(fields[name])
        except ValueError as error:
            raise InvalidInputError(
                f"{place}, {name}: expected {kind.words}, got {_shown(fields[name])}"
            ) from error
    return values


def parsed(place: str, text: str) -> Any:
    """Return the value of a JSON text, in which no key may occur twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        twice = next((key for key in keys if keys.count(key) > 1), None) if _repeats(keys) else None
        if twice is not None:
            raise InvalidInputError(f"{place}, {twice}: expected each key once")
        return dict(pairs)

    if _depth(text) > MAX_DEPTH:
        raise InvalidInputError(f"{place}: expected JSON of at most {MAX_DEPTH} levels")
    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        where = place if ", line" in place else f"{place}, line {error.lineno}"
        raise InvalidInputError(f"{where}: expected JSON") from error
    except ValueError as error:  # an integer of too many digits
        raise InvalidInputError(f"{place}: expected JSON with integers of sane length") from error


def text_of(path: Path) -> str:
    """Return the content of a file of an export."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path.name}: expected text in UTF-8") from error
    except FileNotFoundError as error:
        raise InvalidInputError(f"{path.name}: expected this file in {path.parent}") from error


def _depth(text: str) -> int:
    """Return how deep brackets nest: the parser's own stack has an end."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _repeats(keys: list[str]) -> bool:
    return len(set(keys)) != len(keys)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
