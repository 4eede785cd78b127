"""Readings that share a transaction: each is answered for itself."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from backend.chain import Posted, ReadingToPost
from backend.errors import AttemptsSpent, ReadingExists, ServiceError
from backend.readings.desk import ReadingDesk
from oracle.errors import ContractRevert
from oracle.units import Slot, Wh

pytestmark = pytest.mark.anyio

SLOT = Slot(1_000)
FORGED, SECOND = 3, 4  # participants: a transaction with the one is refused, the other's is late


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class FakePostings:
    """Records all but the second reading of a meter, and nothing together with a forged one."""

    def __init__(self) -> None:
        self.sent: list[list[int]] = []

    def readings(self, slot: Slot, readings: Sequence[ReadingToPost]) -> Posted:
        people = [one.participant for one in readings]
        if FORGED in people:
            raise ContractRevert("WrongMeter", {"participant": FORGED})
        self.sent.append(people)
        return Posted(transaction="0x01", block=1, recorded=frozenset(people) - {SECOND})


def a_desk(postings: FakePostings) -> ReadingDesk:
    manifest: Any = SimpleNamespace(chain_id=1, addresses={"Exchange": "0x" + "11" * 20})
    nothing: Any = None
    given: Any = postings
    return ReadingDesk(manifest, nothing, given, limit=100, attempts_per_slot=2, delay_s=0.01)


async def answered(desk: ReadingDesk, participant: int) -> Posted | ServiceError:
    """Return what the desk says to a reading that it has found to be good."""
    reading = ReadingToPost(slot=SLOT, participant=participant, energy=Wh(5), signature=bytes(65))
    try:
        return await desk._recorded(reading)
    except ServiceError as error:
        return error


async def all_answered(desk: ReadingDesk, people: Sequence[int]) -> dict[int, Any]:
    answers: dict[int, Any] = {}

    async def hand_in(participant: int) -> None:
        answers[participant] = await answered(desk, participant)

    async with anyio.create_task_group() as going:
        going.start_soon(desk.run)
        async with anyio.create_task_group() as handing_in:
            for participant in people:
                handing_in.start_soon(hand_in, participant)
        going.cancel_scope.cancel()
    return answers


async def test_a_bad_reading_is_refused_alone() -> None:
    postings = FakePostings()

    answers = await all_answered(a_desk(postings), [1, 2, FORGED, 5])

    assert answers[FORGED].name == "wrong-meter"
    assert all(isinstance(answers[number], Posted) for number in (1, 2, 5))
    assert sorted(number for batch in postings.sent for number in batch) == [1, 2, 5]


async def test_a_reading_that_was_passed_over_is_not_recorded() -> None:
    answers = await all_answered(a_desk(FakePostings()), [1, SECOND])

    assert isinstance(answers[1], Posted)
    assert isinstance(answers[SECOND], ReadingExists)


async def test_so_many_attempts_are_paid_for_and_no_more() -> None:
    postings = FakePostings()
    desk = a_desk(postings)
    for _ in range(2):
        await all_answered(desk, [SECOND])

    answers = await all_answered(desk, [SECOND, 1])

    assert isinstance(answers[SECOND], AttemptsSpent)
    assert isinstance(answers[1], Posted)
    assert postings.sent == [[SECOND], [SECOND], [1]]
