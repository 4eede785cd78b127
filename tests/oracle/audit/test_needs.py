"""An audit runs where there is no chain library and no solver."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = """
import sys
for missing in ("web3", "eth_tester", "highspy", "pulp"):
    sys.modules[missing] = None
from pathlib import Path
from oracle.audit.dispatch import audit_dispatch
from oracle.audit.market import audit_market
from oracle.audit.run import audit_run
from oracle.export_files.export import read_export
from oracle.market.pairwise_nash import PairwiseNash
export = read_export(Path(sys.argv[1]))
audit_market(export.market, {"PairwiseNash": PairwiseNash()})
if export.dispatch is not None:
    audited = audit_dispatch(export.scenario, export.dispatch)
    audit_run(export.scenario, export.dispatch, audited.rounds, export.market)
sys.stdout.write("nothing diverges")
"""


def audited_without_libraries(folder: Path) -> tuple[str, str]:
    finished = subprocess.run(  # noqa: S603 - this interpreter and our own script
        [sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=False
    )
    return finished.stdout, finished.stderr


@pytest.mark.contract
def test_an_audit_needs_neither_a_chain_nor_a_solver(honest_run: Path) -> None:
    assert audited_without_libraries(honest_run) == ("nothing diverges", "")


@pytest.mark.contract
def test_nor_does_an_audit_of_outcomes_without_certificates(
    honest_exports: Callable[[str], Path],
) -> None:
    assert audited_without_libraries(honest_exports("of contracts")) == ("nothing diverges", "")
