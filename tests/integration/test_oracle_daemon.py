"""The oracle as a service, on a real node: what is due is done, whatever happens meanwhile."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from oracle.chain.anvil import free_port
from oracle.chain.chains import AnvilChain, Chain, open_chain
from oracle.chain.manifest import (
    Manifest,
    MechanismRecord,
    code_hashes,
    deployment_of,
    parameters_of,
    settings_of,
    write,
)
from oracle.chain.market import Market, Phase
from oracle.chain.node import Node
from oracle.chain.signatures import development_key, sign_storage_reading
from oracle.daemon.daemon import Daemon, Pace
from oracle.daemon.desk import DispatchCase
from oracle.daemon.entry import OracleProcess, OracleSettings
from oracle.daemon.log import LogFormat, make_log
from oracle.daemon.metrics import Metrics
from oracle.daemon.set_point import SetPoint, idle
from oracle.deploy import deploy_scenario
from oracle.domain.clock import (
    GATE_CLOSURE_SECONDS,
    READING_SECONDS,
    REVEAL_SECONDS,
    slot_at,
    starts_at,
)
from oracle.scenario import load_scenario
from oracle.units import SLOT_SECONDS, Slot, Wh
from tests.contracts.markets import (
    DEPOSIT,
    FIRST_SLOT,
    PROSUMERS,
    RATING,
    ROLES,
    SEAL_BOND,
    STRANGER,
    World,
    a_book,
    an_offer,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import ask
from tests.integration.asking import answer_of, wait_until

pytestmark = [pytest.mark.contract, pytest.mark.node]

ORACLE, SECOND = development_key("oracle"), development_key("second oracle")
PACE = Pace(poll_s=0.02, receipt_s=10.0)
ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"


@pytest.fixture
def world() -> Iterator[World]:
    with closing(AnvilChain()) as chain:
        yield a_world(chain)


def a_world(chain: Chain, **terms: Any) -> World:
    world = World(chain, some_terms(**terms))  # type: ignore[arg-type]
    chain.fund([ORACLE.address, SECOND.address])
    for number in range(1, PROSUMERS + 1):
        world.market.deposit(owner_of(number), DEPOSIT)
    return world


def url_of(world: World) -> str:
    return str(world.chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]


def no_plan(case: DispatchCase) -> SetPoint:
    return idle(case.slot, case.stored_before, "no plan in this test")


class RunningOracle:
    """A daemon in a thread of this process, with a connection of its own."""

    def __init__(self, world: World, account: LocalAccount = ORACLE) -> None:
        self.metrics, self.said = Metrics(), StringIO()
        self.daemon = Daemon(
            open_chain(url_of(world)),
            world.deployment,
            FIRST_SLOT,
            account,
            no_plan,
            metrics=self.metrics,
            log=make_log(LogFormat.JSON, self.said),
            pace=PACE,
        )
        self._stop = Event()
        self._thread = Thread(target=self.daemon.run, args=(self._stop,))
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.said.getvalue().splitlines()]

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines()]

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"wattline_oracle_{name}", labels) or 0.0


@contextmanager
def an_oracle(world: World, account: LocalAccount = ORACLE) -> Iterator[RunningOracle]:
    oracle = RunningOracle(world, account)
    try:
        yield oracle
    finally:
        oracle.stop()


def phase_comes(world: World, slot: Slot, phase: Phase, said: StringIO | None = None) -> None:
    told = said.getvalue if said else lambda: "in vain"
    wait_until(lambda: world.market.phase(slot) is phase, told)


def record_half_of_what_was_sold(world: World, slot: Slot) -> None:
    book = world.market.book(slot)
    sold: dict[int, int] = {}
    for trade in world.market.cleared_trades(slot) or ():
        seller = book[trade.offer].participant
        sold[seller] = sold.get(seller, 0) + trade.energy
    world.read(slot, {number: energy // 2 for number, energy in sold.items()})


def accounts(world: World) -> list[object]:
    return [world.market.account(person) for person in world.people()]


def drive(world: World, slots: list[Slot], at: Callable[[str], None] = lambda moment: None) -> None:
    """Take slots from their orders to their settlement; `at` is told each moment before it."""
    for slot in slots:
        assert world.post(slot, a_book()) == []
    for slot in slots:
        world.chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)
        at("gate closed")
        phase_comes(world, slot, Phase.CLEARED)
    for slot in slots:
        world.chain.travel_to(starts_at(slot) + SLOT_SECONDS)
        record_half_of_what_was_sold(world, slot)
        at("readings recorded")
        phase_comes(world, slot, Phase.SETTLED)


def some_slots(world: World, count: int) -> list[Slot]:
    return [Slot(world.open_slot + k) for k in range(count)]


def a_closed_slot(world: World) -> Slot:
    slot = world.open_slot
    assert world.post(slot, a_book()) == []
    world.chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)
    return slot


def trades(world: World, slot: Slot) -> object:
    return Market(world.chain, world.deployment).cleared_trades(slot)


def test_clears_and_settles_slot_after_slot(world: World) -> None:
    slots = some_slots(world, 3)
    with an_oracle(world) as oracle:
        drive(world, slots)
        wait_until(lambda: oracle.daemon.status()["through_slot"] == slots[-1] + 1)

    assert oracle.value("slots_total", step="cleared") == 3
    assert oracle.value("slots_total", step="settled") == 3
    assert "failed" not in oracle.events()
    cleared = next(line for line in oracle.lines() if line["event"] == "cleared")
    assert list(cleared)[:3] == ["timestamp", "level", "event"]
    assert cleared["slot"] == slots[0]
    assert cleared["gas"] > 100_000
    assert re.fullmatch("0x[0-9a-f]{64}", cleared["transaction"])


def test_two_oracles_do_no_more_than_one(world: World) -> None:
    slots = some_slots(world, 2)
    with an_oracle(world) as one, an_oracle(world, SECOND) as other:
        drive(world, slots)

    for step in ("cleared", "settled"):
        assert one.value("slots_total", step=step) + other.value("slots_total", step=step) == 2
    assert "failed" not in [*one.events(), *other.events()]
    refused = [*one.lines(), *other.lines()]
    assert {line["error"] for line in refused if line["event"] == "refused"} <= {"WrongPhase"}


@pytest.mark.parametrize("method", ["anvil_reorg", "anvil_rollback"])
def test_a_clearing_that_three_blocks_took_with_them_is_done_again(
    world: World, method: str
) -> None:
    with an_oracle(world) as oracle:
        slot = a_closed_slot(world)
        phase_comes(world, slot, Phase.CLEARED)
        first = trades(world, slot)
        ask(world.chain, "anvil_mine", 2)
        wait_until(lambda: oracle.daemon.status()["block"] == world.chain.head().number)

        ask(world.chain, method, 3, *([[]] if method == "anvil_reorg" else []))
        world.chain.forget_nonces()

        assert world.market.phase(slot) is Phase.CLOSED
        phase_comes(world, slot, Phase.CLEARED, oracle.said)
        wait_until(lambda: oracle.value("reorganisations_total") == 1)

    assert first
    assert trades(world, slot) == first
    assert "reorganisation" in oracle.events()


def test_a_slot_that_nobody_cleared_is_voided(world: World) -> None:
    slot = a_closed_slot(world)
    world.chain.travel_to(starts_at(slot))

    with an_oracle(world) as oracle:
        phase_comes(world, slot, Phase.VOID)

    assert oracle.value("slots_total", step="voided") == 1
    for number in range(1, PROSUMERS + 1):
        assert world.market.account(owner_of(number).address).locked == 0


def test_readings_that_do_not_come_are_waited_for_until_their_deadline(world: World) -> None:
    with an_oracle(world) as oracle:
        slot = a_closed_slot(world)
        phase_comes(world, slot, Phase.CLEARED)
        world.chain.travel_to(starts_at(slot) + SLOT_SECONDS)
        wait_until(lambda: oracle.daemon.status()["through_slot"] == slot + 1)
        assert world.market.phase(slot) is Phase.CLEARED

        world.chain.travel_to(starts_at(slot) + SLOT_SECONDS + READING_SECONDS)

        phase_comes(world, slot, Phase.SETTLED)


def test_sealed_orders_are_cleared_when_no_more_can_be_revealed() -> None:
    with closing(AnvilChain()) as chain:
        world = a_world(chain, seal_bond=SEAL_BOND)
        slot = world.open_slot
        sealed = []
        for order in a_book():
            owner = owner_of(order.participant)
            sealed.append((owner, world.market.sealed(owner, slot, order)))
            world.market.commit(*sealed[-1][:1], slot, sealed[-1][1])
        unopened = Slot(slot + 1)
        world.market.commit(
            owner_of(1), unopened, world.market.sealed(owner_of(1), unopened, an_offer(1, 1, 1))
        )
        with an_oracle(world) as oracle:
            world.chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)
            for owner, seal in sealed:
                world.market.reveal(owner, owner.address, slot, seal)
            wait_until(lambda: oracle.daemon.status()["block"] == chain.block_number())
            assert world.market.phase(slot) is Phase.CLOSED

            chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS + REVEAL_SECONDS)

            phase_comes(world, slot, Phase.CLEARED)
            chain.travel_to(starts_at(unopened))
            phase_comes(world, unopened, Phase.VOID)


def test_a_slot_that_cannot_be_cleared_does_not_hold_up_the_others(world: World) -> None:
    bad = Slot(slot_at(world.chain.now()) + 24)
    world.send(ROLES.operator, "announceMechanism", world.deployment.token.address, bad)
    world.chain.travel_to(starts_at(Slot(bad - 8)))
    with an_oracle(world) as oracle:
        for slot in (bad, Slot(bad - 1)):
            assert world.post(slot, a_book()) == []
        world.chain.travel_to(starts_at(bad) - GATE_CLOSURE_SECONDS)

        phase_comes(world, Slot(bad - 1), Phase.CLEARED)
        wait_until(lambda: oracle.value("failures_total", kind="ChainUnavailable") >= 2)
        world.chain.travel_to(starts_at(bad))
        phase_comes(world, bad, Phase.VOID)

    failed = next(line for line in oracle.lines() if line["event"] == "failed")
    assert failed["slot"] == bad
    assert "a mechanism unknown here" in failed["reason"]


def test_the_compensation_is_paid_when_a_day_is_over(world: World) -> None:
    world.market.deposit(ROLES.operator, DEPOSIT)

    def record(count: int) -> None:
        first = world.market.next_storage_slot()
        world.chain.travel_to(starts_at(Slot(first + count)))
        for slot in (Slot(first + k) for k in range(count)):
            energy = Wh(1_000 if slot == FIRST_SLOT else 0)
            signature = sign_storage_reading(
                ROLES.storage_meter,
                world.market.storage_domain,
                slot=slot,
                charge=energy,
                discharge=Wh(0),
            )
            world.market.record_storage(STRANGER, slot, energy, Wh(0), signature)

    with an_oracle(world) as oracle:
        record(95)
        wait_until(lambda: oracle.daemon.status()["block"] == world.chain.head().number)
        assert world.market.compensation_paid() == 0

        record(1)

        wait_until(lambda: world.market.compensation_paid() == 7_000)
        record(1)
        wait_until(lambda: oracle.daemon.status()["block"] == world.chain.head().number)

    assert oracle.events().count("compensation-paid") == 1


def test_a_node_that_is_away_and_comes_back_with_an_older_chain(tmp_path: Path) -> None:
    node = Node(tmp_path / "node", free_port(), genesis=starts_at(FIRST_SLOT) - 100_000)
    log = tmp_path / "node.log"
    node.start(log)
    try:
        world = a_world(open_chain(node.url))
        with an_oracle(world) as oracle:
            slot = world.open_slot
            assert world.post(slot, a_book()) == []
            node.save()
            world.chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)
            phase_comes(world, slot, Phase.CLEARED)
            first = trades(world, slot)

            assert node.pid is not None
            os.kill(node.pid, signal.SIGKILL)
            wait_until(lambda: not node.is_running())
            wait_until(lambda: "does not answer" in str(oracle.daemon.unready()))
            node.start(log)

            wait_until(lambda: oracle.daemon.unready() is None)
            world.chain.forget_nonces()
            assert world.market.phase(slot) is Phase.OPEN
            world.chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)
            phase_comes(world, slot, Phase.CLEARED)
            assert first
            assert trades(world, slot) == first
    finally:
        node.stop()
    events = [event for event in oracle.events() if event.startswith(("node", "reorg"))]
    assert events == ["node-unavailable", "node-back", "reorganisation"] or events == [
        "node-unavailable",
        "reorganisation",
        "node-back",
    ]


def a_manifest(world: World, path: Path) -> Path:
    parameters = parameters_of(world.deployment)
    manifest = Manifest(
        version=1,
        chain_id=world.chain.chain_id,
        hardfork=world.chain.hardfork,
        first_block=world.deployment.first_block,
        first_slot=FIRST_SLOT,
        start_slot=FIRST_SLOT,
        scenario="a small market",
        devnet=True,
        addresses=world.deployment.addresses(),
        code_hashes=code_hashes(world.chain, world.deployment),
        mechanism=MechanismRecord(
            name="pairwise-nash", contract="PairwiseNash", parameters=parameters
        ),
        settings=settings_of(world.deployment),
        export_price_micro_usd_per_mwh=None,
        participants=[],
    )
    write(manifest, path)
    return path


START = "import typer; from scripts.oracle import oracle; typer.run(oracle)"


class OracleCommand:
    """`wattline oracle` in a process of its own, started again and again."""

    def __init__(self, world: World, folder: Path) -> None:
        manifest = a_manifest(world, folder / "market.json")
        self._log = folder / "oracle.log"
        self._command = [
            *(sys.executable, "-c", START),
            *("--chain", url_of(world), "--manifest", str(manifest), "--port", "0"),
            *("--poll", "0.02"),
        ]
        self.start()

    def start(self) -> None:
        with self._log.open("w") as log:
            self.process = subprocess.Popen(self._command, stderr=log, cwd=ROOT)  # noqa: S603

    def url(self) -> str:
        """Return where it serves its status, once it does."""
        wait_until(lambda: "\n" in self._log.read_text())
        return str(json.loads(self._log.read_text().splitlines()[0])["url"])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def kill_and_start(self, moment: str = "") -> None:
        self.kill()
        self.start()


def test_an_oracle_killed_at_every_turn_ends_with_the_same_trades_and_money(
    tmp_path: Path,
) -> None:
    with closing(AnvilChain()) as one, closing(AnvilChain()) as other:
        expected, found = a_world(one), a_world(other)
        slots = some_slots(expected, 1)
        with an_oracle(expected):
            drive(expected, slots)
        command = OracleCommand(found, tmp_path)
        try:
            drive(found, slots, command.kill_and_start)
        finally:
            command.kill()

        for slot in slots:
            settled = Market(one, expected.deployment).settled_trades(slot)
            assert settled
            assert Market(other, found.deployment).settled_trades(slot) == settled
        assert accounts(found) == accounts(expected)


def test_the_command_serves_its_status_and_ends_when_it_is_asked_to(
    world: World, tmp_path: Path
) -> None:
    command = OracleCommand(world, tmp_path)
    try:
        url = command.url()
        wait_until(lambda: answer_of(f"{url}/ready")[0] == 200)

        status = answer_of(f"{url}/status")[1]
        assert answer_of(f"{url}/health") == (200, {"status": "ok"})
        wait_until(lambda: answer_of(f"{url}/storage/setpoints?slot={FIRST_SLOT}")[0] == 200)
        set_point = answer_of(f"{url}/storage/setpoints?slot={FIRST_SLOT}")[1]
        refusals = [
            answer_of(f"{url}/storage/setpoints?slot={slot}") for slot in (FIRST_SLOT + 1, "x")
        ]

        command.process.send_signal(signal.SIGTERM)
        assert command.process.wait(timeout=10) == 0
    finally:
        command.kill()
    assert status["through_slot"] == slot_at(world.chain.now())
    assert set_point["source"] == "idle"
    assert set_point["reason"] == "no scenario was given"
    assert set_point["stored_before_wh"] == RATING.initial
    assert [code for code, _ in refusals] == [404, 422]
    assert "expected the storage's record" in refusals[0][1]["detail"]


def test_set_points_roll_on_with_the_record_and_are_the_same_after_a_restart() -> None:
    folder = SCENARIOS / "paper-day"
    scenario = load_scenario(folder)
    with closing(AnvilChain()) as chain:
        manifest = deploy_scenario(chain, scenario, start_index=90)
        market = Market(chain, deployment_of(chain, manifest))
        start = manifest.start_slot

        def an_oracle_of_the_day() -> OracleProcess:
            settings = OracleSettings(
                chain=str(chain.w3.provider.endpoint_uri),  # type: ignore[attr-defined]
                manifest=manifest,
                account=ORACLE,
                scenario=folder,
                port=0,
                solver_time_limit_s=10.0,
                pace=PACE,
            )
            process = OracleProcess(settings, make_log(LogFormat.JSON, StringIO()))
            Thread(target=process.run, daemon=True).start()
            return process

        def set_point(process: OracleProcess, slot: Slot) -> Any:
            url = f"{process.url}/storage/setpoints?slot={slot}"
            wait_until(lambda: answer_of(url)[0] == 200)
            return answer_of(url)[1]

        def record(slot: Slot, charge: Wh, discharge: Wh) -> None:
            chain.travel_to(starts_at(Slot(slot + 1)))
            signature = sign_storage_reading(
                ROLES.storage_meter,
                market.storage_domain,
                slot=slot,
                charge=charge,
                discharge=discharge,
            )
            market.record_storage(STRANGER, slot, charge, discharge, signature)

        chain.fund([STRANGER.address])
        oracle = an_oracle_of_the_day()
        first = set_point(oracle, start)
        record(start, Wh(first["charge_wh"]), Wh(first["discharge_wh"]))
        second = set_point(oracle, Slot(start + 1))
        record(Slot(start + 1), Wh(4_000_000), Wh(0))  # whatever it was told
        third = set_point(oracle, Slot(start + 2))
        oracle.stop()
        late = an_oracle_of_the_day()
        again = [set_point(late, Slot(start + k)) for k in range(3)]
        late.stop()

        held = market.stored_after(Slot(start + 1))

    assert again == [first, second, third]
    assert {one["source"] for one in again} == {"rolling"}
    assert second["stored_before_wh"] == first["horizon"][0]["stored_wh"]
    assert third["stored_before_wh"] == held
    assert [len(one["horizon"]) for one in again] == [6, 5, 4]
    assert third["horizon"][-1]["stored_wh"] == pytest.approx(
        first["horizon"][-1]["stored_wh"], abs=5
    )
