"""
A typed client of the service: the same schemas, lists without pages, live updates.

    with Client("http://127.0.0.1:8080") as market:
        clock = market.clock()
        for trade in market.trades(slot=clock.slot - 2):
            ...
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from backend.accounts.schemas import AccountRead, BillRead, EntryRead
from backend.deliveries.schemas import DeliveryRead
from backend.errors import Problem
from backend.gas.schemas import GasRead
from backend.lines.schemas import LadderRead, LineRead
from backend.live.messages import (
    EventType,
    HeadMessage,
    OrderMessage,
    ReadingMessage,
    ScoreMessage,
    SlotMessage,
    StorageMessage,
)
from backend.market.schemas import ClockRead, MarketRead
from backend.orders.schemas import OrderPost, OrderRead, OutboxRead
from backend.participants.schemas import ParticipantRead, ScoreRead
from backend.readings.schemas import ReadingPost, ReadingPosted, ReadingRead
from backend.rounds.schemas import RoundDetail, RoundRead
from backend.slots.schemas import BookRead, SlotRead
from backend.storage.schemas import StoragePlan, StorageRead
from backend.trades.schemas import TradeRead
from backend.transactions.schemas import TransactionRead

PREFIX = "/api/v1"
PAGE = 500
TIMEOUT_S = 30.0

Thing = TypeVar("Thing", bound=BaseModel)
Filter = int | str | None
LiveContent = (
    HeadMessage | OrderMessage | SlotMessage | ReadingMessage | StorageMessage | ScoreMessage
)

MESSAGES: dict[EventType, type[BaseModel]] = {
    "head": HeadMessage,
    "order": OrderMessage,
    "clearing": SlotMessage,
    "settlement": SlotMessage,
    "void": SlotMessage,
    "reading": ReadingMessage,
    "storage": StorageMessage,
    "score": ScoreMessage,
}


class RequestRefused(Exception):
    """The service refused a request; `problem` says why (RFC 9457)."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(f"{problem.title}: {problem.detail}")

    @property
    def name(self) -> str:
        """The name of the problem, such as `gate-closed`."""
        return self.problem.type.rpartition("/")[2]


