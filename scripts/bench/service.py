"""`wattline bench service`: what a running service bears, reads and streams at once."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from time import perf_counter
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
import typer
from rich.table import Table

from oracle.errors import InvalidInputError
from scripts.console import errors_in_one_line, out

PREFIX = "/api/v1"
CONNECTIONS = 32
PATIENCE_S = 10.0


@dataclass(slots=True)
class ServiceFigures:
    """What was asked, and how long answers took."""

    rate: float  # wanted, a second
    seconds: float
    listeners: int
    requests: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    messages: int = 0  # heard by all listeners together
    listeners_lost: int = 0
    clearings: int = 0  # that the first listener heard of
    slowest: dict[str, float] = field(default_factory=dict)  # p99 in ms by path


@dataclass(slots=True)
class Tally:
    """Latencies by path, and what went wrong."""

    latencies_ms: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    clearings: int = 0
    lost: int = 0

    def note(self, kind: str, ms: float) -> None:
        self.latencies_ms.setdefault(kind, []).append(ms)


def service(
    url: Annotated[str, typer.Option(help="URL of the service.")] = "http://127.0.0.1:8080",
    seconds: Annotated[float, typer.Option(help="How long to ask.", min=1.0)] = 60.0,
    rate: Annotated[float, typer.Option(help="Requests a second.", min=1.0)] = 200.0,
    listeners: Annotated[int, typer.Option(help="Streams of live updates.", min=0)] = 100,
    seed: Annotated[int, typer.Option(help="Of the mix of reads.", min=0)] = 1,
    p99_ms: Annotated[
        float | None, typer.Option(help="Fail above this, or if no slot was cleared.", min=0.0)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Ask a running service for all it has, at a steady rate; end with 1 if anything fails.

    A request is sent when its time has come, whether or not those before it are answered: who is
    late makes the next wait, and that counts.

    Example: wattline bench service --seconds 60 --rate 200 --listeners 100
    """
    with errors_in_one_line():
        _require_root(url)
        try:
            figures = asyncio.run(_measured(url, seconds, rate, listeners, seed))
        except (aiohttp.ClientError, UnicodeError) as error:  # the latter of what is no name
            raise InvalidInputError(f"{url}: no service answers there: {error}") from error
        except TimeoutError as error:
            raise InvalidInputError(
                f"{url}: no service answers there within {PATIENCE_S:g} s"
            ) from error
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=1))
    else:
        out.print(_table(figures))
    if figures.errors or figures.listeners_lost or not _is_within(figures, p99_ms):
        raise typer.Exit(code=1)


def _require_root(url: str) -> None:
    """Refuse a URL without a host, and one with a path, which ours would replace."""
    try:
        parts = urlsplit(url)
        is_root = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and parts.path in ("", "/")
            and not (parts.query or parts.fragment)
        )
    except ValueError:  # of a port out of range, or half an IPv6 address
        is_root = False
    if not is_root:
        raise InvalidInputError(
            f"--url {url}: expected http(s)://HOST:PORT and no path, such as http://127.0.0.1:8080"
        )


def _is_within(figures: ServiceFigures, p99_ms: float | None) -> bool:
    """Return whether answers came in time while rounds went on, where that is asked."""
    if p99_ms is None:
        return True
    if figures.p99_ms > p99_ms:
        said = f"error: p99: expected at most {p99_ms:g} ms, got {figures.p99_ms:g} ms"
        typer.echo(said, err=True)
    if not figures.clearings:
        typer.echo("error: expected rounds to go on meanwhile, heard of no clearing", err=True)
    return figures.p99_ms <= p99_ms and figures.clearings > 0


async def _measured(
    url: str, seconds: float, rate: float, listeners: int, seed: int
) -> ServiceFigures:
    tally = Tally()
    patience = aiohttp.ClientTimeout(total=PATIENCE_S)
    for_ever = aiohttp.ClientTimeout(total=None, connect=PATIENCE_S)
    async with (
        aiohttp.ClientSession(
            url, timeout=for_ever, connector=aiohttp.TCPConnector(limit=0)
        ) as streams,
        aiohttp.ClientSession(
            url, timeout=patience, connector=aiohttp.TCPConnector(limit=CONNECTIONS)
        ) as http,
    ):
        paths = await _paths(http)
        hearing = [
            asyncio.create_task(_listen(streams, tally, is_first=number == 0))
            for number in range(listeners)
        ]
        began = perf_counter()
        await _ask(http, _mix(paths, seed, round(seconds * rate)), rate, tally)
        took = perf_counter() - began
        for task in hearing:
            task.cancel()
        await asyncio.gather(*hearing, return_exceptions=True)
    return _figures(tally, rate=rate, seconds=took, listeners=listeners)


