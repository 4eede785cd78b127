"""`wattline serve`: the index, the API and the page of one market."""

from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

import structlog
import typer

from backend.app import create_app
from backend.index.database import Database
from backend.index.follower import Follower
from backend.market.schemas import MarketManifest
from backend.server import Server, listening_socket, set_up_interpreter, set_up_logs
from backend.settings import LOOPBACK, ServiceSettings
from oracle.chain.chains import MAX_FEE_WEI, open_chain
from oracle.chain.keys import load_key
from oracle.chain.manifest import Manifest, as_json, check_manifest, load
from oracle.chain.relay import MarketRelay
from oracle.chain.signatures import development_key
from oracle.chain.source import MarketSource
from oracle.daemon.log import LogFormat
from oracle.errors import InvalidInputError
from scripts.console import errors_in_one_line
from scripts.index import ChainUrl, Confirmations, DatabaseUrl, ManifestFile, database_beside

WEI_PER_GWEI = 10**9


def serve(
    chain: ChainUrl,
    manifest: ManifestFile = Path("market.json"),
    database: DatabaseUrl = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; other machines reach what is no loopback.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 for a free one.", min=0, max=65_535)] = 8080,
    confirmations: Confirmations = 0,
    relay_key: Annotated[
        Path | None,
        typer.Option(
            help="Keystore file of the account that pays for posting what others have signed; it"
            " needs no right. Without it, on a devnet, the key that anybody can compute; elsewhere"
            " nothing is posted."
        ),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the keystore's password.")
    ] = None,
    oracle: Annotated[
        str | None, typer.Option(help="URL of the oracle, for the storage's plan.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Another name that the service is called by.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="Origin of a page elsewhere that may read and post from browsers."),
    ] = None,
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or network of a reverse proxy: its X-Forwarded-For says who asks."
        ),
    ] = None,
    reads_per_second: Annotated[
        int, typer.Option(help="Of one client, over ten seconds.", min=1)
    ] = 500,
    posts_per_minute: Annotated[int, typer.Option(help="Of one client.", min=1)] = 300,
    max_fee_gwei: Annotated[
        float, typer.Option(help="The most that the relay pays for a unit of gas.", min=0)
    ] = MAX_FEE_WEI / WEI_PER_GWEI,
    attempts_per_slot: Annotated[
        int,
        typer.Option(help="Transactions that may carry one participant's for a slot.", min=1),
    ] = 4,
    page: Annotated[bool, typer.Option(help="Serve the page, too.")] = True,
    log_format: Annotated[LogFormat, typer.Option(help="One event a line.")] = LogFormat.JSON,
) -> None:
    """
    Serve a market: follow its chain, answer what is asked, post what was signed.

    Example: wattline serve --chain http://127.0.0.1:8545 --manifest out/devnet/market.json
    """
    with errors_in_one_line():
        market = load(manifest)
        set_up_logs(log_format)
        settings = ServiceSettings(
            allowed_hosts=tuple({*LOOPBACK, host, *(allow_host or [])}),
            allowed_origins=tuple(allow_origin or []),
            trusted_proxies=tuple(_networks(trust_proxy or [])),
            reads_per_window=10 * reads_per_second,
            posts_per_window=posts_per_minute,
            attempts_per_slot=attempts_per_slot,
            oracle_url=oracle,
            devnet_file=manifest.absolute().with_name("devnet.json") if market.devnet else None,
            serves_page=page,
        )
        opened = open_chain(chain)
        check_manifest(opened, market)
        source = MarketSource(opened, market.address("Exchange"), first_block=market.first_block)
        relay = _relay(
            source, market, relay_key, password_file, max_fee_wei=round(max_fee_gwei * WEI_PER_GWEI)
        )
        with (
            closing(Database(database or database_beside(manifest))) as index,
            listening_socket(host, port) as bound,
        ):
            names = {one.number: one.name for one in market.participants}
            follower = Follower(index, source, confirmations=confirmations, names=names)
            follower.open()
            facts = MarketManifest.model_validate(as_json(market))
            server = Server(create_app(settings, facts, index, follower, relay))
            _say(host, bound.getsockname()[1], takes_orders=relay is not None)
            set_up_interpreter()
            follower.start()
            try:
                server.run([bound])
            finally:
                follower.stop()


def _networks(proxies: list[str]) -> Iterator[str]:
    for proxy in proxies:
        try:
            yield str(ip_network(proxy))
        except ValueError as error:
            raise InvalidInputError(
                f"--trust-proxy {proxy}: expected an address or a network, such as 127.0.0.1"
            ) from error


def _relay(
    source: MarketSource,
    market: Manifest,
    key: Path | None,
    password_file: Path | None,
    *,
    max_fee_wei: int,
) -> MarketRelay | None:
    if key is None and not market.devnet:
        return None
    payer = development_key("relay") if key is None else load_key(key, password_file)
    return MarketRelay(source, payer, max_fee_wei=max_fee_wei)


def _say(host: str, port: int, *, takes_orders: bool) -> None:
    log = structlog.get_logger("wattline.service")
    if host not in LOOPBACK:
        log.warning("other machines can reach this service", host=host)
    if not takes_orders:
        log.warning("no relay key: signed orders and readings are refused")
    shown = f"[{host}]" if ":" in host else host
    log.info("serving", url=f"http://{shown}:{port}")
    typer.echo(f"http://{shown}:{port}")
