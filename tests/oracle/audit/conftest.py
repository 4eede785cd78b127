"""Honest exports, made once; tests tamper with copies."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from oracle.export_files.export import write_export
from tests.contracts.markets import World
from tests.oracle.audit.exports import (
    PAPER_DAY,
    Forgery,
    a_busy_market,
    a_choosy_market,
    a_corrected_market,
    a_market_handed_over,
    a_market_of_contracts,
    a_sealed_market,
    record_of,
    run_into,
)


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest") / "export"
    write_export(folder, record_of(a_busy_market()))
    return folder


@pytest.fixture(scope="session")
def honest_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_into(tmp_path_factory.mktemp("honest") / "export", PAPER_DAY)


@pytest.fixture
def forgery(honest: Path, tmp_path: Path) -> Forgery:
    return Forgery(Path(shutil.copytree(honest, tmp_path / "export")))


@pytest.fixture
def run_forgery(honest_run: Path, tmp_path: Path) -> Forgery:
    return Forgery(Path(shutil.copytree(honest_run, tmp_path / "run" / "export")))


@pytest.fixture(scope="session")
def honest_and_sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed") / "export"
    write_export(folder, record_of(a_sealed_market()))
    return folder


@pytest.fixture
def sealed_forgery(honest_and_sealed: Path, tmp_path: Path) -> Forgery:
    return Forgery(Path(shutil.copytree(honest_and_sealed, tmp_path / "export")))


@pytest.fixture(scope="session")
def honest_exports(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Returns the honest export of a market by name; made once each."""
    markets: dict[str, Callable[[], World]] = {
        "busy": a_busy_market,
        "choosy": a_choosy_market,
        "corrected": a_corrected_market,
        "handed over": a_market_handed_over,
        "of contracts": a_market_of_contracts,
        "sealed": a_sealed_market,
        "sealed and forwarded": lambda: a_sealed_market(is_forwarded=True),
    }

    @cache
    def made(name: str) -> Path:
        folder = tmp_path_factory.mktemp("honest") / "export"
        write_export(folder, record_of(markets[name]()))
        return folder

    return made


@pytest.fixture
def forgery_of(honest_exports: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Forgery]:
    return lambda name: Forgery(Path(shutil.copytree(honest_exports(name), tmp_path / "export")))
