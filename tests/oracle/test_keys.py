"""Keystore files: one opens, everything else is refused without a word of what it holds."""

import json
from pathlib import Path

import pytest
from eth_account import Account

from oracle.chain.keys import load_key
from oracle.chain.signatures import development_key
from oracle.errors import InvalidInputError

KEY = development_key("somebody")
PASSWORD = "correct horse"  # noqa: S105


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(Account.encrypt(KEY.key, PASSWORD, kdf="pbkdf2", iterations=2)))
    return path


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return path


def test_a_keystore_opens_with_its_password(keystore: Path, password_file: Path) -> None:
    assert load_key(keystore, password_file).address == KEY.address


def test_another_password_does_not_open_it_and_is_not_said(
    keystore: Path, password_file: Path
) -> None:
    password_file.write_text("wrong secret")

    with pytest.raises(InvalidInputError, match="does not open it") as refusal:
        load_key(keystore, password_file)

    assert "secret" not in str(refusal.value)
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("nonsense", "expected a keystore file"),
        ("[]", "expected a keystore file"),
        ('{"version": 1}', "expected a keystore of version 3, got 1"),
        ('{"version": 3}', "does not open it"),
    ],
)
def test_what_is_no_keystore_is_refused(
    keystore: Path, password_file: Path, content: str, said: str
) -> None:
    keystore.write_text(content)

    with pytest.raises(InvalidInputError, match=said):
        load_key(keystore, password_file)


def test_missing_files_are_refused(keystore: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="expected --password-file"):
        load_key(keystore, None)
    with pytest.raises(InvalidInputError, match="expected a password, found no file"):
        load_key(keystore, tmp_path / "nothing")
    with pytest.raises(InvalidInputError, match="expected a keystore, found no file"):
        load_key(tmp_path / "nothing", keystore)
