"""Money in, money out, who is who; as contracts/exchange/Accounts.sol."""

from collections import Counter
from collections.abc import Mapping

from oracle.audit.faults import compare, fault
from oracle.audit.slot import NOBODY, Account, SlotLedger
from oracle.audit.terms import Terms
from oracle.audit.typed_data import domain_hash
from oracle.domain.book import MAX_NONCE
from oracle.domain.record import (
    CALLS_OF,
    UNSEEN,
    Call,
    EventRecord,
    MarketRecord,
    MechanismEntry,
    SignedStatement,
    Values,
)
from oracle.errors import Divergence, InvalidInputError
from oracle.market.mechanism import Mechanism
from oracle.model.reputation import initial_reputation
from oracle.units import MicroUsd, Slot, Wh, amount_down

ROLES = {
    "Exchange": "operator",
    "Registry": "registrar",
    "LineLease": "line owner",
    "StorageLedger": "storage provider",
}


class Accounts:
    """
    The state of a market, and its accounts.

    `checked` counts what was compared, `unproved` what had to be believed, by its kind; `doubt`
    names the first of that.
    """

    def __init__(self, record: MarketRecord, mechanisms: Mapping[str, type[Mechanism]]) -> None:
        """`mechanisms` maps the name of a verifier's contract to its twin."""
        self.checked: Counter[str] = Counter()
        self.unproved: Counter[str] = Counter()
        self.doubt: Divergence | None = None
        self.terms = Terms(record)
        self.accounts: dict[str, Account] = {}
        self.slots: dict[Slot, SlotLedger] = {}
        self.roles: dict[str, str] = {}
        self._pending: dict[str, str] = {}  # who may take a role over
        self.deposited = 0
        self.withdrawn = 0
        self.compensation_paid = 0
        self.throughput = 0
        self.storage: dict[Slot, tuple[Wh, Wh, Wh]] = {}
        self._constants = record.constants
        self._twins = {
            entry.mechanism: _twin(mechanisms[entry.name], entry)
            for entry in record.mechanisms
            if entry.name in mechanisms
        }
        self._hashes = {entry.slot: entry for entry in record.slots}
        self._calls = {call.event: call for call in record.calls}
        self._certificates = {call.event: call.certificate for call in record.clears}
        self._salts = {salt.event: salt.salt for salt in record.salts}
        self._order_signatures = {
            (one.event, one.entry): one.signature for one in record.order_signatures
        }
        self._paused = False
        self._statements: dict[int, list[SignedStatement]] = {}
        for statement in record.statements:
            self._statements.setdefault(statement.event, []).append(statement)
        chain_id, addresses = record.constants.chain_id, record.constants.addresses
        self._exchange_domain = domain_hash("Wattline Exchange", chain_id, addresses["Exchange"])
        self._storage_domain = domain_hash(
            "Wattline StorageLedger", chain_id, addresses["StorageLedger"]
        )

    @property
    def escrow(self) -> int:
        """What slots hold: the bonds of seals that are neither opened nor shared out."""
        undecided = [plain for plain in self.slots.values() if not plain.settled and not plain.void]
        return sum(len(plain.seals) for plain in undecided) * self._constants.seal_bond

    def _call(self, event: EventRecord, *functions: str) -> Call | None:
        """Return the call that left an event, of these functions; None where it is not seen."""
        call = self._calls.get(event.position)
        if call is None:
            raise fault(event, "call: expected one in calls.csv, came none")
        if call.function == UNSEEN:
            return None
        if call.function not in (functions or CALLS_OF[event.name]):
            expected = " or ".join(functions or CALLS_OF[event.name])
            raise fault(event, f"call: expected {expected}, came {call.function}")
        return call

    def _believe(self, event: EventRecord, kind: str, what: str, count: int = 1) -> None:
        """Count what nothing in the export proves."""
        self.unproved[kind] += count
        if self.doubt is None and count:
            self.doubt = fault(event, f"{what}: expected a proof, came none")

    def account(self, owner: str) -> Account:
        return self.accounts.setdefault(owner, Account())

    def _deposited(self, event: EventRecord, values: Values) -> None:
        self._require_running(event)
        account = self.account(values["owner"])
        if account.participant == 0 and values["owner"] in self.terms.joined:
            raise fault(event, f"owner: expected {values['owner']} to be enrolled before")
        account.free += values["amount"]
        self.deposited += values["amount"]
        self.checked["deposits and withdrawals"] += 1

    def _withdrawn(self, event: EventRecord, values: Values) -> None:
        self._debit(event, values["owner"], values["amount"])
        self.withdrawn += values["amount"]
        self.checked["deposits and withdrawals"] += 1

    def _debit(self, event: EventRecord, owner: str, amount: int) -> None:
        account = self.account(owner)
        if account.free < amount:
            raise fault(event, f"amount: expected at most {account.free} free, came {amount}")
        account.free -= amount

    def _enrolled(self, event: EventRecord, values: Values) -> None:
        account = self.account(values["owner"])
        joined = self.terms.joined.get(values["owner"])
        if joined is None or account.participant:
            raise fault(event, f"owner: expected one that is to enrol, came {values['owner']}")
        number, first_slot, score = joined
        compare(event, "participant", number, values["participant"])
        reputation = initial_reputation(score, self._constants.reputation_memory)
        compare(event, "r", reputation.r, values["r"])
        compare(event, "s", reputation.s, values["s"])
        account.participant, account.first_slot = number, first_slot
        account.reputation = reputation
        self.checked["reputations"] += 1

    def _nonces_spent(self, event: EventRecord, values: Values) -> None:
        account = self.account(values["owner"])
        if not account.nonce < values["below"] <= MAX_NONCE:
            raise fault(event, f"below: expected above {account.nonce}, came {values['below']}")
        account.nonce = values["below"]

    def _compensated(self, event: EventRecord, values: Values) -> None:
        compare(event, "operator", self.roles.get("operator"), values["operator"])
        compare(event, "provider", self.roles.get("storage provider"), values["provider"])
        owed = self.compensation_earned - self.compensation_paid
        free = self.account(values["operator"]).free
        compare(event, "amount", min(owed, free), values["amount"])
        self._debit(event, values["operator"], values["amount"])
        self.account(values["provider"]).free += values["amount"]
        self.compensation_paid += values["amount"]
        self.checked["compensations"] += 1

    @property
    def compensation_earned(self) -> MicroUsd:
        return amount_down(Wh(self.throughput), self._constants.storage.compensation)

    def _offered(self, event: EventRecord, values: Values) -> None:
        role = ROLES[event.contract]
        compare(event, "previousOwner", self.roles.get(role), values["previousOwner"])
        self._pending[role] = values["newOwner"]

    def _handed_over(self, event: EventRecord, values: Values) -> None:
        role, holder = ROLES[event.contract], values["newOwner"]
        compare(event, "previousOwner", self.roles.get(role, NOBODY), values["previousOwner"])
        pending = self._pending.pop(role, NOBODY)
        if role in self.roles and (holder == NOBODY or holder != pending):
            raise fault(event, f"newOwner: expected who was to be the {role}, came {holder}")
        self.roles[role] = holder

    def _pause(self, event: EventRecord, values: Values) -> None:
        if self._paused is (event.name == "Paused"):
            raise fault(event, "expected a change of the pause, came none")
        compare(event, "account", self.roles.get("operator"), values["account"])
        self._paused = event.name == "Paused"

    def _require_running(self, event: EventRecord) -> None:
        if self._paused:
            raise fault(event, "expected none while the market is paused")

    def _require_time(self, event: EventRecord, opens_at: int, closes_at: int) -> None:
        if not opens_at <= event.time < closes_at:
            raise fault(
                event, f"time: expected from {opens_at} and before {closes_at}, came {event.time}"
            )


def _twin(kind: type[Mechanism], entry: MechanismEntry) -> Mechanism:
    fault = Divergence(
        "mechanisms.csv",
        f"parameters: expected those of {entry.name}, came {entry.parameters}",
        slot=entry.since,
    )
    try:
        twin = kind.of_parameters(entry.parameters)
    except (InvalidInputError, TypeError, ValueError) as error:
        raise fault from error
    if twin.parameters != entry.parameters:
        raise fault
    return twin
