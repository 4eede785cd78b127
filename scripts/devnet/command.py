"""`wattline devnet`: a running market on one machine."""

import signal
from pathlib import Path
from threading import Event
from typing import Annotated

import typer
from rich.table import Table

from oracle.chain.manifest import Manifest
from oracle.daemon.log import LogFormat, make_log
from oracle.errors import InvalidInputError
from oracle.scenario import load_scenario
from scripts.console import errors_in_one_line, out
from scripts.devnet.folder import DevnetFolder, DevnetRecord, Speed
from scripts.devnet.supervisor import DevnetSettings, Supervisor
from scripts.start import start_index

VILLAGE = Path("scenarios") / "village"

StateOption = Annotated[Path, typer.Option("--state", help="Folder of the devnet.")]


def devnet(
    scenario: Annotated[
        Path | None,
        typer.Argument(help="Folder of the scenario; that of --state, or scenarios/village."),
    ] = None,
    state: StateOption = Path("out") / "devnet",
    speed: Annotated[
        Speed, typer.Option(help="How many seconds pass in one; or step, by `wattline step`.")
    ] = Speed.FAST,
    start: Annotated[
        str, typer.Option(help="Time of the scenario's first day that a new devnet begins at.")
    ] = "10:00",
    port: Annotated[int, typer.Option(help="Of page and API; 0 for a free one.")] = 8080,
    rpc_port: Annotated[int, typer.Option(help="Of the node; 0 for a free one.")] = 8545,
) -> None:
    """
    Run a market on one machine until Ctrl-C: node, oracle, page and API, simulated prosumers.

    Started again it goes on where it was. Example: wattline devnet scenarios/village --speed 60
    """
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with errors_in_one_line():
        folder = DevnetFolder(state)
        chosen = _scenario_folder(folder, scenario)
        loaded = load_scenario(chosen)
        settings = DevnetSettings(
            scenario_folder=chosen,
            scenario=loaded,
            speed=speed,
            start_index=start_index(loaded, start),
            port=port,
            rpc_port=rpc_port,
        )
        with folder.held(), (folder.logs / "supervisor.log").open("a", encoding="utf-8") as lines:
            supervisor = Supervisor(settings, folder, make_log(LogFormat.JSON, lines), _say)
            try:
                manifest = supervisor.start(stop)
                if not stop.is_set():
                    _show(manifest, supervisor.record, folder)
                supervisor.run(stop)
            finally:
                _say("stopping …")
                supervisor.close()
            _say(f"stopped; `wattline devnet --state {state}` goes on where it was")


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _scenario_folder(folder: DevnetFolder, wanted: Path | None) -> Path:
    """Return the scenario that was asked for, unless the folder holds a devnet of another."""
    record = folder.read() if folder.manifest.exists() else None
    if record is None:
        return wanted or VILLAGE
    held = Path(record.scenario)
    if wanted is not None and wanted.resolve() != held:
        raise InvalidInputError(
            f"{folder.path}: expected a devnet of {wanted}, found one of {held}; "
            "choose another --state"
        )
    return held


def _show(manifest: Manifest, record: DevnetRecord, folder: DevnetFolder) -> None:
    table = Table(title=f"devnet: {manifest.scenario}", show_header=False, title_justify="left")
    for name, address in manifest.addresses.items():
        table.add_row(name, address)
    table.add_section()
    table.add_row("node", f"{record.rpc_url} (chain {manifest.chain_id})")
    table.add_row("oracle", record.oracle_url)
    table.add_row("outside world", record.simulator_url)
    table.add_row("API", f"{record.service_url}/api/v1/openapi.json")
    table.add_row("logs", str(folder.logs))
    table.add_row(
        "time", "by `wattline step`" if record.speed is Speed.STEP else f"{record.speed}×"
    )
    out.print(table)
    _say(f"page: {record.service_url}/")
    _say("Ctrl-C stops it")
