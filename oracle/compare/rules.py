"""What can be compared: every mechanism, and the benchmark that no contract accepts."""

from typing import ClassVar, Protocol, Self

from oracle.domain.community import TradeGraph
from oracle.market.mechanism import Outcome, Round, Setting, Settings
from oracle.market.registry import MECHANISMS
from oracle.units import MicroUsdPerMwh


class Rule(Protocol):
    """What a comparison wants of a mechanism."""

    name: ClassVar[str]
    graphs: ClassVar[tuple[TradeGraph, ...]]
    settings: ClassVar[tuple[Setting, ...]]
    rule: ClassVar[str]

    @classmethod
    def of(cls, settings: Settings, export_price: MicroUsdPerMwh) -> Self:
        """Return the rule with its settings; `export_price` is what the grid pays."""

    def clear(self, market_round: Round) -> Outcome:
        """Return the outcome of a round."""


RULES: dict[str, type[Rule]] = {**MECHANISMS}


def rule_of(
    kind: type[Rule], settings: Settings, export_price: MicroUsdPerMwh = MicroUsdPerMwh(0)
) -> Rule:
    """Return a rule with these settings, and the defaults of the others."""
    defaults = {setting.key: setting.default for setting in kind.settings}
    return kind.of(defaults | dict(settings), export_price)
