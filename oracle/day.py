"""
A scenario on a chain: deploy the market, then slot by slot record, clear, deliver, settle.

At the start of slot b the oracle settles slot b − 1, which is over, or the latest slot whose
readings are final; and clears slot b + 2, whose gate closes then, in a sealed round when the orders
are revealed. After it the prosumers order for slot b + 3: they sign, and the oracle posts what they
signed. Prosumers and meters are simulated; the oracle's own account has no right that a stranger's
has not.

A run that was interrupted goes on with its market: every step looks at the chain first and does
what is still to be done.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from eth_account.signers.local import LocalAccount

from oracle import bidding
from oracle.chain.chains import Chain
from oracle.chain.deployment import Deployment, MarketTerms, deploy_market
from oracle.chain.existing import deployment_at, first_slot_of, require_terms
from oracle.chain.market import Market, SealedOrder, SignedReading
from oracle.chain.signatures import development_key, sign_storage_reading
from oracle.deploy import LEAD, announce_prices, start_slot
from oracle.domain.book import Order, Trade
from oracle.domain.clock import (
    GATE_CLOSURE_SECONDS,
    READING_SECONDS,
    REVEAL_SECONDS,
    slots_until_final,
    starts_at,
)
from oracle.domain.community import nobody
from oracle.domain.results import MoneyRecord, Plan, RunResult, StorageSlotRecord
from oracle.domain.scenario import Scenario
from oracle.domain.storage_rating import StorageRating, rating_of
from oracle.errors import ContractRevert, InvalidInputError
from oracle.journal import Journal
from oracle.market_terms import market_terms
from oracle.parties import development_participants, development_roles
from oracle.plan import (
    TradePlan,
    initial_scores,
    mechanism_of,
    plan_scenario,
    plan_trades,
)
from oracle.progress import Progress
from oracle.round import RoundRunner, SlotOutcome
from oracle.simulation import Prosumers, signed_readings, sold_in
from oracle.units import (
    MICRO_USD_PER_USD,
    SLOT_SECONDS,
    Bps,
    MicroUsd,
    MicroUsdPerMwh,
    Slot,
    Wh,
    amount_up,
)

CLEARING_LEAD = 2
SEALS_AT_ONCE = 2  # unopened at a time: those of this boundary and the one before


class OrderRoute(StrEnum):
    """How orders come into an open book; into a sealed one they come by commit and reveal."""

    SIGNED = "signed"  # by their owners, and posted in batches by the oracle
    OWN = "own"  # each in a transaction of its owner's


def run_scenario(
    scenario: Scenario,
    chain: Chain,
    *,
    route: OrderRoute = OrderRoute.SIGNED,
    market: str | None = None,
    progress: Progress = lambda stage, done, total: None,
    time_limit_s: float = 60.0,
) -> RunResult:
    """
    Plan a scenario, run it on a chain, and return everything that happened.

    `market` is the address of the Exchange of an interrupted run of the same scenario, to go on
    with; the gas figures are then of the rest.

    Raises
    ------
    InvalidInputError
        If `market` is not the scenario's, or not ready for its first slot.
    SolverError
        If a model has no optimum.
    ChainError
        If the chain fails us, or a contract refuses a call or skips a signed order.
    """
    day = _Day(scenario, chain, route)
    if market is not None:
        day.join(market)  # before the work: a wrong address costs no dispatch
    progress("dispatch", 0, 1)
    traded = None if scenario.community is None else plan_trades(scenario.community)
    plan = plan_scenario(scenario, time_limit_s=time_limit_s, traded=traded)
    progress("dispatch", 1, 1)
    day.follow(plan, traded)
    if market is None:
        day.deploy(progress)
    else:
        day.require_deposits()
    last = scenario.slot_count + day.settlement_delay
    for boundary in range(-LEAD, last + 1):
        day.step(boundary)
        progress("slots", max(0, boundary), last)
    day.close()
    return day.result()


class _Day:
    """The state of a run; what the oracle needs of it is read back from the chain."""

    def __init__(self, scenario: Scenario, chain: Chain, route: OrderRoute) -> None:
        self._scenario = scenario
        self._chain = chain
        self._route = route
        self._community = scenario.community or nobody(scenario.slot_count)
        self._mechanism = mechanism_of(self._community)
        names = [prosumer.name for prosumer in self._community.prosumers]
        self._owners = [development_key(f"{name} owner") for name in names]
        self._meters = [development_key(f"{name} meter") for name in names]
        self._roles = development_roles()
        self._oracle = development_key("oracle")
        self._rating = rating_of(scenario.storage)
        self._prosumers = Prosumers(self._community)
        self._scores = initial_scores(self._community)
        rules = self._community.rules
        self.settlement_delay = slots_until_final(rules.challenge_minutes)
        self._sealed: dict[int, list[SealedOrder]] = {}  # from orders to the gate's closure
        self._readings: dict[int, list[SignedReading]] = {}  # from delivery to settlement
        self._journal = Journal(self._community)

    def follow(self, plan: Plan, traded: TradePlan | None) -> None:
        """Take what was planned: the storage's schedule, and what the trades lock."""
        self._plan = plan
        self._locks = traded.locks if traded else ()
        self._schedule = _schedule(self._rating, plan)

    def deploy(self, progress: Progress) -> None:
        """Deploy the market, pay everybody in, announce the day's real-time prices."""
        self._first = start_slot(self._scenario, self._chain)
        owners = [owner.address for owner in self._owners]
        self._chain.fund([*owners, *self._roles.addresses(), self._oracle.address])
        self._use(deploy_market(self._chain, self._oracle, self._roles, self._terms()))
        progress(f"market {self._market.deployment.exchange.address}", 1, 1)
        payers = self._payers()
        for done, (payer, amount) in enumerate(payers):
            progress("deposits", done, len(payers))
            if amount > 0:
                self._market.deposit(payer, amount)
        progress("deposits", len(payers), len(payers))
        slots = self._scenario.slot_count
        announce_prices(
            self._market, self._roles.operator, self._community, self._first, self._first, slots - 1
        )

    def join(self, exchange: str) -> None:
        """Go on with the market of an interrupted run, if it has the terms of this scenario."""
        deployment = deployment_at(self._chain, exchange, self._mechanism.contract)
        self._first = first_slot_of(self._chain, deployment)
        require_terms(
            self._chain,
            deployment,
            self._terms(),
            prices=self._prices(),
            storage_meter=self._roles.storage_meter.address,
        )
        self._use(deployment)

    def require_deposits(self) -> None:
        """Refuse a market whose run was interrupted before everybody had paid in."""
        expected, came = sum(amount for _, amount in self._payers()), self._market.deposited()
        if came < expected:
            raise InvalidInputError(
                f"--market {self._market.deployment.exchange.address}: expected a market of this "
                f"scenario, with deposits of {expected} micro-USD, came {came}; run without "
                "--market to deploy one"
            )

    def _terms(self) -> MarketTerms:
        return market_terms(
            self._community,
            development_participants(self._community),
            mechanism=self._mechanism,
            storage=self._rating,
            first_slot=self._slot(0),
        )

    def _use(self, deployment: Deployment) -> None:
        self._market = Market(self._chain, deployment)
        self._runner = RoundRunner(
            self._market, self._oracle, {deployment.mechanism.address: self._mechanism}
        )

    def step(self, boundary: int) -> None:
        """Do what is due at the start of a slot, counted in the scenario."""
        self._chain.travel_to(starts_at(self._slot(boundary)))
        over, closed, opening = boundary - 1, boundary + CLEARING_LEAD, boundary + LEAD
        final, count = over - self.settlement_delay, self._scenario.slot_count
        if 0 <= over < count:
            self._deliver(over)
            self._record_storage(over)
        if 0 <= final < count:
            self._settle(final)
        if 0 <= closed < count:
            self._reveal_orders(closed)
            self._clear(closed)
        if 0 <= opening < count:
            self._place_orders(opening)

    def close(self) -> None:
        """Pay the provider its compensation, and every prosumer what is left on its account."""
        if self._schedule:
            self._market.pay_compensation(self._oracle)
        for owner in self._owners:
            free = self._market.account(owner.address).free
            if free > 0:
                self._market.withdraw(owner, free)

    def result(self) -> RunResult:
        """Return the record of the run."""
        return RunResult(
            plan=self._plan,
            chain=self._chain.name,
            hardfork=self._chain.hardfork,
            addresses=self._market.deployment.addresses(),
            slots_settled=self._journal.slots_settled,
            orders=tuple(self._journal.orders),
            trades=tuple(self._journal.trades),
            participants=self._journal.participants(),
            storage=tuple(self._journal.storage),
            lease_fees=self._journal.lease_fees(),
            surplus=self._journal.surplus(),
            compensation_paid=self._market.compensation_paid(),
            money=self._money(),
            gas=self._chain.gas,
        )

    def _slot(self, index: int) -> Slot:
        return Slot(self._first + index)

    def _payers(self) -> list[tuple[LocalAccount, MicroUsd]]:
        """Return who pays in how much: enough for all locks of the run, in whole dollars."""
        throughput = Wh(sum(charge + discharge for charge, discharge, _ in self._schedule))
        compensation = amount_up(throughput, self._rating.compensation)
        seal_bond = self._community.rules.seal_bond
        return [
            *(
                (owner, _whole_dollars(MicroUsd(lock + SEALS_AT_ONCE * seal_bond)))
                for owner, lock in zip(self._owners, self._locks, strict=True)
            ),
            (self._roles.operator, _whole_dollars(compensation)),
        ]

    def _prices(self) -> list[MicroUsdPerMwh]:
        slots = range(self._scenario.slot_count)
        return [bidding.grid_prices(self._community, slot)[0] for slot in slots]

    def _place_orders(self, index: int) -> None:
        self._prosumers.stand(index)
        orders = self._prosumers.orders(index, self._scores)
        slot = self._slot(index)
        if self._community.rules.seal_bond:
            self._sealed[index] = [self._commit(slot, order) for order in orders]
        elif self._chain.now() < starts_at(slot) - GATE_CLOSURE_SECONDS:
            self._send_orders(slot, orders)

    def _send_orders(self, slot: Slot, orders: Sequence[Order]) -> None:
        """Send those orders on their way that are not in the book yet."""
        book = [replace(order, score=Bps(0)) for order in self._market.book(slot)]
        missing = [order for order in orders if order not in book]
        if self._route is OrderRoute.SIGNED:
            signed = [self._market.signed(self._owner(order), slot, order) for order in missing]
            self._runner.post(slot, signed)
        else:
            for order in missing:
                self._market.place(self._owner(order), slot, order)

    def _commit(self, slot: Slot, order: Order) -> SealedOrder:
        owner = self._owner(order)
        sealed = self._market.sealed(owner, slot, order)
        self._market.commit(owner, slot, sealed)
        return sealed

    def _reveal_orders(self, index: int) -> None:
        """Open the seals of a slot whose gate is closed, and wait until no more can be opened."""
        if not self._community.rules.seal_bond:
            return
        slot = self._slot(index)
        for sealed in self._sealed.pop(index, ()):
            owner = self._owner(sealed.order)
            self._market.reveal(owner, owner.address, slot, sealed)
        self._chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS + REVEAL_SECONDS)

    def _clear(self, index: int) -> None:
        """Clear a slot; the batteries go on as its trades say."""
        outcome = self._unless_done(self._runner.clear, index, self._market.cleared_trades)
        book, trades = (outcome.book, outcome.trades) if outcome else ((), ())
        self._journal.cleared(index, book, self._prosumers.cleared(index, book, trades))

    def _unless_done(
        self,
        step: Callable[[Slot], SlotOutcome | None],
        index: int,
        done: Callable[[Slot], tuple[Trade, ...] | None],
    ) -> SlotOutcome | None:
        """Do what anybody may do; where somebody was faster, take what came of it."""
        slot = self._slot(index)
        if done(slot) is not None:
            return self._runner.outcome(slot)
        try:
            return step(slot)
        except ContractRevert as refusal:
            if refusal.name == "ClearingTooLate":  # who was interrupted for so long can only void
                self._runner.void(slot)
            elif refusal.name != "WrongPhase":
                raise
            return self._runner.outcome(slot)

    def _deliver(self, index: int) -> None:
        """Let the meters of a slot's sellers speak; on the chain, where they may be corrected."""
        slot = self._slot(index)
        is_late = self._chain.now() >= starts_at(slot) + SLOT_SECONDS + READING_SECONDS
        delivered = {} if is_late else self._prosumers.delivered(index, self._sold(index))
        domain = self._market.exchange_domain
        readings = signed_readings(self._meters, domain, slot, delivered)
        if self.settlement_delay == 0:
            self._readings[index] = readings  # to settle with them at once costs less
        elif readings and not self._market.readings(slot):
            self._market.record_readings(self._oracle, slot, readings)

    def _settle(self, index: int) -> None:
        """Settle a slot whose readings are final, and note what came of it."""
        sold = self._sold(index)
        readings = self._readings.pop(index, [])
        outcome = self._unless_done(
            lambda slot: self._runner.settle(slot, readings), index, self._market.settled_trades
        )
        if outcome is not None:
            rests = self._prosumers.settled(index, outcome.book, outcome.trades)
            self._journal.settled(index, outcome, rests)
            for participant in sold:
                owner = self._owners[participant - 1].address
                self._scores[participant - 1] = self._market.score_after(self._slot(index), owner)
        self._prosumers.forget(index)
        self._journal.scored(self._scores)

    def _sold(self, index: int) -> dict[int, Wh]:
        """Return what each seller of a cleared slot sold, by its number, from the chain."""
        slot = self._slot(index)
        trades = self._market.cleared_trades(slot) or ()
        if not trades:
            return {}
        return sold_in(self._market.book(slot), trades)

    def _record_storage(self, index: int) -> None:
        if not self._schedule:
            return
        charge, discharge, _ = self._schedule[index]
        slot = self._slot(index)
        if slot == self._market.next_storage_slot():
            signature = sign_storage_reading(
                self._roles.storage_meter,
                self._market.storage_domain,
                slot=slot,
                charge=charge,
                discharge=discharge,
            )
            self._market.record_storage(self._oracle, slot, charge, discharge, signature)
        stored = self._market.stored_after(slot)
        self._journal.storage.append(
            StorageSlotRecord(slot=index, charge=charge, discharge=discharge, stored=stored)
        )

    def _owner(self, order: Order) -> LocalAccount:
        return self._owners[order.participant - 1]

    def _money(self) -> MoneyRecord:
        holders = [*self._owners, self._roles.operator, self._roles.provider]
        accounts = [self._market.account(holder.address) for holder in holders]
        return MoneyRecord(
            deposited=self._market.deposited(),
            withdrawn=self._market.withdrawn(),
            in_accounts=MicroUsd(sum(account.free + account.locked for account in accounts)),
            token_balance=self._market.token_balance(self._market.deployment.exchange.address),
        )


def _schedule(rating: StorageRating, plan: Plan) -> list[tuple[Wh, Wh, Wh]]:
    """Return the storage's dispatch in integers; empty without a storage."""
    if plan.storage is None:
        return []
    return rating.schedule(plan.storage.charge_mw.tolist(), plan.storage.discharge_mw.tolist())


def _whole_dollars(amount: MicroUsd) -> MicroUsd:
    return MicroUsd(-(-amount // MICRO_USD_PER_USD) * MICRO_USD_PER_USD)
