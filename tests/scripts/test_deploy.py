"""`wattline deploy`: manifests of development chains, and of others with keys from files."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from eth_account import Account
from typer.testing import CliRunner, Result

from oracle.chain.chains import AnvilChain, Chain
from oracle.chain.manifest import check_manifest, load
from oracle.chain.signatures import development_key
from oracle.parties import STORAGE_ROW
from scripts.cli import app

pytestmark = [pytest.mark.contract, pytest.mark.node]

VILLAGE = Path(__file__).parents[2] / "scenarios" / "village"
DEPLOYER = development_key("some deployer")


@pytest.fixture
def chain() -> Iterator[AnvilChain]:
    with closing(AnvilChain()) as chain:
        yield chain


def url_of(chain: Chain) -> str:
    return str(chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]


def deployed(chain: Chain, manifest: Path, *arguments: object) -> Result:
    options = ["deploy", VILLAGE, "--chain", url_of(chain), "--manifest", manifest, *arguments]
    return CliRunner().invoke(app, [str(option) for option in options])


def refusal(result: Result) -> str:
    assert result.exit_code == 1
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(Account.encrypt(DEPLOYER.key, "secret", kdf="pbkdf2", iterations=2)))
    (tmp_path / "password").write_text("secret")
    return path


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    """A file of addresses that are not development keys'."""
    rows = ["name,owner,meter"]
    for name in names_of_the_village():
        rows.append(",".join([name, *(development_key(f"{name} {x}").address for x in "ab")]))
    rows.append(f"{STORAGE_ROW},,{development_key('storage').address}")
    path = tmp_path / "accounts.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def names_of_the_village() -> list[str]:
    text = (VILLAGE / "scenario.toml").read_text()
    return [line.split('"')[1] for line in text.splitlines() if line.startswith('name = "B')]


def test_writes_the_manifest_of_a_market_on_a_development_chain(
    chain: AnvilChain, tmp_path: Path
) -> None:
    manifest = tmp_path / "market.json"

    result = deployed(chain, manifest, "--start", "10:00", "--json")

    assert result.exit_code == 0, result.stderr
    written = load(manifest)
    assert json.loads(result.stdout) == json.loads(manifest.read_text())
    assert written.devnet
    assert written.start_slot - written.first_slot == 40
    assert [one.name for one in written.participants] == names_of_the_village()
    check_manifest(chain, written)


def test_deploys_with_a_key_from_a_file_for_people_who_have_their_own(
    chain: AnvilChain, tmp_path: Path, keystore: Path, accounts: Path
) -> None:
    manifest = tmp_path / "market.json"
    chain.fund([DEPLOYER.address])
    key = ["--key", keystore, "--password-file", tmp_path / "password"]

    result = deployed(chain, manifest, *key, "--participants", accounts)

    assert result.exit_code == 0, result.stderr
    written = load(manifest)
    assert not written.devnet
    assert written.participants[0].owner == development_key("B01 a").address
    assert "secret" not in result.output
    check_manifest(chain, written)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,owner\n", "expected the columns name, owner, meter"),
        ("name,owner,meter\nB01,0x12,0x34\n", "line 2: owner of B01: expected an address"),
        (f"name,owner,meter\nB01,{DEPLOYER.address},{DEPLOYER.address}\n", "expected a row named"),
    ],
)
def test_a_file_of_addresses_that_lacks_some_is_refused(
    chain: AnvilChain, tmp_path: Path, keystore: Path, text: str, said: str
) -> None:
    accounts = tmp_path / "accounts.csv"
    accounts.write_text(text)
    key = ["--key", keystore, "--password-file", tmp_path / "password"]

    result = deployed(chain, tmp_path / "market.json", *key, "--participants", accounts)

    assert said in refusal(result)


def test_a_key_without_participants_is_refused(
    chain: AnvilChain, tmp_path: Path, keystore: Path
) -> None:
    result = deployed(chain, tmp_path / "market.json", "--key", keystore)

    assert "expected --key and --participants together" in refusal(result)


def test_development_keys_are_refused_where_money_is_of_worth(
    chain: AnvilChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.chain.chains.DEVELOPMENT_NODES", ("another node",))

    result = deployed(chain, tmp_path / "market.json")

    assert "this is no development chain" in refusal(result)
    assert not (tmp_path / "market.json").exists()


def test_a_manifest_that_is_there_is_not_overwritten(chain: AnvilChain, tmp_path: Path) -> None:
    manifest = tmp_path / "market.json"
    manifest.write_text("{}")

    result = deployed(chain, manifest)

    assert "expected no file there" in refusal(result)
    assert manifest.read_text() == "{}"


@pytest.mark.parametrize("start", ["ten", "25:00", "10:07"])
def test_a_start_that_is_no_slot_is_refused(chain: AnvilChain, tmp_path: Path, start: str) -> None:
    result = deployed(chain, tmp_path / "market.json", "--start", start)

    assert f"--start {start}: expected" in refusal(result)
