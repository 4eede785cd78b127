"""The optimised day without and with sharing, side by side: the rows of tables and report."""

from dataclasses import dataclass

from oracle.domain.results import Plan, RealTimeResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One quantity of the day in both cases; None where a case does not have it."""

    label: str
    digits: int  # decimals worth showing
    without_sharing: float | None
    with_sharing: float | None

    @property
    def difference(self) -> float | None:
        """Return what sharing changes."""
        if self.without_sharing is None or self.with_sharing is None:
            return None
        return self.with_sharing - self.without_sharing


def comparison_rows(plan: Plan) -> tuple[ComparisonRow, ...]:
    """Return the comparison, empty for a scenario without a power system."""
    without, sharing = plan.without_sharing, plan.with_sharing
    if without is None or sharing is None:
        return ()
    return (
        _row("total cost, $", 2, without.total_cost_usd, sharing.total_cost_usd),
        _row("operation, $", 2, without.operation_cost_usd, sharing.operation_cost_usd),
        _row("carbon, $", 2, without.carbon_cost_usd, sharing.carbon_cost_usd),
        _row(
            "demand response, $",
            2,
            without.demand_response_cost_usd,
            sharing.demand_response_cost_usd,
        ),
        _row("storage degradation, $", 2, None, _storage_cost(sharing)),
        _row("lease fees of the trades, $", 2, None, sharing.p2p_cost_usd),
        _row("profit of the storage provider, $", 2, None, _storage_profit(sharing)),
        _row("CO₂, t", 2, without.co2_t, sharing.co2_t),
        _row("wind used, %", 2, 100 * without.wind_used_share, 100 * sharing.wind_used_share),
        _row("unserved, MWh", 3, without.unserved_mwh, sharing.unserved_mwh),
    )


def _row(label: str, digits: int, without: float | None, sharing: float | None) -> ComparisonRow:
    return ComparisonRow(
        label=label,
        digits=digits,
        without_sharing=_shown(without, digits),
        with_sharing=_shown(sharing, digits),
    )


def _shown(value: float | None, digits: int) -> float | None:
    """Return the value as it is shown, so that differences add up and no zero has a sign."""
    return None if value is None else round(value, digits) + 0.0


def _storage_cost(result: RealTimeResult) -> float | None:
    return None if result.storage is None else result.storage.cost_usd


def _storage_profit(result: RealTimeResult) -> float | None:
    return None if result.storage is None else result.storage.profit_usd
