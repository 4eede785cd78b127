"""What an index says beside what the contracts say, and one index beside another."""

from collections.abc import Iterable, Mapping
from typing import Any

from eth_utils.address import to_checksum_address
from sqlalchemy import func, select

from backend.index import tables
from backend.index.database import Database
from oracle.chain.market import Market, Phase
from oracle.chain.record import read_market
from oracle.chain.source import MarketSource
from oracle.domain.book import CONTRADICTION, COUNTER_READING, Kind, Order, Trade
from oracle.domain.record import MarketRecord
from oracle.units import Bps, MicroUsdPerMwh, Slot, Wh

KINDS = {"offer": Kind.OFFER, "bid": Kind.BID, None: Kind.CANCELLATION}
MARKS = {"meter": 0, "correction": COUNTER_READING, "contradiction": CONTRADICTION}


def rows(database: Database, table: Any, *order: Any, **equal: Any) -> list[Any]:
    """Return rows of a table, free of their session."""
    wanted = select(table).order_by(*order)
    with database.reading() as session:
        return list(session.scalars(wanted.filter_by(**equal)))


def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table that the chain fills, in an order of its own."""
    found = {}
    with database.reading() as session:
        for table in tables.Base.metadata.sorted_tables:
            if table.name not in tables.BESIDE_THE_CHAIN:
                everything = session.execute(select(table)).all()
                found[table.name] = sorted(map(tuple, everything), key=repr)
    return found


def held(database: Database) -> dict[str, tuple[int, int]]:
    """Return the free and locked money of every owner."""
    entry = tables.AccountEntry
    sums = select(
        entry.owner, func.sum(entry.free_micro_usd), func.sum(entry.locked_micro_usd)
    ).group_by(entry.owner)
    with database.reading() as session:
        return {owner: (int(free), int(locked)) for owner, free, locked in session.execute(sums)}


def free_at(source: MarketSource, owner: str, block: int) -> int:
    """Return an account's free money as the contract had it after a block."""
    function = source.exchange.functions["accountOf"](to_checksum_address(owner))
    return int(function.call({}, block)[0])


def assert_equals_the_chain(database: Database, source: MarketSource, market: Market) -> None:
    """Compare everything that both know, for all accounts and slots."""
    record = read_market(source.chain, source.exchange.address)
    _compare_accounts(database, source, market, record)
    _compare_slots(database, market, record)
    _compare_terms(database, record)
    storage = [
        (one.slot, one.charge_wh, one.discharge_wh, one.stored_wh)
        for one in rows(database, tables.StorageRecord, tables.StorageRecord.slot)
    ]
    assert storage == [(e.slot, e.charge, e.discharge, e.stored) for e in record.storage]
    events = [
        (one.block, one.contract, one.name, one.transaction_hash)
        for one in rows(database, tables.Event, tables.Event.block, tables.Event.log_index)
    ]
    assert events == [(e.block, e.contract, e.name, e.transaction) for e in record.events]


def _compare_accounts(
    database: Database, source: MarketSource, market: Market, record: MarketRecord
) -> None:
    money, numbers = held(database), {}
    for participant in rows(database, tables.Participant):
        numbers[participant.owner] = participant.number
    bonds = _open_bonds(database, source.rules().seal_bond)
    assert {one.owner for one in record.accounts} >= money.keys()
    for one in record.accounts:
        account = market.account(to_checksum_address(one.owner))
        locked = account.locked + bonds.get(one.owner, 0)
        assert money.get(one.owner, (0, 0)) == (account.free, locked), one.owner
        scores = rows(
            database,
            tables.Score,
            tables.Score.block,
            tables.Score.log_index,
            participant=numbers.get(one.owner, 0),
        )
        assert bool(scores) is bool(one.participant)
        if scores:
            assert (scores[-1].r, scores[-1].s) == (one.r, one.s)
            assert scores[-1].score_bps == account.score
        spent = rows(database, tables.SpentNonces, tables.SpentNonces.below, owner=one.owner)
        assert (spent[-1].below if spent else 0) == one.nonce
    assert sum(map(sum, money.values())) == record.totals.token_balance


def _open_bonds(database: Database, bond: int) -> dict[str, int]:
    """Return the bonds that are held for seals neither opened nor shared out."""
    over = {one.slot for one in rows(database, tables.Settlement)}
    over |= {one.slot for one in rows(database, tables.Void)}
    opened = {(one.slot, one.owner) for one in rows(database, tables.Reveal)}
    bonds: dict[str, int] = {}
    for seal in rows(database, tables.Seal):
        if seal.slot not in over and (seal.slot, seal.owner) not in opened:
            bonds[seal.owner] = bonds.get(seal.owner, 0) + bond
    return bonds


