"""Chains: what opens, what does not, what a refused call says, and that nodes are stopped."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.conversions import to_bytes

from oracle.chain.artifacts import CONTRACTS, all_errors, load_artifact
from oracle.chain.chains import (
    FUNDER_VARIABLE,
    FUNDS_WEI,
    AnvilChain,
    Chain,
    calldata,
    open_chain,
)
from oracle.chain.embedded import EmbeddedChain
from oracle.chain.reverts import decoded
from oracle.chain.signatures import development_key
from oracle.day import run_scenario
from oracle.errors import ChainUnavailable, ContractRevert, InvalidInputError
from tests.oracle.communities import a_community, a_line, a_scenario

SOMEBODY = development_key("somebody")
ANVILS_FIRST_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


@pytest.fixture
def embedded() -> EmbeddedChain:
    return EmbeddedChain()


@pytest.fixture
def funded(embedded: EmbeddedChain) -> LocalAccount:
    embedded.fund([SOMEBODY.address])
    return SOMEBODY


@pytest.fixture
def anvil() -> Iterator[AnvilChain]:
    with closing(AnvilChain()) as chain:
        yield chain


def url_of(chain: Chain) -> str:
    url: str = chain.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    return url


@pytest.mark.parametrize("name", ["", "Anvil", "embeded", "ftp://localhost", "localhost:8545"])
def test_refuses_what_is_neither_a_chain_nor_a_url(name: str) -> None:
    with pytest.raises(InvalidInputError, match="expected embedded, anvil, or a URL"):
        open_chain(name)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://", "http://[bad", "http://a b"])
def test_a_url_where_nobody_answers_is_unavailable(url: str) -> None:
    with pytest.raises(ChainUnavailable) as refusal:
        open_chain(url)

    assert str(refusal.value) == f"{url}: no Ethereum node answers there"


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>hello</html>"), (200, b"{}"), (200, b"[]"), (404, b"no"), (500, b"no")],
)
def test_a_url_where_something_else_answers_is_unavailable(status: int, body: bytes) -> None:
    class Website(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Website) as website:
        Thread(target=website.serve_forever, daemon=True).start()

        with pytest.raises(ChainUnavailable, match="no Ethereum node answers there"):
            open_chain(f"http://127.0.0.1:{website.server_port}")

        website.shutdown()


@pytest.mark.parametrize("key", ["nonsense", "0x12", "11" * 31, "11" * 33, "00" * 32, "ff" * 32])
@pytest.mark.node
def test_a_wrong_funder_key_is_refused_and_not_repeated(
    key: str, anvil: AnvilChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FUNDER_VARIABLE, key)

    with pytest.raises(InvalidInputError) as refusal:
        open_chain(url_of(anvil))

    assert str(refusal.value) == f"{FUNDER_VARIABLE}: expected a private key of 32 bytes"


@pytest.mark.node
def test_the_funder_pays_for_gas_where_a_key_is_given(
    anvil: AnvilChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FUNDER_VARIABLE, ANVILS_FIRST_KEY)
    chain = open_chain(url_of(anvil))
    funder = chain.w3.eth.accounts[0]
    before = chain.w3.eth.get_balance(funder)

    chain.fund([SOMEBODY.address])

    assert chain.w3.eth.get_balance(SOMEBODY.address) == FUNDS_WEI
    assert before - chain.w3.eth.get_balance(funder) > FUNDS_WEI


@pytest.mark.node
def test_a_funder_without_coins_is_unavailable(
    anvil: AnvilChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FUNDER_VARIABLE, "0x" + "11" * 32)
    chain = open_chain(url_of(anvil))

    with pytest.raises(ChainUnavailable, match=r"the node refused: .*[Ii]nsufficient funds"):
        chain.fund([SOMEBODY.address])


@pytest.mark.node
@pytest.mark.contract
def test_the_url_of_an_anvil_works_like_anvil(anvil: AnvilChain) -> None:
    community = a_community([[20.0], [-30.0]], [a_line(0, 1, 1)])
    scenario = a_scenario(community)

    result = run_scenario(scenario, open_chain(url_of(anvil)))

    assert result.chain == url_of(anvil)
    assert result.trades == run_scenario(scenario, EmbeddedChain()).trades != ()
    assert result.money.difference == 0


@pytest.mark.node
def test_anvil_ends_when_its_chain_is_closed_and_closing_twice_is_no_harm() -> None:
    chain = AnvilChain()
    process = chain._process
    assert process.poll() is None

    chain.close()
    chain.close()

    assert process.poll() is not None
    with pytest.raises(ChainUnavailable, match="does not answer"):
        chain.now()


@pytest.mark.node
def test_an_anvil_that_dies_is_unavailable(anvil: AnvilChain) -> None:
    anvil.fund([SOMEBODY.address])
    anvil._process.send_signal(signal.SIGKILL)
    anvil._process.wait()

    with pytest.raises(ChainUnavailable, match="does not answer"):
        anvil.deploy(SOMEBODY, "TestDollar")


@pytest.mark.parametrize(
    ("program", "message"),
    [("missing", "cannot be started"), ("", "cannot be started"), ("/bin/true", "did not answer")],
)
def test_an_anvil_that_does_not_start_is_unavailable(
    program: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANVIL", program if program.startswith("/") else str(tmp_path / program))

    with pytest.raises(ChainUnavailable, match=message):
        open_chain("anvil")


def test_an_anvil_that_never_answers_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mute = tmp_path / "anvil"
    mute.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    mute.chmod(0o755)
    monkeypatch.setenv("ANVIL", str(mute))
    monkeypatch.setattr("oracle.chain.anvil.STARTS_WITHIN_S", 1.0)

    with pytest.raises(ChainUnavailable, match="did not answer"):
        open_chain("anvil")

    pid = (tmp_path / "pid").read_text().strip()
    alive = subprocess.run(["ps", "-p", pid], capture_output=True, check=False)  # noqa: S603, S607
    assert alive.returncode == 1


def test_an_account_without_coins_cannot_send(embedded: EmbeddedChain) -> None:
    with pytest.raises(ChainUnavailable, match=r"the node refused: .*cannot afford"):
        embedded.deploy(SOMEBODY, "TestDollar")


def test_a_time_that_the_chain_cannot_hold_is_unavailable(embedded: EmbeddedChain) -> None:
    with pytest.raises(ChainUnavailable, match="the node refused") as refusal:
        embedded.travel_to(2**64)

    assert "\n" not in str(refusal.value)


def test_an_argument_that_does_not_fit_is_refused_in_one_line(
    embedded: EmbeddedChain, funded: LocalAccount
) -> None:
    token = embedded.deploy(funded, "TestDollar")

    with pytest.raises(InvalidInputError, match=r"^mint: an argument does not fit the contract$"):
        embedded.send(funded, token, "mint", funded.address, 2**256)
    with pytest.raises(InvalidInputError, match=r"^deploy Registry: an argument does not fit"):
        embedded.deploy(funded, "Registry", funded.address, [(SOMEBODY.address, 1, -1)])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("post", [7, [2**255 + 1, 3], [(b"\x01" * 32, b"\x02" * 32)] * 2]),
        ("clear", [7, [1], [], b"a certificate"]),
        ("settle", [7, [1], [2], [3], [(4, 5, b"\x06" * 32, b"\x07" * 32)]]),
        ("accountOf", [SOMEBODY.address]),
    ],
)
def test_calldata_is_what_the_library_makes_of_it(
    embedded: EmbeddedChain, name: str, arguments: list[Any]
) -> None:
    exchange = embedded.w3.eth.contract(SOMEBODY.address, abi=load_artifact("Exchange").abi)

    assert calldata(exchange, name, arguments) == to_bytes(
        hexstr=exchange.encode_abi(name, arguments)
    )


def test_bytes_that_are_too_few_are_not_filled_up(
    embedded: EmbeddedChain, funded: LocalAccount
) -> None:
    exchange = embedded.w3.eth.contract(SOMEBODY.address, abi=load_artifact("Exchange").abi)

    with pytest.raises(InvalidInputError, match=r"^post: an argument does not fit the contract$"):
        embedded.send(funded, exchange, "post", 7, [1], [(b"\x01" * 31, b"\x02" * 32)])


def test_a_refused_transaction_tells_the_contracts_error(
    embedded: EmbeddedChain, funded: LocalAccount
) -> None:
    token = embedded.deploy(funded, "TestDollar")
    other = embedded.w3.eth.accounts[0]

    with pytest.raises(ContractRevert) as refusal:
        embedded.send(funded, token, "transferFrom", other, funded.address, 5)

    assert refusal.value.name == "ERC20InsufficientAllowance"
    assert refusal.value.values["needed"] == 5
    assert "transferFrom" not in embedded.gas


@pytest.mark.node
def test_a_refused_transaction_tells_the_same_on_anvil(anvil: AnvilChain) -> None:
    anvil.fund([SOMEBODY.address])
    token = anvil.deploy(SOMEBODY, "TestDollar")

    with pytest.raises(ContractRevert) as refusal:
        anvil.send(SOMEBODY, token, "transferFrom", anvil.w3.eth.accounts[0], SOMEBODY.address, 5)

    assert refusal.value.name == "ERC20InsufficientAllowance"
    assert refusal.value.values["needed"] == 5


def test_an_account_goes_on_after_a_refused_transaction_and_after_another_used_its_key(
    embedded: EmbeddedChain, funded: LocalAccount
) -> None:
    token = embedded.deploy(funded, "TestDollar")
    with pytest.raises(ContractRevert):
        embedded.send(funded, token, "transferFrom", token.address, funded.address, 5)

    other = Chain("other", embedded.w3)
    other.send(funded, token, "mint", funded.address, 5)
    with pytest.raises(ChainUnavailable, match="nonce"):
        embedded.send(funded, token, "mint", funded.address, 5)
    embedded.send(funded, token, "mint", funded.address, 5)

    assert token.functions.balanceOf(funded.address).call() == 10


def test_every_error_of_every_contract_is_decoded_by_its_selector() -> None:
    declared = {
        entry["name"]
        for name in CONTRACTS
        for entry in load_artifact(name).abi
        if entry["type"] == "error"
    }

    assert len(declared) > 40
    assert {entry["name"] for entry in all_errors().values()} == declared


@pytest.mark.parametrize(
    ("data", "name", "values"),
    [
        ("0x08c379a0" + encode(["string"], ["no"]).hex(), "Error", {"reason": "no"}),
        ("0x4e487b71" + encode(["uint256"], [0x11]).hex(), "Panic", {"code": 0x11}),
        ("0x12345678", "Unknown", {"data": "0x12345678"}),
        ("0x", "Unknown", {"data": "0x"}),
    ],
)
def test_what_is_no_custom_error_is_told_too(
    data: str, name: str, values: dict[str, object]
) -> None:
    refusal = decoded(to_bytes(hexstr=data))

    assert (refusal.name, refusal.values) == (name, values)


def test_time_moves_on_and_never_back(embedded: EmbeddedChain, funded: LocalAccount) -> None:
    start = embedded.now()

    for timestamp in (start + 900, start + 900, start + 10):
        embedded.travel_to(timestamp)
    token = embedded.deploy(funded, "TestDollar")

    block = embedded.w3.eth.get_block("latest")
    assert block["timestamp"] == start + 900
    assert embedded.logs(token.address, 0, block["number"]) == []


@pytest.mark.parametrize("first", [0, 2])
def test_logs_are_those_that_a_search_of_the_chain_finds(
    first: int, embedded: EmbeddedChain, funded: LocalAccount
) -> None:
    token = embedded.deploy(funded, "TestDollar")
    other = embedded.deploy(funded, "TestDollar")
    for contract in (token, other, token):
        embedded.send(funded, contract, "mint", funded.address, 5)
    latest = embedded.block_number()

    read = embedded.logs(token.address, first, latest)
    searched = Chain("search", embedded.w3).logs(token.address, first, latest)

    assert len(read) == 2
    for one, there in zip(read, searched, strict=True):
        for key in ("address", "blockNumber", "data", "logIndex", "topics", "transactionHash"):
            assert one[key] == there[key]
