"""Lines and the ladder of their fees."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3.contract import Contract

from oracle.domain.book import FIRST_MANAGER, Kind, Order
from oracle.domain.clock import OPEN_SLOTS, slot_at
from oracle.domain.community import FeeLadder, Line
from oracle.domain.rows import MAX_DISTANCE, lines_of, rows_of
from oracle.model.line_lease import fees_of_lines, lease_fee
from oracle.units import Bps, Meters, MicroUsdPerMwhKm
from tests.contracts.markets import LADDER, LINES, PROSUMERS, ROLES, World, packed
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

MAX_FEE = 2**48 - 1


def row(*lines: tuple[int, int]) -> int:
    """Return a word of up to eight lines, peer and distance each."""
    word = 0
    for position, (peer, distance) in enumerate(lines):
        word |= (peer << 20 | distance) << 224 - 32 * position
    return word


@pytest.fixture
def earliest(world: World) -> int:
    return slot_at(world.chain.now()) + OPEN_SLOTS + 1


def announce(world: World, rows: Sequence[int], row_words: int, slot: int) -> None:
    world.send(
        ROLES.provider,
        "announceLines",
        list(rows),
        row_words,
        slot,
        on=world.deployment.line_lease,
    )


def test_every_line_costs_what_python_says(line_lease: Contract) -> None:
    fees = fees_of_lines(LADDER, LINES)

    on_chain = {
        (seller, buyer): line_lease.functions.feeOf(0, seller + 1, buyer + 1).call()
        for seller, buyer in fees
    }

    assert on_chain == fees
    assert len(on_chain) == 2 * len(LINES)


@pytest.mark.parametrize(
    ("seller", "buyer"), [(1, 6), (1, 1), (0, 4), (4, 0), (7, 1), (1, 7), (65_535, 65_535)]
)
def test_there_is_no_fee_without_a_line(line_lease: Contract, seller: int, buyer: int) -> None:
    with reverts(line_lease, "NoLineBetween", seller=seller, buyer=buyer):
        line_lease.functions.feeOf(0, seller, buyer).call()


def test_lines_hold_from_their_slot_on(world: World, line_lease: Contract, earliest: int) -> None:
    before = line_lease.functions.rowsOf(earliest).call()
    rows = [row((2, 100), (3, 200)), row((1, 7)), 0]

    announce(world, rows, 1, earliest)

    assert line_lease.functions.rowsOf(earliest - 1).call() == before
    assert line_lease.functions.rowsOf(earliest).call() == [rows, 1]
    assert line_lease.functions.rowTableOf(earliest).call()[1] == 1
    with reverts(line_lease, "NoLineBetween", seller=2, buyer=3):
        line_lease.functions.feeOf(earliest, 2, 3).call()
    fee = line_lease.functions.feeOf(earliest, 1, 3).call()
    assert fee == lease_fee(LADDER, Meters(200))


def test_a_row_of_two_words_holds_16_lines(
    world: World, line_lease: Contract, earliest: int
) -> None:
    peers = [(peer, 100 * peer) for peer in range(2, 18)]

    announce(world, [row(*peers[:8]), row(*peers[8:])], 2, earliest)

    for peer, distance in peers:
        fee = line_lease.functions.feeOf(earliest, 1, peer).call()
        assert fee == lease_fee(LADDER, Meters(distance))
    with reverts(line_lease, "NoLineBetween", seller=1, buyer=18):
        line_lease.functions.feeOf(earliest, 1, 18).call()


@pytest.mark.parametrize(("words", "row_words"), [(1, 0), (0, 0), (3, 3), (3, 2)])
def test_rows_have_one_or_two_words(
    world: World, line_lease: Contract, earliest: int, words: int, row_words: int
) -> None:
    with reverts(line_lease, "BadRows", words=words, rowWords=row_words):
        announce(world, [0] * words, row_words, earliest)


@pytest.mark.parametrize(
    ("rows", "row_words", "participant", "peer"),
    [
        ([row((3, 1), (2, 1))], 1, 1, 2),
        ([row((2, 1), (2, 2))], 1, 1, 2),
        ([0, row((2, 1))], 1, 2, 2),
        ([row((0, 0), (2, 1))], 1, 1, 0),
        ([row((2, 1), (0, 5))], 1, 1, 0),
        ([row((2, 1)), row((3, 1))], 2, 1, 3),
        ([row(*((peer, 1) for peer in range(2, 10))), row((9, 1))], 2, 1, 9),
        ([0, 0, row(*((peer, 1) for peer in range(3, 11))), row((2, 1))], 2, 2, 2),
    ],
    ids=[
        "descending",
        "twice",
        "own peer",
        "after the end",
        "a distance to nobody",
        "after the end of a word",
        "twice over two words",
        "descending over two words",
    ],
)
def test_peers_ascend_without_gaps(
    world: World,
    line_lease: Contract,
    earliest: int,
    rows: list[int],
    row_words: int,
    participant: int,
    peer: int,
) -> None:
    with reverts(line_lease, "PeersNotAscending", participant=participant, peer=peer):
        announce(world, rows, row_words, earliest)


def test_a_peer_is_a_number_that_a_participant_can_have(
    world: World, line_lease: Contract, earliest: int
) -> None:
    announce(world, [row((1024, 5)), row((FIRST_MANAGER + 30, 5))], 1, earliest)

    for peer in (FIRST_MANAGER + 31, 4095):
        with reverts(line_lease, "NoSuchPeer", participant=1, peer=peer):
            announce(world, [row((peer, 5))], 1, earliest + 1)


def test_a_row_has_one_manager_and_nothing_after_it(
    world: World, line_lease: Contract, earliest: int
) -> None:
    announce(world, [row((2, 5), (FIRST_MANAGER, 7))], 1, earliest)

    assert line_lease.functions.feeOf(earliest, 1, FIRST_MANAGER).call() == lease_fee(
        LADDER, Meters(7)
    )
    with reverts(line_lease, "PeersNotAscending", participant=1, peer=FIRST_MANAGER + 1):
        announce(world, [row((FIRST_MANAGER, 5), (FIRST_MANAGER + 1, 5))], 1, earliest)


def test_a_live_orders_spoke_is_its_line_to_its_manager(
    world: World, line_lease: Contract, earliest: int
) -> None:
    eight = [(peer, 5) for peer in range(2, 10)]
    rows = [row(*eight), 0, row((FIRST_MANAGER + 2, 1000)), 0, row((1, 5)), 0, 0, 0]
    announce(world, rows, 2, earliest)
    orders = [Order(kind=Kind.BID, participant=number).pack() for number in (1, 2, 3, 4, 5)]

    edges, spokes = line_lease.functions.routesOf(earliest, packed([0, *orders]), b"").call()

    managed = 3 << 80 | 0xFFFFFFFF << 48 | 5_000_000
    assert spokes == packed([0, 0, managed, 0, 0, 0])
    assert edges == b""
    assert line_lease.functions.routesOf(earliest - 1, packed([0]), b"").call() == [b"", b""]


@pytest.mark.parametrize("words", [1, 5, 7])
def test_there_are_as_many_words_of_capacities_as_of_rows(
    world: World, line_lease: Contract, earliest: int, words: int
) -> None:
    with reverts(line_lease, "BadCapacities", words=words, expected=6):
        world.attempt(ROLES.provider, "announceCapacities", [0] * words, earliest, on=line_lease)


def test_a_capacity_stands_where_a_line_is(
    world: World, line_lease: Contract, earliest: int
) -> None:
    announce(world, [row((2, 5), (3, 5)), 0], 1, earliest)

    for words, place in (([1 << 128, 0], (0, 3)), ([0, 1 << 224], (1, 0))):
        with reverts(line_lease, "CapacityOfNoLine", word=place[0], position=place[1]):
            world.attempt(ROLES.provider, "announceCapacities", words, earliest, on=line_lease)


def test_few_enough_lines_have_a_capacity(
    world: World, line_lease: Contract, earliest: int
) -> None:
    """1,024 of 1,040 lines; the others have all bits set, for none."""
    announce(world, full_rows(65), 2, earliest)
    limited, free = [0] * 128, [2**256 - 1] * 2

    world.attempt(ROLES.provider, "announceCapacities", limited + free, earliest, on=line_lease)
    with reverts(line_lease, "TooManyCapacities", limits=1025, maximum=1024):
        one_more = [*limited, (2**256 - 1) >> 32, free[0]]
        world.attempt(ROLES.provider, "announceCapacities", one_more, earliest, on=line_lease)


def test_capacities_are_never_those_of_other_lines(
    world: World, line_lease: Contract, earliest: int
) -> None:
    """Neither order of announcements leaves the capacities of old lines to new ones."""
    limits = [7 << 224, *[0] * 5]
    world.send(ROLES.provider, "announceCapacities", limits, earliest, on=line_lease)
    world.send(ROLES.provider, "announceCapacities", [], earliest + 9, on=line_lease)
    with reverts(line_lease, "CheckpointUnorderedInsertion"):
        world.attempt(ROLES.provider, "announceLines", [0], 1, earliest + 4, on=line_lease)
    announce(world, [row((2, 5))], 1, earliest + 10)
    with reverts(line_lease, "CheckpointUnorderedInsertion"):
        world.attempt(ROLES.provider, "announceCapacities", limits, earliest + 9, on=line_lease)

    assert line_lease.functions.capacitiesOf(earliest + 8).call() == limits
    assert line_lease.functions.capacitiesOf(earliest + 10).call() == []


def test_new_lines_have_no_capacities_until_they_are_announced(
    world: World, line_lease: Contract, earliest: int
) -> None:
    limits = [7 << 224, *[0] * 5]
    world.send(ROLES.provider, "announceCapacities", limits, earliest, on=line_lease)
    announce(world, [row((2, 5))], 1, earliest + 1)

    assert line_lease.functions.capacitiesOf(earliest - 1).call() == []
    assert line_lease.functions.capacitiesOf(earliest).call() == limits
    assert line_lease.functions.capacitiesOf(earliest + 1).call() == []


def test_a_ladder_has_an_interval(world: World, line_lease: Contract, earliest: int) -> None:
    with reverts(line_lease, "BadLadder", stepMeters=0, highestFee=0):
        world.attempt(ROLES.provider, "announceLadder", (5, 0, 5), earliest, on=line_lease)


def test_the_highest_fee_fits_a_trade(world: World, line_lease: Contract, earliest: int) -> None:
    """With one interval and no growth the fee is base · 1048575 / 1000, rounded up."""
    highest = MAX_FEE * 1000 // MAX_DISTANCE
    fee = -(-(highest + 1) * MAX_DISTANCE // 1000)

    world.attempt(
        ROLES.provider, "announceLadder", (highest, 2**32 - 1, 0), earliest, on=line_lease
    )
    with reverts(line_lease, "BadLadder", stepMeters=2**32 - 1, highestFee=fee):
        world.attempt(
            ROLES.provider, "announceLadder", (highest + 1, 2**32 - 1, 0), earliest, on=line_lease
        )


def test_a_ladder_of_the_largest_numbers_is_refused_by_name(
    world: World, line_lease: Contract, earliest: int
) -> None:
    ladder = FeeLadder(base=MicroUsdPerMwhKm(2**64 - 1), interval=Meters(1), growth=Bps(65_535))
    weighted = 10_000 * MAX_DISTANCE + 65_535 * MAX_DISTANCE * (MAX_DISTANCE - 1) // 2
    fee = -(-ladder.base * weighted // 10**7)

    with reverts(line_lease, "BadLadder", stepMeters=1, highestFee=fee):
        world.attempt(
            ROLES.provider, "announceLadder", (2**64 - 1, 1, 65_535), earliest, on=line_lease
        )


graphs = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 11), st.integers(0, MAX_DISTANCE)),
    max_size=30,
    unique_by=lambda line: frozenset(line[:2]),
).map(
    lambda lines: [
        Line(first=first, second=second, distance=Meters(distance))
        for first, second, distance in lines
        if first != second
    ]
)


@settings(max_examples=100, deadline=None)
@given(lines=graphs)
def test_rows_of_lines_are_read_back_as_lines(lines: list[Line]) -> None:
    words, row_words = rows_of(lines, 12)

    distances = {(line.first + 1, line.second + 1): line.distance for line in lines}
    both_ways = distances | {(second, first): d for (first, second), d in distances.items()}
    assert lines_of(words, row_words) == both_ways


def test_the_line_lease_packs_rows_as_python_does(line_lease: Contract) -> None:
    words, row_words = rows_of(LINES, PROSUMERS)

    assert line_lease.functions.rowsOf(0).call() == [words, row_words]


def full_rows(participants: int) -> list[int]:
    """Return rows of 16 lines each, to the participants that come next in a circle."""
    words = []
    for own in range(1, participants + 1):
        peers = sorted((own + step - 1) % participants + 1 for step in range(1, 17))
        words += [row(*[(peer, 5) for peer in peers[first : first + 8]]) for first in (0, 8)]
    return words


def test_all_rows_together_have_no_more_lines_than_a_full_book_can_clear(
    world: World, line_lease: Contract, earliest: int
) -> None:
    announce(world, full_rows(512), 2, earliest)

    with reverts(line_lease, "TooManyLines", lines=513 * 16, maximum=8192):
        announce(world, full_rows(513), 2, earliest + 1)
