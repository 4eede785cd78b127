"""Every market mechanism there is, by its id; to add one is one line here."""

from oracle.market.average_rounds import AverageRounds
from oracle.market.demand_bidding import DemandBidding
from oracle.market.huang import Huang
from oracle.market.matching import Matching
from oracle.market.mcafee import McAfee
from oracle.market.mechanism import Mechanism
from oracle.market.mid_market import MidMarket
from oracle.market.pairwise_nash import PairwiseNash
from oracle.market.pay_as_bid import PayAsBid
from oracle.market.supply_demand_ratio import SupplyDemandRatio
from oracle.market.uniform import Uniform

MECHANISMS: dict[str, type[Mechanism]] = {
    mechanism.name: mechanism
    for mechanism in (
        PairwiseNash,
        Matching,
        Uniform,
        McAfee,
        Huang,
        PayAsBid,
        AverageRounds,
        SupplyDemandRatio,
        MidMarket,
        DemandBidding,
    )
}
BY_CONTRACT = {mechanism.contract: mechanism for mechanism in MECHANISMS.values()}
