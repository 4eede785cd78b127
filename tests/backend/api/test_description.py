"""What the API says of itself, and that it does as it says, by schemathesis."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI

from backend.app import create_app
from backend.index.database import Database
from backend.index.follower import Follower
from backend.market.schemas import MarketManifest
from backend.service import Service
from oracle.chain.relay import MarketRelay
from oracle.chain.signatures import development_key
from tests.backend.api.conftest import SETTINGS, on_a_socket
from tests.backend.index.worlds import NodeWorld

pytestmark = pytest.mark.node

UNLIMITED = replace(SETTINGS, reads_per_window=10**6, posts_per_window=10**6)
EXAMPLES = 6  # of each operation, beside those of its limits


class FakeOracle(BaseHTTPRequestHandler):
    """Has a plan for every slot."""

    def do_GET(self) -> None:
        slot = int(self.path.rpartition("=")[2])
        plan = {"slot": slot, "charge_wh": 0, "discharge_wh": 500, "stored_before_wh": 2_000}
        horizon = [{"slot": slot, "charge_wh": 0, "discharge_wh": 500, "stored_wh": 1_400}]
        body = {**plan, "source": "rolling", "reason": None, "horizon": horizon}
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def oracle_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeOracle) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def app(
    world: NodeWorld,
    manifest: MarketManifest,
    followers: dict[str, tuple[Database, Follower]],
    oracle_url: str,
) -> FastAPI:
    database, follower = followers["sqlite"]
    follower.catch_up()
    relay = MarketRelay(world.source(), development_key("relay"))
    settings = replace(UNLIMITED, oracle_url=oracle_url)
    return create_app(settings, manifest, database, follower, relay)


@pytest.fixture(scope="module")  # or it would post beside the services of other files
def url(app: FastAPI) -> Iterator[str]:
    with on_a_socket(app) as (_, found):
        yield found


@pytest.mark.slow
def test_every_operation_does_as_it_says(url: str, tmp_path: Path) -> None:
    """In a process of its own: what it throws at a service it also throws at its own threads."""
    found = subprocess.run(  # noqa: S603
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"{url}/api/v1/openapi.json",
            "--exclude-path=/api/v1/live",  # it has no patience with streams
            "--phases=examples,coverage,fuzzing",
            f"--max-examples={EXAMPLES}",
            "--seed=5",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
        check=False,
    )

    assert found.returncode == 0, found.stdout[-8_000:]


def test_a_plan_of_the_storage_comes_from_the_oracle(url: str) -> None:
    plan = httpx.get(f"{url}/api/v1/storage/plan?slot=7").json()

    assert plan["slot"] == 7
    assert plan["source"] == "rolling"
    assert [one["stored_wh"] for one in plan["horizon"]] == [1_400]


def test_every_operation_and_every_field_is_described(app: FastAPI) -> None:
    description = app.openapi()

    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), (method, path)
            assert operation.get("description"), (method, path)
            assert operation["responses"].keys() >= {"400", "429", "500"}
            for parameter in operation.get("parameters", []):
                assert parameter.get("description") or parameter["schema"].get("enum"), (
                    path,
                    parameter["name"],
                )
    for name, model in description["components"]["schemas"].items():
        if not name.startswith("Page_"):
            assert model.get("description"), name


def test_refusals_are_declared_as_problem_details(app: FastAPI) -> None:
    for operations in app.openapi()["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"]
                    assert response["description"]


def test_examples_are_as_their_schemas_say(app: FastAPI) -> None:
    description = app.openapi()
    checked = 0
    for example, described_by in examples(description, description["components"]):
        whole = {**described_by, "components": description["components"]}
        assert jsonschema_rs.is_valid(whole, example), (example, described_by)
        checked += 1

    assert checked > 200


def examples(node: Any, components: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield every example with the schema that it stands in or beside."""
    if isinstance(node, list):
        for part in node:
            yield from examples(part, components)
    elif isinstance(node, dict):
        if isinstance(node.get("examples"), list):
            for example in node["examples"]:
                yield example, {key: part for key, part in node.items() if key != "examples"}
        if "schema" in node and isinstance(node.get("examples"), dict):
            for named in node["examples"].values():
                yield named["value"], node["schema"]
        for key, part in node.items():
            if key != "examples":
                yield from examples(part, components)


def test_the_service_has_no_pages_from_elsewhere(app: FastAPI) -> None:
    service: Service = app.state.service

    assert service.settings.allowed_origins == ()
    assert app.docs_url is None
    assert app.redoc_url is None
