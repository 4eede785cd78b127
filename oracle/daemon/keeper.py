"""
Does what is due, one step after the other, and tries again what failed.

A refusal that says somebody else was faster is no failure: whoever cleared the slot, it is cleared.
Any other keeps to its slot: it is logged and tried again, ever less often, while the other slots
go on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from eth_account.signers.local import LocalAccount

from oracle.chain.chains import Head, Sent
from oracle.chain.market import Market
from oracle.daemon.duties import Duties, Duty, Step
from oracle.daemon.log import Log
from oracle.daemon.metrics import Metrics
from oracle.errors import ContractRevert, OracleError
from oracle.round import RoundRunner
from oracle.units import Slot

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STUCK_AFTER = 4  # failures of one step, which is then not waited for

DONE = {
    Step.CLEAR: "cleared",
    Step.VOID: "voided",
    Step.SETTLE: "settled",
    Step.PAY: "compensation-paid",
}
BENIGN = frozenset(  # what the contract says to who comes second, or a block too early or too late
    {
        "WrongPhase",
        "ClearingTooLate",
        "GateOpen",
        "VoidTooEarly",
        "ReadingsIncomplete",
        "ReadingsMismatch",
        "ReadingsNotFinal",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far the work has come at a block."""

    head: Head
    waiting: int  # steps that are due and not done
    stuck: int  # of these, those that failed again and again
    seconds_behind: int  # of the chain's time, since the oldest of these was due


@dataclass(slots=True)
class _Trouble:
    failures: int
    retry_at: float


class Keeper:
    """Keeps one market going from one account."""

    def __init__(
        self,
        market: Market,
        duties: Duties,
        account: LocalAccount,
        *,
        metrics: Metrics,
        log: Log,
        clock: Callable[[], float],
    ) -> None:
        """`clock` tells the seconds between retries; nothing else depends on it."""
        self._market = market
        self._duties = duties
        self._account = account
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._runner = RoundRunner(market, account)
        self._troubles: dict[tuple[Step, Slot], _Trouble] = {}
        self._since: dict[tuple[Step, Slot], int] = {}  # chain time when first found due
        self._sent: list[Sent] = []
        market.chain.on_sent = self._sent.append

    def work(self) -> Standing:
        """
        Do everything that is due now; return what is left.

        Raises
        ------
        ChainUnavailable
            If the chain cannot be read.
        """
        for duty in self._duties.due(self._market.chain.head().time):
            trouble = self._troubles.get((duty.step, duty.slot))
            if trouble is None or self._clock() >= trouble.retry_at:
                self._try(duty)
        return self._standing()

    def forget(self) -> None:
        """Hold nothing of what was read before a reorganisation."""
        self._runner = RoundRunner(self._market, self._account)
        self._troubles.clear()
        self._since.clear()

    def _standing(self) -> Standing:
        head = self._market.chain.head()
        left = {(duty.step, duty.slot): duty for duty in self._duties.due(head.time)}
        for seen in (self._troubles, self._since):
            for key in [key for key in seen if key not in left]:
                del seen[key]
        for key, duty in left.items():
            self._since.setdefault(key, duty.due_at)
        stuck = sum(t.failures >= STUCK_AFTER for t in self._troubles.values())
        behind = head.time - min(self._since.values(), default=head.time)
        return Standing(head=head, waiting=len(left), stuck=stuck, seconds_behind=behind)

    def _try(self, duty: Duty) -> None:
        started = perf_counter()
        self._sent.clear()
        self._market.chain.forget_nonces()  # another process may use the key, or the chain go back
        try:
            self._do(duty)
        except ContractRevert as refusal:
            if refusal.name in BENIGN:
                self._metrics.refusals.labels(error=refusal.name).inc()
                self._log.info("refused", step=duty.step, slot=duty.slot, error=refusal.name)
                self._pause(duty, failures=0)
            else:
                self._failed(duty, refusal.name, refusal)
        except OracleError as error:
            self._failed(duty, type(error).__name__, error)
        except Exception as error:  # one slot that we cannot make sense of must not stop the others
            self._failed(duty, type(error).__name__, error, unexpected=True)
        else:
            self._troubles.pop((duty.step, duty.slot), None)
            self._report(duty, 1000 * (perf_counter() - started))

    def _do(self, duty: Duty) -> None:
        if duty.step is Step.CLEAR:
            self._runner.clear(duty.slot)
        elif duty.step is Step.VOID:
            self._runner.void(duty.slot)
        elif duty.step is Step.SETTLE:
            self._runner.settle(duty.slot)
        else:
            self._market.pay_compensation(self._account)

    def _report(self, duty: Duty, milliseconds: float) -> None:
        for sent in self._sent:
            self._metrics.gas.labels(function=sent.function).inc(sent.gas)
            self._metrics.slots.labels(step=DONE[duty.step]).inc()
            self._log.info(
                DONE[duty.step],
                slot=duty.slot,
                transaction=sent.transaction,
                gas=sent.gas,
                ms=round(milliseconds),
            )

    def _failed(self, duty: Duty, kind: str, error: Exception, *, unexpected: bool = False) -> None:
        trouble = self._troubles.get((duty.step, duty.slot))
        failures = 1 + (trouble.failures if trouble else 0)
        pause_s = self._pause(duty, failures=failures)
        self._metrics.failures.labels(kind=kind).inc()
        self._log.warning(
            "failed",
            step=duty.step,
            slot=duty.slot,
            kind=kind,
            reason=str(error),
            failures=failures,
            retry_in_s=pause_s,
            exc_info=error if unexpected else None,
        )

    def _pause(self, duty: Duty, *, failures: int) -> float:
        """Leave a step alone for a while; return for how many seconds."""
        pause_s = min(FIRST_PAUSE_S * 2.0 ** max(0, failures - 1), LONGEST_PAUSE_S)
        self._troubles[(duty.step, duty.slot)] = _Trouble(failures, self._clock() + pause_s)
        return pause_s
