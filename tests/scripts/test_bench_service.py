"""`wattline bench service`: what does not answer as a service does is said in one line."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scripts.bench import service
from scripts.cli import app


def invoke(url: str) -> Result:
    return CliRunner().invoke(app, ["bench", "service", "--url", url])


@contextmanager
def website(body: bytes) -> Iterator[str]:
    """Answer everything with the same JSON."""

    class Website(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Website) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8080",
        "127.0.0.1",
        "ftp://h",
        "http://",
        "http://h:80/api",
        "http://h:80/api/",
        "http://h?limit=1",
        "http://h:0",
        "http://h:65536",
        "http://[::1",
    ],
)
def test_refuses_what_is_no_url_of_a_service(url: str) -> None:
    result = invoke(url)

    said = f"error: --url {url}: expected http(s)://HOST:PORT and no path, such as http://127.0.0.1:8080"
    assert (result.exit_code, result.stderr.splitlines()) == (1, [said])


@pytest.mark.parametrize(
    ("body", "got"),
    [
        (b"{}", "KeyError('items')"),
        (b'{"items": [{}]}', "KeyError('slot')"),
        (b'{"items": ["slot"]}', "TypeError("),
        (b'{"items": 1}', "TypeError("),
        (b"[]", "TypeError("),
        (b"", "TypeError("),
        (b"<html>", "JSONDecodeError("),
    ],
)
def test_says_that_something_else_answers(body: bytes, got: str) -> None:
    with website(body) as url:
        result = invoke(url)

    (line,) = result.stderr.splitlines()
    where = f"{url}/api/v1/slots?limit=50"
    assert result.exit_code == 1
    assert line.startswith(f"error: {where}: expected JSON of items with slot, got {got}")


def test_says_that_a_host_has_no_name() -> None:
    result = invoke("http://a..b")

    (line,) = result.stderr.splitlines()
    assert result.exit_code == 1
    assert line.startswith("error: http://a..b: no service answers there: ")


def test_says_that_nobody_answers_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PATIENCE_S", 0.2)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        result = invoke(url)

    said = f"error: {url}: no service answers there within 0.2 s"
    assert (result.exit_code, result.stderr.splitlines()) == (1, [said])
