"""What the API says of itself, and that it does as it says, by schemathesis."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings

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
schema = schemathesis.pytest.from_fixture("described")


@pytest.fixture(scope="session")
def app(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> FastAPI:
    database, follower = followers["sqlite"]
    follower.catch_up()
    relay = MarketRelay(world.source(), development_key("relay"))
    return create_app(UNLIMITED, manifest, database, follower, relay)


@pytest.fixture(scope="session")
def described(app: FastAPI) -> Iterator[Any]:
    """The description of a service that runs; schemathesis has no patience with streams."""
    with on_a_socket(app) as (_, url):
        loaded = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
        yield loaded.exclude(path="/api/v1/live")


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_does_as_it_says(case: schemathesis.Case) -> None:
    case.call_and_validate()


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
