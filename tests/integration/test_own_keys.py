"""A market of people with keys of their own: keystores deploy, sign, post and clear."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account import Account

from oracle.chain.chains import AnvilChain
from oracle.chain.manifest import deployment_of, load
from oracle.chain.market import Market
from oracle.chain.signatures import development_key
from oracle.domain.book import Kind
from oracle.domain.clock import GATE_CLOSURE_SECONDS, starts_at
from oracle.parties import STORAGE_ROW
from oracle.scenario import load_scenario
from oracle.units import MICRO_USD_PER_USD, SLOT_SECONDS, MicroUsd, Slot
from tests.integration.asking import answer_of, wait_until

pytestmark = [pytest.mark.contract, pytest.mark.node, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
VILLAGE = ROOT / "scenarios" / "village"
WITHIN_S = 60.0
COMMAND = str(Path(sys.executable).with_name("wattline"))
GATE_SLOTS = GATE_CLOSURE_SECONDS // SLOT_SECONDS


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with keystores, and a chain whose market is no devnet's."""

    folder: Path
    chain: AnvilChain

    @property
    def url(self) -> str:
        return str(self.chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]

    @property
    def manifest(self) -> Path:
        return self.folder / "market.json"

    def key(self, name: str, option: str = "--key") -> list[str]:
        """Return the options that name a keystore, which is written, and its password."""
        store = Account.encrypt(development_key(name).key, "secret", kdf="pbkdf2", iterations=2)
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(store))
        return [option, str(path), "--password-file", str(self.folder / "password")]

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait for a condition, or fail with what the commands that go on have said."""

        def said() -> str:
            return "\n".join(log.read_text()[-2000:] for log in self.folder.glob("*.log"))

        wait_until(is_so, said, within_s=WITHIN_S)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603
            [COMMAND, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=120
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """Start a command that goes on, and ask it to end in the end."""
        chain = ["--chain", self.url, "--manifest", str(self.manifest), "--port", "0"]
        with (
            (self.folder / f"{arguments[0]}.log").open("w") as log,
            subprocess.Popen(  # noqa: S603
                [COMMAND, *arguments, *chain],
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The village, deployed for people who have their own keys."""
    with closing(AnvilChain()) as chain:
        place = Place(tmp_path, chain)
        (tmp_path / "password").write_text("secret\n")
        community = load_scenario(VILLAGE).community
        assert community is not None
        rows = ["name,owner,meter"]
        for prosumer in community.prosumers:
            keys = (development_key(f"{prosumer.name} {of}") for of in ("owner", "meter"))
            rows.append(",".join([prosumer.name, *(key.address for key in keys)]))
        rows.append(f"{STORAGE_ROW},,{development_key('a storage').address}")
        (tmp_path / "people.csv").write_text("\n".join(rows) + "\n")
        names = ("a deployer", "an oracle", "a relay")
        chain.fund([development_key(name).address for name in names])
        to = ["--chain", place.url, "--manifest", str(place.manifest)]
        people = ["--participants", str(tmp_path / "people.csv")]
        deployed = place.run("deploy", str(VILLAGE), *to, *place.key("a deployer"), *people)
        assert deployed.returncode == 0, deployed.stderr
        yield place


def test_keystores_alone_sign_post_and_clear(place: Place) -> None:
    chain = place.chain
    manifest = load(place.manifest)
    community = load_scenario(VILLAGE).community
    assert community is not None
    seller, buyer = (
        community.prosumers[at].name for at in (community.lines[0].first, community.lines[0].second)
    )
    market = Market(chain, deployment_of(chain, manifest))
    owners = [development_key(f"{name} owner") for name in (seller, buyer)]
    chain.fund([owner.address for owner in owners])
    for owner in owners:
        market.deposit(owner, MicroUsd(20 * MICRO_USD_PER_USD))
    slot = Slot(manifest.start_slot + GATE_SLOTS)
    chain.travel_to(starts_at(Slot(slot - GATE_SLOTS - 1)))
    with (
        place.running("oracle", *place.key("an oracle")),
        place.running("serve", *place.key("a relay", "--relay-key")) as service,
    ):
        assert service.stdout is not None
        url = service.stdout.readline().strip()
        place.wait_until(lambda: answer_of(f"{url}/ready")[0] == 200)
        for name, kind, price in ((seller, "offer", "0.05"), (buyer, "bid", "0.3")):
            order = ["--kind", kind, "--energy-kwh", "1", "--price-usd-per-kwh", price]
            there = ["--service", url, "--manifest", str(place.manifest), "--slot", str(slot)]
            signed = place.run("order", "sign", *place.key(f"{name} owner"), *order, *there)
            assert signed.returncode == 0, signed.stderr
            (place.folder / f"{kind}.json").write_text(signed.stdout)
            posted = place.run("order", "post", f"{kind}.json", "--service", url)
            assert posted.returncode == 0, posted.stderr
        place.wait_until(lambda: len(market.book(slot)) == 2)
        chain.travel_to(starts_at(Slot(slot - GATE_SLOTS)) + 1)
        place.wait_until(lambda: answer_of(f"{url}/api/v1/rounds/{slot}")[0] == 200)
        round_ = answer_of(f"{url}/api/v1/rounds/{slot}")[1]

    assert {order.kind for order in market.book(slot)} == {Kind.OFFER, Kind.BID}
    (trade,) = round_["trades"]
    assert trade["energy_wh"] == 1000
    assert round_["round"]["submitter"].lower() == development_key("an oracle").address.lower()
    assert all("secret" not in log.read_text() for log in place.folder.glob("*.log"))


@pytest.mark.parametrize(
    ("command", "said"),
    [("oracle", "--key"), ("serve", "no relay key: signed orders and readings are refused")],
)
def test_nobody_takes_a_development_key_for_them(place: Place, command: str, said: str) -> None:
    log = place.folder / f"{command}.log"

    with place.running(command):
        place.wait_until(lambda: said in log.read_text())
