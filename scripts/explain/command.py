"""`wattline explain`: why an order of a run traded or did not; and a slot with its whole book."""

from pathlib import Path
from typing import Annotated

import typer

from oracle.errors import InvalidInputError
from oracle.explain.order import Explainer
from oracle.explain.slot_market import SlotMarket, slot_market
from oracle.export_files.export import read_export
from scripts.console import errors_in_one_line, out
from scripts.explain.summary import order_summary, slot_summary
from scripts.explain.text import order_text, slot_text
from scripts.summary import json_text

EXPORT = "export"  # the folder of an export inside that of a run


def explain(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder of `wattline run --out`, or of an export.", metavar="DIR"),
    ],
    order: Annotated[
        str | None,
        typer.Option(
            help="Slot and participant of the order, as 27:B03; --slot lists them.", metavar="ID"
        ),
    ] = None,
    slot: Annotated[
        int | None,
        typer.Option(
            help="Number of a slot, from 1; of a market without a scenario the chain's.", min=0
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Say why an order traded or did not, or show the whole book of a slot.

    Of an order: who set its price, at which limit it would have traded, and who would gain by
    trading otherwise. The slot is read from the export and cleared again with other limits; what
    was traded is not changed by that.

    Example: wattline explain out/village --order 49:B03

    Example: wattline explain out/village --slot 49
    """
    with errors_in_one_line():
        if (order is None) == (slot is None):
            raise InvalidInputError("expected either --order or --slot")
        number, name = (slot or 0, "") if order is None else _parsed(order)
        market = _market(folder, number)
        if order is None:
            found, text = slot_summary(market), slot_text(market)
        else:
            explained = Explainer(market).explain(market.position(name))
            found, text = order_summary(market, explained), order_text(market, explained)

    if as_json:
        typer.echo(json_text(found))
    else:
        out.print(text, highlight=False)


def _parsed(order: str) -> tuple[int, str]:
    slot, colon, name = order.partition(":")
    if not colon or not slot.isascii() or not slot.isdigit() or not name:
        raise InvalidInputError(f"--order {order}: expected SLOT:PARTICIPANT, such as 27:B03")
    return int(slot), name


def _market(folder: Path, number: int) -> SlotMarket:
    inside = folder / EXPORT
    export = read_export(inside if inside.is_dir() else folder)
    return slot_market(export.market, export.scenario, number)
