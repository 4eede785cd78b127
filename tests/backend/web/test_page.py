"""The page's files: which are served, and what its policy has to allow."""

import asyncio
import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from backend.web import page
from backend.web.page import INDEX, add_page, script_hashes, vendor_files


@pytest.fixture
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for node_modules, so that nothing need be installed."""
    for path in vendor_files():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"/* {path} */")
    (tmp_path / "preact/package.json").write_text("{}")
    monkeypatch.setattr(page, "LIBRARIES", tmp_path)
    return tmp_path


@dataclass
class Client:
    """Asks the application without a socket."""

    app: FastAPI

    def ask(self, path: str, method: str = "GET") -> httpx.Response:
        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.request(method, path)

        return asyncio.run(answer())


@pytest.fixture
def client(libraries: Path) -> Client:
    app = FastAPI()
    add_page(app)
    return Client(app)


def test_serves_the_page_its_files_and_its_libraries(client: Client) -> None:
    kinds = {
        "/": "text/html",
        "/static/main.js": "javascript",
        "/static/css/base.css": "text/css",
        "/vendor/preact/dist/preact.mjs": "javascript",
        "/vendor/uplot/dist/uPlot.min.css": "text/css",
    }

    for path, kind in kinds.items():
        answer = client.ask(path)
        assert answer.status_code == 200, path
        assert kind in answer.headers["content-type"], path
        assert answer.headers["cache-control"] == "no-cache", path
    assert client.ask("/", "HEAD").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/vendor/preact/package.json",  # is there, and the page reads it not
        "/vendor/..%2F..%2Fpage.py",
        "/static/..%2Fpage.py",
        "/static/none.js",
    ],
)
def test_serves_nothing_else(client: Client, path: str) -> None:
    assert client.ask(path).status_code == 404


def test_says_how_to_install_missing_libraries(client: Client, libraries: Path) -> None:
    (libraries / "htm/dist/htm.module.js").unlink()

    answer = client.ask("/")

    assert answer.status_code == 503
    assert "make backend/web/node_modules/.done" in answer.json()["detail"]


def test_the_only_script_within_the_page_is_the_import_map_of_the_policy() -> None:
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", INDEX.read_text(), re.DOTALL)

    within = [text for attributes, text in scripts if "src=" not in attributes]

    digests = [hashlib.sha256(text.encode()).digest() for text in within]
    allowed = tuple(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    assert script_hashes() == allowed
    assert len(allowed) == 1
    assert not re.search(r'\son\w+=|style="|https?://', INDEX.read_text())


def test_every_import_of_the_page_is_a_file_of_it_or_a_library() -> None:
    static = INDEX.parent / "static"
    names = re.findall(r'"([^"]+)": "/vendor/', INDEX.read_text())

    for file in static.rglob("*.js"):
        for imported in re.findall(r'from "([^"]+)"', file.read_text()):
            if imported.startswith("."):
                assert (file.parent / imported).is_file(), f"{file.name}: {imported}"
            else:
                assert imported in names, f"{file.name}: {imported}"
