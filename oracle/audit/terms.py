"""
What held in which slot: participants, meters, lines, ladder, real-time price and mechanism.

Every table of an export is compared with the announcements among the events before it is used.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from oracle.audit.hashes import capacities_hashes, rows_hashes
from oracle.domain.clock import ANNOUNCED_SLOTS, OPEN_SLOTS
from oracle.domain.community import FeeLadder
from oracle.domain.record import EventRecord, LineEntry, MarketRecord
from oracle.errors import Divergence
from oracle.model.line_lease import lease_fee
from oracle.units import SLOT_SECONDS, Bps, Meters, MicroUsdPerMwh, Slot, Wh

T = TypeVar("T")
Pair = tuple[int, int]


class Series(Generic[T]):
    """Values that hold from a slot on, announced in ascending order."""

    def __init__(self) -> None:
        self._since: list[Slot] = []
        self._values: list[T] = []

    def push(self, since: Slot, value: T) -> bool:
        """Add a value; False where one for a later slot was announced before."""
        if self._since and since < self._since[-1]:
            return False
        if self._since and since == self._since[-1]:
            self._values[-1] = value
        else:
            self._since.append(since)
            self._values.append(value)
        return True

    def at(self, slot: Slot) -> T | None:
        """Return what holds in a slot; None before the first."""
        position = bisect_right(self._since, slot)
        return self._values[position - 1] if position else None

    def items(self) -> list[tuple[Slot, T]]:
        return list(zip(self._since, self._values, strict=True))


class Terms:
    """The terms of a market, as far as the events that were shown to it say."""

    def __init__(self, record: MarketRecord) -> None:
        self._record = record
        self.prices: Series[MicroUsdPerMwh] = Series()
        self.mechanisms: Series[str] = Series()
        self.ladders: Series[FeeLadder] = Series()
        self.meters: Series[tuple[str, ...]] = Series()
        self.lines: Series[dict[Pair, Meters]] = Series()
        self.capacities: Series[dict[Pair, Wh]] = Series()
        self.owners: list[str] = []
        self.groups: Series[tuple[int, ...]] = Series()
        self.joined: dict[str, tuple[int, Slot, Bps]] = {}  # owner → number, first slot, score
        self._founding = ""  # the transaction that registered the first participant
        self._fees: dict[tuple[int, FeeLadder], dict[Pair, MicroUsdPerMwh]] = {}
        self._lines_of: dict[Slot, list[LineEntry]] = {}
        for line in record.lines:
            self._lines_of.setdefault(line.since, []).append(line)
        self._capacities_of: dict[Slot, dict[Pair, Wh]] = {}
        for number, one in enumerate(record.capacities, start=2):
            limits = self._capacities_of.setdefault(one.since, {})
            if (one.seller, one.buyer) in limits:
                raise Divergence(
                    f"capacities.csv line {number}",
                    f"expected each line once from a slot on, came {one.seller}, {one.buyer} again",
                    slot=one.since,
                )
            limits[one.seller, one.buyer] = one.capacity
        self._rows: Series[tuple[Slot, int]] = Series()  # since when, and the words of a row
        self._limits_of = {  # the announcement that capacities.csv has, as below
            event.values["from"]: event.position
            for event in record.events
            if event.name == "CapacitiesAnnounced"
        }
        self._rows_of = {  # the announcement that lines.csv has, by its slot: the last
            event.values["from"]: event.position
            for event in record.events
            if event.name == "LinesAnnounced"
        }

    def fees(self, slot: Slot) -> dict[Pair, MicroUsdPerMwh]:
        """Return the fee per (seller, buyer) in a slot, by the ladder at the lines' distances."""
        lines, ladder = self.lines.at(slot), self.ladders.at(slot)
        if lines is None or ladder is None:
            return {}
        key = id(lines), ladder
        if key not in self._fees:
            self._fees[key] = {pair: lease_fee(ladder, length) for pair, length in lines.items()}
        return self._fees[key]

    def meter(self, slot: Slot, participant: int) -> str | None:
        meters = self.meters.at(slot) or ()
        return meters[participant - 1] if 0 < participant <= len(meters) else None

    def participants(self, slot: Slot) -> int:
        """Return how many participants the tables of a slot have."""
        return len(self.groups.at(slot) or ())

    def group(self, slot: Slot, participant: int) -> int:
        groups = self.groups.at(slot) or ()
        return groups[participant - 1] if 0 < participant <= len(groups) else 0

    def announce(self, event: EventRecord) -> bool:
        """Take an announcement; False where the event is none."""
        take = {
            "RealTimePriceAnnounced": self._price,
            "MechanismAnnounced": self._mechanism,
            "LadderAnnounced": self._ladder,
            "LinesAnnounced": self._lines_announced,
            "CapacitiesAnnounced": self._capacities_announced,
            "MeterAnnounced": self._meter,
            "GroupAnnounced": self._group,
            "ParticipantRegistered": self._participant,
        }.get(event.name)
        if take is None:
            return False
        since = Slot(event.values["from"])
        current = event.time // SLOT_SECONDS
        # A constructor's settings hold from slot 0; changes reach no slot that is open.
        is_first = since == 0 and self._is_from_constructor(event)
        if not is_first and not current + OPEN_SLOTS < since <= current + ANNOUNCED_SLOTS:
            raise _fault(
                event,
                f"from: expected a slot of {current + OPEN_SLOTS + 1} to "
                f"{current + ANNOUNCED_SLOTS}, came {since}",
            )
        if not take(event, since):
            raise _fault(event, f"from: expected no slot before the last announced, came {since}")
        return True

    def _is_from_constructor(self, event: EventRecord) -> bool:
        """Return whether nothing was announced before; founders come in one transaction."""
        if event.name == "ParticipantRegistered":
            self._founding = self._founding or event.transaction
            return event.transaction == self._founding
        series: dict[str, Series[Any]] = {
            "RealTimePriceAnnounced": self.prices,
            "MechanismAnnounced": self.mechanisms,
            "LadderAnnounced": self.ladders,
            "LinesAnnounced": self.lines,
        }
        return event.name in series and not series[event.name].items()

    def compare_tables(self) -> None:
        """
        Compare the tables of the export with the announcements.

        Raises
        ------
        Divergence
            At the first line that differs.
        """
        record = self._record
        _same("prices.csv", self.prices.items(), [(e.since, e.price) for e in record.prices])
        _same("ladders.csv", self.ladders.items(), [(e.since, e.ladder) for e in record.ladders])
        _same(
            "mechanisms.csv",
            self.mechanisms.items(),
            [(e.since, e.mechanism) for e in record.mechanisms],
        )
        _same(
            "meters.csv",
            [
                (since, (number, meter))
                for since, meters in self.meters.items()
                for number, meter in enumerate(meters, start=1)
            ],
            [(e.since, (e.participant, e.meter)) for e in record.meters],
        )
        _same(
            "owners.csv",
            [
                (since, (number, self.owners[number - 1], group))
                for since, groups in self.groups.items()
                for number, group in enumerate(groups, start=1)
            ],
            [(e.since, (e.participant, e.owner, e.group)) for e in record.owners],
        )
        announced = {since for since, _ in self.lines.items()}
        for position, line in enumerate(record.lines):
            if line.since not in announced:
                raise Divergence(
                    f"lines.csv line {position + 2}",
                    f"since: expected a slot that lines were announced for, came {line.since}",
                    slot=line.since,
                )
        limited = self._limits_of
        for position, one in enumerate(record.capacities):
            if one.since not in limited:
                raise Divergence(
                    f"capacities.csv line {position + 2}",
                    f"since: expected a slot that capacities were announced for, came {one.since}",
                    slot=one.since,
                )

    def _price(self, event: EventRecord, since: Slot) -> bool:
        return self.prices.push(since, MicroUsdPerMwh(event.values["price"]))

    def _mechanism(self, event: EventRecord, since: Slot) -> bool:
        return self.mechanisms.push(since, event.values["mechanism"])

    def _ladder(self, event: EventRecord, since: Slot) -> bool:
        base, interval, growth = (
            event.values[key] for key in ("baseMicroUsdPerMwhKm", "stepMeters", "growthBps")
        )
        return self.ladders.push(since, FeeLadder(base=base, interval=interval, growth=growth))

    def _capacities_announced(self, event: EventRecord, since: Slot) -> bool:
        came, limits = event.values["capacitiesHash"], self._capacities_of.get(since, {})
        if self._limits_of[since] != event.position:
            return self.capacities.push(since, {})
        rows = self._rows.at(since)
        of_rows, row_words = rows if rows else (Slot(0), 1)
        lines = self._lines_of.get(of_rows, [])
        is_known = {(one.seller, one.buyer) for one in lines}.issuperset(limits)
        if not is_known or came not in capacities_hashes(lines, row_words, limits):
            raise _fault(
                event,
                f"capacitiesHash: expected that of {len(limits)} lines in capacities.csv, "
                f"came {came}",
            )
        return self.capacities.push(since, limits)

    def _lines_announced(self, event: EventRecord, since: Slot) -> bool:
        lines, came = self._lines_of.get(since, []), event.values["rowsHash"]
        is_last = self._rows_of[since] == event.position
        if is_last and came not in rows_hashes(lines, event.values["rowWords"]):
            raise _fault(
                event, f"rowsHash: expected that of {len(lines)} lines in lines.csv, came {came}"
            )
        self._rows.push(since, (since, event.values["rowWords"]))
        if not self.capacities.push(since, {}):  # new lines have none
            return False
        return self.lines.push(since, {(one.seller, one.buyer): one.distance for one in lines})

    def _meter(self, event: EventRecord, since: Slot) -> bool:
        meters, number = self._latest_meters(), event.values["participant"]
        if not 0 < number <= len(meters):
            raise _fault(event, f"participant: expected one of {len(meters)}, came {number}")
        meters[number - 1] = event.values["meter"]
        return self.meters.push(since, tuple(meters))

    def _group(self, event: EventRecord, since: Slot) -> bool:
        groups, number = self._latest_groups(), event.values["participant"]
        if not 0 < number <= len(groups):
            raise _fault(event, f"participant: expected one of {len(groups)}, came {number}")
        groups[number - 1] = event.values["group"]
        return self.groups.push(since, tuple(groups))

    def _participant(self, event: EventRecord, since: Slot) -> bool:
        number, owner = event.values["participant"], event.values["owner"]
        expected = len(self.owners) + 1
        if number != expected:
            raise _fault(event, f"participant: expected {expected}, came {number}")
        if owner in self.joined:
            raise _fault(event, f"owner: expected one that owns none yet, came {owner}")
        self.owners.append(owner)
        self.joined[owner] = number, since, event.values["initialScoreBps"]
        groups = *self._latest_groups(), event.values["group"]
        meters = *self._latest_meters(), event.values["meter"]
        return self.groups.push(since, groups) and self.meters.push(since, meters)

    def _latest_groups(self) -> list[int]:
        items = self.groups.items()
        return list(items[-1][1]) if items else []

    def _latest_meters(self) -> list[str]:
        items = self.meters.items()
        return list(items[-1][1]) if items else []


def _same(
    file: str, expected: Sequence[tuple[Slot, object]], came: Sequence[tuple[Slot, object]]
) -> None:
    for position, (one, other) in enumerate(zip(expected, came, strict=False)):
        if one != other:
            raise Divergence(
                f"{file} line {position + 2}", f"expected {one}, came {other}", slot=other[0]
            )
    if len(expected) != len(came):
        missing = expected[len(came)] if len(expected) > len(came) else came[len(expected)]
        raise Divergence(
            f"{file} line {min(len(expected), len(came)) + 2}",
            f"expected {len(expected)} entries, came {len(came)}, and {missing} is in one only",
            slot=missing[0],
        )


def _fault(event: EventRecord, what: str) -> Divergence:
    return Divergence(f"record {event.position} {event.name}", what, slot=event.values["from"])
