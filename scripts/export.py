"""`wattline export`: everything that a market's contracts recorded, as files."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from oracle.chain.chains import open_chain
from oracle.chain.manifest import load
from oracle.chain.record import read_market
from oracle.errors import InvalidInputError
from oracle.export_files.export import make_ready, write_export
from scripts.console import errors_in_one_line, out, progress_bars
from scripts.summary import json_text


def export(
    chain: Annotated[str, typer.Option("--chain", help="The node's URL.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder to write the export into.")],
    exchange: Annotated[
        str | None, typer.Option("--exchange", help="Address of the market's Exchange.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="The market's manifest, instead of its address.")
    ] = None,
    from_block: Annotated[
        int | None, typer.Option("--from-block", help="A block before the market's first.", min=0)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Write everything that a market's contracts recorded; `wattline verify` re-derives it.

    Example: wattline export --chain http://127.0.0.1:8545 --exchange 0x… --out out/export
    """
    with errors_in_one_line():
        address, first_block = _market(exchange, manifest)
        make_ready(out_dir)  # before the work: a bad path costs no reading
        with closing(open_chain(chain)) as node, progress_bars("export") as report:
            record = read_market(
                node,
                address,
                first_block=first_block if from_block is None else from_block,
                progress=report,
            )
        write_export(out_dir, record)

    found = {
        "folder": str(out_dir),
        "first_block": record.constants.first_block,
        "last_block": record.constants.last_block,
        "events": len(record.events),
        "slots": len(record.slots),
        "accounts": len(record.accounts),
    }
    if as_json:
        typer.echo(json_text(found))
    else:
        out.print(
            f"{found['events']} events of {found['slots']} slots written to {out_dir}",
            highlight=False,
            soft_wrap=True,
        )


def _market(exchange: str | None, path: Path | None) -> tuple[str, int]:
    """Return the address of the Exchange and a block before the market's first."""
    if path is None and exchange is not None:
        return exchange, 0
    if path is not None and exchange is None:
        market = load(path)
        return market.address("Exchange"), market.first_block
    raise InvalidInputError(
        "expected either --exchange ADDRESS or --manifest FILE, got "
        + ("neither" if path is None else "both")
    )
