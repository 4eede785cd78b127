"""Keys from encrypted keystore files; nothing here ever says what a file or a password holds."""

import json
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from oracle.errors import InvalidInputError


def load_key(path: Path, password_file: Path | None) -> LocalAccount:
    """
    Return the key of a keystore file, as `geth account new` and most wallets write it.

    The password is the first line of its file.

    Raises
    ------
    InvalidInputError
        If a file is missing or not what it should be, or the password is not the key's.
    """
    if password_file is None:
        raise InvalidInputError(f"{path}: expected --password-file with the password of the key")
    content, password = _text(path, "a keystore"), _text(password_file, "a password")
    try:
        keystore = json.loads(content)
        if not isinstance(keystore, dict):
            raise TypeError("no object")
        version = keystore.get("version")
    except (ValueError, TypeError) as error:
        raise InvalidInputError(f"{path}: expected a keystore file (JSON)") from error
    if version != 3:
        raise InvalidInputError(f"{path}: expected a keystore of version 3, got {version}")
    try:
        account: LocalAccount = Account.from_key(
            Account.decrypt(keystore, password.partition("\n")[0].rstrip("\r"))
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        raise InvalidInputError(
            f"{path}: the password of {password_file} does not open it"
        ) from None  # what fails may quote what it was given
    return account


def _text(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InvalidInputError(f"{path}: expected {what}, found no file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: expected {what}, which cannot be read") from error
