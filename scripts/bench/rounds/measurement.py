"""
Rounds as the oracle runs them, with a clock beside: post, clear, read, settle.

The clock stands still while the chain's time is moved: on a chain of the wall's time that is
waiting. One round comes before those that count, as accounts order for the first time in it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from time import perf_counter

from oracle.chain.chains import open_chain
from oracle.chain.market import Market, SignedReading
from oracle.chain.signatures import development_key, sign_reading
from oracle.domain.book import Order, Trade
from oracle.domain.clock import GATE_CLOSURE_SECONDS, slot_at, starts_at
from oracle.errors import Divergence
from oracle.progress import Progress
from oracle.round import ORDERS_PER_POST, RoundRunner
from oracle.units import SLOT_SECONDS, Slot, Wh
from scripts.bench.gas.community import SEED, open_market, orders_of, participant
from scripts.bench.rounds.figures import RoundFigures, figures_of

SLOTS_AHEAD = 8  # the chain's time passes while orders are posted
ORACLE = "bench oracle"
Trades = tuple[Trade, ...]


class Stopwatch:
    """The seconds of each part of one round."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens inside to a part."""
        started = perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - started


class RoundTimer:
    """Runs rounds of one market, each prosumer with an order."""

    def __init__(self, market: Market, prosumers: int) -> None:
        self._market = market
        self._chain = market.chain
        self._orders = orders_of("dense", prosumers)
        self._people = [participant(number) for number in range(1, prosumers + 1)]
        self._account = development_key(ORACLE)
        self._runner = RoundRunner(market, self._account)

    def run(self) -> tuple[dict[str, float], Trades, int]:
        """
        Run the next round; return the seconds of its parts, its trades and how many were read.

        Raises
        ------
        Divergence
            If the chain did not settle what was cleared and delivered.
        """
        watch, market = Stopwatch(), self._market
        slot = Slot(slot_at(self._chain.now()) + SLOTS_AHEAD)
        with watch.part("sign_s"):
            signed = [
                market.signed(self._people[order.participant - 1].owner, slot, order)
                for order in self._orders
            ]
        with watch.part("post_s"):
            self._runner.post(slot, signed)

        self._chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)
        with watch.part("read_s"):
            found = self._runner.read(slot)
        if found is None:
            raise Divergence("book", "it has none of the orders that were posted", slot=slot)
        with watch.part("clear_off_chain_s"):
            outcome = found.cleared()
        with watch.part("clear_tx_s"):
            self._runner.submit(slot, found.book, outcome)

        self._chain.travel_to(starts_at(slot) + SLOT_SECONDS)
        with watch.part("meters_sign_s"):
            readings = self._readings(slot, found.book, outcome.trades)
        with watch.part("readings_s"):
            market.record_readings(self._account, slot, readings)
        with watch.part("settle_s"):
            settled = self._runner.settle(slot)
        wanted = tuple(trade.with_delivered(trade.energy) for trade in outcome.trades)
        if settled is None or settled.trades != wanted:
            raise Divergence("settlement", "not all that was cleared was delivered", slot=slot)
        return watch.seconds, settled.trades, len(readings)

    def _readings(
        self, slot: Slot, book: Sequence[Order], trades: Sequence[Trade]
    ) -> list[SignedReading]:
        """Return the readings of all who sold: each delivers just that."""
        sold: dict[int, int] = {}
        for trade in trades:
            seller = book[trade.offer].participant
            sold[seller] = sold.get(seller, 0) + trade.energy
        domain = self._market.exchange_domain
        return [
            SignedReading(
                participant=number,
                energy=Wh(energy),
                signature=sign_reading(
                    self._people[number - 1].meter,
                    domain,
                    slot=slot,
                    participant=number,
                    energy=Wh(energy),
                ),
            )
            for number, energy in sold.items()
        ]


def require_chains(names: Iterable[str]) -> None:
    """
    Open and close each chain, so that one that cannot be used is told before any measuring.

    Raises
    ------
    InvalidInputError
        If a name is that of no chain.
    ChainUnavailable
        If a node does not answer or cannot be started.
    """
    for name in dict.fromkeys(names):
        open_chain(name).close()


def measure_rounds(chain_name: str, prosumers: int, runs: int, progress: Progress) -> RoundFigures:
    """
    Return the figures of some rounds on a market of its own.

    Raises
    ------
    OracleError
        If the chain cannot be used, or does not settle what was cleared.
    """

    def report(stage: str, done: int, total: int) -> None:
        progress(f"{chain_name}, {prosumers:,} prosumers, {stage}", done, total)

    with closing(open_chain(chain_name)) as chain:
        started = perf_counter()
        market = open_market(chain, prosumers, [ORACLE], report)
        setup_s = perf_counter() - started
        timer = RoundTimer(market, prosumers)
        report("rounds", 0, runs + 1)
        timer.run()
        before = _sent(chain.gas)
        rounds = []
        for done in range(1, runs + 1):
            report("rounds", done, runs + 1)
            seconds, trades, readings = timer.run()
            rounds.append(seconds)
        report("rounds", runs + 1, runs + 1)
        return figures_of(
            rounds,
            chain=chain.name,
            prosumers=prosumers,
            batch=ORDERS_PER_POST,
            transactions=(_sent(chain.gas) - before) // runs,
            trades=len(trades),
            readings=readings,
            setup_s=setup_s,
            hardfork=chain.hardfork,
            seed=SEED,
        )


def _sent(gas: dict[str, list[int]]) -> int:
    return sum(len(used) for used in gas.values())
