"""Watches the head of the index, and tells who wants to know that it moved."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from anyio.to_thread import run_sync

from backend.index.database import Database
from backend.index.errors import IndexFault
from backend.index_view import Head, read_head

Moved = Callable[[Head | None, Head], Awaitable[None]]

log = structlog.get_logger("wattline.service")


class HeadWatch:
    """The newest indexed block, as it was a moment ago; None before the first."""

    def __init__(self, database: Database, *, poll_s: float) -> None:
        self._database = database
        self._poll_s = poll_s
        self._turn = asyncio.Lock()
        self._listeners: list[Moved] = []
        self.head: Head | None = None
        self.is_readable = True

    def on_move(self, listener: Moved) -> None:
        """Call `listener` with the head before and the new one, whenever it has moved."""
        self._listeners.append(listener)

    async def refresh(self) -> None:
        """Look once."""
        async with self._turn:
            before, head = self.head, await run_sync(self._read)
            if head is None or head == before:
                return
            self.head = head
            for listener in self._listeners:
                await listener(before, head)

    async def run(self) -> None:
        """Look until cancelled; a database that does not answer is asked again."""
        while True:
            try:
                await self.refresh()
                self.is_readable = True
            except IndexFault as error:
                if self.is_readable:
                    log.warning("index not readable", error=str(error))
                self.is_readable = False
            except Exception:  # nobody would hear of new blocks any more
                log.exception("head not told")
            await asyncio.sleep(self._poll_s)

    def _read(self) -> Head | None:
        with self._database.reading() as session:
            return read_head(session)
