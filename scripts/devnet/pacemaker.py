"""
The clock of a devnet: it moves the chain's time as fast as it is told.

Real time waits for nobody; this one waits a while, just before a slot begins, for those who are not
through with the slot that ends. So a process that was killed misses nothing, and neither does one
on a machine that is too slow.
"""

from collections.abc import Callable
from time import monotonic
from typing import Protocol

from oracle.chain.chains import Head
from oracle.domain.clock import slot_at, starts_at
from oracle.units import Slot

HOLD_S = 120.0  # of the wall, at most
HOLD_BEFORE_S = 60  # of chain time: transactions move the clock too, a second each
BEATS_S = {60: 0.5, 1: 2.0}  # of the wall, between two blocks of the clock


class Clock(Protocol):
    """Something like a node, whose time can be moved."""

    def head(self) -> Head: ...

    def move_to(self, timestamp: int) -> None: ...


class Pacemaker:
    """Moves the clock of a node; `beat` is called often."""

    def __init__(
        self,
        node: Clock,
        factor: int,
        is_through: Callable[[Slot], bool],
        *,
        wall: Callable[[], float] = monotonic,
    ) -> None:
        self._node = node
        self._wall = wall
        self._factor = factor
        self._is_through = is_through
        self._last = self._wall()
        self._moved_at = self._last
        self._held_since: float | None = None
        self._target = 0.0

    def beat(self) -> None:
        """
        Move the clock to where it should be by now.

        Raises
        ------
        ChainUnavailable
            If the node does not answer.
        """
        now = self._wall()
        head = self._node.head()
        self._target = max(self._target + (now - self._last) * self._factor, head.time)
        self._last = now
        if now - self._moved_at < BEATS_S[self._factor]:
            return
        slot = slot_at(head.time)
        barrier = starts_at(Slot(slot + 1)) - HOLD_BEFORE_S
        if self._target > barrier and self._holds(slot, now):
            self._target = max(barrier, head.time)
        self._node.move_to(int(self._target))
        self._moved_at = now

    def pause(self) -> None:
        """Let the time stand that passes until the next beat: the node is not there."""
        self._last = self._wall()
        self._target = 0.0

    def _holds(self, slot: Slot, now: float) -> bool:
        if self._is_through(slot):
            self._held_since = None
            return False
        if self._held_since is None:
            self._held_since = now
        return now - self._held_since < HOLD_S
