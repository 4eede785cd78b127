"""What memory this process has and had, as Linux tells; 0 where nobody does."""

from pathlib import Path

STATUS = Path("/proc/self/status")


def resident_mb() -> float:
    """Return what is in memory now, in MB of 10⁶ bytes."""
    return _told_mb("VmRSS")


def peak_mb() -> float:
    """Return the most that ever was in memory, in MB of 10⁶ bytes."""
    # Not getrusage: its peak is that of the parent where it was larger when the process began.
    return _told_mb("VmHWM")


def _told_mb(what: str) -> float:
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next(
        float(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{what}:")
    )
