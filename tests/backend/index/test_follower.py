"""The index beside the chain: equal, in any batches, through every reorganisation."""

import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.index import tables
from backend.index.database import Database
from backend.index.errors import ForeignDatabase
from backend.index.follower import Committed, Follower
from oracle.errors import ChainUnavailable
from tests.backend.index.comparing import assert_equals_the_chain, dump, free_at, held, rows
from tests.backend.index.conftest import ToldOf
from tests.backend.index.recorded import RecordedChain, renamed
from tests.backend.index.worlds import NodeWorld, a_round

pytestmark = [pytest.mark.contract, pytest.mark.node]


def an_index(database: Database, chain: RecordedChain, **options: int) -> Follower:
    """Return an opened follower that has caught up."""
    follower = Follower(database, chain, **options)  # type: ignore[arg-type]
    follower.open()
    follower.catch_up()
    return follower


@pytest.mark.parametrize("name", ["eventful", "sealed", "noon"])
def test_an_index_equals_the_chain(name: str, told_of: ToldOf, database: Database) -> None:
    told = told_of(name)
    follower = Follower(database, told.source)
    follower.open()

    follower.catch_up()

    assert_equals_the_chain(database, told.source, told.market)
    assert follower.state.behind == 0


def test_the_story_has_every_kind_of_event_and_movement(
    told_of: ToldOf, database: Database, other_database: Database
) -> None:
    for name, index in (("eventful", database), ("sealed", other_database)):
        an_index(index, told_of(name).recorded)

    both = [dump(database), dump(other_database)]
    empty = [name for name in both[0] if not any(one[name] for one in both)]
    assert empty == []
    entries = rows(database, tables.AccountEntry) + rows(other_database, tables.AccountEntry)
    assert {one.cause for one in entries} == {
        *("deposit", "withdrawal", "lock", "release", "sale", "purchase", "lease-fee", "surplus"),
        *("compensation", "slash", "storage-compensation"),
        *("seal", "seal-release", "forfeit", "forfeit-share"),
    }
    assert {one.kind for one in rows(database, tables.Reading)} == {
        *("meter", "correction", "contradiction")
    }


