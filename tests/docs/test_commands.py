"""Every command of the docs is run, in the order of its page."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Place, blocks_of

PAGES = sorted((ROOT / "docs").glob("*.md"))
WITH_COMMANDS = [page for page in PAGES if any("skip" not in b.settings for b in blocks_of(page))]

# What a page cannot run here, and the test that runs it.
ELSEWHERE = {
    "bench": ("scripts/test_bench_all", "test_writes_one_page_and_one_file_of_all_benchmarks"),
    "demo": ("docs/test_commands", "test_make_demo_settles_both_days"),
    "devnet": (
        "integration/test_make_devnet",
        "test_make_devnet_says_where_everything_is_and_trades",
    ),
    "contributing": (
        "contracts/test_artifacts",
        "test_the_committed_artifacts_are_up_to_date",
    ),
    "extra": (
        "scripts/test_import_simbench",
        "test_the_command_writes_a_folder_and_says_what_is_in_it",
    ),
    "keys": (
        "scripts/test_deploy",
        "test_deploys_with_a_key_from_a_file_for_people_who_have_their_own",
    ),
}


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_commands_run(page: Path, tmp_path: Path) -> None:
    place = Place(tmp_path)

    try:
        for block in blocks_of(page):
            if "skip" not in block.settings:
                place.run(block)
    finally:
        place.close()


@pytest.mark.slow
def test_make_demo_settles_both_days() -> None:
    started = time.time()

    made = subprocess.run(["make", "demo"], cwd=ROOT, capture_output=True, text=True, timeout=300)  # noqa: S607

    assert made.returncode == 0, made.stderr[-3000:]
    for name in ("paper-day", "village"):
        assert (ROOT / "out" / "demo" / name / "report.html").stat().st_mtime >= started
        summary = json.loads((ROOT / "out" / "demo" / name / "summary.json").read_text())
        assert summary["money"]["difference_micro_usd"] == 0


def test_what_is_skipped_is_run_by_another_test() -> None:
    skipped = {
        b.settings["skip"] for page in PAGES for b in blocks_of(page) if "skip" in b.settings
    }

    assert skipped == ELSEWHERE.keys()
    for module, name in ELSEWHERE.values():
        assert f"def {name}(" in (ROOT / "tests" / f"{module}.py").read_text()


def test_every_page_is_linked_and_links_to_what_is_there() -> None:
    linked = set()
    for page in (ROOT / "README.md", *PAGES):
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
            linked.add((page.parent / target).resolve())

    assert set(PAGES) <= linked
