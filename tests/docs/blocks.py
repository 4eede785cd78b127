"""
The commands of a page of the docs, and a place to run them in.

Blocks of `sh` and `python` are run in their order in one folder. What stands behind the language
says how: `background until="URL"` runs on until the page is through, once the URL answers;
`timeout=N` is ended after N seconds and has to have printed something; `skip=WHY` is run by another
test, which `ELSEWHERE` of test_commands.py names; a `snippet` is a piece of a file.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
LINKED = (".venv", "contracts", "scenarios", "backend", "oracle", "scripts", "pyproject.toml")
PORTS = ("8080", "8545", "9100")  # as the docs have them
UP_WITHIN_S = 120.0
DONE_WITHIN_S = 240.0
GONE_WITHIN_S = 60.0

FENCE = re.compile(r"^```(sh|python)([^\n]*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of commands, and how it is run."""

    language: str
    settings: Mapping[str, str]
    text: str


def blocks_of(page: Path) -> Iterator[Block]:
    for language, settings, text in FENCE.findall(page.read_text()):
        words = [word.partition("=") for word in shlex.split(settings)]
        if ("snippet", "", "") not in words:
            yield Block(language, {name: value for name, _, value in words}, text)


@dataclass(slots=True)
class Place:
    """A folder like a clone of the project, with ports of its own."""

    folder: Path
    ports: dict[str, str] = field(default_factory=lambda: {port: _free_port() for port in PORTS})
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in LINKED:
            (self.folder / name).symlink_to(ROOT / name)

    def run(self, block: Block) -> None:
        """Run a block to its end; a command that fails fails the test with what it said."""
        if "background" in block.settings:
            self._start(block)
            return
        limit = float(block.settings.get("timeout", DONE_WITHIN_S))
        command = self._command(block)
        with (self.folder / "printed.txt").open("wb") as printed:
            process = self._popen(command, printed)
            try:
                code: int | None = process.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                _end(process)
                code = 0 if "timeout" in block.settings else None
        said = (self.folder / "printed.txt").read_text(errors="replace")
        assert code == 0, f"{block.text}ended with {code}:\n{said[-3000:]}"
        if "timeout" in block.settings:
            assert said.strip(), f"{block.text}printed nothing within {limit} s"

    def close(self) -> None:
        """End what runs in the background as Ctrl-C does; it has to end cleanly."""
        for process in reversed(self.running):
            assert process.poll() is None, f"ended by itself with {process.returncode}"
            code = _end(process)
            assert code in (0, 130, -signal.SIGINT), f"ended with {code} on Ctrl-C"

    def _start(self, block: Block) -> None:
        path = self.folder / f"background-{len(self.running)}.txt"
        with path.open("wb") as printed:
            process = self._popen(self._command(block), printed)
        self.running.append(process)
        url, deadline = self._with_ports(block.settings["until"]), time.monotonic() + UP_WITHIN_S
        while not _answers(url):
            said = path.read_text(errors="replace")[-3000:]
            assert process.poll() is None, f"{block.text}ended with {process.returncode}:\n{said}"
            assert time.monotonic() < deadline, f"{block.text}did not answer at {url}:\n{said}"
            time.sleep(0.2)

    def _command(self, block: Block) -> list[str]:
        text = self._with_ports(block.text)
        if block.language == "python":
            return [sys.executable, "-c", text]
        port, rpc_port = self.ports["8080"], self.ports["8545"]
        text = re.sub(  # where the docs leave the ports to their defaults
            r"(wattline devnet (?!--help).*)$",
            rf"\1 --port {port} --rpc-port {rpc_port}",
            text,
            flags=re.M,
        )
        if "background" in block.settings:
            text = f"exec {text}"
        return ["bash", "-euo", "pipefail", "-c", text]

    def _popen(self, command: list[str], printed: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def _with_ports(self, text: str) -> str:
        for port, ours in self.ports.items():
            text = re.sub(rf"\b{port}\b", ours, text)
        return text


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500  # a node answers, but not to GET
    except OSError:
        return False


def _end(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(timeout=GONE_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()
