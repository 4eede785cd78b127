"""What a benchmark ran on: when, the machine, the commit, and the versions of what it used."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from oracle.chain.anvil import find_anvil
from oracle.errors import ChainUnavailable

PACKAGES = (
    "wattline",
    "coincurve",
    "eth-tester",
    "highspy",
    "linopy",
    "numpy",
    "pandas",
    "pulp",
    "py-evm",
    "pymarket",
    "pyomo",
    "scipy",
    "web3",
)


def circumstances() -> dict[str, Any]:
    """Return what the figures of a run hold for, as its file says at its top."""
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "commit": commit(),
        "versions": versions(),
    }


def machine() -> dict[str, Any]:
    """Return cores, memory, CPU model, system, and how busy it is with other work by now."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "cpu": _cpu(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """Return the versions of Python, of packages that are installed, and of anvil."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if (anvil := anvil_version()) is not None:
        found["anvil"] = anvil
    return found


def commit() -> str | None:
    """Return the commit of this checkout, marked where files differ from it; None outside one."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=, changed"],  # noqa: S607
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()


def anvil_version() -> str | None:
    """Return what anvil calls itself; None where it is not installed or does not start."""
    try:
        said = subprocess.run(  # noqa: S603
            [find_anvil(), "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (ChainUnavailable, OSError, subprocess.SubprocessError):
        return None
    first = said.stdout.partition("\n")[0]
    return first.removeprefix("anvil Version:").removeprefix("anvil").strip()


def _memory_gb() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)


def _cpu() -> str:
    """Return the model's name, which Python does not know on Linux."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
