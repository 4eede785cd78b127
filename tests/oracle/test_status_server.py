"""The small HTTP server of processes, asked over HTTP."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from oracle.errors import InvalidInputError
from oracle.status_server import StatusServer, problem


class Process:
    """What the server tells of."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.registry = CollectorRegistry()
        Counter("things", "All things", registry=self.registry).inc()

    def ready(self) -> str | None:
        return self.reason

    def status(self) -> dict[str, Any]:
        if self.reason == "broken":
            raise RuntimeError("no status")
        return {"through_slot": 7}

    def thing(self, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if "slot" not in query:
            return 422, problem(422, "/thing", "expected slot")
        return 200, {"slot": int(query["slot"])}


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def client(process: Process) -> Iterator[httpx.Client]:
    with (
        closing(
            StatusServer(
                0,
                process.status,
                process.ready,
                {"/thing": process.thing},
                registry=process.registry,
            )
        ) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        yield client


def test_says_health_status_and_metrics(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/status").json() == {"through_slot": 7}
    metrics = client.get("/metrics")
    assert "things_total 1.0" in metrics.text
    assert metrics.headers["content-type"].startswith("text/plain")


def test_is_ready_or_says_why_not(process: Process, client: httpx.Client) -> None:
    assert client.get("/ready").status_code == 200

    process.reason = "the node does not answer"

    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["detail"]) == (503, "the node does not answer")
    assert answer.headers["content-type"] == "application/problem+json"


def test_answers_routes_with_their_query(client: httpx.Client) -> None:
    assert client.get("/thing", params={"slot": 5}).json() == {"slot": 5}
    assert client.get("/thing").status_code == 422


def test_other_paths_are_not_found(client: httpx.Client) -> None:
    answer = client.get("/other")

    assert answer.status_code == 404
    assert "/status" in answer.json()["detail"]


def test_goes_on_after_a_status_that_fails(process: Process, client: httpx.Client) -> None:
    process.reason = "broken"

    assert client.get("/status").status_code == 500
    assert client.get("/health").status_code == 200


def test_a_taken_port_is_refused(process: Process, client: httpx.Client) -> None:
    port = int(str(client.base_url).rstrip("/").rpartition(":")[2])

    with pytest.raises(InvalidInputError, match=f"port {port}: expected a free one"):
        StatusServer(port, process.status, process.ready)
