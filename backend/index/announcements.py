"""The rows of what is announced from a slot on: lines, ladders, prices, mechanisms, people."""

from collections.abc import Callable, Mapping
from typing import Any

from backend.chain import ChainEvent, ChainSegment
from backend.index import tables
from backend.index.rows import Rows
from backend.index.state import LineRows, MarketState
from oracle.domain.rows import capacities_of, lines_of
from oracle.units import Meters, Slot, Wh

Pair = tuple[int, int]


class Announcements:
    """Adds the rows of announcements; `names` are what participants are called, by number."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._takers: dict[str, Callable[[ChainEvent, ChainSegment, MarketState, Rows], None]] = {
            "ParticipantRegistered": self._participant,
            "MeterAnnounced": self._meter,
            "GroupAnnounced": self._group,
            "LinesAnnounced": self._lines,
            "CapacitiesAnnounced": self._lines,
            "LadderAnnounced": self._ladder,
            "RealTimePriceAnnounced": self._price,
            "MechanismAnnounced": self._mechanism,
        }

    def take(
        self, event: ChainEvent, segment: ChainSegment, state: MarketState, rows: Rows
    ) -> bool:
        """Take an event; False where it announces nothing."""
        taker = self._takers.get(event.name)
        if taker is not None:
            taker(event, segment, state, rows)
        return taker is not None

    def _participant(
        self, event: ChainEvent, _: ChainSegment, state: MarketState, rows: Rows
    ) -> None:
        values = event.values
        number, since = values["participant"], Slot(values["from"])
        state.join(number, values["owner"], since, values["group"])
        rows.add(
            tables.Participant,
            number=number,
            name=self._names.get(number),
            owner=values["owner"],
            meter=values["meter"],
            first_slot=since,
            initial_score_bps=values["initialScoreBps"],
            group_number=values["group"],
            block=event.block,
        )

    def _meter(self, event: ChainEvent, _: ChainSegment, state: MarketState, rows: Rows) -> None:
        participant, meter = event.values["participant"], event.values["meter"]
        rows.add(tables.MeterAnnouncement, **_place(event), participant=participant, meter=meter)

    def _group(self, event: ChainEvent, _: ChainSegment, state: MarketState, rows: Rows) -> None:
        number, group = event.values["participant"], event.values["group"]
        state.regroup(number, Slot(event.values["from"]), group)
        rows.add(tables.GroupAnnouncement, **_place(event), participant=number, group_number=group)

    def _lines(
        self, event: ChainEvent, segment: ChainSegment, state: MarketState, rows: Rows
    ) -> None:
        """Add new lines, or the same as before with the capacities that are announced for them."""
        since, table = Slot(event.values["from"]), segment.tables[event.values["directory"]]
        if event.name == "LinesAnnounced":
            lines = LineRows(since, table, event.values["rowWords"])
            capacities: dict[Pair, Wh] = {}
        else:
            before = state.rows_at(since)
            lines = LineRows(since, before.words, before.row_words)
            capacities = capacities_of(table, lines.words, lines.row_words)
        state.rows.append(lines)
        packed = b"".join(word.to_bytes(32, "big") for word in lines.words)
        rows.add(tables.LineSet, **_place(event), row_words=lines.row_words, rows=packed)
        _add_lines(event, lines_of(lines.words, lines.row_words), capacities, rows)

    def _ladder(self, event: ChainEvent, _: ChainSegment, state: MarketState, rows: Rows) -> None:
        rows.add(
            tables.Ladder,
            **_place(event),
            base_micro_usd_per_mwh_km=event.values["baseMicroUsdPerMwhKm"],
            interval_m=event.values["stepMeters"],
            growth_bps=event.values["growthBps"],
        )

    def _price(self, event: ChainEvent, _: ChainSegment, state: MarketState, rows: Rows) -> None:
        price = event.values["price"]
        rows.add(tables.RealTimePrice, **_place(event), price_micro_usd_per_mwh=price)

    def _mechanism(
        self, event: ChainEvent, segment: ChainSegment, state: MarketState, rows: Rows
    ) -> None:
        address = event.values["mechanism"]
        terms = segment.mechanisms[address]
        rows.add(
            tables.Mechanism,
            **_place(event),
            address=address,
            name=terms.name,
            parameters=list(terms.parameters),
        )


def _place(event: ChainEvent) -> dict[str, Any]:
    return {
        "block": event.block,
        "log_index": event.log_index,
        "since_slot": event.values["from"],
    }


def _add_lines(
    event: ChainEvent,
    distances: Mapping[Pair, Meters],
    capacities: Mapping[Pair, Wh],
    rows: Rows,
) -> None:
    """Add a line that is the same both ways once."""
    for (first, second), distance in sorted(distances.items()):
        back = second, first
        there = distance, capacities.get((first, second))
        is_same = (distances.get(back), capacities.get(back)) == there
        if is_same and second < first:
            continue
        rows.add(
            tables.Line,
            **_place(event),
            first=first,
            second=second,
            both_ways=is_same,
            distance_m=distance,
            capacity_wh=there[1],
        )
