"""`wattline dispatch`: what the oracle computes for a scenario, without a chain."""

from pathlib import Path
from typing import Annotated

import typer

from oracle.plan import plan_scenario
from oracle.scenario import load_scenario
from scripts.console import errors_in_one_line, out
from scripts.run import MechanismOption
from scripts.summary import dispatch_summary, json_text
from scripts.tables import dispatch_tables


def dispatch(
    scenario: Annotated[Path, typer.Argument(help="Folder of the scenario.")],
    days: Annotated[
        int | None, typer.Option(help="Only the first days of the scenario.", min=1)
    ] = None,
    mechanism: MechanismOption = None,
    time_limit_s: Annotated[
        float, typer.Option(help="Limit of each optimisation, in seconds.", min=0.1)
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Compute commitment, dispatch and trades of SCENARIO; no chain is used.

    Example: wattline dispatch scenarios/paper-day --json
    """
    with errors_in_one_line():
        plan = plan_scenario(load_scenario(scenario, days, mechanism), time_limit_s=time_limit_s)

    if as_json:
        typer.echo(json_text(dispatch_summary(plan)))
    else:
        out.print(dispatch_tables(plan))
