"""`wattline oracle`: clears, settles and dispatches a market for as long as it runs."""

from pathlib import Path
from typing import Annotated

import typer
from eth_account.signers.local import LocalAccount

from oracle.chain.keys import load_key
from oracle.chain.manifest import Manifest, load
from oracle.chain.signatures import development_key
from oracle.daemon.daemon import Pace
from oracle.daemon.entry import OracleProcess, OracleSettings, stop_on_signals
from oracle.daemon.log import LogFormat, make_log
from oracle.errors import InvalidInputError
from scripts.console import errors_in_one_line

DEVNET_RECEIPT_S = 10.0  # its blocks come at once, and go where its node is killed


def oracle(
    chain: Annotated[str, typer.Option("--chain", help="URL of the node.")],
    manifest: Annotated[
        Path, typer.Option(help="The market's manifest, as `wattline deploy` wrote it.")
    ] = Path("market.json"),
    scenario: Annotated[
        Path | None,
        typer.Option(help="Folder with the forecasts; without it the storage is left idle."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            help="Keystore file of the account that pays for gas; it needs no right in the market."
            " Without it, on a devnet, the key that anybody can compute."
        ),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the keystore's password.")
    ] = None,
    port: Annotated[
        int, typer.Option(help="Of health, status, metrics and set-points; 0 for a free one.")
    ] = 9100,
    solver_time_limit: Annotated[
        float, typer.Option(help="Seconds for the optimisation of a set-point.", min=0.0)
    ] = 5.0,
    poll: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.01)] = 0.2,
    log_format: Annotated[LogFormat, typer.Option(help="One event a line.")] = LogFormat.JSON,
) -> None:
    """
    Clear and settle every slot of a market, and dispatch its storage.

    Example: wattline oracle --chain http://127.0.0.1:8545 --manifest out/devnet/market.json
    """
    with errors_in_one_line():
        market = load(manifest)
        settings = OracleSettings(
            chain=chain,
            manifest=market,
            account=_account(key, password_file, market),
            scenario=scenario,
            port=port,
            solver_time_limit_s=solver_time_limit,
            pace=Pace(poll_s=poll, receipt_s=DEVNET_RECEIPT_S)
            if market.devnet
            else Pace(poll_s=poll),
        )
        process = OracleProcess(settings, make_log(log_format))
        stop_on_signals(process)
        process.run()


def _account(key: Path | None, password_file: Path | None, market: Manifest) -> LocalAccount:
    if key is not None:
        return load_key(key, password_file)
    if not market.devnet:
        raise InvalidInputError("--key: expected a keystore file, as this market is no devnet")
    return development_key("oracle")
