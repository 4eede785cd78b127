"""The terms that a scenario's market is deployed with, in the chain's integers."""

from collections.abc import Sequence

import numpy as np

from oracle import bidding
from oracle.chain.deployment import NO_STORAGE, MarketTerms, Participant, StorageRating
from oracle.domain.community import Community, FeeLadder, MarketRules
from oracle.domain.power_system import SharedStorage
from oracle.domain.rows import rows_of
from oracle.market.pairwise_nash import NAME as PAIRWISE_NASH
from oracle.units import (
    Bps,
    Meters,
    MicroUsd,
    MicroUsdPerMwh,
    MicroUsdPerMwhKm,
    Slot,
    Wh,
    bps_from_fraction,
    micro_usd_per_mwh_from_usd_per_mwh,
    wh_from_mwh,
    wh_per_slot_from_mw,
)


def market_terms(
    community: Community,
    participants: Sequence[Participant],
    *,
    mechanism: str,
    storage: StorageRating,
    first_slot: Slot,
) -> MarketTerms:
    """Return the terms of a community's market; `mechanism` is the name of the contract."""
    rules = community.rules
    rows, row_words = rows_of(community.lines, len(community.prosumers))
    return MarketTerms(
        participants=tuple(participants),
        rows=rows,
        row_words=row_words,
        ladder=community.ladder,
        mechanism=mechanism,
        real_time_price=bidding.grid_prices(community, 0)[0],
        price_cap=bidding.PRICE_CAP,
        bond_price=rules.bond_price,
        compensation_price=rules.compensation_price,
        reputation_memory=rules.reputation_memory,
        reputation_full_value=rules.reputation_full_value,
        challenge_seconds=60 * rules.challenge_minutes,
        seal_bond=rules.seal_bond,
        storage=storage,
        first_slot=first_slot,
    )


def rating_of(storage: SharedStorage | None) -> StorageRating:
    """Return the storage's limits in the chain's integers."""
    if storage is None:
        return NO_STORAGE
    return StorageRating(
        max_slot=wh_per_slot_from_mw(storage.power_mw),
        min_stored=wh_from_mwh(storage.min_soc * storage.capacity_mwh),
        max_stored=wh_from_mwh(storage.max_soc * storage.capacity_mwh),
        initial=wh_from_mwh(storage.initial_soc * storage.capacity_mwh),
        charge_efficiency=bps_from_fraction(storage.charge_efficiency),
        discharge_efficiency=bps_from_fraction(storage.discharge_efficiency),
        compensation=micro_usd_per_mwh_from_usd_per_mwh(storage.compensation_usd_per_mwh),
    )


def nobody(slots: int) -> Community:
    """Return the community of a power system without prosumers."""
    nothing = np.zeros((0, slots), dtype=np.int64)
    return Community(
        prosumers=(),
        lines=(),
        ladder=FeeLadder(base=MicroUsdPerMwhKm(0), interval=Meters(1), growth=Bps(0)),
        rules=MarketRules(
            mechanism=PAIRWISE_NASH,
            battery_policy="idle",
            first_trading_slot=0,
            last_trading_slot=slots - 1,
            min_trade=Wh(0),
            max_trade=Wh(0),
            floor_price=MicroUsdPerMwh(0),
            real_time_price=MicroUsdPerMwh(0),
            bond_price=MicroUsdPerMwh(0),
            compensation_price=MicroUsdPerMwh(0),
            reputation_memory=Bps(0),
            reputation_full_value=MicroUsd(1),
        ),
        pv=nothing,
        load=nothing,
    )