async def _paths(http: aiohttp.ClientSession) -> dict[str, list[str]]:
    """Return what there is to ask for, by kind."""

    async def items(path: str, *keys: str) -> list[dict[str, object]]:
        async with http.get(f"{PREFIX}{path}", raise_for_status=True) as answer:
            try:
                return [{key: one[key] for key in keys} for one in (await answer.json())["items"]]
            except (LookupError, TypeError, ValueError) as error:
                raise InvalidInputError(
                    f"{answer.url}: expected JSON of items with {' and '.join(keys)}, got {error!r}"
                ) from error

    slots = [one["slot"] for one in await items("/slots?limit=50", "slot")]
    rounds = [one["slot"] for one in await items("/rounds?limit=20", "slot")]
    people = await items("/participants?limit=50", "number", "owner")
    owners = [one["owner"] for one in people]
    paths = {
        "market": ["/market"],
        "clock": ["/clock"],
        "lists": ["/participants", "/lines", "/slots", "/rounds", "/gas", "/accounts", "/storage"],
        "csv": ["/trades?format=csv", "/orders?format=csv&limit=500"],
        "orders": ["/orders", *(f"/orders?slot={slot}" for slot in slots)],
        "trades": ["/trades", *(f"/trades?slot={slot}" for slot in slots)],
        "slot": [f"/slots/{slot}" for slot in slots],
        "book": [f"/slots/{slot}/book" for slot in slots],
        "round": [f"/rounds/{slot}" for slot in rounds],
        "participant": [f"/participants/{one['number']}" for one in people],
        "reputation": [f"/participants/{one['number']}/reputation" for one in people],
        "account": [f"/accounts/{owner}" for owner in owners],
        "entries": [f"/accounts/{owner}/entries" for owner in owners],
        "bill": [f"/accounts/{owner}/bill" for owner in owners],
    }
    return {kind: found for kind, found in paths.items() if found}


def _mix(paths: dict[str, list[str]], seed: int, count: int) -> list[tuple[str, str]]:
    """Return a random mix, every kind as often as another."""
    rng = random.Random(seed)  # noqa: S311
    kinds = [*paths]
    chosen = [rng.choice(kinds) for _ in range(count)]
    return [(kind, rng.choice(paths[kind])) for kind in chosen]


async def _ask(
    http: aiohttp.ClientSession, mix: Sequence[tuple[str, str]], rate: float, tally: Tally
) -> None:
    began = perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number, (kind, path) in enumerate(mix):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - perf_counter()))
            tasks.create_task(_one(http, kind, path, due, tally))


async def _one(http: aiohttp.ClientSession, kind: str, path: str, due: float, tally: Tally) -> None:
    """Ask once; the time counts from when it was due."""
    try:
        async with http.get(f"{PREFIX}{path}") as answer:
            await answer.read()
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        tally.errors[type(error).__name__] += 1
    else:
        if status != HTTPStatus.OK:
            tally.errors[f"{status} {kind}"] += 1
    tally.note(kind, 1_000 * (perf_counter() - due))


async def _listen(http: aiohttp.ClientSession, tally: Tally, *, is_first: bool) -> None:
    try:
        async with http.get(f"{PREFIX}/live", raise_for_status=True) as answer:
            async for line in answer.content:
                tally.messages += line.startswith(b"event:")
                tally.clearings += is_first and line.startswith(b"event: clearing")
    except (aiohttp.ClientError, TimeoutError):
        pass
    tally.lost += 1  # only a cancelled one does not come here


def _figures(tally: Tally, *, rate: float, seconds: float, listeners: int) -> ServiceFigures:
    every = sorted(ms for found in tally.latencies_ms.values() for ms in found)
    by_kind = {kind: _share(sorted(found), 0.99) for kind, found in tally.latencies_ms.items()}
    slowest = sorted(by_kind, key=by_kind.__getitem__, reverse=True)[:5]
    return ServiceFigures(
        rate=rate,
        seconds=round(seconds, 2),
        listeners=listeners,
        requests=len(every),
        errors=dict(tally.errors),
        p50_ms=_share(every, 0.50),
        p95_ms=_share(every, 0.95),
        p99_ms=_share(every, 0.99),
        max_ms=_share(every, 1.0),
        messages=tally.messages,
        listeners_lost=tally.lost,
        clearings=tally.clearings,
        slowest={kind: by_kind[kind] for kind in slowest},
    )


def _share(ascending: Sequence[float], share: float) -> float:
    """Return the value that a share of all does not exceed, in ms."""
    place = max(0, -(-len(ascending) * share // 1) - 1)
    return round(ascending[int(place)], 1) if ascending else 0.0


def _table(figures: ServiceFigures) -> Table:
    table = Table(title=f"{figures.requests} reads in {figures.seconds} s")
    for column in (
        "p50",
        "p95",
        "p99",
        "slowest",
        "errors",
        "listeners",
        "lost",
        "messages",
        "clearings",
    ):
        table.add_column(column, justify="right")
    table.add_row(
        *(f"{ms} ms" for ms in (figures.p50_ms, figures.p95_ms, figures.p99_ms, figures.max_ms)),
        str(sum(figures.errors.values())),
        str(figures.listeners),
        str(figures.listeners_lost),
        str(figures.messages),
        str(figures.clearings),
    )
    return table
