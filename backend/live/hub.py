"""
Live updates as server-sent events.

Each listener has a queue of its own; who falls too far behind is let go, and comes back with
`Last-Event-ID`. One that comes back is told what it missed from the index, then what happens.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import structlog
from prometheus_client import Gauge

from backend.errors import RateLimited
from backend.index.tables import Block
from backend.index_view import Head, IndexReader, View
from backend.live.messages import AFTER_LOGS, Message, Place, head_message, messages_after
from backend.settings import ServiceSettings

HEARTBEAT = b": still here\n\n"
RECONNECT = b"retry: 2000\n\n"
RETRY_S = 10

log = structlog.get_logger("wattline.service")

Queue = asyncio.Queue[tuple[Message, ...] | None]  # None ends it


class LiveHub:
    """Everybody who listens, and what they are told."""

    def __init__(self, index: IndexReader, settings: ServiceSettings, listening: Gauge) -> None:
        self._index = index
        self._settings = settings
        self._listening = listening
        self._queues: dict[Queue, str] = {}
        self._clients: Counter[str] = Counter()
        self._told: Place | None = None
        self._head: Head | None = None  # the last that listeners were told of
        self._closed = False

    async def moved(self, before: Head | None, head: Head) -> None:
        """Tell everybody what has happened between two heads."""
        messages, seen = await self._index.read(lambda view: self._news(view, before, head))
        self._head = seen  # at once with what is told of it, so that newcomers miss nothing
        for queue in [*self._queues]:
            try:
                queue.put_nowait(tuple(messages))
            except asyncio.QueueFull:
                self._let_go(queue)

    def listen(self, client: str) -> Queue:
        """
        Begin to listen.

        Raises
        ------
        RateLimited
            If there are as many listeners as the service bears, or as one client may have.
        """
        settings = self._settings
        if self._closed or len(self._queues) >= settings.listener_limit:
            raise _too_many(f"{settings.listener_limit} listeners are all that are served")
        if self._clients[client] >= settings.listeners_per_client:
            raise _too_many(f"expected at most {settings.listeners_per_client} of one client")
        queue: Queue = asyncio.Queue(settings.listener_queue)
        self._queues[queue] = client
        self._clients[client] += 1
        self._listening.set(len(self._queues))
        return queue

    def leave(self, queue: Queue) -> None:
        client = self._queues.pop(queue, None)
        if client is not None:
            self._clients[client] -= 1
            self._clients += Counter()  # forgets who has none left
            self._listening.set(len(self._queues))

    async def stream(self, queue: Queue, since: Place | None) -> AsyncIterator[bytes]:
        """Yield what a listener missed, then what happens, until it leaves or the service ends."""
        try:
            yield RECONNECT
            replayed, place = await self._missed(since)
            for message in replayed:
                yield message.data
            while True:
                try:
                    news = await asyncio.wait_for(queue.get(), self._settings.heartbeat_s)
                except TimeoutError:
                    yield HEARTBEAT
                    continue
                if news is None:
                    return
                told = [m.data for m in news if m.place > place or m.place[1] == AFTER_LOGS]
                if told:  # in one piece: a hundred listeners and ten messages are many writes
                    yield b"".join(told)
        finally:
            self.leave(queue)

    def close(self) -> None:
        """End all streams; their listeners will come back to the next service."""
        self._closed = True
        for queue in [*self._queues]:
            self._let_go(queue)

    def _let_go(self, queue: Queue) -> None:
        self.leave(queue)
        while queue.full():
            queue.get_nowait()
        queue.put_nowait(None)

    def _news(self, view: View, before: Head | None, head: Head) -> tuple[list[Message], Head]:
        """
        Return messages since the last head, and the head that they come to.

        Where the last one is gone, they say only that all is new.
        """
        continues = before is not None and _is_indexed(view, before)
        since = self._told if self._told is not None else (head.number, AFTER_LOGS)
        news = messages_after(view, since, self._settings.replay_limit) if continues else None
        self._told = (view.head.number, AFTER_LOGS)
        reset = news is None and before is not None
        return [*(news or []), head_message(view.head, reset=reset)], view.head

    async def _missed(self, since: Place | None) -> tuple[list[Message], Place]:
        """Return what came after a place, and where that ends; of who was never here, the head."""
        if since is None and self._head is not None:
            return [head_message(self._head, reset=False)], (self._head.number, AFTER_LOGS)
        return await self._index.read(lambda view: self._replay(view, since))

    def _replay(self, view: View, since: Place | None) -> tuple[list[Message], Place]:
        place = (view.head.number, AFTER_LOGS)
        if since is None:
            return [head_message(view.head, reset=False)], place
        missed = None
        if since[0] <= view.head.number:
            missed = messages_after(view, since, self._settings.replay_limit)
        head = head_message(view.head, reset=missed is None)
        return [*(missed or []), head], place


def _is_indexed(view: View, head: Head) -> bool:
    block = view.session.get(Block, head.number)
    return block is not None and block.hash == head.hash


def _too_many(detail: str) -> RateLimited:
    return RateLimited(
        detail, extensions={"retry_after_s": RETRY_S}, headers={"Retry-After": str(RETRY_S)}
    )
