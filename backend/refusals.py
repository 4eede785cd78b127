"""From exceptions to problem details, whoever raised them."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from backend.errors import (
    PROBLEM_JSON,
    ChainUnavailable,
    FieldProblem,
    IndexBehind,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    ServiceError,
)
from backend.index.errors import IndexFault
from oracle.errors import ChainUnavailable as ChainGone

KEY_LIKE = re.compile(r"key|secret|mnemonic|seed|passphrase|password", re.IGNORECASE)
PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
NEVER_A_KEY = "a private key never belongs in a request: sign in a wallet and send the signature"

log = structlog.get_logger("wattline.service")


def problem_response(error: ServiceError, instance: str) -> Response:
    """Return the answer that says what was refused and why."""
    return _response(error.problem(instance), error.headers)


async def refuse(error: ServiceError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that no route shall see."""
    await problem_response(error, scope["path"])(scope, receive, send)


def add_handlers(app: FastAPI) -> None:
    """Let every refusal of the application answer with problem details."""
    app.add_exception_handler(ServiceError, _refused)
    app.add_exception_handler(IndexFault, _index_away)
    app.add_exception_handler(ChainGone, _chain_away)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_framework)


def field_problems(errors: Iterable[Any]) -> list[FieldProblem]:
    """Return where a body or query is wrong, without what it said there."""
    return [FieldProblem(field=_place(error["loc"]), message=_message(error)) for error in errors]


async def _refused(request: Request, error: Exception) -> Response:
    return problem_response(cast(ServiceError, error), request.url.path)


async def _index_away(request: Request, error: Exception) -> Response:
    log.warning("index not readable", error=str(error))
    return problem_response(IndexBehind("the index cannot be read now"), request.url.path)


async def _chain_away(request: Request, error: Exception) -> Response:
    log.warning("chain not available", error=str(error))
    return problem_response(ChainUnavailable("the chain does not answer"), request.url.path)


async def _invalid(request: Request, error: Exception) -> Response:
    errors = field_problems(cast(RequestValidationError, error).errors())
    is_key = any(item.message == NEVER_A_KEY for item in errors)
    fields = ", ".join(dict.fromkeys(item.field for item in errors))
    detail = NEVER_A_KEY if is_key else f"not as the API describes it: {fields}"
    return problem_response(InvalidRequest(detail, errors=errors), request.url.path)


async def _of_framework(request: Request, error: Exception) -> Response:
    refusal = cast(HTTPException, error)
    path, headers = request.url.path, dict(refusal.headers or {})
    if refusal.status_code == HTTPStatus.NOT_FOUND:
        said = "" if refusal.detail == HTTPStatus.NOT_FOUND.phrase else f": {refusal.detail}"
        return problem_response(NotFound(f"nothing is at this path{said}"), path)
    if refusal.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(sorted(_methods_at(request)))
        detail = f"this resource takes {allowed}, not {request.method}"
        return problem_response(MethodNotAllowed(detail, headers={"Allow": allowed}), path)
    if refusal.status_code == HTTPStatus.BAD_REQUEST:
        return problem_response(InvalidRequest("the body could not be read as JSON"), path)
    status = HTTPStatus(refusal.status_code)
    problem = Problem(
        type="about:blank",
        title=status.phrase,
        status=status.value,
        detail=refusal.detail,
        instance=path,
    )
    return _response(problem, headers)


def _response(problem: Problem, headers: dict[str, str]) -> Response:
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=problem.status,
        headers={"Cache-Control": "no-store", **headers},
        media_type=PROBLEM_JSON,
    )


def _methods_at(request: Request) -> set[str]:
    """Return what the path takes, over all routes that share it."""
    app: FastAPI = request.app
    for path, operations in app.openapi()["paths"].items():
        pattern, _, _ = compile_path(path)
        if pattern.match(request.url.path):
            return {method.upper() for method in operations}
    return {"GET"}


def _place(location: tuple[int | str, ...]) -> str:
    """Return a field's place; names that are not the API's are shown if they are plain words."""
    return ".".join(
        str(part) if isinstance(part, int) or PLAIN_NAME.fullmatch(part) else "(not a name)"
        for part in location
    )


def _message(error: dict[str, Any]) -> str:
    if error["type"] != "extra_forbidden":
        return str(error["msg"])
    name = str(error["loc"][-1])
    return NEVER_A_KEY if KEY_LIKE.search(name) else "the API knows no such field"
