"""The report: what is on the page, that it is one file, and that names cannot break it."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from oracle.domain.results import RunResult
from oracle.units import MicroUsd
from scripts import paper
from scripts.report.page import report_html
from tests.scripts.results import (
    a_power_system,
    a_run,
    a_scenario,
    a_system_plan,
    a_trade,
    a_village_plan,
)

VOID = {"meta", "link", "input", "br", "hr", "img"}


class Page(HTMLParser):
    """The page as a list of its elements; refuses tags that do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [
            found
            for name, found in self.elements
            if name == tag and all(found.get(key) == value for key, value in attributes.items())
        ]

    @property
    def ids(self) -> set[str]:
        return {found["id"] or "" for _, found in self.elements if "id" in found}


def embedded(html: str, name: str = "data") -> Any:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html, re.S)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture(scope="module")
def system_run() -> RunResult:
    return a_run(a_system_plan(name="paper-day"))


@pytest.fixture(scope="module")
def village_run() -> RunResult:
    return a_run(a_village_plan())


def test_a_day_with_every_part_has_every_section(system_run: RunResult) -> None:
    page = Page(report_html(system_run))

    assert {
        "paper",
        "system",
        "storage",
        "market",
        "lines",
        "bills",
        "reputation",
        "chain",
        "reading",
    } <= page.ids


def test_a_village_leaves_the_sections_of_a_power_system_out(village_run: RunResult) -> None:
    page = Page(report_html(village_run))

    assert {"market", "lines", "bills", "reputation", "chain", "reading"} <= page.ids
    assert {"paper", "system", "storage"} & page.ids == set()


def test_a_power_system_without_prosumers_leaves_the_market_out() -> None:
    scenario = a_scenario(community=None, system=a_power_system())
    run = a_run(replace(a_system_plan(), scenario=scenario, trades=()))

    page = Page(report_html(run))

    assert {"system", "storage", "chain"} <= page.ids
    assert {"market", "lines", "bills", "reputation"} & page.ids == set()


def test_a_day_without_a_single_trade_still_has_its_page() -> None:
    run = a_run(replace(a_village_plan("A", "B"), trades=()), orders=())

    page = Page(report_html(run))

    assert "0 trades" in page.text


def test_links_within_the_page_lead_somewhere(system_run: RunResult) -> None:
    page = Page(report_html(system_run))

    targets = {(link["href"] or "").removeprefix("#") for link in page.all("a")}

    assert targets <= page.ids


def test_the_page_is_one_file_that_fetches_nothing(system_run: RunResult) -> None:
    html = report_html(system_run)
    page = Page(html)

    sources = [found["src"] for _, found in page.elements if "src" in found]
    links = [found["href"] for _, found in page.elements if "href" in found]
    assert sources == []
    assert all(link is not None and link.startswith(("#", "data:")) for link in links)
    assert "http" not in html
    assert "@import" not in html
    assert "url(" not in html


def test_hostile_names_are_text() -> None:
    hostile = "<script>alert(1)</script>"
    plan = a_village_plan(hostile, '"><img src=x onerror=alert(2)>', "</script><b>", "'&amp;")
    run = a_run(
        replace(plan, scenario=replace(plan.scenario, name=hostile, description=hostile)),
        chain=hostile,
    )

    html = report_html(run)

    page = Page(html)
    assert hostile not in html
    assert page.all("img") == []
    assert page.all("b") == [found for found in page.all("b") if not found]
    assert len(page.all("script")) == 3
    assert hostile in page.text
    assert embedded(html)["names"] == [one.name for one in plan.scenario.community.prosumers]  # type: ignore[union-attr]


def test_every_picture_says_what_it_shows(system_run: RunResult) -> None:
    page = Page(report_html(system_run))

    pictures = page.all("svg")
    assert len(pictures) > 10
    assert all(
        picture.get("aria-label") or picture.get("aria-hidden") == "true" for picture in pictures
    )


def test_every_chart_has_its_table(system_run: RunResult) -> None:
    page = Page(report_html(system_run))

    assert len(page.all("figure", **{"class": "chart"})) == len(page.all("summary")) - 1


def test_the_paper_is_shown_with_its_statement_for_its_own_day_only(system_run: RunResult) -> None:
    other = a_run(a_system_plan())

    assert "247,476" in Page(report_html(system_run)).text
    assert paper.STATEMENT.replace("'", "&#39;") in report_html(system_run)
    assert "247,476" not in Page(report_html(other)).text
    assert paper.STATEMENT.replace("'", "&#39;") not in report_html(other)


def test_a_synthetic_scenario_says_so_at_the_top() -> None:
    page = Page(report_html(a_run(a_system_plan())))

    assert "Synthetic data." in page.text


def test_every_slot_with_orders_has_its_book_and_one_is_shown(village_run: RunResult) -> None:
    page = Page(report_html(village_run))

    books = page.all("figure", **{"class": "book"})
    assert {book["data-slot"] for book in books} == {str(o.slot) for o in village_run.orders}
    assert sum("hidden" not in book for book in books) == 1


def test_the_script_gets_every_order_and_trade(village_run: RunResult) -> None:
    data = embedded(report_html(village_run))

    assert len(data["orders"]) == len(village_run.orders)
    first, trade = data["trades"][0], village_run.trades[0]
    assert first == [
        trade.slot,
        data["names"].index(trade.seller),
        data["names"].index(trade.buyer),
        trade.energy,
        trade.price,
        trade.lease_fee,
        trade.delivered,
    ]


def test_the_script_gets_the_series_of_every_chart(system_run: RunResult) -> None:
    html = report_html(system_run)

    charts = embedded(html)["charts"]

    page = Page(html)
    assert len(charts) == len(page.all("figure", **{"class": "chart"}))
    assert sum(len(chart["series"]) for chart in charts) == len(page.all("output"))
    assert {len(values) for chart in charts for values in chart["series"]} == {96}
    assert len(embedded(html, "times")) == 96


def test_a_shortfall_is_listed_with_its_refund_and_compensation(system_run: RunResult) -> None:
    page = Page(report_html(system_run))

    assert "Not delivered in full" in page.text
    assert "60.0 %" in page.text


def test_a_broken_money_check_is_shown(system_run: RunResult) -> None:
    run = replace(system_run, money=replace(system_run.money, deposited=MicroUsd(1_000_000_002)))

    text = Page(report_html(run)).text

    assert "Difference: 2 micro-dollars." in text
    assert "do not add up" in text


def test_a_week_stays_below_three_megabytes() -> None:
    run = a_run(a_village_plan(days=7))

    html = report_html(run)

    assert len(html.encode()) < 3_000_000
    assert "Mon 09" in Page(html).text


def test_unserved_energy_and_unknown_values_do_not_break_a_chart() -> None:
    plan = a_system_plan()
    assert plan.with_sharing is not None
    unserved = replace(plan.with_sharing, unserved_mw=np.full(96, 3.0), unserved_mwh=72.0)
    run = a_run(replace(plan, with_sharing=unserved, trades=(a_trade(slot=95),)))

    html = report_html(run)

    assert "nan" not in html.replace("nance", "").lower()
    assert Page(html).ids >= {"system", "market"}
