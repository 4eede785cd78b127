"""What a service is made of, from its settings and the chain's protocols."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import structlog
from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter, run_sync

from backend.chain import ChainRelay
from backend.errors import IndexBehind
from backend.head_watch import HeadWatch
from backend.index.database import Database
from backend.index.errors import IndexFault
from backend.index.follower import Follower
from backend.index_view import IndexReader
from backend.live.hub import LiveHub
from backend.market.schemas import MarketManifest
from backend.metrics import Metrics
from backend.orders.desk import OrderDesk
from backend.orders.poster import Poster
from backend.orders.queries import count_by_state
from backend.postings import Postings
from backend.readings.desk import ReadingDesk
from backend.settings import ServiceSettings

log = structlog.get_logger("wattline.service")

STATES = ("waiting", "posted", "recorded", "skipped", "failed", "dropped")
NOT_KNOWN = -1  # of the lag
ORACLE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can be relied on, and if not, why."""

    is_ready: bool
    reason: str | None
    block: int | None
    lag_blocks: int | None


class Service:
    """Everything that requests are answered with, and what goes on beside them."""

    def __init__(
        self,
        settings: ServiceSettings,
        manifest: MarketManifest,
        database: Database,
        follower: Follower | None = None,
        relay: ChainRelay | None = None,
    ) -> None:
        """Without a follower somebody else fills the index; without a relay nobody may post."""
        self.settings = settings
        self.manifest = manifest
        self.database = database
        self.follower = follower
        self.relay = relay
        self.metrics = Metrics()
        self.index = IndexReader(database)
        self.watch = HeadWatch(database, poll_s=settings.poll_s)
        self.live = LiveHub(self.index, settings, self.metrics.listeners)
        is_open = (
            manifest.settings.seal_bond_micro_usd == 0
        )  # sealed orders are their owners' to send
        self.orders_relay = relay if is_open else None
        self.orders = OrderDesk(
            manifest,
            database,
            self.index,
            self.orders_relay,
            outbox_limit=settings.outbox_limit,
            attempts_per_slot=settings.attempts_per_slot,
        )
        self.postings = Postings(database, relay) if relay is not None else None
        self.readings = ReadingDesk(
            manifest,
            self.index,
            self.postings,
            limit=settings.outbox_limit,
            attempts_per_slot=settings.attempts_per_slot,
            delay_s=settings.batch_delay_s,
        )
        self.oracle: httpx.AsyncClient | None = None
        self.watch.on_move(self.live.moved)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the index and post what is handed in, until the context ends."""
        current_default_thread_limiter().total_tokens = self.settings.reader_threads
        async with asyncio.TaskGroup() as tasks:
            going = [tasks.create_task(self.watch.run())]
            if self.orders_relay is not None and self.postings is not None:
                poster = Poster(
                    self.database,
                    self.postings,
                    batch_orders=self.settings.batch_orders,
                    batch_wallet_orders=self.settings.batch_wallet_orders,
                    outbox_days=self.settings.outbox_days,
                )
                going.append(tasks.create_task(self._post(poster)))
            if self.relay is not None:
                going.append(tasks.create_task(self.readings.run()))
            if self.settings.oracle_url is not None:
                self.oracle = httpx.AsyncClient(
                    base_url=self.settings.oracle_url, timeout=ORACLE_TIMEOUT_S
                )
            try:
                yield
            finally:
                self.live.close()
                for task in going:
                    task.cancel()
                if self.oracle is not None:
                    await self.oracle.aclose()

    def require_index(self) -> None:
        """
        Refuse while there is nothing to tell.

        Raises
        ------
        IndexBehind
            If the index is empty.
        """
        if self.watch.head is None:
            raise IndexBehind("the index is empty: it has just begun to follow the chain")

    def readiness(self) -> Readiness:
        head = self.watch.head
        state = self.follower.state if self.follower is not None else None
        lag = state.behind if state is not None else None
        reason = None
        if not self.watch.is_readable:
            reason = "the index cannot be read"
        elif head is None:
            reason = "the index is empty"
        elif state is not None and state.error is not None:
            reason = "the index stands still: it cannot be written, or the chain does not answer"
        elif lag is not None and lag > self.settings.ready_lag_blocks:
            reason = f"the index is {lag} blocks behind"
        return Readiness(reason is None, reason, head.number if head is not None else None, lag)

    def require_ready(self) -> None:
        """
        Refuse what the chain would judge by newer blocks than the index knows.

        Raises
        ------
        IndexBehind
            If the index is not ready.
        """
        state = self.readiness()
        if not state.is_ready:
            raise IndexBehind(state.reason or "", extensions={"lag_blocks": state.lag_blocks})

    async def figures(self) -> bytes:
        """Return the figures for Prometheus."""
        state = self.readiness()
        self.metrics.index_block.set(state.block or 0)
        self.metrics.index_lag.set(NOT_KNOWN if state.lag_blocks is None else state.lag_blocks)
        if state.block is not None and self.watch.is_readable:
            counts = await self.index.read(count_by_state)
            for name in STATES:
                self.metrics.outbox.labels(name).set(counts.get(name, 0))
        return self.metrics.text()

    async def _post(self, poster: Poster) -> None:
        """Post in rounds, a batch's time apart, while the index knows what is in the books."""
        limiter = CapacityLimiter(1)  # of its own: it waits for receipts, and reads must not
        while True:
            try:
                if self.readiness().is_ready:
                    await run_sync(poster.round, limiter=limiter)
            except IndexFault as error:
                log.warning("outbox not readable", error=str(error))
            except Exception:  # one round that we cannot make sense of must not be the last
                log.exception("outbox round failed")
            await asyncio.sleep(self.settings.batch_delay_s)
