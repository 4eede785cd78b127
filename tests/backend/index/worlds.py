"""Markets on a node in which everything happens that an index must know."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from oracle.chain.chains import AnvilChain
from oracle.chain.deployment import MarketTerms
from oracle.chain.market import SealedOrder
from oracle.chain.signatures import sign_storage_reading
from oracle.chain.source import MarketSource
from oracle.domain.book import FIRST_MANAGER, Order, Trade
from oracle.domain.clock import (
    GATE_CLOSURE_SECONDS,
    OPEN_SLOTS,
    READING_SECONDS,
    REVEAL_SECONDS,
    slot_at,
    starts_at,
)
from oracle.domain.community import Line
from oracle.domain.rows import capacity_words, rows_of
from oracle.market.matching import Matching
from oracle.market.mcafee import McAfee
from oracle.market.mechanism import Mechanism
from oracle.round import RoundRunner
from oracle.units import SLOT_SECONDS, Meters, MicroUsd, MicroUsdPerMwh, Slot, Wh
from tests.contracts.markets import (
    CHALLENGE_SECONDS,
    DEPOSIT,
    FIRST_SLOT,
    LATECOMER,
    LINES,
    PRICE_CAP,
    PROSUMERS,
    ROLES,
    SEAL_BOND,
    STRANGER,
    Stage,
    World,
    a_bid,
    a_book,
    a_cancellation,
    an_offer,
    meter_of,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import ask

MANAGER = FIRST_MANAGER
UNSPENT = 3  # nonces below it are spent of one owner
UNIT = Wh(1_000)
NEW_MECHANISMS: tuple[Mechanism, ...] = (Matching(), McAfee(UNIT))


class NodeWorld(World):
    """A market on an anvil of its own."""

    chain: AnvilChain  # type: ignore[assignment]

    def __init__(self, terms: MarketTerms) -> None:
        super().__init__(AnvilChain(), terms)  # type: ignore[arg-type]
        for number in range(1, PROSUMERS + 1):
            self.market.deposit(owner_of(number), DEPOSIT)
        self.market.deposit(ROLES.operator, DEPOSIT)

    def source(self) -> MarketSource:
        return MarketSource(self.chain, self.exchange.address)

    def ask(self, method: str, *arguments: object) -> Any:
        """Ask the node for what only development chains do, which may take blocks back."""
        answer = ask(self.chain, method, *arguments)
        self.chain.forget_nonces()
        return answer


def an_eventful_world() -> NodeWorld:
    """Return an open market that is watched by the grid operator, after all kinds of events."""
    world = NodeWorld(some_terms(challenge_seconds=CHALLENGE_SECONDS, groups={1: 7, 4: 7}))
    with _closed_if_it_fails(world):
        _live_through_everything(world)
    return world


def _live_through_everything(world: NodeWorld) -> None:
    world.market.deposit(LATECOMER, MicroUsd(5_000_000))  # owns no prosumer yet
    world.market.deposit(ROLES.provider, MicroUsd(3))
    world.market.withdraw(ROLES.provider, MicroUsd(2))
    placed, posted, voided = (Slot(world.open_slot + k) for k in range(3))
    _place(world, placed, voided)
    _post(world, posted)
    future = _announce(world)
    _hand_over_the_lines(world)
    stages = [_cleared(world, slot) for slot in (placed, posted)]
    _record_storage(world, Slot(FIRST_SLOT + 1))
    for stage in stages:
        _read(world, stage)
    world.now_runs_at(starts_at(posted) + 2 * SLOT_SECONDS + READING_SECONDS + CHALLENGE_SECONDS)
    for stage in stages:
        world.settle(stage)
    world.market.void(STRANGER, voided, world.market.book(voided))
    world.market.pay_compensation(STRANGER)
    _trade_on_new_terms(world, future)


def a_sealed_world() -> NodeWorld:
    """Return a market of sealed orders, some of which were never opened."""
    world = NodeWorld(some_terms(seal_bond=SEAL_BOND))
    with _closed_if_it_fails(world):
        _live_sealed(world)
    return world


def _live_sealed(world: NodeWorld) -> None:
    traded, silent, standing = (Slot(world.open_slot + k) for k in range(3))
    commit(world, traded, a_book())
    commit(world, silent, [an_offer(1, 1000, 80)])
    commit(world, standing, [a_bid(4, 1000, 200)])
    world.now_runs_at(starts_at(traded) - GATE_CLOSURE_SECONDS)
    for order in a_book()[:4]:  # two of six are never opened
        owner = owner_of(order.participant).address
        world.market.reveal(STRANGER, owner, traded, _sealed(order))
    world.now_runs_at(starts_at(traded) - GATE_CLOSURE_SECONDS + REVEAL_SECONDS)
    stage = world.close(traded)
    world.clear(stage)
    world.now_runs_at(starts_at(traded) + SLOT_SECONDS)
    world.market.void(STRANGER, silent, ())
    readings = [world.reading(traded, number, energy) for number, energy in stage.sold().items()]
    world.market.settle(STRANGER, traded, stage.book, stage.trades, (), readings)


@contextmanager
def _closed_if_it_fails(world: NodeWorld) -> Iterator[None]:
    try:
        yield
    except BaseException:
        world.chain.close()
        raise


def commit(world: World, slot: Slot, orders: Sequence[Order]) -> None:
    for order in orders:
        world.market.commit(owner_of(order.participant), slot, _sealed(order))


def a_round(world: NodeWorld) -> Slot:
    """Let one more slot be ordered for and cleared."""
    slot = world.open_slot
    assert world.post(slot, [replace(order, nonce=UNSPENT) for order in a_book()]) == []
    _cleared_by(world, slot)
    return slot


def _sealed(order: Order) -> SealedOrder:
    return SealedOrder(order=order, salt=order.participant.to_bytes(32, "big"))


def _place(world: NodeWorld, placed: Slot, voided: Slot) -> None:
    world.place(placed, [*a_book(), a_cancellation(3)])
    world.place(voided, a_book()[:3])
    world.market.pause(ROLES.operator)
    world.market.unpause(ROLES.operator)


def _post(world: NodeWorld, slot: Slot) -> None:
    """Post a batch of which three are passed over, and take one back with a signature."""
    forged = world.sign(slot, an_offer(2, 1000, 80), key=STRANGER)
    too_dear = Order(
        kind=a_bid(6, 1, 1).kind,
        participant=6,
        energy=Wh(1),
        price=MicroUsdPerMwh(PRICE_CAP + 1),
    )
    good = [world.sign(slot, order) for order in a_book()]
    again = world.sign(slot, an_offer(1, 1000, 80))
    batch = [forged, *good[:3], again, world.sign(slot, too_dear), *good[3:]]
    skipped = world.market.post(STRANGER, slot, batch)
    assert [one.reason.name for one in skipped] == ["WrongSigner", "OrderExists", "PriceAboveCap"]
    assert world.post(slot, [a_cancellation(5)]) == []
    world.market.spend_nonces(owner_of(5), UNSPENT)


def _announce(world: NodeWorld) -> Slot:
    """Announce everything anew, and let somebody join; return from when on."""
    since = Slot(slot_at(world.chain.now()) + OPEN_SLOTS + 2)
    deployment, provider = world.deployment, ROLES.provider
    rows, row_words = rows_of([*LINES, *_new_lines()], PROSUMERS + 1)
    limits = capacity_words([*LINES, *_new_lines()], rows, row_words)
    lease = deployment.line_lease
    joining = (LATECOMER.address, meter_of(7).address, 7, 4000)
    world.send(ROLES.registrar, "register", [joining], since, on=deployment.registry)
    meters = ([2], [meter_of(8).address], since)
    world.send(ROLES.registrar, "announceMeters", *meters, on=deployment.registry)
    world.send(ROLES.registrar, "announceGroups", [1, 2], [0, 9], since, on=deployment.registry)
    world.send(provider, "announceLines", rows, row_words, since, on=lease)
    world.send(provider, "announceCapacities", limits, since, on=lease)
    world.send(provider, "announceLadder", (4_000_000, 900, 1000), since, on=lease)
    prices = {since: MicroUsdPerMwh(280_000_000), Slot(since + 1): MicroUsdPerMwh(290_000_000)}
    world.market.announce_real_time_prices(ROLES.operator, prices)
    for slot, twin in zip((since, Slot(since + 1)), NEW_MECHANISMS, strict=True):
        verifier = world.chain.deploy(STRANGER, twin.contract, *twin.parameters)
        world.send(ROLES.operator, "announceMechanism", verifier.address, slot)
    return since


def _new_lines() -> list[Line]:
    """A line with a capacity for who joins, and a free one to a manager for all others."""
    limited = Line(first=0, second=PROSUMERS, distance=Meters(400), capacity=Wh(900))
    spokes = [
        Line(first=index, second=MANAGER - 1, distance=Meters(0)) for index in range(PROSUMERS)
    ]
    return [limited, *spokes]


def _units() -> list[Order]:
    """Orders of one unit each; the rule leaves out the last pair, and between its prices a rest."""
    offers = [an_offer(number, UNIT, price) for number, price in ((1, 20), (2, 30), (3, 40))]
    bids = [a_bid(number, UNIT, price) for number, price in ((4, 260), (5, 250), (6, 200))]
    return [replace(order, nonce=UNSPENT) for order in offers + bids]


def _hand_over_the_lines(world: NodeWorld) -> None:
    lease = world.deployment.line_lease
    world.send(ROLES.provider, "transferOwnership", STRANGER.address, on=lease)
    world.send(STRANGER, "acceptOwnership", on=lease)


def _cleared(world: NodeWorld, slot: Slot) -> Stage:
    stage = world.close(slot)
    world.clear(stage)
    return stage


def _read(world: NodeWorld, stage: Stage) -> None:
    """Let one seller overstate, one be short by its own word and one contradict itself."""
    sold = stage.sold()
    assert sorted(sold) in ([1, 2], [1, 2, 3])
    world.read(stage.slot, {1: sold[1], 2: sold[2] - 1500})
    world.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(sold[1] // 3))
    if 3 in sold:
        one, other = (world.reading(stage.slot, 3, energy) for energy in (900, 901))
        world.market.report_contradiction(STRANGER, stage.slot, one, other)


def _record_storage(world: NodeWorld, last: Slot) -> None:
    for slot in range(FIRST_SLOT, last + 1):
        world.now_runs_at(starts_at(Slot(slot + 1)))
        charge, discharge = (Wh(4_001), Wh(0)) if slot % 2 else (Wh(0), Wh(3_003))
        signature = sign_storage_reading(
            ROLES.storage_meter,
            world.market.storage_domain,
            slot=Slot(slot),
            charge=charge,
            discharge=discharge,
        )
        world.market.record_storage(STRANGER, Slot(slot), charge, discharge, signature)


def _trade_on_new_terms(world: NodeWorld, since: Slot) -> None:
    """Let who joined buy over a line with a capacity, then let a rule leave a surplus."""
    world.now_runs_at(starts_at(Slot(since - 6)))
    market, newcomer, later = world.market, LATECOMER, Slot(since + 1)
    market.deposit(newcomer, MicroUsd(90_000_000))
    market.place(owner_of(1), since, an_offer(1, 2_000, 60))
    market.place(newcomer, since, a_bid(7, 2_000, 200))
    assert world.post(later, _units()) == []
    limited, left_over = (_cleared_by(world, slot) for slot in (since, later))
    assert [trade.energy for trade in limited] == [900]  # what the line holds
    assert sum(trade.surplus for trade in left_over) > 0
    world.read(since, {1: 0, 3: 100})
    world.read(later, {1: UNIT})
    world.now_runs_at(starts_at(later) + 2 * SLOT_SECONDS + READING_SECONDS + CHALLENGE_SECONDS)
    readings = market.readings(later)
    market.settle(STRANGER, later, market.book(later), left_over, readings)
    market.place(owner_of(6), world.open_slot, a_bid(6, 500, 199))


def _cleared_by(world: NodeWorld, slot: Slot) -> tuple[Trade, ...]:
    """Clear with the mechanism that holds in a slot."""
    world.now_runs_at(starts_at(slot) - GATE_CLOSURE_SECONDS)
    outcome = RoundRunner(world.market, STRANGER).clear(slot)
    assert outcome is not None
    return outcome.trades
