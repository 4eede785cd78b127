"""An audit runs where there is no chain library and no solver."""

import subprocess
import sys
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
audited = audit_dispatch(export.scenario, export.dispatch)
audit_run(export.scenario, export.dispatch, audited.rounds, export.market)
sys.stdout.write("nothing diverges")
"""


@pytest.mark.contract
def test_an_audit_needs_neither_a_chain_nor_a_solver(honest_run: Path) -> None:
    finished = subprocess.run(  # noqa: S603 - this interpreter and our own script
        [sys.executable, "-c", SCRIPT, str(honest_run)], capture_output=True, text=True, check=False
    )

    assert (finished.stdout, finished.stderr) == ("nothing diverges", "")
