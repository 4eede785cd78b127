"""Reading a market back from a chain: the same of every chain, and only of a market."""

from contextlib import closing
from dataclasses import replace

import pytest

from oracle.chain.chains import Chain, open_chain
from oracle.chain.embedded import EmbeddedChain
from oracle.chain.record import read_market
from oracle.day import run_scenario
from oracle.domain.community import Shortfall
from oracle.domain.record import EventRecord, MarketRecord
from oracle.errors import InvalidInputError
from oracle.units import Bps
from tests.oracle.communities import a_community, a_line, a_scenario, a_tariff
from tests.oracle.power_systems import a_storage

pytestmark = pytest.mark.contract


def a_record(chain: Chain) -> MarketRecord:
    """Run two slots of two prosumers with a storage on a chain, and read it."""
    short = Shortfall(prosumer=0, slot=1, delivered=Bps(6_000))
    community = a_community(
        [[20.0, 20.0], [-30.0, -30.0]],
        [a_line(0, 1, 1)],
        shortfalls=(short,),
        tariff=a_tariff([0.3, 0.25], [0.05, 0.05]),
    )
    scenario = a_scenario(community, storage=a_storage(power_mw=0.03, capacity_mwh=0.09))
    result = run_scenario(scenario, chain)
    return read_market(chain, result.addresses["Exchange"])


@pytest.fixture(scope="module")
def embedded() -> tuple[Chain, MarketRecord]:
    chain = EmbeddedChain()
    return chain, a_record(chain)


def without_the_chains_own(event: EventRecord) -> EventRecord:
    """Return an event without what differs from chain to chain: blocks, times, the day."""
    values = {
        name: value
        for name, value in event.values.items()
        if name not in ("slot", "from", "directory")
    }
    return replace(event, block=0, time=0, transaction="", values=values)


def test_events_come_in_the_chains_order(embedded: tuple[Chain, MarketRecord]) -> None:
    events = embedded[1].events

    assert [event.position for event in events] == list(range(len(events)))
    assert [event.block for event in events] == sorted(event.block for event in events)
    assert events[0].contract == "Registry"
    assert {event.contract for event in events} == {
        "Exchange",
        "LineLease",
        "Registry",
        "StorageLedger",
    }


def test_calldata_completes_the_events(embedded: tuple[Chain, MarketRecord]) -> None:
    record = embedded[1]
    names = [event.name for event in record.events]

    assert len(record.clears) == names.count("SlotCleared") == 2
    assert all(call.certificate for call in record.clears)
    assert [len(one.signature) for one in record.statements] == [65, 64] * 2  # storage first


def test_an_earlier_first_block_changes_nothing_else(embedded: tuple[Chain, MarketRecord]) -> None:
    chain, record = embedded
    first_block = record.events[0].block

    again = read_market(chain, record.constants.addresses["Exchange"], first_block=first_block)

    assert again.constants.first_block == first_block
    assert replace(again, constants=record.constants) == record


@pytest.mark.node
@pytest.mark.slow
def test_anvil_and_the_embedded_chain_leave_the_same(embedded: tuple[Chain, MarketRecord]) -> None:
    with closing(open_chain("anvil")) as chain:
        there = a_record(chain)
    here = embedded[1]

    assert list(map(without_the_chains_own, there.events)) == list(
        map(without_the_chains_own, here.events)
    )
    assert there.clears == here.clears
    assert there.accounts == here.accounts
    assert there.owners == here.owners
    assert [line.distance for line in there.lines] == [line.distance for line in here.lines]
    assert there.totals.token_balance == here.totals.token_balance


@pytest.mark.parametrize("address", ["0x12", "nowhere", "0x" + 40 * "g"])
def test_what_is_no_address_is_refused(embedded: tuple[Chain, MarketRecord], address: str) -> None:
    with pytest.raises(InvalidInputError, match="expected an address of 20 bytes"):
        read_market(embedded[0], address)


def test_an_address_without_a_contract_is_refused(embedded: tuple[Chain, MarketRecord]) -> None:
    with pytest.raises(InvalidInputError, match="there is no contract at this address"):
        read_market(embedded[0], "0x" + 20 * "ab")
