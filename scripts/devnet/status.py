"""How far the processes of a devnet are, asked over HTTP."""

from dataclasses import dataclass

import httpx

from oracle.chain.chains import Head
from oracle.units import Slot

ANSWER_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Progress:
    """A block, and the latest slot at whose start all was done as of it."""

    block: int
    through_slot: Slot


def progress_of(url: str) -> Progress | None:
    """Return how far the oracle or simulator at a URL is; None where it does not say."""
    try:
        said = httpx.get(f"{url}/status", timeout=ANSWER_WITHIN_S).json()
        return Progress(int(said["block"]), Slot(int(said["through_slot"])))
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        return None


def is_through(url: str, slot: Slot, head: Head) -> bool:
    """Return whether whoever is at a URL has seen a block and is through with a slot."""
    progress = progress_of(url)
    return progress is not None and progress.block >= head.number and progress.through_slot >= slot


def is_healthy(url: str) -> bool:
    """Return whether a process answers at a URL."""
    try:
        return httpx.get(f"{url}/health", timeout=ANSWER_WITHIN_S).is_success
    except httpx.HTTPError:
        return False


def indexed_block(url: str) -> int | None:
    """Return how far the index of a service is; None where it does not say."""
    try:
        answer = httpx.get(f"{url}/api/v1/clock", timeout=ANSWER_WITHIN_S)
        return int(answer.headers["x-wattline-block"])
    except (httpx.HTTPError, ValueError, LookupError):
        return None
