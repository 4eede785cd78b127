"""`wattline step`: the time of a devnet, slot by slot."""

import time
from pathlib import Path
from typing import Annotated

import typer

from oracle.chain.chains import Chain, open_chain
from oracle.domain.clock import slot_at, starts_at
from oracle.errors import ChainUnavailable, InvalidInputError
from oracle.units import Slot
from scripts.console import errors_in_one_line, out
from scripts.devnet.command import StateOption
from scripts.devnet.folder import DevnetFolder, DevnetRecord, Speed
from scripts.devnet.status import indexed_block, is_through

WITHIN_S = 120.0
POLL_S = 0.05


def step(
    state: StateOption = Path("out") / "devnet",
    slots: Annotated[int, typer.Option(help="How many slots to go on.", min=1)] = 1,
) -> None:
    """
    Move the time of a devnet to the start of the next slot, and wait until all is done there.

    Example: wattline step --slots 4
    """
    with errors_in_one_line():
        record = DevnetFolder(state).read()
        if record is None:
            raise InvalidInputError(f"{state}: no devnet there; `wattline devnet` starts one")
        if record.speed is not Speed.STEP:
            raise InvalidInputError(
                f"{state}: expected a devnet started with --speed step, its time runs by itself"
            )
        chain = open_chain(record.rpc_url)
        _await_all(record, chain, slot_at(chain.now()))  # or a gate closes before orders come
        for _ in range(slots):
            slot = Slot(slot_at(chain.now()) + 1)
            chain.travel_to(starts_at(slot))
            _await_all(record, chain, slot)
            out.print(f"slot {slot}", highlight=False)


def _await_all(record: DevnetRecord, chain: Chain, slot: Slot) -> None:
    """
    Wait until oracle and outside world are through with a slot, and the index has it all.

    Raises
    ------
    ChainUnavailable
        If the node does not answer, or the others take too long.
    """
    deadline = time.monotonic() + WITHIN_S
    workers = {"oracle": record.oracle_url, "outside world": record.simulator_url}
    while True:
        head = chain.head()
        late = [name for name, url in workers.items() if not is_through(url, slot, head)]
        if not late:
            indexed = indexed_block(record.service_url)
            if indexed is not None and indexed >= head.number and chain.head() == head:
                return
            late = ["service"]
        if time.monotonic() > deadline:
            raise ChainUnavailable(
                f"slot {slot}: not through after {WITHIN_S:.0f} s: {', '.join(late)}"
            )
        time.sleep(POLL_S)
