"""
What the prosumers of a community do in a slot: their positions, their orders, their batteries.

An offer's limit is the highest of floor price, cost of sale and export price. A bid's limit
includes the lease fee: the import price under a tariff, else the price at which the buyer's utility
is zero, MODEL equation (13), with the lowest score among those it may buy from, so that no match
can cost it more than the energy is worth. Which price a prosumer states, its limit or one by which
it gains more, is its strategy's; what the order says of both is the mechanism's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.domain.book import FIRST_MANAGER, MAX_PARTICIPANTS, MAX_PRICE, Kind, Order, Trade
from oracle.domain.community import Community, Prosumer
from oracle.market.pairwise_nash import highest_all_in_price
from oracle.market.registry import MECHANISMS
from oracle.market.terms import Quote, stated
from oracle.model.prosumers import (
    BatteryState,
    Position,
    Rest,
    after_trades,
    energy_to_order,
    initial_state,
    position,
)
from oracle.strategies.agents import Agents
from oracle.units import WH_PER_MWH, Bps, MicroUsd, MicroUsdPerMwh, Wh, mw_from_wh_per_slot

PRICE_CAP = MicroUsdPerMwh(10_000_000_000)  # 10 USD/kWh; no order bids more


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotEnergies:
    """Energy per prosumer that a slot's trades sold, bought and, once known, brought."""

    sold: tuple[Wh, ...]
    bought: tuple[Wh, ...]
    received: tuple[Wh, ...] | None = None


def initial_states(community: Community) -> tuple[BatteryState, ...]:
    return tuple(initial_state(prosumer) for prosumer in community.prosumers)


def positions(
    community: Community, slot: int, states: Sequence[BatteryState]
) -> tuple[Position, ...]:
    """Return what each prosumer has to trade in a slot."""
    pv_wh, load_wh = community.pv[:, slot].tolist(), community.load[:, slot].tolist()
    return tuple(
        position(prosumer, community.rules.battery_policy, Wh(pv), Wh(load), state)
        for prosumer, pv, load, state in zip(
            community.prosumers, pv_wh, load_wh, states, strict=True
        )
    )


def agents(community: Community, fees: Mapping[tuple[int, int], MicroUsdPerMwh]) -> Agents:
    """Return the prosumers as agents without experience; `fees` as `round_of` has them."""
    return Agents(community, _least_fees(fees))


def is_trading_slot(community: Community, slot: int) -> bool:
    rules = community.rules
    return rules.first_trading_slot <= slot <= rules.last_trading_slot


def grid_prices(community: Community, slot: int) -> tuple[MicroUsdPerMwh, MicroUsdPerMwh]:
    """Return import and export price; without a tariff the real-time and the floor price."""
    if community.tariff is None:
        return community.rules.real_time_price, community.rules.floor_price
    tariff = community.tariff
    return (
        MicroUsdPerMwh(int(tariff.import_price[slot])),
        MicroUsdPerMwh(int(tariff.export_price[slot])),
    )


def limits(
    community: Community, slot: int, before: Sequence[Position], scores: Sequence[Bps]
) -> list[Order]:
    """
    Return what each prosumer may order at the worst price that it does not lose by.

    By the prosumers' numbers; nothing outside the trading slots. The orders have no terms.
    """
    if not is_trading_slot(community, slot):
        return []
    found = []
    peer_scores = _lowest_peer_scores(community, scores) if community.tariff is None else scores
    for index, prosumer in enumerate(community.prosumers):
        order = _offer(community, slot, index, prosumer, before[index])
        if order is None:
            order = _bid(community, slot, index, prosumer, before[index], peer_scores[index])
        if order is not None:
            found.append(order)
    return found


def orders(
    community: Community, slot: int, at_limits: Sequence[Order], placed_by: Agents
) -> list[Order]:
    """Return the orders for a slot, as strategies state them that know what `limits` returns."""
    mechanism = MECHANISMS[community.rules.mechanism]
    import_price, export_price = grid_prices(community, slot)
    placed = []
    for limit in at_limits:
        grid_price = import_price if limit.kind is Kind.OFFER else export_price
        price = placed_by.price(slot, limit, grid_price)
        quote = Quote(kind=limit.kind, energy=limit.energy, limit=limit.price, price=price)
        says = stated(mechanism, community.prosumers[limit.participant - 1], quote)
        placed.append(
            Order(
                kind=limit.kind,
                participant=limit.participant,
                energy=limit.energy,
                price=says.price,
                terms=says.terms,
            )
        )
    return placed


def energies(community: Community, book: Sequence[Order], trades: Sequence[Trade]) -> SlotEnergies:
    """Return what the trades over a book sold and bought, per prosumer."""
    sold, bought = [0] * len(community.prosumers), [0] * len(community.prosumers)
    received = [0] * len(community.prosumers)
    for trade in trades:
        sold[book[trade.offer].participant - 1] += trade.energy
        buyer = book[trade.bid].participant - 1
        bought[buyer] += trade.energy
        received[buyer] += trade.delivered
    return SlotEnergies(
        sold=tuple(map(Wh, sold)), bought=tuple(map(Wh, bought)), received=tuple(map(Wh, received))
    )


