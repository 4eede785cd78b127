"""Participants, their owners and their meters."""

import pytest
from eth_utils.address import to_checksum_address
from web3.contract import Contract

from oracle.chain.embedded import EmbeddedChain
from oracle.chain.signatures import development_key
from oracle.domain.clock import OPEN_SLOTS, slot_at
from tests.contracts.markets import (
    LATECOMER,
    PROSUMERS,
    ROLES,
    SCORES,
    STRANGER,
    World,
    meter_of,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

ZERO = "0x" + "0" * 40
MAX_PARTICIPANTS = 1024


def address(word: int) -> str:
    return f"0x{word:040x}"


def checksummed(word: int) -> str:
    return to_checksum_address(address(word))


@pytest.fixture
def earliest(world: World) -> int:
    """The first slot that an announcement may reach."""
    return slot_at(world.chain.now()) + OPEN_SLOTS + 1


def numbered(first: int, count: int) -> list[tuple[str, str, int, int]]:
    """Return `count` participants with owners that no key is known of."""
    return [
        (checksummed(number), checksummed(number + 2**80), 0, 0)
        for number in range(first, first + count)
    ]


def test_founders_are_numbered_in_their_order(registry: Contract) -> None:
    for number in range(1, PROSUMERS + 1):
        owner = owner_of(number).address
        assert registry.functions.participantOf(owner).call() == [number, 0, SCORES[number - 1]]
    assert registry.functions.participantOf(STRANGER.address).call() == [0, 0, 0]


def test_the_tables_hold_owners_and_meters(registry: Contract) -> None:
    owners = registry.functions.ownersOf(0).call()
    meters = registry.functions.metersOf(0).call()

    numbers = range(1, PROSUMERS + 1)
    assert [address(word) for word in owners] == [owner_of(n).address.lower() for n in numbers]
    assert [address(word) for word in meters] == [meter_of(n).address.lower() for n in numbers]


def test_a_newcomer_follows_the_others(world: World, registry: Contract, earliest: int) -> None:
    meter = development_key("newcomer meter")
    before = registry.functions.ownersOf(0).call()

    world.send(
        ROLES.registrar,
        "register",
        [(LATECOMER.address, meter.address, 0, 9500), (STRANGER.address, ZERO, 0, 500)],
        earliest,
        on=registry,
    )

    assert registry.functions.participantOf(LATECOMER.address).call() == [7, earliest, 9500]
    assert registry.functions.participantOf(STRANGER.address).call() == [8, earliest, 500]
    assert registry.functions.ownersOf(earliest - 1).call() == before
    owners = registry.functions.ownersOf(earliest).call()
    assert owners[:6] == before
    assert [address(word) for word in owners[6:]] == [
        LATECOMER.address.lower(),
        STRANGER.address.lower(),
    ]
    assert len(registry.functions.metersOf(earliest - 1).call()) == 6
    meters = registry.functions.metersOf(earliest).call()
    assert [address(word) for word in meters[6:]] == [meter.address.lower(), ZERO]


def test_newcomers_keep_the_meters_announced_before(
    world: World, registry: Contract, earliest: int
) -> None:
    new = development_key("new meter")
    world.send(
        ROLES.registrar, "announceMeters", [2, 1], [new.address, ZERO], earliest, on=registry
    )

    world.send(
        ROLES.registrar, "register", [(LATECOMER.address, ZERO, 0, 0)], earliest, on=registry
    )

    meters = [address(word) for word in registry.functions.metersOf(earliest).call()]
    assert meters[:3] == [ZERO, new.address.lower(), meter_of(3).address.lower()]
    assert len(meters) == 7
    old = [address(word) for word in registry.functions.metersOf(earliest - 1).call()]
    assert old == [meter_of(number).address.lower() for number in range(1, 7)]


def test_an_owner_owns_one_participant(world: World, registry: Contract, earliest: int) -> None:
    for owner in (owner_of(1).address, ZERO):
        with reverts(registry, "BadOwner", owner=owner):
            world.attempt(ROLES.registrar, "register", [(owner, ZERO, 0, 0)], earliest, on=registry)
    twice = [(LATECOMER.address, ZERO, 0, 0)] * 2
    with reverts(registry, "BadOwner", owner=LATECOMER.address):
        world.attempt(ROLES.registrar, "register", twice, earliest, on=registry)


@pytest.mark.parametrize("score", [1, 499, 9501, 10_000, 65_535])
def test_nobody_joins_with_a_score_that_the_rule_does_not_reach(
    world: World, registry: Contract, earliest: int, score: int
) -> None:
    with reverts(registry, "BadScore", scoreBps=score):
        world.attempt(
            ROLES.registrar,
            "register",
            [(LATECOMER.address, ZERO, 0, score)],
            earliest,
            on=registry,
        )


@pytest.mark.parametrize("participant", [0, 7, 65_535])
def test_only_participants_have_meters(
    world: World, registry: Contract, earliest: int, participant: int
) -> None:
    with reverts(registry, "NoSuchParticipant", participant=participant):
        world.attempt(
            ROLES.registrar, "announceMeters", [participant], [ZERO], earliest, on=registry
        )


@pytest.mark.parametrize(("participants", "meters"), [(2, 1), (1, 2)])
def test_each_participant_has_its_meter(
    world: World, registry: Contract, earliest: int, participants: int, meters: int
) -> None:
    with reverts(registry, "LengthsDiffer", first=participants, second=meters):
        world.attempt(
            ROLES.registrar,
            "announceMeters",
            [1] * participants,
            [ZERO] * meters,
            earliest,
            on=registry,
        )


def test_there_are_at_most_1024_participants(
    world: World, registry: Contract, earliest: int
) -> None:
    count = PROSUMERS
    while count < MAX_PARTICIPANTS:
        joining = min(100 if count < 900 else 64, MAX_PARTICIPANTS - count)
        world.send(ROLES.registrar, "register", numbered(count + 1, joining), earliest, on=registry)
        count += joining

    owners = registry.functions.ownersOf(earliest).call()
    assert owners[PROSUMERS:] == list(range(PROSUMERS + 1, MAX_PARTICIPANTS + 1))
    assert registry.functions.participantOf(checksummed(1024)).call() == [1024, earliest, 0]
    meters = registry.functions.metersOf(earliest).call()
    assert meters[PROSUMERS:] == [number + 2**80 for number in range(7, MAX_PARTICIPANTS + 1)]
    with reverts(registry, "TooManyParticipants", count=1025, maximum=1024):
        world.attempt(ROLES.registrar, "register", numbered(1025, 1), earliest, on=registry)


def test_a_market_may_begin_without_participants() -> None:
    chain = EmbeddedChain()
    chain.fund([STRANGER.address])

    registry = chain.deploy(STRANGER, "Registry", STRANGER.address, [])

    assert registry.functions.ownersOf(0).call() == []
    assert registry.functions.metersOf(0).call() == []
