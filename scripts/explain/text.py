"""What `wattline explain` prints for people."""

from collections.abc import Sequence

from rich.console import Group
from rich.markup import escape
from rich.text import Text

from oracle.compare.measures import measures
from oracle.domain.book import Kind, Order
from oracle.explain.order import (
    FILLED,
    LEFT_OUT,
    LIMIT,
    NO_ROOM,
    NO_ROUTE,
    PRICE,
    RATIONED,
    RULE,
    TIED,
    Explanation,
)
from oracle.explain.slot_market import SlotMarket
from oracle.units import MicroUsdPerMwh, Wh, kwh_from_wh, usd_per_kwh
from scripts.compare.summary import traded_prices, usd
from scripts.explain.summary import order_id, setter_name
from scripts.numbers import counted, number
from scripts.tables import text_table

WIDTH, HEIGHT = 60, 12  # characters of a picture
SUPPLY, DEMAND, BOTH = "s", "d", "x"


def order_text(market: SlotMarket, found: Explanation) -> Group:
    """Return an order's explanation, a line per question."""
    order = market.book[found.position]
    is_bid = order.kind is Kind.BID
    lines = [
        Text(
            f"{order_id(market, found.position)}: {order.kind.name.lower()} of "
            f"{_kwh(order.energy)} at {_usd(order.price)} or {'less' if is_bid else 'more'}",
            style="bold",
        ),
        Text(f"{market.mechanism.name}: {market.mechanism.rule}", style="dim"),
        Text(f"Traded: {_kwh(found.traded)} of {_kwh(order.energy)}"),
    ]
    for trade in found.trades:
        extra = f" + {_usd(trade.fee)} lease fee" if trade.fee else ""
        extra += f" + {_usd(trade.surplus)} to the operator" if trade.surplus else ""
        other = market.name(trade.offer if is_bid else trade.bid)
        words = f"  {_kwh(trade.energy)} with {other} at {_usd(trade.price)}{extra}"
        lines.append(Text(words))
    lines.append(Text(f"Why: {_why(market, found)}"))
    if found.trades:
        lines.append(Text(f"Price: {_price_words(market, found)}"))
    lines += [Text(f"Limit: {words}") for words in _limits(found, is_bid=is_bid)]
    if found.would_rather:
        named = ", ".join(order_id(market, other) for other in found.would_rather)
        lines.append(Text(f"Otherwise: it and {named} would gain by trading with each other"))
    else:
        lines.append(Text("Otherwise: nobody would gain by trading with it instead"))
    lines.append(
        Text(f"found by clearing the slot {counted(found.clearings, 'time')} again", style="dim")
    )
    return Group(*lines)


def slot_text(market: SlotMarket) -> Group:
    """Return a slot's book with its fills, the best limits first, and its two curves."""
    found, traded, marginal = (
        measures(market.round(), market.trades),
        market.traded(),
        market.marginal(),
    )
    table = text_table(
        f"Slot {market.number}, {market.mechanism.name}",
        ["order", "side", "kWh", "limit $/kWh", "traded kWh", "mean $/kWh", ""],
        left=2,
    )
    ranked = sorted(
        traded,
        key=lambda k: (
            market.book[k].kind,
            market.book[k].price * (1 if market.book[k].kind is Kind.OFFER else -1),
        ),
    )
    for position in ranked:
        order = market.book[position]
        table.add_row(
            escape(order_id(market, position)),
            order.kind.name.lower(),
            number(kwh_from_wh(order.energy), 3),
            f"{usd_per_kwh(order.price):.4f}",
            number(kwh_from_wh(traded[position]), 3),
            _mean(market, position),
            "marginal" if position in marginal else "",
        )
    mean = traded_prices(found)
    prices = (
        f" at {mean.seller:.4f} $/kWh, buyers paying {mean.buyer:.4f} in all"
        if mean.seller is not None and mean.buyer is not None
        else ""
    )
    words = (
        f"{_kwh(found.volume)} traded{prices}; welfare {number(usd(found.welfare), 4)} $; "
        f"{counted(found.blocking_pairs, 'pair')} would rather trade with each other"
    )
    return Group(
        Text(market.mechanism.rule, style="dim"),
        table,
        Text(words),
        Text(),
        *curves(market),
    )


