"""The packed accounts against plain records, operation by operation."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3.contract import Contract

from oracle.chain.reverts import decoded
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

MAX_MONEY = 2**50 - 1
MAX_SUM = 2**20 - 1
WINDOW = 24
ACCOUNT_BITS = 116
OPEN, CREDIT, DEBIT, PLACE, RELEASE, SET_REPUTATION, SPEND_NONCES = range(7)

Step = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainAccount:
    """What an account has, without packing."""

    free: int = 0
    is_open: bool = False
    has_spent_nonces: bool = False
    r: int = 0
    s: int = 0
    placed: frozenset[int] = frozenset()

    def pack(self, base: int) -> int:
        word = self.free | self.is_open << 50 | self.has_spent_nonces << 51
        word |= self.r << 52 | self.s << 72
        return word | sum(1 << 92 + slot - base for slot in self.placed)

    def fields(self) -> tuple[int, bool, bool, int, int]:
        return self.free, self.is_open, self.has_spent_nonces, self.r, self.s


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPair:
    """Two neighbours' accounts: of participants 2 k + 1 and 2 k + 2."""

    base: int = 0
    accounts: tuple[PlainAccount, PlainAccount] = field(default=(PlainAccount(), PlainAccount()))

    def pack(self) -> int:
        first, second = (account.pack(self.base) for account in self.accounts)
        return first | second << ACCOUNT_BITS | self.base << 2 * ACCOUNT_BITS

    def of(self, participant: int) -> PlainAccount:
        return self.accounts[(participant - 1) % 2]

    def with_(self, participant: int, account: PlainAccount) -> "PlainPair":
        first, second = self.accounts
        return replace(self, accounts=(account, second) if participant % 2 else (first, account))

    def moved_to(self, current: int) -> "PlainPair":
        base = max(self.base, current)
        first, second = (
            replace(account, placed=frozenset(s for s in account.placed if s >= base))
            for account in self.accounts
        )
        return PlainPair(base=base, accounts=(first, second))

    def after(self, step: Step) -> "PlainPair | str":
        """Return the accounts after a step, or the name of the error that refuses it."""
        operation, participant, a, b, c = step
        account = self.of(participant)
        if operation == OPEN:
            account = PlainAccount(free=a, is_open=True, r=b, s=c, placed=account.placed)
        elif operation == CREDIT:
            if account.free + a > MAX_MONEY:
                return "AccountFull"
            account = replace(account, free=account.free + a)
        elif operation == DEBIT:
            if account.free < a:
                return "InsufficientFree"
            account = replace(account, free=account.free - a)
        elif operation == PLACE:
            return self.moved_to(b)._with_order(participant, a, c)
        elif operation == RELEASE:
            earned = b - 2**256 if b >= 2**255 else b
            if account.free + a + earned > MAX_MONEY:
                return "AccountFull"
            account = replace(account, free=account.free + a + earned)
        elif operation == SPEND_NONCES:
            account = replace(account, has_spent_nonces=True)
        else:
            account = replace(account, r=a, s=b)
        return self.with_(participant, account)

    def _with_order(self, participant: int, slot: int, amount: int) -> "PlainPair | str":
        account = self.of(participant)
        if slot in account.placed:
            return "OrderExists"
        if account.free < amount:
            return "InsufficientFree"
        placed = account.placed | {slot}
        return self.with_(participant, replace(account, free=account.free - amount, placed=placed))


