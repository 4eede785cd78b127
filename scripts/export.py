"""`wattline export`: everything that a market's contracts recorded, as files."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from oracle.chain.chains import open_chain
from oracle.chain.record import read_market
from oracle.export_files.export import make_ready, write_export
from scripts.console import errors_in_one_line, out, progress_bars
from scripts.summary import json_text


def export(
    chain: Annotated[str, typer.Option("--chain", help="The node's URL.")],
    exchange: Annotated[str, typer.Option("--exchange", help="Address of the market's Exchange.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder to write the export into.")],
    from_block: Annotated[
        int, typer.Option("--from-block", help="A block before the market's first.", min=0)
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Write everything that a market's contracts recorded; `wattline verify` re-derives it.

    Example: wattline export --chain http://127.0.0.1:8545 --exchange 0x… --out out/export
    """
    with errors_in_one_line():
        make_ready(out_dir)  # before the work: a bad path costs no reading
        with closing(open_chain(chain)) as node, progress_bars("export") as report:
            record = read_market(node, exchange, first_block=from_block, progress=report)
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
