"""What the API says of itself: refusals that routes declare, and those that all share."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from backend.answers import BLOCK_HEADER
from backend.errors import (
    PROBLEM_JSON,
    IndexBehind,
    InternalError,
    InvalidRequest,
    NotFound,
    Problem,
    RateLimited,
    ServiceError,
    UnknownHost,
    UnsupportedFormat,
)

PREFIX = "/api/v1"

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """
A peer-to-peer energy market, slot by slot. The chain holds the truth; this service indexes it and
passes on what owners and meters have signed. **No private key ever belongs in a request.**

Energy is in Wh, prices in micro-USD per MWh, money in micro-USD, times in ISO 8601 (UTC) beside
slot numbers (Unix time // 900). Lists come in pages, as JSON or CSV (`?format=csv` or `Accept`).
`X-Wattline-Block` names the block that an answer is of; `ETag` saves asking for the same twice.
Whatever is refused is refused with problem details (RFC 9457).
"""

BLOCK_OF_ANSWER = {
    BLOCK_HEADER: {
        "description": "The block that the answer is of.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "ETag": {"description": "Of this answer.", "schema": {"type": "string"}},
}


def refusals(*kinds: type[ServiceError]) -> Responses:
    """Return the responses with which a route refuses."""
    responses: Responses = {}
    for kind in kinds:
        media = responses.setdefault(
            kind.status,
            {"description": "", "content": {PROBLEM_JSON: {"schema": _REFERENCE, "examples": {}}}},
        )
        said = (kind.__doc__ or "").strip()
        media["description"] = f"{media['description']} {said}".strip()
        example = kind(said).problem("/api/v1/…").model_dump(exclude_none=True)
        media["content"][PROBLEM_JSON]["examples"][kind.name] = {"value": example}
    return responses


def read_responses(*kinds: type[ServiceError], csv: type | None = None) -> Responses:
    """Return the responses of a read besides its own refusals."""
    succeeded: dict[str, Any] = {"headers": BLOCK_OF_ANSWER}
    if csv is not None:
        succeeded["headers"] = BLOCK_OF_ANSWER | {
            "Link": {"description": 'The next page, `rel="next"`.', "schema": {"type": "string"}}
        }
        succeeded["content"] = {"text/csv": {"schema": {"type": "string"}}}
    unchanged = {"description": "The client has this answer already.", "headers": BLOCK_OF_ANSWER}
    every = refusals(UnsupportedFormat, InvalidRequest, IndexBehind, *kinds)
    return {200: succeeded, 304: unchanged, **every}


_REFERENCE = {"$ref": "#/components/schemas/Problem"}
LIST = read_responses(NotFound, csv=str)
ONE = read_responses()
ONE_OR_NONE = read_responses(NotFound)
INVALID = refusals(InvalidRequest)
SHARED = refusals(UnknownHost, RateLimited, InternalError)


def describe(app: FastAPI) -> None:
    """Let the application describe itself with what no route says."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components |= problem.pop("$defs", {})
    components["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    for path in schema["paths"].values():
        for operation in path.values():
            _complete(operation)
    return schema


def _complete(operation: dict[str, Any]) -> None:
    """Add the refusals that all share, and say of parameters what their types say."""
    for status, response in SHARED.items():
        operation["responses"].setdefault(str(status), response)
    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
        operation["responses"]["422"] = INVALID[422]
    for parameter in operation.get("parameters", []):
        for kind in parameter["schema"].get("anyOf", []):
            if "description" in kind:
                parameter.setdefault("description", kind["description"])
