"""What `wattline explain --json` prints: an order's explanation, or a slot's book."""

from oracle.compare.measures import measures
from oracle.domain.book import Trade
from oracle.explain.order import GRID, Explanation
from oracle.explain.slot_market import SlotMarket
from oracle.units import MicroUsdPerMwh, kwh_from_wh, usd_per_kwh
from scripts.compare.summary import traded_prices, usd
from scripts.summary import Json

GRID_NAME = "the grid's import price"


def order_id(market: SlotMarket, position: int) -> str:
    """Return how an order is named in `--order`."""
    return f"{market.number}:{market.name(position)}"


def order_summary(market: SlotMarket, found: Explanation) -> Json:
    """Return an order's explanation."""
    return {
        **_order(market, found.position),
        "mechanism": market.mechanism.name,
        "rule": market.mechanism.rule,
        "traded_kwh": kwh_from_wh(found.traded),
        "trades": [_trade(market, trade) for trade in found.trades],
        "reason": found.reason,
        "barred_by_price_usd_per_kwh": _price(found.barred_by),
        "left_over_kwh": kwh_from_wh(found.left_over),
        "routes": found.routes,
        "routes_with_room": found.routes_with_room,
        "best_reachable_usd_per_kwh": _price(found.best_reachable),
        "would_trade_more_at_usd_per_kwh": _price(found.needed_limit),
        "would_trade_kwh": kwh_from_wh(found.would_trade) if found.would_trade else None,
        "would_trade_as_much_until_usd_per_kwh": _price(found.still_limit),
        "price_set_by": [setter_name(market, setter) for setter in found.setters],
        "limit_of": [order_id(market, tied) for tied in found.ties],
        "asked_for_the_price": found.asked,
        "would_rather_trade_with": [order_id(market, other) for other in found.would_rather],
        "clearings": found.clearings,
    }


def slot_summary(market: SlotMarket) -> Json:
    """Return a slot's book with its fills, and what it was worth."""
    market_round = market.round()
    found, marginal = measures(market_round, market.trades), market.marginal()
    return {
        "slot": market.number,
        "mechanism": market.mechanism.name,
        "rule": market.mechanism.rule,
        "buyer_price_usd_per_kwh": traded_prices(found).buyer,
        "seller_price_usd_per_kwh": traded_prices(found).seller,
        "real_time_price_usd_per_kwh": _price(market.real_time_price),
        "volume_kwh": kwh_from_wh(found.volume),
        "welfare_usd": usd(found.welfare),
        "blocking_pairs": found.blocking_pairs,
        "orders": [
            _order(market, position)
            | {"traded_kwh": kwh_from_wh(traded), "is_marginal": position in marginal}
            for position, traded in market.traded().items()
        ],
        "trades": [_trade(market, trade) for trade in market.trades],
    }


def setter_name(market: SlotMarket, setter: int) -> str:
    """Return who set a price: an order, or the grid."""
    return GRID_NAME if setter == GRID else order_id(market, setter)


def _order(market: SlotMarket, position: int) -> Json:
    order = market.book[position]
    return {
        "order": order_id(market, position),
        "side": order.kind.name.lower(),
        "energy_kwh": kwh_from_wh(order.energy),
        "limit_price_usd_per_kwh": usd_per_kwh(order.price),
    }


def _trade(market: SlotMarket, trade: Trade) -> Json:
    return {
        "seller": market.name(trade.offer),
        "buyer": market.name(trade.bid),
        "energy_kwh": kwh_from_wh(trade.energy),
        "price_usd_per_kwh": usd_per_kwh(trade.price),
        "lease_fee_usd_per_kwh": usd_per_kwh(trade.fee),
        "surplus_usd_per_kwh": usd_per_kwh(trade.surplus),
    }


def _price(price: MicroUsdPerMwh | None) -> float | None:
    return None if price is None else usd_per_kwh(price)
