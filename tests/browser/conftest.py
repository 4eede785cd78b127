import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

from backend.web.page import LIBRARIES, vendor_files
from tests.browser.running import REPOSITORY, Devnet, running_devnet
from tests.browser.visitor import Visitor

NAMES = ("chromium", "chromium-browser", "google-chrome")
DESK = {"width": 1280, "height": 900}
MAKE = "`make backend/web/node_modules/.done`"

NewVisitor = Callable[..., Visitor]


@pytest.fixture(scope="session")
def chromium() -> str:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        _do_without(f"no browser: expected {', '.join(NAMES)} in PATH, or one named by CHROMIUM")
    return found


@pytest.fixture(scope="package")
def devnet(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    if not all((LIBRARIES / path).is_file() for path in vendor_files()):
        _do_without(f"no libraries of the page: run {MAKE}")
    with running_devnet(tmp_path_factory.mktemp("devnet"), start="12:00") as running:
        running.step(4)  # so that a slot is settled and the storage has a plan
        yield running


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """Run Chromium while the tests of this folder last: its event loop would stop others' tests."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox"],  # the tests may run as root
        )
        yield running
        running.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    return Path(os.environ.get("SCREENSHOTS") or REPOSITORY / "out" / "screenshots")


@pytest.fixture
def new_visitor(browser: Browser, devnet: Devnet, screenshots: Path) -> Iterator[NewVisitor]:
    """Return a function that brings a visitor with an own browser; options as Playwright's."""
    with ExitStack() as contexts:

        def bring(**options: Any) -> Visitor:
            context = browser.new_context(**{"viewport": DESK, **options})
            contexts.callback(context.close)
            return Visitor(context.new_page(), devnet.url, screenshots)

        yield bring


@pytest.fixture
def visitor(new_visitor: NewVisitor) -> Visitor:
    return new_visitor()
