"""
A node of a devnet: anvil with its state on disk, and with a clock that only we move.

anvil keeps its chain in memory. We ask it for all of it, blocks and receipts too, again and again,
and put each answer in the place of the one before in one piece: a node or a supervisor that is
killed at any moment leaves a chain that is whole and at most a little short. To whoever follows the
chain that is a reorganisation.
"""

import gzip
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress

from oracle.chain.anvil import Process, connect, start_anvil, stop_anvil
from oracle.chain.chains import Chain, Head
from oracle.chain.reverts import translated
from oracle.errors import ChainUnavailable, InvalidInputError

SAVE_EVERY_S = 1.0
DUMP_TRIES = 5  # a block that comes while the node writes may be in it by half
SAVING_SHARE = 0.1  # of the time, at most: a long chain takes long to write
SECONDS_PER_BLOCK = 1  # of a transaction's; the clock moves by more
COINS_WEI = 10**24  # of who pays for gas; more than any devnet burns


class Node:
    """anvil and the file of its state; started again, it goes on where it was."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        genesis: int,
        on_start: Callable[[], None] | None = None,
    ) -> None:
        """
        `genesis` is the time of the first block of a new chain, in Unix seconds.

        `on_start` runs in the new process before it becomes the node.
        """
        self._folder = folder
        self._port = port
        self._genesis = genesis
        self._on_start = on_start
        self._process: Process | None = None
        self._saved: bytes | None = None  # the block that the file ends with
        self._save_at = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def state(self) -> Path:
        return self._folder / "state.json"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, log: Path) -> None:
        """
        Start the node with what the file holds.

        Raises
        ------
        ChainUnavailable
            If anvil is not there or does not start.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        arguments = ["--no-cors", "--timestamp", str(self._latest_time())]
        if self.state.exists():
            arguments += ["--load-state", str(self.state)]
        with log.open("ab") as told:
            self._process = start_anvil(self._port, arguments, log=told, on_start=self._on_start)
        self._w3 = connect(self.url, self._process)
        self._ask("anvil_setBlockTimestampInterval", SECONDS_PER_BLOCK)
        self._saved = None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def chain(self) -> Chain:
        """Return a chain of this node, to send transactions to."""
        return Chain("anvil", self._w3)

    def head(self) -> Head:
        """Return the latest block."""
        with translated():
            block = self._w3.eth.get_block("latest")
        return Head(
            number=int(block["number"]), hash=bytes(block["hash"]), time=int(block["timestamp"])
        )

    def move_to(self, timestamp: int) -> None:
        """Move the clock on; nothing happens where it is later already."""
        if timestamp > self.head().time:
            with suppress(ChainUnavailable):  # a transaction came between, and took the time
                self._ask("evm_setNextBlockTimestamp", timestamp)
            self._ask("evm_mine")

    def give_coins(self, addresses: Sequence[ChecksumAddress]) -> None:
        """Let each address have all it needs to pay for gas."""
        for address in addresses:
            self._ask("anvil_setBalance", address, hex(COINS_WEI))

    def save_if_due(self) -> None:
        """Write the state if there are new blocks, and the last time is long enough ago."""
        if time.monotonic() >= self._save_at:
            self.save()

    def save(self) -> None:
        """
        Write the state in one piece.

        Raises
        ------
        ChainUnavailable
            If the node does not answer, or is too busy.
        OSError
            If it cannot be written; the old one stands.
        """
        began = time.monotonic()
        if self.head().hash != self._saved:
            latest, content = self._dumped()
            beside = self.state.with_suffix(".new")
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.state)
            self._saved = latest
        took = time.monotonic() - began
        self._save_at = time.monotonic() + max(SAVE_EVERY_S, took / SAVING_SHARE)

    def stop(self) -> None:
        """Write the state and stop the node."""
        if self._process is not None:
            try:
                if self.is_running():
                    self.save()
            finally:
                stop_anvil(self._process)

    def _latest_time(self) -> int:
        """Return the time that the node begins with: no block of it may have the wall's."""
        if not self.state.exists():
            return self._genesis
        try:
            latest = json.loads(self.state.read_bytes())["block"]["timestamp"]
            return int(latest, 16)
        except (ValueError, LookupError, TypeError) as error:
            raise InvalidInputError(f"{self.state}: expected the state of an anvil") from error

    def _dumped(self) -> tuple[bytes, bytes]:
        """Return the whole chain and the hash of its last block, of one moment."""
        for _ in range(DUMP_TRIES):
            before = self.head().hash
            content = gzip.decompress(bytes.fromhex(self._ask("anvil_dumpState")[2:]))
            if self.head().hash == before:
                return before, content
        raise ChainUnavailable(f"anvil: the chain moved on in each of {DUMP_TRIES} dumps")

    def _ask(self, method: str, *arguments: Any) -> Any:
        with translated():
            answer = self._w3.provider.make_request(method, list(arguments))  # type: ignore[arg-type]
        if "error" in answer:
            raise ChainUnavailable(f"anvil: {method}: {answer['error'].get('message')}")
        return answer["result"]
