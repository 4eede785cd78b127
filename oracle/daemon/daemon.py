"""
The oracle's loop: look at the latest block, do what is due, say how it stands.

Only the chain's time decides what is due; the wall's clock only paces polls and retries. Whatever
fails is logged and tried again: the loop ends when it is told to, or when it is killed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Any

from eth_account.signers.local import LocalAccount

from oracle.chain.chains import Chain
from oracle.chain.deployment import Deployment
from oracle.chain.market import Market
from oracle.chain.storage_record import StorageRecord
from oracle.daemon.desk import Compute, SetPointDesk
from oracle.daemon.duties import Duties
from oracle.daemon.keeper import Keeper, Standing
from oracle.daemon.log import Log
from oracle.daemon.metrics import Metrics
from oracle.domain.clock import slot_at
from oracle.errors import ChainUnavailable
from oracle.units import SLOT_SECONDS, Slot

SILENT_AFTER_S = 3.0  # without an answer of the node we are not ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast the loop runs, and when it is too slow."""

    poll_s: float = 0.2
    receipt_s: float = 120.0  # then a transaction counts as lost with its block, and is sent again
    slots_behind: int = 4  # more is not ready


class Daemon:
    """Runs one market, until `stop` is set."""

    def __init__(
        self,
        chain: Chain,
        deployment: Deployment,
        start_slot: Slot,
        account: LocalAccount,
        compute: Compute,
        *,
        stamp: Callable[[], object] = lambda: None,
        metrics: Metrics,
        log: Log,
        pace: Pace | None = None,
    ) -> None:
        """
        `start_slot` is the market's first; `compute` finds set-points, and `stamp` changes with
        what it goes by.

        Raises
        ------
        ChainUnavailable
            If the chain cannot be read.
        """
        self._pace = pace or Pace()
        chain.receipt_timeout_s = self._pace.receipt_s
        self._chain = chain
        self._metrics = metrics
        self._log = log
        self._market = Market(chain, deployment)
        self._storage = StorageRecord(chain, deployment)
        duties = Duties(self._market, self._storage, start_slot)
        self._keeper = Keeper(
            self._market, duties, account, metrics=metrics, log=log, clock=monotonic
        )
        self.desk = SetPointDesk(self._market, self._storage, start_slot, compute, stamp, log)
        self._reorganisations = 0
        self._standing: Standing | None = None
        self._answered_at = monotonic()
        self._silence: str | None = None

    def run(self, stop: Event) -> None:
        """Work until `stop` is set; a step that is being done is finished."""
        while not stop.is_set():
            try:
                self.look()
                if self._silence is not None:
                    self._log.info("node-back", block=self._chain.head().number)
                self._silence, self._answered_at = None, monotonic()
            except ChainUnavailable as error:
                self._unreadable(str(error))
            except Exception as error:  # answers of a node that is just starting may be anything
                self._metrics.failures.labels(kind=type(error).__name__).inc()
                self._log.exception("unexpected")
                self._silence = f"{type(error).__name__}: {error}"
            stop.wait(self._pace.poll_s)
        self.desk.close()

    def look(self) -> None:
        """
        Look at the chain once and do what is due.

        Raises
        ------
        ChainUnavailable
            If the chain cannot be read.
        """
        head = self._chain.head()
        self._metrics.chain_head.set(head.number)
        self._metrics.chain_time.set(head.time)
        standing = self._standing
        # Blocks may come, or go, while we work: what we did last counts for the block it ended at.
        if standing is None or standing.waiting or head != standing.head:
            self._standing = self._keeper.work()
            self._metrics.seconds_behind.set(self._standing.seconds_behind)
            self._note_reorganisations()
        self.desk.look()

    def status(self) -> dict[str, Any]:
        """Return how far the work is; what is said is of the block that is named."""
        standing = self._standing
        if standing is None:
            return {"chain_time": None, "block": None, "through_slot": None}
        slot = slot_at(standing.head.time)
        return {
            "chain_time": standing.head.time,
            "block": standing.head.number,
            "block_hash": "0x" + standing.head.hash.hex(),
            "slot": slot,
            "through_slot": slot if standing.waiting <= standing.stuck else slot - 1,
            "waiting": standing.waiting,
            "stuck": standing.stuck,
            "seconds_behind": standing.seconds_behind,
            "set_points_through_slot": self.desk.through(),
        }

    def unready(self) -> str | None:
        """Return why nobody should rely on us now, or None."""
        silent_s = monotonic() - self._answered_at
        if self._silence is not None or silent_s > SILENT_AFTER_S:
            return f"the chain was last read {silent_s:.0f} s ago: {self._silence or 'at work'}"
        if self._standing is None:
            return "the chain has not been read yet"
        behind = self._standing.seconds_behind // SLOT_SECONDS
        if behind > self._pace.slots_behind:
            return f"{behind} slots behind, expected at most {self._pace.slots_behind}"
        return None

    def _note_reorganisations(self) -> None:
        came = self._market.reorganisations - self._reorganisations
        if came:
            self._reorganisations += came
            self._metrics.reorganisations.inc(came)
            self._log.warning("reorganisation", block=self._chain.head().number)
            self._keeper.forget()

    def _unreadable(self, reason: str) -> None:
        if self._silence is None:
            self._log.warning("node-unavailable", reason=reason)
        self._metrics.failures.labels(kind="ChainUnavailable").inc()
        self._silence = reason
