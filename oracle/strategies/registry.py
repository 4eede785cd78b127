"""Every bidding strategy there is, by its name in a scenario; to add one is one line here."""

from oracle.strategies.adaptive import ADAPTIVE
from oracle.strategies.fee_aware import FEE_AWARE
from oracle.strategies.fixed_margin import FIXED_MARGIN
from oracle.strategies.strategy import Strategy
from oracle.strategies.truthful import TRUTHFUL
from oracle.strategies.zero_intelligence import ZERO_INTELLIGENCE

STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        TRUTHFUL,  # the first is the default
        ZERO_INTELLIGENCE,
        FIXED_MARGIN,
        ADAPTIVE,
        FEE_AWARE,
    )
}
DEFAULT = next(iter(STRATEGIES))
