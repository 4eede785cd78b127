"""
Outcomes close to a mechanism's own, kind by kind, and what its two twins say of them.

What `require_feasible` refuses the exchange does not let through to a mechanism; its own tests
compare the two. Everything else is put to the contract itself.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from web3.contract import Contract

from oracle.chain.reverts import translated
from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind, Order, Trade
from oracle.errors import ContractRevert
from oracle.market.mechanism import Mechanism, Outcome, Round, Spoke, require_feasible
from oracle.units import MicroUsdPerMwh, Wh
from tests.contracts.markets import STRANGER, packed

Opinion = tuple[str, dict[str, object]] | None  # the refusal's name and values
Tampering = Callable[[Mechanism, Round, Outcome], Iterator[Outcome]]


def spoke_word(spoke: Spoke | None) -> int:
    """Return a spoke as contracts/libraries/SpokeLib.sol packs it."""
    return 0 if spoke is None else spoke.manager << 80 | spoke.capacity << 48 | spoke.fee


def arguments_of(market_round: Round, outcome: Outcome) -> tuple[bytes, ...]:
    """Return what the exchange hands to `verify`; the fifth argument is a number."""
    return (
        packed(0 if order is None else order.pack() for order in market_round.orders),
        packed(
            e.offer << 240 | e.bid << 224 | e.capacity << 48 | e.fee for e in market_round.edges
        ),
        packed(spoke_word(spoke) for spoke in market_round.spokes),
        packed(trade.pack() for trade in outcome.trades),
        market_round.real_time_price,  # type: ignore[return-value]
        outcome.certificate,
    )


def opinion_of(check: Callable[[], object]) -> Opinion:
    try:
        check()
    except ContractRevert as refusal:
        return refusal.name, refusal.values
    return None


@dataclass(frozen=True)
class Twins:
    """A mechanism and a contract of its own, deployed with its parameters."""

    mechanism: Mechanism
    contract: Contract

    def on_chain(self, market_round: Round, outcome: Outcome) -> Opinion:
        """Return what the contract says of an outcome that the exchange lets through."""

        def call() -> None:
            with translated():
                verify = self.contract.functions.verify(*arguments_of(market_round, outcome))
                verify.call({"from": STRANGER.address})  # named, as the tester is slow to choose

        return opinion_of(call)

    def opinion(self, market_round: Round, outcome: Outcome) -> Opinion:
        """Return what both say of an outcome, after comparing it."""
        own = opinion_of(lambda: self.mechanism.verify(market_round, outcome))
        infeasible = opinion_of(lambda: require_feasible(market_round, outcome.trades))
        if infeasible is None:
            assert self.on_chain(market_round, outcome) == own, (market_round, outcome)
        return own

    def accept_all(self, rounds: Iterable[Round]) -> int:
        """Require that both accept what `clear` gives; return how many rounds had trades."""
        with_trades = 0
        for market_round in rounds:
            outcome = self.mechanism.clear(market_round)
            assert self.opinion(market_round, outcome) is None, (market_round, outcome)
            proof = self.mechanism.certificate_of(market_round, outcome.trades)
            assert proof == outcome.certificate
            with_trades += bool(outcome.trades)
        return with_trades

    def refusals(
        self, tampering: Tampering, rounds: Iterable[Round], *, per_round: int = 1
    ) -> dict[str, int]:
        """
        Require one opinion of bent outcomes, at most `per_round` of each round, chosen at random.

        Return the refusals' names and how often they came. What is left as it was is skipped: a
        mechanism has one outcome for a round, and any other must be refused.
        """
        rng = np.random.default_rng(0)
        names: dict[str, int] = {}
        for market_round in rounds:
            honest = self.mechanism.clear(market_round)
            bent = [o for o in tampering(self.mechanism, market_round, honest) if o != honest]
            for choice in rng.permutation(len(bent))[:per_round]:
                refusal = self.opinion(market_round, bent[choice])
                assert refusal is not None, (market_round, bent[choice])
                names[refusal[0]] = names.get(refusal[0], 0) + 1
        return names


def tidy(trades: Iterable[Trade]) -> tuple[Trade, ...]:
    """Return trades in the exchange's order, those of one pair on one route put together."""
    merged: dict[tuple[int, bool, int], Trade] = {}
    for trade in trades:
        if trade.energy > 0:
            key = trade.offer, trade.pooled, trade.bid
            before = merged[key].energy if key in merged else 0
            merged[key] = replace(trade, energy=Wh(min(trade.energy + before, MAX_ENERGY)))
    return tuple(merged[key] for key in sorted(merged))