@pytest.mark.parametrize("name", ["eventful", "sealed"])
@settings(max_examples=20)
@given(data=st.data())
def test_any_batches_give_the_same_rows(
    name: str, data: st.DataObject, told_of: ToldOf, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recorded = told_of(name).recorded
    folder = tmp_path_factory.mktemp("batches")
    whole, parts = (Database(f"sqlite:///{folder / file}") for file in ("whole", "parts"))
    an_index(whole, recorded)
    heights = data.draw(st.sets(st.integers(0, recorded.height - 1)).map(sorted))
    chain = RecordedChain(recorded.recorded_rules, recorded.recording, 0)
    follower = an_index(parts, chain)

    for height in [*heights, recorded.height]:
        chain.height = height
        if data.draw(st.booleans()):  # as a process that was started anew
            follower = Follower(parts, chain)
        follower.catch_up()

    assert dump(parts) == dump(whole)
    whole.close()
    parts.close()


def test_a_batch_has_no_more_blocks_than_it_may(
    eventful: RecordedChain, database: Database
) -> None:
    an_index(database, eventful, blocks_per_batch=40)

    sizes = [last - first + 1 for first, last in eventful.asked]
    assert sum(sizes) == eventful.height + 1
    assert max(sizes) == 40


def test_a_rebuild_gives_the_same_rows_and_keeps_what_was_handed_in(
    eventful: RecordedChain, database: Database
) -> None:
    follower = an_index(database, eventful)
    before = dump(database)
    with database.writing() as session:
        session.add(a_handed_in_order())

    database.rebuild(follower.identity)
    emptied = dump(database)
    follower.catch_up()

    assert emptied["blocks"] == emptied["account_entries"] == []
    assert dump(database) == before
    assert len(rows(database, tables.OutboxOrder)) == 1


def a_handed_in_order() -> tables.OutboxOrder:
    return tables.OutboxOrder(
        id="0x01",
        slot=1,
        participant=1,
        order_word="0x02",
        signature="0x03",
        state="waiting",
        reason=None,
        created_block=1,
    )


def test_blocks_wait_for_their_confirmations(eventful: RecordedChain, database: Database) -> None:
    head, eventful.height = eventful.height, 5
    follower = an_index(database, eventful, confirmations=7)
    assert follower.state.indexed is None

    eventful.height = head
    follower.catch_up()

    assert follower.state.indexed == head - 7
    assert follower.state.behind == 0
    assert max(one.number for one in rows(database, tables.Block)) == head - 7


@pytest.mark.parametrize("depth", [1, 3])
def test_an_index_follows_a_reorganisation(
    depth: int, world: NodeWorld, database: Database, other_database: Database
) -> None:
    a_round(world)
    source = world.source()
    follower = Follower(database, source)
    follower.open()
    follower.catch_up()
    with database.writing() as session:
        session.add(a_handed_in_order())

    world.ask("anvil_reorg", depth, [])
    follower.catch_up()

    assert_equals_the_chain(database, source, world.market)
    assert follower.state.rollbacks == 1
    a_round(world)
    follower.catch_up()
    assert_equals_the_chain(database, source, world.market)
    fresh = Follower(other_database, source)
    fresh.open()
    fresh.catch_up()
    assert dump(database) == dump(other_database)
    assert len(rows(database, tables.OutboxOrder)) == 1


def test_an_index_goes_back_with_a_chain_that_lost_blocks(
    world: NodeWorld, database: Database
) -> None:
    source = world.source()
    follower = Follower(database, source)
    follower.open()
    a_round(world)
    follower.catch_up()
    before = source.head().number

    world.ask("anvil_rollback", 3)
    follower.catch_up()

    assert source.head().number == before - 3
    assert follower.state.indexed == before - 3
    assert_equals_the_chain(database, source, world.market)


def test_confirmations_hide_a_reorganisation_that_is_no_deeper(
    world: NodeWorld, database: Database
) -> None:
    a_round(world)
    follower = Follower(database, world.source(), confirmations=3)
    follower.open()
    follower.catch_up()

    world.ask("anvil_reorg", 3, [])
    follower.catch_up()

    assert follower.state.rollbacks == 0
    assert follower.state.behind == 0


def test_listeners_hear_of_what_was_kept(eventful: RecordedChain, database: Database) -> None:
    heard: list[Committed] = []
    follower = Follower(database, eventful)
    follower.listen(heard.append)
    follower.open()
    follower.catch_up()
    branch = renamed(eventful, eventful.height - 2)
    follower = Follower(database, branch)
    follower.listen(heard.append)

    follower.catch_up()

    first, second = heard
    assert first.head == eventful.head()
    assert (first.rolled_back_to, first.events) == (None, eventful.recording.events)
    assert second.head == branch.head()
    assert second.rolled_back_to == eventful.height - 3
    assert all(event.block > eventful.height - 3 for event in second.events)


def test_a_branch_is_found_where_it_begins(eventful: RecordedChain, database: Database) -> None:
    for since in (eventful.height, eventful.height // 2, 1):
        an_index(database, eventful)
        branch = renamed(eventful, since)

        an_index(database, branch)

        assert dump(database)["blocks"] == sorted(
            ((one.number, one.hash, one.parent_hash, one.time) for one in branch.recording.headers),
            key=repr,
        )


def test_two_followers_of_one_database_do_no_harm(
    eventful: RecordedChain, database: Database, other_database: Database
) -> None:
    an_index(other_database, eventful)
    followers = [Follower(database, eventful, blocks_per_batch=size) for size in (7, 11)]
    followers[0].open()

    while [follower.step() for follower in followers] != [None, None]:
        pass

    assert dump(database) == dump(other_database)


def test_a_chain_that_moves_while_it_is_read_is_read_again(
    eventful: RecordedChain, database: Database
) -> None:
    head, eventful.height = eventful.height, 60
    follower = an_index(database, eventful)
    branch = renamed(eventful, 50)
    before, eventful.height = dump(database), head
    own, eventful.recording = eventful.recording, branch.recording
    eventful.header = RecordedChain(eventful.recorded_rules, own, head).header  # type: ignore[method-assign]

    with pytest.raises(ChainUnavailable, match="reorganised while it was read"):
        follower.catch_up()
    unharmed = dump(database)
    del eventful.header
    follower.catch_up()

    assert unharmed == before
    assert follower.state.indexed == head


def test_the_index_of_another_market_is_refused(
    told_of: ToldOf, eventful: RecordedChain, database: Database
) -> None:
    an_index(database, eventful)
    before = dump(database)

    with pytest.raises(ForeignDatabase, match="`wattline index rebuild`"):
        an_index(database, told_of("sealed").recorded)

    assert dump(database) == before


def test_the_index_of_another_chain_is_refused(eventful: RecordedChain, database: Database) -> None:
    an_index(database, eventful)

    with pytest.raises(ForeignDatabase, match=r"another chain .* `wattline index rebuild`"):
        an_index(database, renamed(eventful, 0))


def test_a_node_that_lacks_the_first_block_may_yet_get_it(
    eventful: RecordedChain, database: Database
) -> None:
    an_index(database, eventful)
    behind = renamed(eventful, 0)
    behind.height = -1

    with pytest.raises(ChainUnavailable, match="the node has no block 0"):
        Follower(database, behind).open()


def test_tables_of_another_version_are_made_anew(
    eventful: RecordedChain, database: Database
) -> None:
    an_index(database, eventful)
    before = dump(database)
    with database.writing() as session:
        session.get_one(tables.Market, "schema").value = "0"

    an_index(database, eventful)

    assert dump(database) == before


KILLED = """
import pickle, sys
from pathlib import Path
from backend.index.database import Database
from backend.index.follower import Follower

chain = pickle.loads(Path(sys.argv[1]).read_bytes())
follower = Follower(Database(sys.argv[2]), chain, blocks_per_batch=3)
follower.listen(lambda committed: print(committed.head.number, flush=True))
follower.open()
follower.catch_up()
"""


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_a_process_killed_at_work_is_taken_over(
    steps: int,
    eventful: RecordedChain,
    database_url: str,
    database: Database,
    other_database: Database,
    tmp_path: Path,
) -> None:
    an_index(other_database, eventful)
    recording = tmp_path / "recording"
    recording.write_bytes(pickle.dumps(eventful))
    command = [sys.executable, "-c", KILLED, str(recording), database_url]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        for _ in range(steps):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    an_index(database, eventful)

    assert dump(database) == dump(other_database)


def test_money_is_the_sum_of_entries_at_every_block(
    told_of: ToldOf, eventful: RecordedChain, database: Database
) -> None:
    source, head = told_of("eventful").source, eventful.height
    for height in range(40, head + 1, 10):
        eventful.height = height

        an_index(database, eventful)

        for owner, (free, _) in held(database).items():
            assert free_at(source, owner, height) == free
