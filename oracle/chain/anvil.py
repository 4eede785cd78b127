"""anvil as a process of ours: where it is found, how it is started and asked."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from requests import Session
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from oracle.errors import ChainUnavailable

HARDFORK = "prague"
STARTS_WITHIN_S = 30.0
STOPS_WITHIN_S = 10.0
RPC_TIMEOUT_S = 30.0

Process = subprocess.Popen[bytes]


def find_anvil() -> str:
    """Return the anvil that ANVIL names, of the npm package beside the contracts, or of PATH."""
    packages = Path(__file__).parents[2] / "contracts" / "node_modules" / "@foundry-rs"
    bundled = sorted(packages.glob("anvil-*/bin/anvil*"))
    found = os.environ.get("ANVIL") or (str(bundled[0]) if bundled else shutil.which("anvil"))
    if not found:
        raise ChainUnavailable(
            "anvil is not installed: run `npm ci` in contracts/, or set ANVIL to its path"
        )
    return found


def start_anvil(
    port: int,
    arguments: Sequence[str] = (),
    *,
    log: IO[bytes] | None = None,
    on_start: Callable[[], None] | None = None,
) -> Process:
    """
    Start a node on loopback; what it says goes to `log`, or nowhere.

    `on_start` runs in the new process before it becomes the node.
    """
    command = [
        find_anvil(),
        "--host=127.0.0.1",
        f"--port={port}",
        f"--hardfork={HARDFORK}",
        "--order=fifo",
        "--silent",
        *arguments,
    ]
    quiet = subprocess.DEVNULL
    try:
        return subprocess.Popen(  # noqa: S603
            command,
            stdin=quiet,
            stdout=log or quiet,
            stderr=log or quiet,
            preexec_fn=on_start,
            process_group=0,  # Ctrl-C is for us; the node stops when we have its state
        )
    except OSError as error:
        raise ChainUnavailable(f"{command[0]} cannot be started: {error.strerror}") from error


def stop_anvil(process: Process) -> None:
    """Stop a node; kill it if it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def connect(url: str, process: Process) -> Web3:
    """
    Return the connection to a node that was just started.

    Raises
    ------
    ChainUnavailable
        If it stops or does not answer in time.
    """
    session = Session()
    session.trust_env = False  # it is on loopback; to look for proxies takes as long as a call
    w3 = web3_at(url, session)
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not answers(w3):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ChainUnavailable(f"anvil did not answer at {url}")
        time.sleep(0.05)
    return w3


def web3_at(url: str, session: Session | None = None) -> Web3:
    """Return the connection to a node; its chain id is asked for once, which web3 wants often."""
    return Web3(
        HTTPProvider(
            url,
            request_kwargs={"timeout": RPC_TIMEOUT_S},
            session=session,
            cache_allowed_requests=True,
            cacheable_requests={RPCEndpoint("eth_chainId")},
        )
    )


def answers(w3: Web3) -> bool:
    """Return whether an Ethereum node is there."""
    try:
        return w3.is_connected()
    except (LookupError, TypeError, ValueError):  # something answers, but not in JSON-RPC
        return False


def free_port() -> int:
    """Return a port of loopback that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
