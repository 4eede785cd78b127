"""The folder of a devnet: its files, who holds it, and what it says of the processes."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from oracle.errors import InvalidInputError

VERSION: Literal[1] = 1


class Speed(StrEnum):
    """How fast a devnet's time runs."""

    FAST = "60"
    REAL = "1"
    STEP = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pids:
    """The processes of a devnet; None for one that does not run."""

    supervisor: int
    node: int | None = None
    oracle: int | None = None
    service: int | None = None
    simulator: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetRecord:
    """What `devnet.json` says, for whoever talks to a running devnet."""

    version: Literal[1]
    scenario: str  # absolute path
    rpc_url: str
    service_url: str
    oracle_url: str
    simulator_url: str
    speed: Speed
    pids: Pids


_RECORD = TypeAdapter(DevnetRecord)


class DevnetFolder:
    """The paths in a devnet's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = path / "market.json"
        self.record = path / "devnet.json"
        self.node = path / "node"
        self.index = path / "index.sqlite"
        self.logs = path / "logs"
        self._lock = path / "lock"

    @contextmanager
    def held(self) -> Iterator[None]:
        """
        Hold the folder as the only one.

        Raises
        ------
        InvalidInputError
            If another devnet holds it.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InvalidInputError(
                    f"{self.path}: a devnet runs there already; choose another --state"
                ) from error
            yield

    def clear(self) -> None:
        """Forget a market whose deployment did not come to its end."""
        shutil.rmtree(self.node, ignore_errors=True)
        for path in self.path.glob(f"{self.index.name}*"):
            path.unlink()

    def write(self, record: DevnetRecord) -> None:
        """Write what runs, in one piece."""
        beside = self.record.with_suffix(".new")
        beside.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
        beside.replace(self.record)

    def read(self) -> DevnetRecord | None:
        """
        Return what runs or ran last; None where nothing ever did.

        Raises
        ------
        InvalidInputError
            If the file is not what we write.
        """
        if not self.record.exists():
            return None
        try:
            return _RECORD.validate_json(self.record.read_bytes())
        except ValidationError as error:
            raise InvalidInputError(
                f"{self.record}: expected the record of a devnet, version {VERSION}"
            ) from error
