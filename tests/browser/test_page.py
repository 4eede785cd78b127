"""The page as people find it: every view, light and dark, on a phone, by keyboard."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.running import Devnet
from tests.browser.visitor import TABS, Visitor

pytestmark = [
    pytest.mark.browser,
    pytest.mark.node,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),  # one devnet and one Chromium for all
]

PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def plain_page(browser: Browser, devnet: Devnet) -> Iterator[Page]:
    """Return a page that only has to import our modules."""
    page = browser.new_page()
    page.goto(f"{devnet.url}/static/icon.svg")
    yield page
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_no_view_has_a_serious_barrier(new_visitor: NewVisitor, scheme: str, size: str) -> None:
    sizes = {"viewport": PHONE, "is_mobile": True} if size == "phone" else {}
    visitor = new_visitor(color_scheme=scheme, reduced_motion="reduce", **sizes)
    found = []
    for tab in TABS:
        visitor.open(tab)
        visitor.take_picture(f"{tab.lower()}-{size}-{scheme}")
        visitor.page.evaluate(
            "document.querySelectorAll('details').forEach((d) => (d.open = true))"
        )
        for one in Axe().run(visitor.page).response["violations"]:
            if one["impact"] in ("serious", "critical"):
                found.append((tab, one["id"], one["nodes"][0]["html"]))
    assert found == []
    assert visitor.said == []


@pytest.mark.parametrize("tab", TABS)
def test_no_view_scrolls_sideways_on_a_phone(new_visitor: NewVisitor, tab: str) -> None:
    visitor = new_visitor(viewport=PHONE)

    visitor.open(tab)

    width = visitor.page.evaluate("document.documentElement.scrollWidth")
    assert width == PHONE["width"]


def test_tabs_follow_the_arrows_and_the_address(visitor: Visitor) -> None:
    visitor.open("Market")
    visitor.page.get_by_role("tab", name="Market").focus()

    for key, tab in (("ArrowRight", "Order"), ("End", "Gas"), ("ArrowRight", "Market")):
        visitor.page.keyboard.press(key)
        expect(visitor.page.get_by_role("tab", name=tab)).to_be_focused()
        expect(visitor.page.get_by_role("tabpanel", name=tab)).to_be_visible()
    visitor.page.go_back()

    expect(visitor.page.get_by_role("tabpanel", name="Gas")).to_be_visible()
    expect(visitor.page).to_have_title("Gas – Wattline")


def test_the_book_is_a_picture_and_a_table(devnet: Devnet, visitor: Visitor) -> None:
    slot = devnet.get("/clock")["next_gate_slot"]
    entries = devnet.get(f"/slots/{slot}/book")["entries"]
    visitor.open("Market")

    visitor.page.get_by_text(re.compile("as a table")).first.click()

    expect(visitor.page.get_by_role("img", name=re.compile(r"^\d+ offers? of"))).to_be_visible()
    table = visitor.page.get_by_role("table", name="Order book")
    expect(table.locator("tbody tr")).to_have_count(len(entries))


def test_the_market_moves_without_a_reload(devnet: Devnet, visitor: Visitor) -> None:
    visitor.open("Market")
    tile = visitor.page.locator(".tile").filter(has_text="Last clearing price").locator(".note")
    before = tile.text_content() or ""

    devnet.step()

    expect(tile).not_to_have_text(before, timeout=10_000)


def test_a_round_shows_its_certificate_and_transactions(devnet: Devnet, visitor: Visitor) -> None:
    slot = devnet.get("/rounds", limit=1)["items"][0]["slot"]
    detail = devnet.get(f"/rounds/{slot}")
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.open("Rounds")

    visitor.page.locator(f"a[href='#rounds/{slot}']").click()
    visitor.page.get_by_role("button", name="Copy certificate").click()
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    link = visitor.page.get_by_role("link", name=re.compile("^Clearing transaction"))
    answer = visitor.page.request.get(f"{visitor.url}{link.get_attribute('href')}").json()

    assert copied == detail["certificate"]
    assert answer["function"] == "clear"
    expect(visitor.page.get_by_text("What it proves.")).to_be_visible()


def test_lines_with_a_flow_come_first(devnet: Devnet, visitor: Visitor) -> None:
    visitor.open("Lines")
    flows = {
        (trade["seller"], trade["buyer"])
        for trade in devnet.get("/trades", slot=devnet.get("/rounds")["items"][0]["slot"])["items"]
    }

    rows = visitor.page.get_by_role("table", name="Lines, the busiest first").locator("tbody tr")

    expect(visitor.page.locator(".map .flow")).to_have_count(len(flows))
    expect(rows.filter(has_text="→")).to_have_count(len(flows))
    expect(rows).to_have_count(78)


def test_a_chosen_theme_stays(visitor: Visitor) -> None:
    visitor.open("Market")
    visitor.page.get_by_role("button", name="Change to dark colours").click()
    visitor.page.reload()

    expect(visitor.page.get_by_role("button", name="Change to light colours")).to_be_visible()
    background = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(17, 20, 23)"


def test_a_lost_service_is_told_and_found_again(visitor: Visitor) -> None:
    visitor.open("Market")
    expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()

    visitor.page.context.set_offline(True)
    expect(visitor.page.get_by_role("status").filter(has_text="No connection")).to_be_visible(
        timeout=15_000
    )
    visitor.take_picture("no-connection")
    visitor.page.context.set_offline(False)

    expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible(timeout=20_000)
    expect(visitor.page.get_by_role("status").filter(has_text="No connection")).to_have_count(0)


def test_nothing_comes_from_elsewhere(devnet: Devnet, visitor: Visitor) -> None:
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))

    visitor.open("Order")
    visitor.open("Storage")

    assert {url for url in asked if not url.startswith(f"{devnet.url}/")} == set()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("1.25", "1250"),
        ("0,5", "500"),
        (".001", "1"),
        ("  7 ", "7000"),
        ("0.0010", "1"),
        ("4294967.295", "4294967295"),
        ("0.0001", None),
        ("1e3", None),
        ("-1", None),
        ("1.2.3", None),
        ("", None),
        (".", None),
    ],
)
def test_typed_energies_become_exact_wh(plain_page: Page, typed: str, expected: str | None) -> None:
    found = plain_page.evaluate(
        """async (text) => {
          const { whFromKwh } = await import("/static/lib/decimal.js");
          return whFromKwh(text)?.toString() ?? null;
        }""",
        typed,
    )

    assert found == expected


def test_times_are_those_of_the_markets_place(devnet: Devnet, visitor: Visitor) -> None:
    clock = datetime.fromisoformat(devnet.get("/clock")["chain_time"])
    there = clock.astimezone(timezone(timedelta(hours=2)))  # as the village's first slot says

    visitor.open("Market")

    time = visitor.page.get_by_label("Time of the market").locator(".chain-time")
    expect(time).to_contain_text(f"{there:%H:%M}:")
    expect(time).to_contain_text("UTC+02:00")
