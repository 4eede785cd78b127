"""Text files, with one-line errors where they cannot be read."""

from pathlib import Path

from oracle.errors import InvalidInputError


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file; a byte order mark is skipped."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidInputError(f"{path.name}: expected this file in {path.parent}") from error
    except OSError as error:
        raise InvalidInputError(f"{path.name}: cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInputError(
            f"{path.name}, line {line}: expected UTF-8 text, got byte 0x{content[error.start]:02x}"
        ) from error
