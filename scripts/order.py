"""`wattline order`: an order signed by its owner, and one handed in at a service."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from eth_account.signers.local import LocalAccount
from pydantic import ValidationError

from backend.client import Client, RequestRefused, ServiceUnavailable
from backend.orders.schemas import OrderPost
from oracle.chain.keys import load_key
from oracle.chain.manifest import Manifest, load
from oracle.chain.signatures import Domain, development_key, sign_order
from oracle.domain.book import Kind, Order
from oracle.errors import InvalidInputError
from oracle.units import Slot, micro_usd_per_mwh_from_usd_per_kwh, wh_from_kwh
from scripts.console import errors_in_one_line

HELP = """
Sign an order with a key that stays on this machine, and hand it in at a service.

Example: wattline order sign --development-owner B01 --kind offer --energy-kwh 0.5
--price-usd-per-kwh 0.12 | wattline order post -
"""

ServiceOption = Annotated[str, typer.Option(help="URL of the service.")]

order = typer.Typer(no_args_is_help=True, add_completion=False, help=HELP)


class OrderKind(StrEnum):
    """What may be signed."""

    OFFER = "offer"
    BID = "bid"


@order.command(no_args_is_help=True)
def sign(
    kind: Annotated[OrderKind, typer.Option(help="What it is.")],
    energy_kwh: Annotated[float, typer.Option(help="Energy, to the Wh.", min=0.001)],
    price_usd_per_kwh: Annotated[
        float, typer.Option(help="Lowest price of an offer, highest of a bid with its fee.", min=0)
    ],
    slot: Annotated[
        int | None,
        typer.Option(
            help="Delivery slot: Unix time // 900. Without it the next open one without an order"
            " of its owner's, as --service tells.",
            min=0,
        ),
    ] = None,
    service: ServiceOption = "http://127.0.0.1:8080",
    manifest: Annotated[
        Path, typer.Option(help="The market's manifest, as `wattline deploy` wrote it.")
    ] = Path("out/devnet/market.json"),
    key: Annotated[Path | None, typer.Option(help="Keystore file of the owner.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the keystore's password.")
    ] = None,
    development_owner: Annotated[
        str | None, typer.Option(help="Name of a participant of a devnet, such as B01.")
    ] = None,
    participant: Annotated[
        int | None,
        typer.Option(help="Its number, where the manifest does not name it.", min=1),
    ] = None,
    nonce: Annotated[int, typer.Option(help="Good until its owner spends it.", min=0)] = 0,
    terms: Annotated[
        int, typer.Option(help="What the mechanism wants to know besides.", min=0)
    ] = 0,
) -> None:
    """
    Sign an order and print the JSON body for `wattline order post`; the key goes nowhere.

    Example: wattline order sign --development-owner B01 --kind offer --energy-kwh 0.5
    --price-usd-per-kwh 0.12 > order.json
    """
    with errors_in_one_line():
        market = load(manifest)
        owner = _owner(market, key, password_file, development_owner)
        number = participant or _number(market, owner)
        unsigned = Order(
            kind=Kind[kind.name],
            participant=number,
            energy=wh_from_kwh(energy_kwh),
            price=micro_usd_per_mwh_from_usd_per_kwh(price_usd_per_kwh),
            nonce=nonce,
            terms=terms,
        )
        body = signed_body(market, owner, _slot(slot, number, service), unsigned)
    typer.echo(body.model_dump_json(indent=1))


@order.command(no_args_is_help=True)
def post(
    file: Annotated[str, typer.Argument(help="File with the JSON of a signed order; - for input.")],
    service: ServiceOption = "http://127.0.0.1:8080",
) -> None:
    """
    Hand in a signed order and print what became of it, as JSON.

    Example: wattline order post order.json --service http://127.0.0.1:8080
    """
    with errors_in_one_line():
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        try:
            body = OrderPost.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InvalidInputError(
                f"{file}: expected a signed order: {where + ': ' if where else ''}{first['msg']}"
            ) from None  # it would repeat what the file holds
        with _asking(service) as client:
            taken = client.post_order(body)
    typer.echo(taken.model_dump_json(indent=1))


def signed_body(market: Manifest, owner: LocalAccount, slot: Slot, unsigned: Order) -> OrderPost:
    """Return an order with its owner's signature, as the service takes it."""
    domain = Domain(
        name="Wattline Exchange", chain_id=market.chain_id, contract=market.address("Exchange")
    )
    signature = sign_order(owner, domain, slot=slot, order=unsigned)
    return OrderPost(
        chain_id=market.chain_id,
        exchange=market.addresses["Exchange"],
        slot=slot,
        kind="offer" if unsigned.kind is Kind.OFFER else "bid",
        participant=unsigned.participant,
        energy_wh=unsigned.energy,
        price_micro_usd_per_mwh=unsigned.price,
        nonce=unsigned.nonce,
        terms=str(unsigned.terms),
        signature=f"0x{signature.hex()}",
    )


def _slot(slot: int | None, participant: int, service: str) -> Slot:
    """Return the slot that is named, or the next in which a participant has no order."""
    if slot is not None:
        return Slot(slot)
    with _asking(service) as client:
        clock = client.clock()
        for free in range(clock.next_gate_slot, clock.last_open_slot + 1):
            if next(client.orders(slot=free, participant=participant), None) is None:
                return Slot(free)
    raise InvalidInputError(
        f"participant {participant}: expected an open slot without its order, got none"
    )


@contextmanager
def _asking(service: str) -> Iterator[Client]:
    """Talk to a service, and say in one line where it refuses or is not there."""
    try:
        with Client(service) as client:
            yield client
    except RequestRefused as error:
        raise InvalidInputError(f"{service} refused: {error}") from error
    except ServiceUnavailable as error:
        raise InvalidInputError(f"{service} does not answer: {error}") from error


def _owner(
    market: Manifest, key: Path | None, password_file: Path | None, name: str | None
) -> LocalAccount:
    if (key is None) == (name is None):
        raise InvalidInputError("expected one of --key and --development-owner")
    if key is not None:
        return load_key(key, password_file)
    if not market.devnet:
        raise InvalidInputError("--development-owner: this market is no devnet")
    return development_key(f"{name} owner")


def _number(market: Manifest, owner: LocalAccount) -> int:
    for one in market.participants:
        if one.owner == owner.address:
            return one.number
    raise InvalidInputError(
        f"the manifest has no participant owned by {owner.address}; expected --participant"
    )
