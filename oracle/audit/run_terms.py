"""The terms of a market held against the scenario that it was deployed for."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol, TypeVar

from oracle import bidding
from oracle.audit.faults import compare, fault
from oracle.domain.community import Community
from oracle.domain.record import MarketRecord
from oracle.domain.rows import lines_of, rows_of
from oracle.domain.scenario import Scenario
from oracle.domain.storage_rating import rating_of
from oracle.errors import Divergence
from oracle.plan import mechanism_of, numbered_capacities
from oracle.units import Slot, Wh

LIMITS = (
    "max_slot",
    "min_stored",
    "max_stored",
    "charge_efficiency",
    "discharge_efficiency",
    "compensation",
)


class Since(Protocol):
    """An entry of a table that holds from a slot on."""

    @property
    def since(self) -> Slot:
        """The first slot in which it holds."""


T = TypeVar("T", bound=Since)


class RunTerms:
    """
    Compares a market's terms in the slots of a run; `compared` counts them.

    `community` stands in where the scenario has none; `first` is the chain's slot for the
    scenario's first.
    """

    def __init__(
        self, scenario: Scenario, community: Community, market: MarketRecord, first: Slot
    ) -> None:
        self.compared = 0
        self._scenario = scenario
        self._community = community
        self._market = market
        self._first = first
        self._last = Slot(first + scenario.slot_count - 1)

    def compare(self) -> None:
        """
        Compare every term.

        Raises
        ------
        Divergence
            At the first that is not the scenario's.
        """
        self._constants()
        self._tables()
        self._prices()
        self._lines()
        self._participants()

    def _constants(self) -> None:
        came, rules = self._market.constants, self._community.rules
        for name, expected in {
            "price_cap": bidding.PRICE_CAP,
            "bond_price": rules.bond_price,
            "compensation_price": rules.compensation_price,
            "reputation_memory": rules.reputation_memory,
            "reputation_full_value": rules.reputation_full_value,
            "challenge_seconds": 60 * rules.challenge_minutes,
            "seal_bond": rules.seal_bond,
        }.items():
            self._require("constants.json", name, expected, getattr(came, name))
        rating = rating_of(self._scenario.storage)
        for name in LIMITS:
            expected, stated = getattr(rating, name), getattr(came.storage, name)
            self._require("constants.json", f"storage.{name}", expected, stated)

    def _tables(self) -> None:
        community, market = self._community, self._market
        for line, ladder in self._in_effect(market.ladders):
            self._require(f"ladders.csv line {line}", "ladder", community.ladder, ladder.ladder)
        expected = mechanism_of(community)
        for line, mechanism in self._in_effect(market.mechanisms):
            place = f"mechanisms.csv line {line}"
            self._require(place, "name", expected.contract, mechanism.name)
            self._require(place, "parameters", expected.parameters, mechanism.parameters)
        for line, owner in self._in_effect(market.owners):
            self._require(f"owners.csv line {line}", "group", 0, owner.group)

    def _prices(self) -> None:
        since = [entry.since for entry in self._market.prices]
        for index in range(self._scenario.slot_count):
            slot = Slot(self._first + index)
            entry = bisect_right(since, slot)
            price = self._market.prices[entry - 1].price if entry else None
            expected = bidding.grid_prices(self._community, index)[0]
            self._require(f"prices.csv line {entry + 1}", "price", expected, price, slot)

    def _lines(self) -> None:
        expected = lines_of(*rows_of(self._community.routes, len(self._community.prosumers)))
        for event in self._market.events:
            if event.name != "LinesAnnounced" or event.values["from"] > self._last:
                continue
            missing = dict(expected)
            for line, entry in enumerate(self._market.lines, start=2):
                if entry.since == event.values["from"]:
                    pair = entry.seller, entry.buyer
                    place, what = f"lines.csv line {line}", f"distance in m of {pair}"
                    self._require(place, what, missing.pop(pair, None), entry.distance, entry.since)
            for pair, distance in missing.items():
                raise fault(event, f"distance in m of {pair}: expected {distance}, came no line")

        limits = numbered_capacities(self._community)
        for since, came in self._capacities():
            self._require("capacities.csv", "capacities in Wh", limits, came, since)

    def _capacities(self) -> list[tuple[Slot, dict[tuple[int, int], Wh]]]:
        """Return what holds from the first slot on, and from later ones; new lines have none."""
        announced: dict[Slot, dict[tuple[int, int], Wh]] = {}
        for event in self._market.events:
            if event.name == "LinesAnnounced":
                announced[event.values["from"]] = {}
            elif event.name == "CapacitiesAnnounced":
                since = event.values["from"]
                announced[since] = {
                    (entry.seller, entry.buyer): entry.capacity
                    for entry in self._market.capacities
                    if entry.since == since
                }
        earliest = max((since for since in announced if since <= self._first), default=self._first)
        return [item for item in announced.items() if earliest <= item[0] <= self._last]

    def _participants(self) -> None:
        prosumers = self._community.prosumers
        joined = [e for e in self._market.events if e.name == "ParticipantRegistered"]
        for event, prosumer in zip(joined, prosumers, strict=False):
            expected, came = prosumer.initial_reputation, event.values["initialScoreBps"]
            compare(event, "initialScoreBps by the scenario", expected, came)
            self.compared += 1
            if event.values["from"] > self._first:
                raise fault(event, f"from: expected at most {self._first}")
        self._require("owners.csv", "number of participants", len(prosumers), len(joined))

    def _in_effect(self, entries: Sequence[T]) -> list[tuple[int, T]]:
        """Return the entries of a table that hold in a slot of the run, with their lines."""
        earliest = max((e.since for e in entries if e.since <= self._first), default=0)
        return [
            (line, entry)
            for line, entry in enumerate(entries, start=2)
            if earliest <= entry.since <= self._last
        ]

    def _require(
        self, place: str, what: str, expected: object, came: object, slot: Slot | None = None
    ) -> None:
        if expected != came:
            raise Divergence(
                place,
                f"{what}: expected {expected} by the scenario, came {came}",
                slot=self._first if slot is None else slot,
            )
        self.compared += 1
