"""A feeder's day is what the product's own plan of it is, checked round by round."""

from dataclasses import replace

import pytest

from oracle import round as chain_round
from oracle.errors import ContractRevert
from oracle.market.mechanism import Outcome, Round
from oracle.market.pairwise_nash import PairwiseNash
from oracle.plan import plan_trades
from oracle.region import day
from oracle.region.day import SlotTotals, clear_feeder
from oracle.region.feeder import RegionTerms, feeder
from oracle.units import SLOTS_PER_DAY, MicroUsdPerMwh, Wh

TERMS = RegionTerms(feeders=1, prosumers=12, seed=7)


def test_totals_are_those_of_the_plan() -> None:
    plan = plan_trades(feeder(TERMS, 0))

    found = clear_feeder(TERMS, 0)

    total = sum(found.slots, SlotTotals())
    assert len(found.slots) == SLOTS_PER_DAY
    assert total.trades == len(plan.trades) > 50
    assert total.traded == sum(trade.energy for trade in plan.trades)
    assert total.certificate_bytes == sum(len(one.certificate) for one in plan.outcomes)
    assert total.imported == sum(rest.imported for slot in plan.rests for rest in slot)
    assert total.exported == sum(rest.exported for slot in plan.rests for rest in slot)
    sellers = {(trade.slot, trade.seller) for trade in plan.trades}
    assert total.sellers == len(sellers)


def test_totals_of_a_slot_agree_with_each_other() -> None:
    for slot in clear_feeder(TERMS, 0).slots:
        assert slot.posts == slot.rounds == int(slot.orders > 0)
        assert slot.rounds_with_trades == int(slot.trades > 0)
        assert slot.idle_orders == (0 if slot.trades else slot.orders)
        assert slot.sellers <= min(slot.offers, slot.trades) <= slot.lines


def test_sums_add_every_column() -> None:
    one = SlotTotals(rounds=1, orders=5, traded=Wh(7))

    assert one + SlotTotals(orders=2, trades=3) == SlotTotals(
        rounds=1, orders=7, trades=3, traded=Wh(7)
    )


def test_the_digest_is_of_every_trade(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = clear_feeder(TERMS, 0)
    clear = PairwiseNash.clear

    def dearer(self: PairwiseNash, market_round: Round) -> Outcome:
        found = clear(self, market_round)
        last = [
            replace(trade, price=MicroUsdPerMwh(trade.price + 1)) for trade in found.trades[-1:]
        ]
        return replace(found, trades=(*found.trades[:-1], *last))

    monkeypatch.setattr(PairwiseNash, "clear", dearer)
    with pytest.raises(ContractRevert, match=r"WrongPrice|PriceOutsideLimits"):
        clear_feeder(TERMS, 0)
    monkeypatch.setattr(PairwiseNash, "verify", lambda *some: None)
    forged = clear_feeder(TERMS, 0)

    assert forged.digest != honest.digest


def test_batches_are_as_the_product_posts_them() -> None:
    assert day.ORDERS_PER_POST == chain_round.ORDERS_PER_POST
