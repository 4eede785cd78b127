"""The logs of one contract, each block read once, whatever the chain takes back."""

from dataclasses import dataclass

from eth_typing import ChecksumAddress
from web3.types import LogReceipt

from oracle.chain.chains import Chain, Head

BLOCKS_PER_SEARCH = 10_000  # public nodes search no more at once


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLogs:
    """What was logged since the last look; with `again`, all there is: forget what was before."""

    logs: list[LogReceipt]
    again: bool


class LogReader:
    """Reads on from where it stopped: a chain in the process answers a search only slowly."""

    def __init__(self, chain: Chain, address: ChecksumAddress, first_block: int) -> None:
        self.reorganisations = 0  # seen so far
        self._chain = chain
        self._address = address
        self._first_block = first_block
        self._last: Head | None = None

    def read(self) -> NewLogs:
        """Return the new logs, or all where the block that was read last is gone."""
        head, last = self._chain.head(), self._last
        if last is not None and head.hash == last.hash:
            return NewLogs(logs=[], again=False)
        gone = last is not None and not self._chain.has_block(last.number, last.hash)
        first = self._first_block if last is None or gone else last.number + 1
        logs: list[LogReceipt] = []
        for start in range(first, head.number + 1, BLOCKS_PER_SEARCH):
            end = min(start + BLOCKS_PER_SEARCH - 1, head.number)
            logs += self._chain.logs(self._address, start, end)
        self._last = head
        self.reorganisations += gone
        return NewLogs(logs=logs, again=gone)