def curves(market: SlotMarket) -> list[Text]:
    """Return supply and demand as letters: price over energy, both from their best limit on."""
    orders = [market.book[k] for k in market.live()]
    offers = sorted((o for o in orders if o.kind is Kind.OFFER), key=lambda o: o.price)
    bids = sorted((o for o in orders if o.kind is Kind.BID), key=lambda o: -o.price)
    total = max(sum(o.energy for o in side) for side in (offers, bids)) if orders else 0
    highest = max((o.price for o in orders), default=MicroUsdPerMwh(0))
    if not total or not highest:
        return []
    rows = [[" "] * WIDTH for _ in range(HEIGHT)]
    for side, letter in ((offers, SUPPLY), (bids, DEMAND)):
        for column in range(WIDTH):
            price = _price_at(side, (2 * column + 1) * total // (2 * WIDTH))
            if price is not None:
                row = HEIGHT - 1 - min(HEIGHT - 1, price * HEIGHT // (highest + 1))
                rows[row][column] = letter if rows[row][column] == " " else BOTH
    labels = [f"{usd_per_kwh(highest):8.4f} ", *[" " * 9] * (HEIGHT - 2), f"{0:8.4f} "]
    return [
        *(Text(label + "|" + "".join(row)) for label, row in zip(labels, rows, strict=True)),
        Text(" " * 9 + "+" + "-" * WIDTH),
        Text(
            f"{'$/kWh':>9} 0 to {kwh_from_wh(Wh(total)):g} kWh; "
            f"{SUPPLY} supply, {DEMAND} demand, {BOTH} both",
            style="dim",
        ),
    ]


def _price_at(side: Sequence[Order], energy: int) -> MicroUsdPerMwh | None:
    """Return the limit of the order that holds a side's Wh of that number."""
    for order in side:
        if energy < order.energy:
            return order.price
        energy -= order.energy
    return None


def _mean(market: SlotMarket, position: int) -> str:
    """Return the mean price of an order's trades, of a bid with fee and surplus."""
    amount = energy = 0
    for trade in market.trades:
        if position == trade.offer:
            amount, energy = amount + trade.energy * trade.price, energy + trade.energy
        elif position == trade.bid:
            paid = trade.price + trade.fee + trade.surplus
            amount, energy = amount + trade.energy * paid, energy + trade.energy
    return f"{usd_per_kwh(MicroUsdPerMwh(amount // energy)):.4f}" if energy else "–"


def _why(market: SlotMarket, found: Explanation) -> str:
    order = market.book[found.position]
    is_bid = order.kind is Kind.BID
    others = "offers" if is_bid else "bids"
    best = "none" if found.best_reachable is None else _usd(found.best_reachable)
    return {
        FILLED: "its limit was good enough for all its energy",
        RATIONED: f"no better limit would have brought it more: the {others} were not enough,"
        " or the rule shares them",
        TIED: "others have the same limit: the rule shares what is left, or takes who came first",
        LIMIT: f"others with a better limit came first for the {others}",
        PRICE: _barred(found, others),
        RULE: "at its limit the rule gives it no more",
        NO_ROUTE: f"it has no line or manager in common with any of the {others}",
        NO_ROOM: f"{best}, with the fee, is the {'lowest' if is_bid else 'highest'} limit of the"
        f" {counted(found.routes, 'order')} that it can reach",
        LEFT_OUT: "the rule leaves it out at any limit",
    }[found.reason]


def _barred(found: Explanation, others: str) -> str:
    if found.barred_by is None:
        return ""
    words = f"its limit does not admit the price of {_usd(found.barred_by)}"
    left = f", though {_kwh(found.left_over)} of the {others} that it can reach are left over"
    return words + (left if found.left_over else "")


def _price_words(market: SlotMarket, found: Explanation) -> str:
    named = [
        "its own limit" if setter == found.position else setter_name(market, setter)
        for setter in found.setters
    ]
    if not named and found.ties:
        tied = ", ".join(order_id(market, position) for position in found.ties)
        return f"the limit of {tied}; none of them moves it alone"
    if not named:
        return f"moved by none of the {found.asked} limits asked: the rule sets it without them"
    return f"set by {' and '.join(named)} (of {found.asked} asked)"


def _limits(found: Explanation, *, is_bid: bool) -> list[str]:
    words = []
    if found.needed_limit is not None:
        direction = "up" if is_bid else "down"
        words.append(
            f"from {_usd(found.needed_limit)} {direction} it would have traded "
            f"{_kwh(found.would_trade)}"
        )
    if found.still_limit is not None:
        direction = "down to" if is_bid else "up to"
        words.append(f"{direction} {_usd(found.still_limit)} it would have traded as much")
    return words or ["at none would it have traded"]


def _kwh(energy: Wh) -> str:
    return f"{number(kwh_from_wh(energy), 3)} kWh"


def _usd(price: MicroUsdPerMwh) -> str:
    """Return a price with all its digits, four at least."""
    whole, digits = f"{usd_per_kwh(price):.9f}".split(".")
    return f"{whole}.{digits.rstrip('0'):0<4} $/kWh"
