"""`wattline verify`: an export re-derived, without chain, solver or trust."""

from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.table import Table

from oracle.audit.dispatch import Proof, audit_dispatch
from oracle.audit.duality import INTEGER_GAP
from oracle.audit.market import audit_market
from oracle.audit.run import audit_run
from oracle.audit.unproved import WHY
from oracle.errors import Divergence, InvalidInputError
from oracle.export_files.export import compare_files, read_export
from oracle.market.registry import BY_CONTRACT
from scripts.console import errors_in_one_line, out
from scripts.summary import json_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """
    How much of what was checked, of what had to be believed, and of what should have happened in a
    run and did not; `doubt` is the first of both. How good the dispatch is; None where the export
    has none.
    """

    checked: dict[str, int]
    unproved: dict[str, int]
    missed: dict[str, int]
    doubt: Divergence | None
    proofs: tuple[Proof, ...] | None


def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of the export.", metavar="DIR")],
    integer_gap: Annotated[
        float,
        typer.Option(
            help="Largest gap, relative, between objective and bound where columns are integers.",
            min=0.0,
        ),
    ] = INTEGER_GAP,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="End with 1 if a signature, seal or reason is unproved, or anything missed.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Re-derive an export; end with 1 and one line that names the first divergence, if there is one.

    What nothing in the export can prove is counted as believed: signatures, seals and reasons of
    skipped orders where another contract made the call, so that its calldata is not to be seen, and
    signatures of contract wallets. What a run should have done and did not, as orders left out, is
    counted as missed. --strict ends with 1 and names the first of either.

    Example: wattline verify out/village/export
    """
    started = perf_counter()
    with errors_in_one_line():
        try:
            verified = verified_export(folder, integer_gap=integer_gap)
            if strict and verified.doubt is not None:
                raise verified.doubt
        except (Divergence, InvalidInputError) as fault:
            if as_json:
                typer.echo(json_text(_said(fault)))
            raise

    seconds = perf_counter() - started
    if as_json:
        typer.echo(json_text(_found(verified) | {"seconds": round(seconds, 3)}))
        return
    out.print(_table(folder, verified, seconds))
    for kind, count in verified.unproved.items():
        out.print(f"believed, not proved: {count:,} {kind} ({WHY[kind]})", soft_wrap=True)
    for kind, count in verified.missed.items():
        out.print(f"missed, as if interrupted or left out: {count:,} {kind}", soft_wrap=True)
    if verified.proofs:
        out.print(_proofs(verified.proofs))


def verified_export(folder: Path, *, integer_gap: float = INTEGER_GAP) -> Verified:
    """Return what was checked of an export, or raise the first divergence."""
    export = read_export(folder)
    market = audit_market(export.market, BY_CONTRACT)
    checked, missed, doubt, proofs = dict(market.checked), {}, market.doubt, None
    if export.dispatch is not None and export.scenario is not None:
        audited = audit_dispatch(export.scenario, export.dispatch, integer_gap=integer_gap)
        checked |= audited.checked
        proofs = audited.proofs
        run = audit_run(export.scenario, export.dispatch, audited.rounds, export.market)
        checked |= run.checked
        missed, doubt = dict(run.missed), doubt or run.doubt
    checked["files"] = compare_files(export)
    return Verified(
        checked=checked, unproved=dict(market.unproved), missed=missed, doubt=doubt, proofs=proofs
    )


def _found(verified: Verified) -> dict[str, object]:
    """Return for machines what was checked, and how good the dispatch is."""
    return {
        "ok": True,
        "checked": verified.checked,
        "unproved": verified.unproved,
        "missed": verified.missed,
        "dispatch": {
            "checked": verified.proofs is not None,
            "optimisations": [asdict(proof) for proof in verified.proofs or ()],
        },
    }


def _said(fault: Divergence | InvalidInputError) -> dict[str, object]:
    """Return a fault for machines; one of a malformed file has neither slot nor record."""
    said: dict[str, object] = {"ok": False, "error": str(fault)}
    if isinstance(fault, Divergence):
        said |= {"slot": fault.slot, "record": fault.record, "divergence": fault.what}
    return said


def _table(folder: Path, verified: Verified, seconds: float) -> Table:
    title, caption = "Nothing diverges", f"{folder} in {seconds:.1f} s"
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("re-derived")
    table.add_column("count", justify="right")
    for what, count in verified.checked.items():
        table.add_row(what, f"{count:,}")
    if verified.proofs is None:
        table.add_row("dispatch", "not in the export: not checked")
    return table


def _proofs(proofs: tuple[Proof, ...]) -> Table:
    table = Table()
    table.add_column("optimisation")
    for column in ("objective, USD", "bound, USD", "gap", "at most"):
        table.add_column(column, justify="right")
    for proof in proofs:
        table.add_row(
            proof.name,
            f"{proof.objective_usd:,.2f}",
            f"{proof.bound_usd:,.2f}",
            f"{proof.gap:.2g}",
            f"{proof.limit:g}",
        )
    return table
