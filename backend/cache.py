"""
Answers of reads, kept as long as they hold.

An answer is a function of the index and, where it says so, of the chain's clock. So one answer
serves all who ask between two events, or two blocks, and those who ask while it is being made wait
for it: however many read, the database is asked once for each thing.
"""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from prometheus_client import Counter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.access_log import route_of
from backend.answers import BLOCK_HEADER, KEPT, Holds, OfSlot
from backend.head_watch import HeadWatch

Key = tuple[str, bytes, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer, and what it holds for."""

    holds: Holds | OfSlot
    token: str
    look: int  # the watch's, before the answer was made
    headers: list[tuple[bytes, bytes]]
    body: bytes
    etag: str
    route: str


class AnswerCache:
    """Answers from memory where it can; bounded in entries and bytes, oldest out first."""

    def __init__(
        self,
        app: ASGIApp,
        watch: HeadWatch,
        kept: Counter,
        *,
        prefix: str,
        entries: int,
        size: int,
    ) -> None:
        self._app = app
        self._watch = watch
        self._kept = kept
        self._prefix = prefix
        self._entries = entries
        self._size = size
        self._held = 0
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._being_made: dict[Key, asyncio.Future[Answer | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_read = scope["type"] == "http" and scope["method"] == "GET"
        if not is_read or not scope["path"].startswith(self._prefix):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        key = scope["path"], scope["query_string"], headers.get("accept", "*/*")
        answer = await self._found(key)
        if answer is None:
            await self._make(key, headers, scope, receive, send)
        else:
            self._kept.inc()
            scope["state"]["route"] = answer.route
            await self._send(answer, headers, send)

    async def _found(self, key: Key) -> Answer | None:
        answer = self._current(key)
        if answer is None and key in self._being_made:
            answer = await asyncio.shield(self._being_made[key])
        return answer

    def _current(self, key: Key) -> Answer | None:
        """Return an answer that still holds."""
        answer, head = self._answers.get(key), self._watch.head
        if answer is None or head is None:
            return None
        if answer.token != answer.holds.token(head) or self._has_changed(answer):
            return None
        self._answers.move_to_end(key)
        return answer

    def _has_changed(self, answer: Answer) -> bool:
        """Return whether there were events that an answer is made of, beyond its token."""
        if isinstance(answer.holds, OfSlot):
            return self._watch.changed_at(answer.holds.slot) > answer.look
        if answer.holds in (Holds.OUTCOME, Holds.OUTCOME_OR_SLOT):
            return self._watch.outcome > answer.look
        return False

    async def _make(
        self, key: Key, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let the application answer, and keep what it says can be kept."""
        made: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        is_first = self._being_made.setdefault(key, made) is made
        look = self._watch.look
        start: Message = {}
        parts: list[bytes] = []

        def done(answer: Answer | None) -> None:
            """Let those go on who wait; for what is not kept, such as a stream, each by itself."""
            if is_first and not made.done():
                del self._being_made[key]
                made.set_result(answer)

        async def gathered(message: Message) -> None:
            nonlocal start
            is_start = message["type"] == "http.response.start"
            if KEPT not in scope.get("state", {}):
                done(None)
                await send(message)
            elif is_start:
                start = message
            else:
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    answer = self._keep(key, scope, start, b"".join(parts), look)
                    done(answer)
                    await self._send(answer, headers, send, start["headers"])

        try:
            await self._app(scope, receive, gathered)
        finally:
            done(None)

    def _keep(self, key: Key, scope: Scope, start: Message, body: bytes, look: int) -> Answer:
        holds, token = scope["state"][KEPT]
        headers = [pair for pair in start["headers"] if pair[0].lower() != BLOCK_HEADER_BYTES]
        etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        answer = Answer(
            holds=holds,
            token=token,
            look=look,
            headers=headers,
            body=body,
            etag=etag,
            route=route_of(scope),
        )
        self._drop(key)
        if len(body) <= self._size // 16:
            self._answers[key] = answer
            self._held += len(body)
        while len(self._answers) > self._entries or self._held > self._size:
            self._drop(next(iter(self._answers)))
        return answer

    def _drop(self, key: Key) -> None:
        dropped = self._answers.pop(key, None)
        self._held -= len(dropped.body) if dropped else 0

    async def _send(
        self,
        answer: Answer,
        asked: Headers,
        send: Send,
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        """Send an answer, or that the client has it; a kept one is as good for the newest block."""
        is_known = answer.etag in _etags(asked.get("if-none-match", ""))
        start: Message = {
            "type": "http.response.start",
            "status": 304 if is_known else 200,
            "headers": list(answer.headers if headers is None else headers),
        }
        out = MutableHeaders(scope=start)
        if headers is None and self._watch.head is not None:
            out[BLOCK_HEADER] = str(self._watch.head.number)
        out["ETag"] = answer.etag
        out["Cache-Control"] = "no-cache"
        out["Vary"] = "Accept"
        if is_known:
            del out["content-length"]
        await send(start)
        await send({"type": "http.response.body", "body": b"" if is_known else answer.body})


BLOCK_HEADER_BYTES = BLOCK_HEADER.lower().encode()


def _etags(header: str) -> set[str]:
    return {etag.strip().removeprefix("W/") for etag in header.split(",")}
