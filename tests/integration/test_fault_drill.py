"""
The fault drill: whatever is broken on the way, the day ends with the same trades and money.

WATTLINE_DRILL_SLOTS makes it longer, a whole day with 96; a round of all faults takes eight slots.
"""

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oracle.domain.clock import slot_at
from oracle.units import Slot
from tests.contracts.revertible import ask
from tests.integration.asking import wait_until
from tests.integration.devnets import Devnet, kill, running_devnet

pytestmark = [pytest.mark.slow, pytest.mark.node]

SLOTS = int(os.environ.get("WATTLINE_DRILL_SLOTS", "8"))
BACK_WITHIN_S = 60.0

Fault = Callable[[Devnet, float], None]


# Seconds after time has moved on, one for each round of all faults: orders, clearing, settling.
MOMENTS = (0.3, 0.0, 0.6, 0.1, 1.0, 0.2, 0.8, 0.4, 1.5, 0.7, 0.5, 2.0)


def kill_in_the_middle(name: str) -> Fault:
    def fault(devnet: Devnet, moment: float) -> None:
        earlier = devnet.now()
        stepping = devnet.begin_step()
        wait_until(
            lambda: devnet.now() > earlier or stepping.poll() is not None,
            lambda: "time did not move on",
            within_s=BACK_WITHIN_S,
            poll_s=0.01,
        )
        time.sleep(moment)
        kill(devnet.pid(name))
        said, _ = stepping.communicate(timeout=150)
        if stepping.returncode != 0:  # the node was away when it was asked
            assert "error:" in said.decode()

    fault.__name__ = f"kill -9 {name}"
    return fault


def reorganise(devnet: Devnet, _moment: float) -> None:
    """Take three blocks back, with all that was in them."""
    with devnet.chain() as chain:
        before = chain.head()
        ask(chain, "anvil_reorg", 3, [])
        assert chain.head().hash != before.hash


def delete_the_index(devnet: Devnet, _moment: float) -> None:
    pid = devnet.pid("service")
    for file in devnet.folder.glob("index.sqlite*"):
        file.unlink()
    kill(pid)


def fill_the_disk(devnet: Devnet, _moment: float) -> None:
    """Let no file of the service grow for a while: every write of the index fails."""
    pid = devnet.pid("service")
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    stepping = devnet.begin_step()
    wait_until(
        lambda: devnet.readiness() == 503,
        lambda: "the service did not say that it falls behind",
        within_s=BACK_WITHIN_S,
    )
    assert devnet.get("/api/v1/slots?limit=1")["items"]  # what it has, it still tells
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    said, _ = stepping.communicate(timeout=150)
    assert stepping.returncode == 0, said.decode()
    assert devnet.pid("service") == pid


def no_fault(_devnet: Devnet, _moment: float) -> None:
    pass


FAULTS: tuple[Fault, ...] = (
    no_fault,
    kill_in_the_middle("node"),
    kill_in_the_middle("oracle"),
    kill_in_the_middle("service"),
    kill_in_the_middle("simulator"),
    reorganise,
    delete_the_index,
    fill_the_disk,
)


def outcome(devnet: Devnet) -> dict[str, Any]:
    """Return trades, deliveries, storage and money, from the chain and from the index."""
    record = devnet.market_record()
    named = ("SlotCleared", "SlotSettled", "StorageRecorded", "SlotVoided", "CompensationPaid")
    events = sorted(
        (event.name, event.values.get("slot", 0), str(event.values.get("trades", event.values)))
        for event in record.events
        if event.name in named
    )
    accounts = devnet.get("/api/v1/accounts?limit=500")["items"]
    return {
        "events": events,
        "accounts": record.accounts,
        "indexed accounts": [
            {key: value for key, value in account.items() if "micro_usd" in key or key == "owner"}
            for account in accounts
        ],
        "indexed trades": devnet.get("/api/v1/trades?limit=500")["items"],
        "unsettled": devnet.get("/api/v1/slots?phase=void&limit=500")["items"],
    }


def test_a_day_of_faults_ends_as_a_day_without(tmp_path: Path) -> None:
    with running_devnet(tmp_path / "quiet", "scenarios/village") as devnet:
        devnet.step(SLOTS + 1)
        expected = outcome(devnet)

    with running_devnet(tmp_path / "broken", "scenarios/village") as devnet:
        first = slot_at(devnet.now())
        for slot in range(SLOTS):
            turn, number = divmod(slot, len(FAULTS))
            FAULTS[number](devnet, MOMENTS[turn % len(MOMENTS)])
            devnet.catch_up(Slot(first + slot + 1))  # time may have been lost with the blocks
        devnet.step()
        came = outcome(devnet)

    assert expected["indexed trades"]
    assert not expected["unsettled"]
    for what, value in expected.items():
        assert came[what] == value, what
