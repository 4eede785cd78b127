"""A chain that was read once: the same blocks without a node, as many as a test lets be seen."""

from dataclasses import dataclass, field, replace

from backend.chain import BlockHeader, ChainSegment, MarketRules
from oracle.chain.source import MarketSource
from oracle.errors import ChainUnavailable


@dataclass
class RecordedChain:
    """The reader of a recording, up to block `height`."""

    recorded_rules: MarketRules
    recording: ChainSegment
    height: int
    is_away: bool = False
    asked: list[tuple[int, int]] = field(default_factory=list)  # segments, first and last

    def rules(self) -> MarketRules:
        return self.recorded_rules

    def head(self) -> BlockHeader:
        found = self.header(self.height)
        assert found is not None
        return found

    def header(self, number: int) -> BlockHeader | None:
        if self.is_away:
            raise ChainUnavailable("the node does not answer: is it running?")
        first = self.recording.headers[0].number
        return self.recording.headers[number - first] if number <= self.height else None

    def segment(self, first: int, last: int) -> ChainSegment:
        self.asked.append((first, last))
        assert last <= self.height
        inside = range(first, last + 1)
        return replace(
            self.recording,
            headers=tuple(one for one in self.recording.headers if one.number in inside),
            events=tuple(one for one in self.recording.events if one.block in inside),
            transactions=tuple(one for one in self.recording.transactions if one.block in inside),
        )


def recorded(source: MarketSource) -> RecordedChain:
    """Read a chain up to its head."""
    height = source.head().number
    return RecordedChain(source.rules(), source.segment(0, height), height)


def renamed(chain: RecordedChain, since: int) -> RecordedChain:
    """Return a chain whose blocks from one on have other hashes: a branch with the same events."""
    headers: list[BlockHeader] = []
    for header in chain.recording.headers:
        parent = headers[-1].hash if headers else header.parent_hash
        own = header.hash if header.number < since else "0xb4a" + header.hash[5:]
        headers.append(replace(header, hash=own, parent_hash=parent))
    recording = replace(chain.recording, headers=tuple(headers))
    return RecordedChain(chain.recorded_rules, recording, chain.height)
