"""What a person does with the page."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

TABS = ("Market", "Order", "Account", "Lines", "Storage", "Rounds", "Gas")
FIRST_PAINT_MS = 20_000
STAGE_MS = 30_000


@dataclass(eq=False)
class Visitor:
    """A person in front of a browser; `said` are errors of its console, `sent` its posts."""

    page: Page
    url: str
    screenshots: Path
    said: list[str] = field(default_factory=list)
    sent: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on(
            "request",
            lambda request: self.sent.append(request) if request.method == "POST" else None,
        )

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.said.append(message.text)

    def open(self, tab: str = "Market") -> None:
        self.page.goto(f"{self.url}/#{tab.lower()}")
        expect(self.page.get_by_role("tab", name=tab)).to_have_attribute(
            "aria-selected", "true", timeout=FIRST_PAINT_MS
        )
        self.wait_until_filled()

    def go_to(self, tab: str) -> None:
        self.page.get_by_role("tab", name=tab, exact=True).click()
        self.wait_until_filled()

    def wait_until_filled(self) -> None:
        """Wait until nothing on the page is loading any more."""
        expect(self.page.locator("[aria-busy=true]")).to_have_count(0, timeout=FIRST_PAINT_MS)

    def choose_participant(self, name: str) -> None:
        self.page.get_by_role("combobox", name="Participant").select_option(label=name)

    def fill_order(self, kind: str, *, energy: str, price: str, slot: int | None = None) -> None:
        self.page.get_by_role("radio", name=re.compile(f"^{kind}")).check()
        if slot is not None:
            self.page.get_by_label("Delivery slot").select_option(str(slot))
        self.page.get_by_role("textbox", name="Energy").fill(energy)
        self.page.get_by_role("textbox", name=re.compile("price")).fill(price)

    def hand_in(self) -> None:
        self.page.get_by_role("button", name="Sign and hand in").click()

    def order(self, name: str) -> Locator:
        """Return the newest order of a participant among those handed in here."""
        return self.page.locator(".sent > li").filter(has_text=name).first

    def sees_stage(self, name: str, stage: str) -> None:
        expect(self.order(name)).to_have_attribute("data-stage", stage, timeout=STAGE_MS)

    def free_money(self) -> float:
        """Return the free USD that the page shows for the participant chosen."""
        free = self.page.locator(".tile").filter(has_text=re.compile(r"^\s*Free")).locator("b")
        expect(free).to_have_text(re.compile(r"\d"), timeout=FIRST_PAINT_MS)
        return float((free.text_content() or "").replace(",", ""))

    def take_picture(self, name: str) -> None:
        self.screenshots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.screenshots / f"{name}.png", full_page=True)