def rests(
    community: Community, before: Sequence[Position], traded: SlotEnergies
) -> tuple[Rest, ...]:
    """Return each prosumer after the slot's trades."""
    return tuple(
        after_trades(
            prosumer,
            community.rules.battery_policy,
            before[index],
            sold=traded.sold[index],
            bought=traded.bought[index],
            received=None if traded.received is None else traded.received[index],
        )
        for index, prosumer in enumerate(community.prosumers)
    )


def no_trades(community: Community) -> SlotEnergies:
    nothing = (Wh(0),) * len(community.prosumers)
    return SlotEnergies(sold=nothing, bought=nothing)


def grid_bill(community: Community, slot_rests: Sequence[Rest]) -> MicroUsd:
    """Return what the grid charges one prosumer, rounded up once; negative is a credit."""
    scaled = 0
    for slot, rest in enumerate(slot_rests):
        import_price, export_price = grid_prices(community, slot)
        scaled += rest.imported * import_price - rest.exported * export_price
    return MicroUsd(-(-scaled // WH_PER_MWH))


def net_load_mw(slot_rests: Sequence[Sequence[Rest]]) -> npt.NDArray[np.float64]:
    """Return the community's imports less its exports, shape (T,), in MW."""
    return np.array(
        [
            mw_from_wh_per_slot(Wh(sum(rest.imported - rest.exported for rest in one)))
            for one in slot_rests
        ],
        dtype=np.float64,
    )


def _offer(
    community: Community, slot: int, index: int, prosumer: Prosumer, before: Position
) -> Order | None:
    rules = community.rules
    maximum = rules.max_trade if prosumer.max_sale is None else prosumer.max_sale
    energy = energy_to_order(before.surplus, rules.min_trade, Wh(min(maximum, rules.max_trade)))
    if energy == 0:
        return None
    floor = rules.floor_price if community.tariff is None else grid_prices(community, slot)[1]
    return Order(
        kind=Kind.OFFER,
        participant=index + 1,
        energy=energy,
        price=MicroUsdPerMwh(max(floor, rules.floor_price, prosumer.sale_cost)),
    )


def _bid(
    community: Community,
    slot: int,
    index: int,
    prosumer: Prosumer,
    before: Position,
    peer_score: Bps,
) -> Order | None:
    rules = community.rules
    maximum = rules.max_trade if prosumer.max_purchase is None else prosumer.max_purchase
    wanted = Wh(before.deficit + before.storable)
    energy = energy_to_order(wanted, rules.min_trade, Wh(min(maximum, rules.max_trade)))
    if energy == 0:
        return None
    if community.tariff is not None:
        limit = grid_prices(community, slot)[0]
    else:
        limit = highest_all_in_price(
            utility=prosumer.utility,
            saturation=prosumer.saturation,
            weight=prosumer.cost_weight,
            energy=energy,
            score=peer_score,
        )
    return Order(
        kind=Kind.BID,
        participant=index + 1,
        energy=energy,
        price=MicroUsdPerMwh(min(limit, PRICE_CAP, MAX_PRICE)),
    )


def _least_fees(
    fees: Mapping[tuple[int, int], MicroUsdPerMwh],
) -> dict[int, MicroUsdPerMwh]:
    """Return the least fee of each participant's lines, and of its spoke with another's."""
    routes: dict[int, list[int]] = {}
    spokes: dict[int, list[tuple[int, int]]] = {}
    for (number, end), of_route in fees.items():
        if end >= FIRST_MANAGER:
            spokes.setdefault(end, []).append((of_route, number))
        else:
            routes.setdefault(number, []).append(of_route)
    for pooled in spokes.values():
        cheapest = sorted(pooled)[:2]
        for fee, number in pooled:
            routes.setdefault(number, []).extend(
                fee + others for others, other in cheapest if other != number
            )
    return {number: MicroUsdPerMwh(min(known)) for number, known in routes.items() if known}


def _lowest_peer_scores(community: Community, scores: Sequence[Bps]) -> list[Bps]:
    """Return the lowest score among those that each prosumer may buy from; 0 if nobody."""
    ends: dict[int, list[int]] = {}
    for line in community.routes:
        ends.setdefault(line.first, []).append(line.second)
        ends.setdefault(line.second, []).append(line.first)
    pooled = {  # two, as nobody buys from itself
        manager: sorted((scores[member], member) for member in members)[:2]
        for manager, members in ends.items()
        if manager >= MAX_PARTICIPANTS
    }
    lowest = []
    for index in range(len(community.prosumers)):
        of_peers = []
        for end in ends.get(index, ()):
            if end in pooled:
                of_peers += [score for score, member in pooled[end] if member != index]
            else:
                of_peers.append(scores[end])
        lowest.append(min(of_peers, default=Bps(0)))
    return lowest