def _compare_slots(database: Database, market: Market, record: MarketRecord) -> None:
    known = {
        Phase.SETTLED: {one.slot for one in rows(database, tables.Settlement)},
        Phase.VOID: {one.slot for one in rows(database, tables.Void)},
    }
    known[Phase.CLEARED] = {one.slot for one in rows(database, tables.Clearing)}
    known[Phase.CLEARED] -= known[Phase.SETTLED]
    certificates = [
        one.certificate for one in rows(database, tables.Clearing, tables.Clearing.block)
    ]
    assert certificates == [one.certificate for one in record.clears]
    for hashes in record.slots:
        slot, phase = hashes.slot, market.phase(hashes.slot)
        assert {one for one, slots in known.items() if slot in slots} == {phase} & known.keys()
        assert _book(database, slot) == list(market.book(slot))
        assert _trades(database, slot) == list(
            market.settled_trades(slot) or market.cleared_trades(slot) or ()
        )
        recorded = market.readings(slot)
        assert _readings(database, slot)[: len(recorded)] == recorded


def _book(database: Database, slot: Slot) -> list[Order]:
    entries = rows(database, tables.OrderEntry, tables.OrderEntry.position, slot=slot)
    assert [one.position for one in entries] == list(range(len(entries)))
    return [
        Order(
            kind=KINDS[one.kind],
            participant=one.participant,
            energy=Wh(one.energy_wh),
            price=MicroUsdPerMwh(one.price_micro_usd_per_mwh),
            score=Bps(one.score_bps),
            terms=int(one.terms),
            nonce=one.nonce,
        )
        for one in entries
    ]


def _trades(database: Database, slot: Slot) -> list[Trade]:
    delivered = {
        one.position: one.delivered_wh for one in rows(database, tables.Delivery, slot=slot)
    }
    return [
        Trade(
            offer=one.offer_position,
            bid=one.bid_position,
            energy=Wh(one.energy_wh),
            price=MicroUsdPerMwh(one.price_micro_usd_per_mwh),
            fee=MicroUsdPerMwh(one.fee_micro_usd_per_mwh),
            surplus=MicroUsdPerMwh(one.surplus_micro_usd_per_mwh),
            pooled=one.pooled,
            delivered=Wh(delivered.get(one.position, 0)),
        )
        for one in rows(database, tables.Trade, tables.Trade.position, slot=slot)
    ]


def _readings(database: Database, slot: Slot) -> list[int]:
    return [
        MARKS[one.kind] | one.participant << 32 | one.energy_wh
        for one in rows(database, tables.Reading, tables.Reading.sequence, slot=slot)
    ]


def _compare_terms(database: Database, record: MarketRecord) -> None:
    owners = {one.participant: one.owner for one in record.owners}
    found = rows(database, tables.Participant, tables.Participant.number)
    assert {one.number: one.owner for one in found} == owners
    lines: dict[Slot, dict[tuple[int, int], tuple[int, int | None]]] = {}
    for line in record.lines:
        lines.setdefault(line.since, {})[line.seller, line.buyer] = (line.distance, None)
    for limit in record.capacities:
        distance, _ = lines[limit.since][limit.seller, limit.buyer]
        lines[limit.since][limit.seller, limit.buyer] = (distance, limit.capacity)
    for since, expected in lines.items():
        assert _lines(database, since) == expected
    assert _in_force(rows(database, tables.Ladder), "growth_bps") == {
        one.since: one.ladder.growth for one in record.ladders
    }
    assert _in_force(rows(database, tables.RealTimePrice), "price_micro_usd_per_mwh") == {
        one.since: one.price for one in record.prices
    }
    assert {
        one.since_slot: (one.address, one.name, tuple(one.parameters))
        for one in rows(database, tables.Mechanism)
    } == {one.since: (one.mechanism, one.name, one.parameters) for one in record.mechanisms}
    assert _roles(database) == {
        "Exchange": record.totals.operator,
        "Registry": record.totals.registrar,
        "LineLease": record.totals.line_owner,
        "StorageLedger": record.totals.storage_provider,
    }


def _lines(database: Database, since: Slot) -> Mapping[tuple[int, int], tuple[int, int | None]]:
    """Return distance and capacity of each line of the set that holds from a slot on."""
    sets = rows(database, tables.LineSet, tables.LineSet.block, since_slot=since)
    lines = {}
    for one in rows(database, tables.Line, block=sets[-1].block, log_index=sets[-1].log_index):
        lines[one.first, one.second] = one.distance_m, one.capacity_wh
        if one.both_ways:
            lines[one.second, one.first] = one.distance_m, one.capacity_wh
    return lines


def _in_force(found: Iterable[Any], value: str) -> dict[int, int]:
    ordered = sorted(found, key=lambda one: (one.since_slot, one.block, one.log_index))
    return {one.since_slot: getattr(one, value) for one in ordered}


def _roles(database: Database) -> dict[str, str]:
    found = rows(database, tables.Role, tables.Role.block, tables.Role.log_index)
    return {one.contract: one.holder for one in found}