class ServiceUnavailable(Exception):
    """The service does not answer, or not as the API describes it."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """A live update; `id` is where to go on from, once it is known."""

    id: str | None
    type: EventType
    content: LiveContent


class Client:
    """
    Talks to one service.

    Every method raises `RequestRefused` with the service's reason, or `ServiceUnavailable`.
    """

    def __init__(self, url: str, *, http: httpx.Client | None = None) -> None:
        """`http` is a client to be used instead of a new one, such as a test's."""
        self._http = http or httpx.Client(base_url=url, timeout=TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def market(self) -> MarketRead:
        return self._get("/market", MarketRead)

    def clock(self) -> ClockRead:
        return self._get("/clock", ClockRead)

    def participants(self, *, owner: str | None = None) -> Iterator[ParticipantRead]:
        return self._list("/participants", ParticipantRead, owner=owner)

    def participant(self, number: int) -> ParticipantRead:
        return self._get(f"/participants/{number}", ParticipantRead)

    def reputation(self, number: int) -> Iterator[ScoreRead]:
        """Yield how a participant's reputation moved, the latest first."""
        return self._list(f"/participants/{number}/reputation", ScoreRead)

    def lines(
        self, *, slot: int | None = None, participant: int | None = None
    ) -> Iterator[LineRead]:
        return self._list("/lines", LineRead, slot=slot, participant=participant)

    def ladder(self, *, slot: int | None = None) -> LadderRead:
        return self._get("/ladder", LadderRead, slot=slot)

    def slots(self, *, phase: str | None = None) -> Iterator[SlotRead]:
        """Yield slots, the latest first."""
        return self._list("/slots", SlotRead, phase=phase)

    def slot(self, slot: int) -> SlotRead:
        return self._get(f"/slots/{slot}", SlotRead)

    def book(self, slot: int) -> BookRead:
        return self._get(f"/slots/{slot}/book", BookRead)

    def orders(
        self, *, slot: int | None = None, participant: int | None = None, kind: str | None = None
    ) -> Iterator[OrderRead]:
        """Yield entries of books, the latest slot first."""
        return self._list("/orders", OrderRead, slot=slot, participant=participant, kind=kind)

    def post_order(self, order: OrderPost) -> OutboxRead:
        """Hand in an order that its owner has signed."""
        return self._post("/orders", order, OutboxRead)

    def posted_order(self, number: str) -> OutboxRead:
        """Return where a signed order has got to."""
        return self._get(f"/orders/{number}", OutboxRead)

    def rounds(self, *, submitter: str | None = None) -> Iterator[RoundRead]:
        return self._list("/rounds", RoundRead, submitter=submitter)

    def round(self, slot: int) -> RoundDetail:
        return self._get(f"/rounds/{slot}", RoundDetail)

    def trades(
        self, *, slot: int | None = None, seller: int | None = None, buyer: int | None = None
    ) -> Iterator[TradeRead]:
        return self._list("/trades", TradeRead, slot=slot, seller=seller, buyer=buyer)

    def deliveries(
        self, *, slot: int | None = None, seller: int | None = None
    ) -> Iterator[DeliveryRead]:
        return self._list("/deliveries", DeliveryRead, slot=slot, seller=seller)

    def readings(
        self, *, slot: int | None = None, participant: int | None = None
    ) -> Iterator[ReadingRead]:
        return self._list("/readings", ReadingRead, slot=slot, participant=participant)

    def post_reading(self, reading: ReadingPost) -> ReadingPosted:
        """Hand in a reading that its meter has signed, and wait until it is recorded."""
        return self._post("/readings", reading, ReadingPosted)

    def storage(self) -> Iterator[StorageRead]:
        return self._list("/storage", StorageRead)

    def storage_plan(self, *, slot: int | None = None) -> StoragePlan:
        return self._get("/storage/plan", StoragePlan, slot=slot)

    def accounts(self) -> Iterator[AccountRead]:
        return self._list("/accounts", AccountRead)

    def account(self, owner: str) -> AccountRead:
        return self._get(f"/accounts/{owner}", AccountRead)

    def entries(
        self, owner: str, *, slot: int | None = None, cause: str | None = None
    ) -> Iterator[EntryRead]:
        """Yield an account's movements, the latest first."""
        return self._list(f"/accounts/{owner}/entries", EntryRead, slot=slot, cause=cause)

    def bill(self, owner: str, *, first: int | None = None, last: int | None = None) -> BillRead:
        """Return what trading was worth from one slot to another."""
        return self._get(f"/accounts/{owner}/bill", BillRead, **{"from": first, "to": last})

    def gas(self) -> Iterator[GasRead]:
        return self._list("/gas", GasRead)

    def transaction(self, number: str) -> TransactionRead:
        return self._get(f"/transactions/{number}", TransactionRead)

    def live(self, *, last_event_id: str | None = None) -> Iterator[LiveEvent]:
        """
        Yield what happens, as it happens, until the service ends the stream.

        Give the last `id` that was not None to be told what came after it.
        """
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        timeout = httpx.Timeout(TIMEOUT_S, read=None)
        try:
            with self._http.stream(
                "GET", f"{PREFIX}/live", headers=headers, timeout=timeout
            ) as answer:
                if answer.is_error:
                    answer.read()
                yield from events_of(_good(answer).iter_lines())
        except httpx.HTTPError as error:
            raise ServiceUnavailable(str(error) or type(error).__name__) from error

    def _get(self, path: str, thing: type[Thing], /, **given: Filter) -> Thing:
        return _read(self._asked("GET", path, params=_without_none(given)), thing)

    def _post(self, path: str, body: BaseModel, kind: type[Thing]) -> Thing:
        return _read(self._asked("POST", path, json=body.model_dump(mode="json")), kind)

    def _list(self, path: str, thing: type[Thing], /, **given: Filter) -> Iterator[Thing]:
        asked: dict[str, Any] = {"limit": PAGE, **_without_none(given)}
        while True:
            answer = self._asked("GET", path, params=asked)
            try:
                page = answer.json()
                items = [thing.model_validate_json(json.dumps(item)) for item in page["items"]]
                cursor = page["next_cursor"]
            except (ValueError, KeyError, TypeError) as error:
                raise _unexpected(answer) from error
            yield from items
            if cursor is None:
                return
            asked["cursor"] = cursor

    def _asked(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            return _good(self._http.request(method, f"{PREFIX}{path}", **given))
        except httpx.HTTPError as error:
            raise ServiceUnavailable(str(error) or type(error).__name__) from error


def events_of(lines: Iterator[str]) -> Iterator[LiveEvent]:
    """Yield the events of a stream's lines; comments and kinds not known here are passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, text = line.partition(":")
            fields[name] = text.removeprefix(" ")
            continue
        kind = MESSAGES.get(fields.get("event", ""))  # type: ignore[call-overload]
        if kind is not None:
            content = kind.model_validate_json(fields.get("data", ""))
            yield LiveEvent(fields.get("id"), fields["event"], content)  # type: ignore[arg-type]
        fields = {}


def _good(answer: httpx.Response) -> httpx.Response:
    if not answer.is_error:
        return answer
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError as error:
        raise _unexpected(answer) from error
    raise RequestRefused(problem)


def _read(answer: httpx.Response, kind: type[Thing]) -> Thing:
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        raise _unexpected(answer) from error


def _unexpected(answer: httpx.Response) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"{answer.url.path}: expected what the API describes, came status {answer.status_code} "
        f"with {answer.headers.get('content-type', 'no type')}"
    )


def _without_none(given: dict[str, Filter]) -> dict[str, int | str]:
    return {name: text for name, text in given.items() if text is not None}
