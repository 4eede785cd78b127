"""A market with a bit of everything, its export, and ways to tamper with one."""

import csv
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from web3.contract import Contract

from oracle.chain.embedded import EmbeddedChain
from oracle.chain.market import SealedOrder, compact
from oracle.chain.record import read_market
from oracle.chain.signatures import development_key, sign_storage_reading
from oracle.day import run_scenario
from oracle.domain.clock import GATE_CLOSURE_SECONDS, READING_SECONDS, starts_at
from oracle.domain.record import MarketRecord
from oracle.duals import dispatch_record
from oracle.export_files.export import write_export
from oracle.export_files.manifest import FILE as MANIFEST
from oracle.export_files.manifest import write_manifest
from oracle.scenario import load_scenario
from oracle.units import SLOT_SECONDS, Bps, MicroUsd, MicroUsdPerMwh, Slot, Wh
from tests.contracts.markets import (
    CHALLENGE_SECONDS,
    DEPOSIT,
    FIRST_SLOT,
    LADDER,
    LINES,
    PROSUMERS,
    REAL_TIME_PRICE,
    ROLES,
    STRANGER,
    World,
    a_bid,
    a_book,
    a_cancellation,
    an_offer,
    meter_of,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import RevertibleEmbedded, deploy_mock, send_raw

CALLDATA = (
    "calls.csv",
    "certificates.csv",
    "signatures.csv",
    "order_signatures.csv",
    "salts.csv",
)
PAPER_DAY = Path(__file__).parents[3] / "scenarios" / "paper-day"

Row = dict[str, str]
Event = dict[str, Any]


class PlainChain(RevertibleEmbedded):
    """A chain that tests build a World on, and that knows its transactions."""

    logs = EmbeddedChain.logs


def a_busy_market() -> World:
    """
    Let a market live: slots settled in full, in part, late and contradicted, one void, one without
    trades; cancellations, announcements, a new participant, storage, compensation, withdrawals.
    """
    world = World(PlainChain(), some_terms())
    for number in range(1, PROSUMERS + 1):
        world.market.deposit(owner_of(number), DEPOSIT)
    world.market.deposit(ROLES.operator, DEPOSIT)
    _announce(world)

    full = world.cleared()
    world.read(full.slot, full.sold())
    world.settle(full)

    part = world.cleared([*a_book(), a_cancellation(6)])
    world.read(part.slot, {number: energy * 2 // 3 for number, energy in part.sold().items()})
    world.settle(part)

    fault = world.cleared([an_offer(1, 9_000, 80), a_bid(4, 8_000, 250), an_offer(2, 6_000, 90)])
    world.read(fault.slot, {1: 7_000})
    one, other = (world.reading(fault.slot, 1, energy) for energy in (7_000, 7_001))
    world.market.report_contradiction(STRANGER, fault.slot, one, other)
    world.now_runs_at(starts_at(fault.slot) + SLOT_SECONDS + 3600)
    world.settle(fault)

    forgotten = world.closed([an_offer(3, 1_500, 70), a_bid(6, 4_000, 230)])
    world.now_runs_at(starts_at(forgotten.slot))
    world.market.void(STRANGER, forgotten.slot, forgotten.book)

    lonely = world.cleared([a_bid(5, 1_000, 100)])
    world.settle(lonely)

    _post(world)
    _store(world)
    world.market.withdraw(owner_of(4), MicroUsd(1_234_567))
    world.market.pay_compensation(STRANGER)
    waiting = world.cleared()
    world.read(waiting.slot, dict(list(waiting.sold().items())[:1]))
    world.place(world.open_slot, [an_offer(1, 2_000, 80), a_bid(4, 500, 250)])
    return world


def _announce(world: World) -> None:
    """Change everything that can be, from slots on that are not open yet."""
    market, contracts = world.market, world.deployment
    later = Slot(FIRST_SLOT + 25)
    market.announce_real_time_prices(
        ROLES.operator, {later: MicroUsdPerMwh(REAL_TIME_PRICE - 50_000_000)}
    )
    world.send(ROLES.operator, "announceMechanism", contracts.mechanism.address, later)
    ladder = LADDER.base, LADDER.interval, LADDER.growth + 1
    world.send(ROLES.provider, "announceLadder", ladder, later, on=contracts.line_lease)
    rows = some_terms(lines=LINES[1:]).rows
    world.send(ROLES.provider, "announceLines", rows, 1, later, on=contracts.line_lease)
    group = [1, 4], [7, 7], later
    world.send(ROLES.registrar, "announceGroups", *group, on=contracts.registry)
    world.send(
        ROLES.registrar,
        "announceMeters",
        [6],
        [development_key("new meter").address],
        later,
        on=contracts.registry,
    )


def _post(world: World) -> None:
    """Post signed orders, one of them void; and give readings to a settlement."""
    market = world.market
    market.spend_nonces(owner_of(5), 3)
    slot = world.open_slot
    orders = [
        an_offer(1, 9_000, 80),
        a_bid(4, 8_000, 250),
        a_bid(5, 3_000, 240),
        a_bid(2, 500, 260),
    ]
    market.post(STRANGER, slot, [market.signed(owner_of(o.participant), slot, o) for o in orders])
    market.pause(ROLES.operator)
    market.unpause(ROLES.operator)
    stage = world.close(slot)
    world.clear(stage)
    world.read(slot, {1: 8_500})
    world.read(slot, {4: 0})
    world.settle(stage)

    given = world.cleared([an_offer(2, 5_000, 90), a_bid(4, 4_000, 250), an_offer(3, 500, 70)])
    world.now_runs_at(starts_at(given.slot) + SLOT_SECONDS)
    readings = [world.reading(given.slot, n, energy - 7) for n, energy in given.sold().items()]
    market.settle(STRANGER, given.slot, given.book, given.trades, [], readings)


def a_corrected_market() -> World:
    """
    Let the grid operator correct a seller's reading, and one of nobody's, and pay the storage in
    two parts.
    """
    world = World(PlainChain(), some_terms(challenge_seconds=CHALLENGE_SECONDS))
    for number in range(1, PROSUMERS + 1):
        world.market.deposit(owner_of(number), DEPOSIT)
    stage = world.cleared()
    world.read(stage.slot, stage.sold())
    world.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(4_000))
    world.market.correct_reading(ROLES.operator, stage.slot, 999, Wh(5))
    final_at = starts_at(stage.slot) + SLOT_SECONDS + READING_SECONDS + CHALLENGE_SECONDS
    world.now_runs_at(final_at)
    world.settle(stage)
    _store(world)
    for amount in (20_000, 200_000):  # less than is owed, then more
        world.market.deposit(ROLES.operator, MicroUsd(amount))
        world.market.pay_compensation(STRANGER)
    return world


def a_choosy_market() -> World:
    """Let orders be posted of which each kind of fault is skipped, beside some that are taken."""
    world = World(PlainChain(), some_terms())
    for number in range(1, PROSUMERS + 1):
        world.market.deposit(owner_of(number), DEPOSIT)
    market, slot = world.market, world.open_slot
    market.spend_nonces(owner_of(5), 3)
    forged = world.sign(slot, a_bid(6, 1_000, 250), key=owner_of(5))
    orders = [
        an_offer(1, 9_000, 80),
        an_offer(1, 9_000, 80),
        a_bid(4, 8_000, 250),
        a_bid(5, 1_000, 250),
        a_cancellation(2),
        an_offer(2, 0, 80),
        an_offer(2, 1_000, 501),
        a_bid(6, 4_000_000_000, 250),
        replace(an_offer(3, 1_000, 80), score=Bps(1)),
        replace(an_offer(3, 1_000, 80), participant=999),
        a_cancellation(4),
        a_cancellation(4),
    ]
    signed = [world.sign(slot, order) for order in orders]
    market.post(STRANGER, slot, [*signed, forged])
    market.post(STRANGER, slot, [signed[1], signed[3]])
    market.post_for_wallets(STRANGER, slot, [forged, signed[1]])
    world.read(slot, {2: 5})
    world.read(slot, {2: 6, 3: 7})
    return world


class Forwarder:
    """A contract that calls others, so that the calldata they get is in no transaction."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.key = development_key("wallet key")
        self.contract = deploy_mock(world.chain, STRANGER, "MockWallet", self.key.address)

    def call(self, name: str, *arguments: Any, on: Contract | None = None) -> None:
        """Call a contract, the exchange unless another is named, in the forwarder's name."""
        target = on or self._world.exchange
        data = target.encode_abi(name, list(arguments))
        self._world.send(STRANGER, "act", target.address, data, on=self.contract)


def a_market_of_contracts() -> World:
    """Let contracts make calls that anybody may make, and one trade as a wallet, number 7."""
    world = World(PlainChain(), some_terms())
    market, forwarder, wallet = world.market, Forwarder(world), Forwarder(world)
    for number in range(1, PROSUMERS + 1):
        market.deposit(owner_of(number), DEPOSIT)
    first = Slot(FIRST_SLOT + 30)
    joining = [(wallet.contract.address, meter_of(1).address, 0, 0)]
    registry, token = world.deployment.registry, world.deployment.token
    world.send(ROLES.registrar, "register", joining, first, on=registry)
    world.send(STRANGER, "mint", wallet.contract.address, DEPOSIT, on=token)
    wallet.call("approve", world.exchange.address, DEPOSIT, on=token)
    wallet.call("deposit", DEPOSIT)

    slot = world.open_slot
    orders = [
        an_offer(1, 9_000, 80),
        a_bid(4, 8_000, 250),
        a_bid(4, 1_000, 250),
        an_offer(2, 4_000, 85),
        replace(an_offer(3, 5_000, 70), score=Bps(1)),
        a_bid(5, 3_000, 240),
    ]
    signed = [world.sign(slot, order) for order in orders]
    words, signatures = [o.pack() for o in orders], [compact(one.signature) for one in signed]
    forwarder.call("post", slot, words, signatures)
    stage = world.close(slot)
    certificate = stage.outcome.certificate
    forwarder.call("clear", slot, stage.book_words, stage.trade_words, certificate)
    world.now_runs_at(starts_at(slot) + SLOT_SECONDS)
    one, two = (world.reading(slot, n, energy).fields() for n, energy in stage.sold().items())
    forwarder.call("recordReadings", slot, [one])
    entries = market.readings(slot)
    forwarder.call("settle", slot, stage.book_words, stage.trade_words, entries, [two])
    meter, domain = ROLES.storage_meter, market.storage_domain
    stored = sign_storage_reading(meter, domain, slot=FIRST_SLOT, charge=Wh(5_000), discharge=Wh(0))
    forwarder.call("record", FIRST_SLOT, 5_000, 0, stored, on=world.deployment.storage_ledger)

    world.now_runs_at(starts_at(Slot(first - 5)))
    bid = world.sign(first, replace(a_bid(4, 1000, 250), participant=7), key=wallet.key)
    market.post_for_wallets(STRANGER, first, [bid, world.sign(first, an_offer(1, 1_000, 80))])
    last = world.close(first)
    arguments = first, last.book_words, last.trade_words, last.outcome.certificate
    data = bytes.fromhex(world.exchange.encode_abi("clear", arguments).removeprefix("0x"))
    send_raw(world.chain, STRANGER, world.exchange, data[:-1] + b"\x01")  # where zeros fill up
    return world


def a_sealed_market(*, is_forwarded: bool = False) -> World:
    """Let three seal their orders and two reveal them, then nobody who sealed."""
    world = World(PlainChain(), some_terms(seal_bond=MicroUsd(1_000_001)))
    for number in range(1, PROSUMERS + 1):
        world.market.deposit(owner_of(number), DEPOSIT)
    slot = world.open_slot
    sealed = {
        order.participant: SealedOrder(order=order, salt=bytes([order.participant]) * 32)
        for order in (an_offer(1, 9_000, 80), a_bid(4, 8_000, 250), a_bid(5, 3_000, 240))
    }
    for number, one in sealed.items():
        world.market.commit(owner_of(number), slot, one)
    world.now_runs_at(starts_at(slot) - GATE_CLOSURE_SECONDS)
    world.market.reveal(STRANGER, owner_of(4).address, slot, sealed[4])
    if is_forwarded:
        order, salt = sealed[1].order, sealed[1].salt
        fields = int(order.kind), order.energy, order.price, order.terms, salt
        Forwarder(world).call("reveal", slot, owner_of(1).address, *fields)
    else:
        world.market.reveal(STRANGER, owner_of(1).address, slot, sealed[1])
    world.now_runs_at(starts_at(slot) - GATE_CLOSURE_SECONDS + 600)
    stage = world.close(slot)
    world.clear(stage)
    world.read(slot, stage.sold())
    world.settle(stage)

    silent = world.open_slot
    world.market.commit(owner_of(2), silent, sealed[1])
    world.now_runs_at(starts_at(silent))
    world.market.void(STRANGER, silent, [])
    world.market.commit(owner_of(3), world.open_slot, sealed[1])
    return world


def a_market_handed_over() -> World:
    """Let the line lease change hands, and have its lines replaced, twice for the same slot."""
    world = World(PlainChain(), some_terms())
    lease, later = world.deployment.line_lease, Slot(FIRST_SLOT + 25)
    for heir in (2, 1):
        world.send(ROLES.provider, "transferOwnership", owner_of(heir).address, on=lease)
    world.send(owner_of(1), "acceptOwnership", on=lease)
    for lines in (LINES[1:], LINES[:1]):  # in the end rows without lines follow
        rows = some_terms(lines=lines).rows
        world.send(owner_of(1), "announceLines", rows, 1, later, on=lease)
    world.send(owner_of(1), "announceLines", [], 1, Slot(later + 1), on=lease)
    return world


def _store(world: World) -> None:
    for position, (charge, discharge) in enumerate([(5_000, 0), (0, 3_333), (0, 0), (777, 0)]):
        slot = Slot(FIRST_SLOT + position)
        signature = sign_storage_reading(
            ROLES.storage_meter,
            world.market.storage_domain,
            slot=slot,
            charge=Wh(charge),
            discharge=Wh(discharge),
        )
        world.market.record_storage(STRANGER, slot, Wh(charge), Wh(discharge), signature)


def record_of(world: World) -> MarketRecord:
    return read_market(world.chain, world.exchange.address)


def run_into(folder: Path, scenario: Path) -> Path:
    """Run a scenario, and leave the export that `wattline run` leaves."""
    with closing(EmbeddedChain()) as chain:
        result = run_scenario(load_scenario(scenario), chain)
        market = read_market(chain, result.addresses["Exchange"])
    write_export(folder, market, dispatch_record(result.plan, None), scenario)
    return folder


class Forgery:
    """An export that somebody changes, who keeps positions and checksums right."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def events(self) -> list[Event]:
        lines = (self.folder / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def write_events(self, events: list[Event]) -> None:
        """Write events anew, renumbered, with what refers to them."""
        moved = {event["record"]: new for new, event in reversed(list(enumerate(events)))}
        for new, event in enumerate(events):
            event["record"] = new
        self._write_lines(events)
        for name in CALLDATA:
            self.rows(
                name,
                lambda rows: [
                    {**row, "event": str(moved[int(row["event"])])}
                    for row in rows
                    if int(row["event"]) in moved
                ],
            )

    def event(self, name: str, change: Callable[[Event], Any], *, nth: int = 0) -> None:
        """Change the nth event of a name."""
        events = self.events()
        chosen = [event for event in events if event["event"] == name][nth]
        change(chosen)
        self._write_lines(events)

    def rows(self, name: str, change: Callable[[list[Row]], list[Row]]) -> None:
        """Change the rows of a CSV file."""
        path = self.folder / name
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = list(reader.fieldnames or ()), list(reader)
        lines = [columns, *([row[column] for column in columns] for row in change(rows))]
        path.write_text("".join(",".join(line) + "\n" for line in lines))

    def cell(
        self, name: str, column: str, change: Callable[[str], object], *, row: int = 0
    ) -> None:
        """Change a cell of a CSV file."""

        def changed(rows: list[Row]) -> list[Row]:
            rows[row][column] = str(change(rows[row][column]))
            return rows

        self.rows(name, changed)

    def value(self, name: str, change: Callable[[Any], Any]) -> None:
        """Change the content of a JSON file."""
        path = self.folder / name
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content, indent=1) + "\n")

    def sign(self) -> None:
        """Write a manifest that fits what the files hold now."""
        manifest = json.loads((self.folder / MANIFEST).read_text())
        files = {name: entry["holds"] for name, entry in manifest["files"].items()}
        write_manifest(self.folder, files)

    def _write_lines(self, events: list[Event]) -> None:
        text = "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events)
        (self.folder / "events.jsonl").write_text(text)


def more(amount: int = 1) -> Callable[[Any], Any]:
    """Return a change of an integer, in a file as text or number."""
    return lambda value: int(value) + amount


def flipped(text: str) -> str:
    """Return hexadecimal with its last digit changed."""
    return text[:-1] + ("0" if text[-1] != "0" else "1")
