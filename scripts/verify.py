"""`wattline verify`: an export re-derived, without chain, solver or trust."""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.table import Table

from oracle.audit.dispatch import audit_dispatch
from oracle.audit.market import audit_market
from oracle.errors import Divergence, InvalidInputError
from oracle.export_files.export import compare_files, read_export
from oracle.plan import MECHANISMS
from scripts.console import errors_in_one_line, out
from scripts.summary import json_text


def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of the export.", metavar="DIR")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Re-derive an export; end with 1 and one line that names the first divergence, if there is one.

    Example: wattline verify out/village/export
    """
    started = perf_counter()
    with errors_in_one_line():
        try:
            checked = checked_export(folder)
        except (Divergence, InvalidInputError) as fault:
            if as_json:
                typer.echo(json_text(_said(fault)))
            raise

    seconds = perf_counter() - started
    if as_json:
        typer.echo(json_text({"ok": True, "checked": checked, "seconds": round(seconds, 3)}))
    else:
        out.print(_table(folder, checked, seconds))


def checked_export(folder: Path) -> dict[str, int]:
    """Return how much of what was checked, or raise the first divergence."""
    export = read_export(folder)
    twins = {mechanism.contract: mechanism for mechanism in MECHANISMS.values()}
    checked = dict(audit_market(export.market, twins))
    if export.dispatch is not None and export.scenario is not None:
        checked |= audit_dispatch(export.scenario, export.dispatch)
    checked["files"] = compare_files(export)
    return checked


def _said(fault: Divergence | InvalidInputError) -> dict[str, object]:
    """Return a fault for machines; one of a malformed file has neither slot nor record."""
    said: dict[str, object] = {"ok": False, "error": str(fault)}
    if isinstance(fault, Divergence):
        said |= {"slot": fault.slot, "record": fault.record, "divergence": fault.what}
    return said


def _table(folder: Path, checked: dict[str, int], seconds: float) -> Table:
    title, caption = "Nothing diverges", f"{folder} in {seconds:.1f} s"
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("re-derived")
    table.add_column("count", justify="right")
    for what, count in checked.items():
        table.add_row(what, f"{count:,}")
    return table
