"""The clock of a devnet: how fast it runs, and for whom it waits."""

from oracle.chain.chains import Head
from oracle.units import Slot
from scripts.devnet.pacemaker import HOLD_BEFORE_S, HOLD_S, Pacemaker

SLOT = Slot(1_625_312)
BEGIN = SLOT * 900


class FakeNode:
    """A clock, and transactions that move it by a second each."""

    def __init__(self) -> None:
        self.time = BEGIN

    def head(self) -> Head:
        return Head(number=0, hash=b"", time=self.time)

    def move_to(self, timestamp: int) -> None:
        self.time = max(self.time, timestamp)


class Bench:
    """A pacemaker with a wall clock that the test moves."""

    def __init__(self, factor: int = 60) -> None:
        self.now = 1_000.0
        self.through = SLOT
        self.node = FakeNode()
        self.pacemaker = Pacemaker(
            self.node, factor, lambda slot: slot <= self.through, wall=lambda: self.now
        )

    def run(self, seconds: float) -> int:
        """Beat ten times a second; return how far the chain's time is from where it began."""
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self.pacemaker.beat()
        return self.node.time - BEGIN


def test_a_minute_passes_in_a_second() -> None:
    assert 540 <= Bench().run(10) <= 600


def test_real_time_passes_as_fast_as_the_walls() -> None:
    assert 96 <= Bench(factor=1).run(100) <= 100


def test_time_goes_on_over_a_slots_end_where_all_are_through() -> None:
    bench = Bench()

    assert bench.run(20) > 900


def test_time_waits_before_a_slot_for_who_is_late_and_then_goes_on_as_before() -> None:
    bench = Bench()
    bench.through = Slot(SLOT - 1)
    held = bench.run(60)
    assert held == 900 - HOLD_BEFORE_S

    bench.through = SLOT

    assert held + 120 <= bench.run(3) <= held + 180


def test_transactions_while_time_waits_do_not_end_the_slot() -> None:
    bench = Bench()
    bench.through = Slot(SLOT - 1)
    bench.run(20)

    bench.node.time += HOLD_BEFORE_S - 1

    assert bench.run(20) == 899


def test_time_does_not_wait_for_ever() -> None:
    bench = Bench()
    bench.through = Slot(SLOT - 1)

    assert bench.run(15 + HOLD_S + 5) > 900


def test_the_time_of_a_node_that_is_away_does_not_count() -> None:
    bench = Bench()
    before = bench.run(5)
    bench.now += 600

    bench.pacemaker.pause()

    assert bench.run(1) - before <= 60
