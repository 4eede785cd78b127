"""Serves the page; it is built by nobody, so that what is read here is what runs in the browser."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent
INDEX = FOLDER / "index.html"
LIBRARIES = FOLDER / "node_modules"
MISSING = (
    "the page's libraries are not installed: run `make backend/web/node_modules/.done`"
    " (it wants Node 20 or later); the API under /api/v1 does without"
)

_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)
_STYLE_SHEETS = re.compile(r'href="/vendor/([^"]+)"')


class _Fresh(StaticFiles):
    """Files that browsers ask for again each time, and mostly get "not modified"."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def add_page(app: FastAPI) -> None:
    """Serve the page at `/`, its files at `/static` and its libraries at `/vendor`."""
    vendor = vendor_files()

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> FileResponse:
        if not all((LIBRARIES / path).is_file() for path in vendor):
            raise HTTPException(503, MISSING)
        return FileResponse(INDEX, headers={"Cache-Control": "no-cache"})

    @app.get("/vendor/{path:path}", include_in_schema=False)
    async def library(path: str) -> FileResponse:
        if path not in vendor or not (LIBRARIES / path).is_file():
            raise HTTPException(404, f"the page uses no such library: {path}")
        kind = "text/css" if path.endswith(".css") else "text/javascript"
        return FileResponse(
            LIBRARIES / path, media_type=kind, headers={"Cache-Control": "no-cache"}
        )

    app.mount("/static", _Fresh(directory=FOLDER / "static"), name="static")


def script_hashes() -> tuple[str, ...]:
    """
    Return what `script-src` must allow besides 'self': the import map.

    Browsers read import maps from the page alone, never from a file.
    """
    digest = hashlib.sha256(_import_map().encode()).digest()
    return (f"'sha256-{base64.b64encode(digest).decode()}'",)


def vendor_files() -> frozenset[str]:
    """Return the only files under `node_modules` that the page may read."""
    imported = json.loads(_import_map())["imports"].values()
    styles = _STYLE_SHEETS.findall(INDEX.read_text(encoding="utf-8"))
    return frozenset(path.removeprefix("/vendor/") for path in imported) | frozenset(styles)


def _import_map() -> str:
    found = _IMPORT_MAP.search(INDEX.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"expected an import map in {INDEX}, found none")
    return found.group(1)
