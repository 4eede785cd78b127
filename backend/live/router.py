"""The /live resource."""

import re
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import StreamingResponse

from backend.dependencies import ServiceDep
from backend.errors import IndexBehind, InvalidRequest, RateLimited
from backend.limits import client_of
from backend.live.messages import AFTER_LOGS, Place
from backend.openapi import PREFIX, refusals

ID = re.compile(r"([0-9]{1,10}):([0-9]{1,10})")

router = APIRouter(prefix=PREFIX, tags=["live"])


@router.get(
    "/live",
    summary="Listen",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events `head`, `order`, `clearing`, `settlement`, `void`, `reading`,"
            " `storage`, `score`; `data` is JSON.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **refusals(InvalidRequest, IndexBehind, RateLimited),
    },
)
async def listen(
    request: Request,
    service: ServiceDep,
    last_event_id: Annotated[
        str | None,
        Header(description="The last id that was heard: what came after it is told again."),
    ] = None,
) -> StreamingResponse:
    """
    Tell what happens, as it happens (server-sent events).

    A `head` with `reset` says that blocks were taken back, or that too much was missed: read
    everything anew.
    """
    since = _place(last_event_id)
    service.require_index()
    queue = service.live.listen(client_of(request.scope))
    return StreamingResponse(
        service.live.stream(queue, since),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _place(last_event_id: str | None) -> Place | None:
    if not last_event_id:
        return None
    found = ID.fullmatch(last_event_id)
    if found is None:
        raise InvalidRequest("Last-Event-ID: expected block:log_index, as an event gave it")
    return min(int(found[1]), AFTER_LOGS), min(int(found[2]), AFTER_LOGS)
