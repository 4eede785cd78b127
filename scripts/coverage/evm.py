"""
A pytest plugin that notes which marks the EVM of the tests reaches, and from which file of tests.

With `--marks FOLDER` each process of pytest writes a JSON file there: the numbers of the marks by
file of tests. What a fixture of the whole session reaches counts for the file that asks first.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from eth.abc import ComputationAPI
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.forks.shanghai import computation as shanghai
from eth.vm.forks.spurious_dragon import computation as spurious_dragon
from eth.vm.opcode_values import PUSH1

from scripts.coverage.marks import GAS, NUMBER_BYTES, PREFIX

MARK_BYTES = len(PREFIX) + NUMBER_BYTES
MARKED_CODE_BYTES = 1 << 17


class Recorder:
    """The marks reached so far, by what was under way."""

    def __init__(self) -> None:
        self.reached: dict[str, set[int]] = defaultdict(set)
        self.subject = ""

    def push(self, computation: ComputationAPI) -> None:
        """Do what the EVM does where a mark may be, which costs nothing."""
        value = computation.code.read(MARK_BYTES)
        if value.startswith(PREFIX):
            self.reached[self.subject].add(int.from_bytes(value[len(PREFIX) :], "big"))
            computation.return_gas(GAS)
        computation.stack_push_bytes(value)


@contextmanager
def recording() -> Iterator[Recorder]:
    """Note the marks that are reached, and let contracts be as large as marks make them."""
    recorder = Recorder()
    opcode = PRAGUE_OPCODES[PUSH1 + MARK_BYTES - 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opcode, "logic_fn", recorder.push)
        patch.setattr(spurious_dragon, "EIP170_CODE_SIZE_LIMIT", MARKED_CODE_BYTES)
        patch.setattr(shanghai, "MAX_INITCODE_SIZE", MARKED_CODE_BYTES)
        yield recorder


class Plugin:
    """Records a session of pytest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._recording = recording()
        self._recorder = self._recording.__enter__()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._recorder.subject = nodeid.split("::")[0]

    def pytest_unconfigure(self) -> None:
        self._recording.__exit__(None, None, None)
        marks = {file: sorted(numbers) for file, numbers in self._recorder.reached.items()}
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{os.getpid()}.json").write_text(json.dumps(marks), encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--marks", help="note the marks that contracts reach in a file of this folder")


def pytest_configure(config: pytest.Config) -> None:
    if folder := config.getoption("--marks"):
        config.pluginmanager.register(Plugin(Path(folder)))
