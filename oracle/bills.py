"""
What a run was worth to each prosumer: its bill with trading, and with the grid alone.

A bill is what the grid charges for the energy that no trade moved, plus what was paid for bought
energy and lease fees, less what was received for sold energy; compensations count on both sides.
"""

from collections.abc import Mapping, Sequence

from oracle import bidding
from oracle.domain.community import Community
from oracle.domain.results import ParticipantRecord, TradeRecord
from oracle.model.prosumers import Rest
from oracle.units import Bps, MicroUsd, Wh


def grid_alone_bills(community: Community) -> list[MicroUsd]:
    """Return each prosumer's bill for the same days without any trade."""
    states = bidding.initial_states(community)
    rests = []
    for slot in range(community.pv.shape[1]):
        before = bidding.positions(community, slot, states)
        rests.append(bidding.rests(community, before, bidding.no_trades(community)))
        states = tuple(rest.battery for rest in rests[-1])
    return [
        bidding.grid_bill(community, [slot_rests[number] for slot_rests in rests])
        for number in range(len(community.prosumers))
    ]


def participant_records(
    community: Community,
    trades: Sequence[TradeRecord],
    rests: Mapping[int, Sequence[Rest]],
    scores: Sequence[Sequence[Bps]],
) -> tuple[ParticipantRecord, ...]:
    """
    Return what a settled run was worth to each prosumer.

    `rests` maps a slot to what each prosumer left to the grid, `scores` has one row per slot.
    """
    alone = grid_alone_bills(community)
    records = []
    for number, prosumer in enumerate(community.prosumers):
        bought = [trade for trade in trades if trade.buyer == prosumer.name]
        sold = [trade for trade in trades if trade.seller == prosumer.name]
        grid = bidding.grid_bill(community, [rests[slot][number] for slot in sorted(rests)])
        paid = sum(
            (t.paid or 0) + (t.fee_paid or 0) + (t.surplus_paid or 0) - (t.compensation or 0)
            for t in bought
        )
        received = sum((t.paid or 0) - (t.compensation or 0) for t in sold)
        records.append(
            ParticipantRecord(
                name=prosumer.name,
                bill=MicroUsd(grid + paid - received),
                grid_alone_bill=alone[number],
                bought=Wh(sum(trade.energy for trade in bought)),
                sold=Wh(sum(trade.energy for trade in sold)),
                delivered=Wh(sum(trade.delivered or 0 for trade in sold)),
                reputation=tuple(row[number] for row in scores),
            )
        )
    return tuple(records)
