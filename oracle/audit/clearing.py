"""Outcomes, proved by their certificates; as contracts/exchange/Clearing.sol."""

from collections.abc import Sequence

from oracle.audit.faults import compare, fault, said
from oracle.audit.order_book import OrderBook
from oracle.audit.slot import trade_of
from oracle.domain.book import Trade
from oracle.domain.clock import GATE_CLOSURE_SECONDS, REVEAL_SECONDS
from oracle.domain.record import EventRecord, Values
from oracle.errors import ContractRevert
from oracle.market.mechanism import Mechanism, Outcome, Round, round_of
from oracle.units import SLOT_SECONDS, Slot


class Clearing(OrderBook):
    """The outcomes of the slots."""

    def _cleared(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        plain = self._in_phase(event, slot, "recorded")
        starts_at = slot * SLOT_SECONDS
        window = REVEAL_SECONDS if self._constants.seal_bond else 0
        self._require_time(event, starts_at - GATE_CLOSURE_SECONDS + window, starts_at)
        self._compare_book(event, slot, plain)
        compare(event, "mechanism", self.terms.mechanisms.at(slot), values["mechanism"])
        twin = self._twins.get(values["mechanism"])
        if twin is None:
            raise fault(event, f"mechanism: expected a known one, came {values['mechanism']}")
        price = self.terms.prices.at(slot)
        if price is None:
            raise fault(event, "real-time price: expected one to be announced, came none")
        trades = tuple(trade_of(event, fields) for fields in values["trades"])
        market_round = round_of(
            tuple(plain.book), self.terms.fees(slot), price, self.terms.capacities.at(slot)
        )
        try:
            certificate = self._certificate(event, twin, market_round, trades)
            twin.verify(market_round, Outcome(trades=trades, certificate=certificate))
        except ContractRevert as refusal:
            raise fault(event, said(refusal, trades)) from refusal
        plain.cleared = trades
        self.checked["slots cleared"] += 1
        self.checked["prices, fees and fills"] += len(trades)

    def _certificate(
        self, event: EventRecord, twin: Mechanism, market_round: Round, trades: Sequence[Trade]
    ) -> bytes:
        """Return the certificate that came with an outcome, or one that is found anew."""
        if self._call(event) is None:
            self.checked["outcomes proved without their certificate"] += 1
            return twin.certificate_of(market_round, trades)
        certificate = self._certificates.get(event.position)
        if certificate is None:
            raise fault(event, "certificate: expected one in certificates.csv, came none")
        return certificate