def each(change: Callable[[Trade], Trade]) -> Tampering:
    """One trade is changed."""

    def bend(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
        trades = honest.trades
        for k, trade in enumerate(trades):
            yield replace(honest, trades=(*trades[:k], change(trade), *trades[k + 1 :]))

    return bend


def every(change: Callable[[Trade], Trade]) -> Tampering:
    """All trades are changed in the same way."""

    def bend(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
        yield replace(honest, trades=tuple(change(trade) for trade in honest.trades))

    return bend


def priced(trade: Trade, difference: int) -> Trade:
    price = min(max(trade.price + difference, 0), MAX_PRICE)
    return replace(trade, price=MicroUsdPerMwh(price))


def with_energy(trade: Trade, difference: int) -> Trade:
    return replace(trade, energy=Wh(min(max(trade.energy + difference, 0), MAX_ENERGY)))


def with_surplus(trade: Trade, difference: int) -> Trade:
    surplus = min(max(trade.surplus + difference, 0), MAX_PRICE)
    return replace(trade, surplus=MicroUsdPerMwh(surplus))


def with_share(trade: Trade) -> Trade:
    """What the seller gets lowered by one, the operator gets it."""
    return with_surplus(priced(trade, -1), 1) if trade.price else trade


def dropped(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
    for k in range(len(honest.trades)):
        yield replace(honest, trades=(*honest.trades[:k], *honest.trades[k + 1 :]))


def doubled(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
    for k in range(len(honest.trades)):
        yield replace(honest, trades=(*honest.trades[: k + 1], *honest.trades[k:]))


def nothing(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
    yield replace(honest, trades=())


def turned(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
    yield replace(honest, trades=honest.trades[::-1])


def in_orders_place(kind: Kind) -> Tampering:
    """Another order of the book takes over one trade, or a Wh of it: other orders are filled."""

    def bend(_: Mechanism, market_round: Round, honest: Outcome) -> Iterator[Outcome]:
        for position, order in enumerate(market_round.orders):
            if order is None or order.kind is not kind:
                continue
            for k, trade in enumerate(honest.trades):
                others = (*honest.trades[:k], *honest.trades[k + 1 :])
                own = {"offer": position} if kind is Kind.OFFER else {"bid": position}
                taken = replace(trade, **own)  # type: ignore[arg-type]
                yield replace(honest, trades=tidy((*others, taken)))
                parts = with_energy(trade, -1), replace(taken, energy=Wh(1))
                yield replace(honest, trades=tidy((*others, *parts)))

    return bend


def moved(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
    """A Wh goes from one trade to another: the same volume, shared otherwise."""
    trades = honest.trades
    for k in range(len(trades)):
        for j in range(len(trades)):
            if j != k:
                changed = list(trades)
                changed[k], changed[j] = with_energy(trades[k], -1), with_energy(trades[j], 1)
                yield replace(honest, trades=tidy(changed))


def other_pairs(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
    """Two trades exchange a Wh, or all they can, of their buyers: the same fills, other pairs."""
    trades = honest.trades
    for k, first in enumerate(trades):
        for j in range(k + 1, len(trades)):
            second = trades[j]
            rest = [trade for i, trade in enumerate(trades) if i not in (k, j)]
            for energy in {1, min(first.energy, second.energy)}:
                changed = [
                    with_energy(first, -energy),
                    with_energy(second, -energy),
                    replace(first, bid=second.bid, energy=Wh(energy)),
                    replace(second, bid=first.bid, energy=Wh(energy)),
                ]
                yield replace(honest, trades=tidy([*rest, *changed]))


def of_another_round(mechanism: Mechanism, market_round: Round, _: Outcome) -> Iterator[Outcome]:
    """The outcome of the same book with an order less, or of other energy, or at another price."""
    for position, order in enumerate(market_round.orders):
        if order is None:
            continue
        changed: Sequence[Order | None] = (
            None,
            replace(order, energy=Wh(max(order.energy - 1, 1))),
            replace(order, price=MicroUsdPerMwh(max(order.price - 1, 0))),
            replace(order, price=MicroUsdPerMwh(min(order.price + 2, MAX_PRICE))),
        )
        for other in changed:
            orders = (*market_round.orders[:position], other, *market_round.orders[position + 1 :])
            yield mechanism.clear(replace(market_round, orders=orders))


def certificate_cut(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
    for length in range(len(honest.certificate)):
        yield replace(honest, certificate=honest.certificate[:length])


def certificate_longer(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
    yield replace(honest, certificate=honest.certificate + b"\0")
    yield replace(honest, certificate=honest.certificate + b"\1" * 32)
    yield replace(honest, certificate=b"\0" + honest.certificate)


def certificate_altered(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
    """One byte is one more or less, or has its highest bit turned."""
    for place in range(len(honest.certificate)):
        for byte in {
            (honest.certificate[place] + difference) % 256 for difference in (1, 255, 128)
        }:
            bent = bytearray(honest.certificate)
            bent[place] = byte
            yield replace(honest, certificate=bytes(bent))


TAMPERINGS: dict[str, Tampering] = {
    "a Wh more": each(lambda trade: with_energy(trade, 1)),
    "a Wh less": each(lambda trade: with_energy(trade, -1)),
    "a Wh to another trade": moved,
    "other pairs": other_pairs,
    "another offer filled": in_orders_place(Kind.OFFER),
    "another bid filled": in_orders_place(Kind.BID),
    "a price higher": each(lambda trade: priced(trade, 1)),
    "a price lower": each(lambda trade: priced(trade, -1)),
    "all prices higher": every(lambda trade: priced(trade, 1)),
    "all prices lower": every(lambda trade: priced(trade, -1)),
    "a surplus higher": each(lambda trade: with_surplus(trade, 1)),
    "all surpluses higher": every(lambda trade: with_surplus(trade, 1)),
    "all surpluses at the sellers' cost": every(with_share),
    "a trade dropped": dropped,
    "a trade doubled": doubled,
    "no trades": nothing,
    "trades turned": turned,
    "over a line": each(lambda trade: replace(trade, pooled=not trade.pooled)),
    "trades of another round": of_another_round,
    "certificate longer": certificate_longer,
}
CERTIFIED: dict[str, Tampering] = {  # for mechanisms that have a certificate
    **TAMPERINGS,
    "certificate cut": certificate_cut,
    "certificate altered": certificate_altered,
}