amounts = st.one_of(
    st.sampled_from([0, 1, MAX_MONEY // 2, MAX_MONEY // 2 + 1, MAX_MONEY - 1, MAX_MONEY]),
    st.integers(0, MAX_MONEY),
)


@st.composite
def lives(draw: st.DrawFn) -> tuple[PlainPair, list[Step], list[PlainPair | str]]:
    """Return accounts, steps whose assumptions hold, and what the plain records make of them."""
    now = draw(st.sampled_from([0, 2_000_000, 2_000_010]))
    start = pair = PlainPair(base=max(now - draw(st.integers(0, 30)), 0))
    first = draw(st.sampled_from([1, 511, 1023]))
    steps, results = [], []
    for _ in range(draw(st.integers(1, 30))):
        operation = draw(st.integers(OPEN, SPEND_NONCES))
        participant = first + draw(st.integers(0, 1))
        account, a, b, c = pair.of(participant), 0, 0, 0
        if operation == OPEN:
            if account.placed:  # none is opened twice
                continue
            a, c = draw(amounts), draw(st.integers(0, MAX_SUM))
            b = draw(st.integers(0, c))
        elif operation in (CREDIT, DEBIT):
            a = draw(amounts)
        elif operation == PLACE:
            now += draw(st.sampled_from([0, 0, 0, 1, 2, 22, 23, 24, 100, 300]))
            a, b = now + draw(st.integers(1, WINDOW - 1)), now
            c = draw(st.integers(0, account.free + 1))
        elif operation == RELEASE:
            a = draw(amounts)
            b = draw(st.integers(-a, MAX_MONEY)) % 2**256
        elif operation == SET_REPUTATION:
            b = draw(st.integers(0, MAX_SUM))
            a = draw(st.integers(0, b))
        step = (operation, participant, a, b, c)
        result = pair.after(step)
        pair = pair if isinstance(result, str) else result
        steps.append(step)
        results.append(result)
    return start, steps, results


@settings(max_examples=80, deadline=None)
@given(life=lives())
def test_the_packed_accounts_are_the_plain_ones_after_every_step(
    accounts: Contract, life: tuple[PlainPair, list[Step], list[PlainPair | str]]
) -> None:
    start, steps, expected = life

    words, errors = accounts.functions.run(start.pack(), steps).call()

    pair = start
    for result, word, error in zip(expected, words, errors, strict=True):
        pair = pair if isinstance(result, str) else result
        assert word == pair.pack()
        assert (decoded(error).name if error else None) == (
            result if isinstance(result, str) else None
        )
    slots = list(range(max(pair.base - 3, 0), pair.base + WINDOW + 5))
    for participant in (1, 2):
        account = pair.of(participant)
        assert accounts.functions.fieldsOf(pair.pack(), participant).call() == account.fields()
        placed = accounts.functions.havePlaced(pair.pack(), participant, slots).call()
        assert placed == [slot in account.placed for slot in slots]


def a_full_pair() -> PlainPair:
    """Return accounts with every bit set that a field has."""
    base = 2**24 - 1 - WINDOW
    account = PlainAccount(
        free=MAX_MONEY,
        is_open=True,
        has_spent_nonces=True,
        r=MAX_SUM,
        s=MAX_SUM,
        placed=frozenset(range(base, base + WINDOW)),
    )
    return PlainPair(base=base, accounts=(account, account))


@pytest.mark.parametrize("participant", [1, 2, 1023, 1024])
def test_an_account_refuses_one_micro_dollar_too_many(accounts: Contract, participant: int) -> None:
    full = a_full_pair().pack()

    with reverts(accounts, "AccountFull", amountMicroUsd=2**50, maximumMicroUsd=MAX_MONEY):
        accounts.functions.apply_(full, (CREDIT, participant, 1, 0, 0)).call()
    with reverts(accounts, "AccountFull", amountMicroUsd=2**50, maximumMicroUsd=MAX_MONEY):
        accounts.functions.apply_(full, (RELEASE, participant, 7, 2**256 - 6, 0)).call()
    with reverts(
        accounts, "InsufficientFree", freeMicroUsd=MAX_MONEY, neededMicroUsd=MAX_MONEY + 1
    ):
        accounts.functions.apply_(full, (DEBIT, participant, MAX_MONEY + 1, 0, 0)).call()


@pytest.mark.parametrize("participant", [1, 2])
@pytest.mark.parametrize(
    ("operation", "arguments", "changed"),
    [
        (OPEN, (3, 1, 2), {"free": 3, "has_spent_nonces": False, "r": 1, "s": 2}),
        (DEBIT, (MAX_MONEY, 0, 0), {"free": 0}),
        (RELEASE, (9, 2**256 - 9, 0), {}),
        (RELEASE, (0, 2**256 - MAX_MONEY, 0), {"free": 0}),
        (SET_REPUTATION, (0, 0, 0), {"r": 0, "s": 0}),
        (SPEND_NONCES, (0, 0, 0), {}),
    ],
)
def test_an_operation_leaves_the_neighbour_and_the_other_fields_alone(
    accounts: Contract,
    participant: int,
    operation: int,
    arguments: tuple[int, int, int],
    changed: dict[str, Any],
) -> None:
    pair = a_full_pair()
    if operation == OPEN:  # a new participant has ordered for no slot
        pair = pair.with_(participant, PlainAccount())
        changed = {**changed, "is_open": True}

    word = accounts.functions.apply_(pair.pack(), (operation, participant, *arguments)).call()

    assert word == pair.with_(participant, replace(pair.of(participant), **changed)).pack()


@pytest.mark.parametrize("past", [1, 23, 24, 300])
def test_the_window_moves_on_for_both_and_never_back(accounts: Contract, past: int) -> None:
    pair = a_full_pair()
    pair = PlainPair(base=2_000_000, accounts=pair.accounts)
    slots = frozenset(range(pair.base, pair.base + WINDOW))
    first, second = (replace(account, placed=slots) for account in pair.accounts)
    pair, now = replace(pair, accounts=(first, second)), 2_000_000 + past
    slot = now + WINDOW - 1
    expected = pair.moved_to(now)._with_order(2, slot, 5)

    word = accounts.functions.apply_(pair.pack(), (PLACE, 2, slot, now, 5)).call()
    again = accounts.functions.apply_(word, (PLACE, 1, slot, now - 9, 5)).call()

    assert isinstance(expected, PlainPair)
    assert word == expected.pack()
    assert (
        again
        == expected.with_(
            1,
            replace(expected.of(1), free=MAX_MONEY - 5, placed=expected.of(1).placed | {slot}),
        ).pack()
    )
