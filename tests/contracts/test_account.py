"""The packed account against a plain record, operation by operation."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3.contract import Contract

from oracle.chain.reverts import decoded
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

MAX_MONEY = 2**56 - 1
WINDOW = 24
CREDIT, DEBIT, LOCK, RELEASE, PLACE, CANCEL, SET_REPUTATION, SET_NONCE = range(8)

Step = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainAccount:
    """What an account's word holds, without packing."""

    free: int = 0
    locked: int = 0
    number: int = 0
    nonce: int = 0
    base: int = 0
    placed: frozenset[int] = frozenset()
    cancelled: frozenset[int] = frozenset()
    r: int = 0
    s: int = 0

    def pack(self) -> int:
        word = self.free | self.locked << 56 | self.number << 112
        word |= self.nonce << 124 | self.base << 144
        for slot in self.placed:
            word |= 1 << 168 + slot - self.base
        for slot in self.cancelled:
            word |= 1 << 192 + slot - self.base
        return word | self.r << 216 | self.s << 236

    def live(self, slot: int) -> bool:
        return slot in self.placed - self.cancelled

    def after(self, step: Step) -> "PlainAccount | str":
        """Return the account after a step, or the name of the error that refuses it."""
        operation, a, b, c = step
        if operation == CREDIT:
            if self.free + a > MAX_MONEY:
                return "AccountFull"
            return replace(self, free=self.free + a)
        if operation in (DEBIT, LOCK):
            if self.free < a:
                return "InsufficientFree"
            if operation == DEBIT:
                return replace(self, free=self.free - a)
            return replace(self, free=self.free - a, locked=self.locked + a)
        if operation == RELEASE:
            earned = b - 2**256 if b >= 2**255 else b
            if self.free + a + earned > MAX_MONEY:
                return "AccountFull"
            return replace(self, free=self.free + a + earned, locked=self.locked - a)
        if operation == PLACE:
            return self._after_order(a, b, c)
        if operation == CANCEL:
            if not self.live(a):
                return "NoOrder"
            return replace(self, cancelled=self.cancelled | {a})
        if operation == SET_NONCE:
            return replace(self, nonce=a)
        return replace(self, r=a, s=b)

    def _after_order(self, slot: int, current: int, amount: int) -> "PlainAccount | str":
        if slot < self.base:
            return "NotYetParticipant"
        if slot in self.placed:
            return "OrderExists"
        if self.free < amount:
            return "InsufficientFree"
        base = max(self.base, current)
        return replace(
            self,
            free=self.free - amount,
            locked=self.locked + amount,
            base=base,
            placed=frozenset(s for s in self.placed if s >= base) | {slot},
            cancelled=frozenset(s for s in self.cancelled if s >= base),
        )


@st.composite
def lives(draw: st.DrawFn) -> tuple[PlainAccount, list[Step], list[PlainAccount | str]]:
    """Return an account, steps whose assumptions hold, and what the plain record makes of them."""
    first = draw(st.sampled_from([0, 2_000_000, 2_000_010]))
    account = PlainAccount(number=draw(st.integers(0, 1024)), base=first)
    start, now = account, max(first - draw(st.integers(0, 30)), 0)
    amounts = st.one_of(
        st.sampled_from([0, 1, MAX_MONEY // 2, MAX_MONEY // 2 + 1, MAX_MONEY - 1, MAX_MONEY]),
        st.integers(0, MAX_MONEY),
    )
    steps, results = [], []
    for _ in range(draw(st.integers(1, 30))):
        operation = draw(st.integers(CREDIT, SET_NONCE))
        a, b, c = 0, 0, 0
        if operation in (CREDIT, DEBIT, LOCK):
            a = draw(amounts)
            if operation == LOCK:  # all money of an exchange fits one account
                a = min(a, MAX_MONEY - account.locked) if a <= account.free else a
        elif operation == RELEASE:
            a = draw(st.one_of(st.just(account.locked), st.integers(0, account.locked)))
            b = draw(st.integers(-a, MAX_MONEY)) % 2**256
        elif operation == PLACE:
            now += draw(st.sampled_from([0, 0, 0, 1, 2, 22, 23, 24, 100]))
            a, b = now + draw(st.integers(1, WINDOW - 1)), now
            c = draw(st.integers(0, min(account.free + 1, MAX_MONEY - account.locked)))
        elif operation == CANCEL:
            a = now + draw(st.integers(0, WINDOW + 2))
        elif operation == SET_NONCE:
            a = draw(st.integers(0, 2**20 - 1))
        else:
            b = draw(st.integers(0, 2**20 - 1))
            a = draw(st.integers(0, b))
        step = (operation, a, b, c)
        result = account.after(step)
        account = account if isinstance(result, str) else result
        steps.append(step)
        results.append(result)
    return start, steps, results


@settings(max_examples=80, deadline=None)
@given(life=lives())
def test_the_packed_account_is_the_plain_one_after_every_step(
    accounts: Contract, life: tuple[PlainAccount, list[Step], list[PlainAccount | str]]
) -> None:
    start, steps, expected = life

    words, errors = accounts.functions.run(start.pack(), steps).call()

    account = start
    for result, word, error in zip(expected, words, errors, strict=True):
        account = account if isinstance(result, str) else result
        assert word == account.pack()
        assert (decoded(error).name if error else None) == (
            result if isinstance(result, str) else None
        )
    slots = list(range(account.base, account.base + WINDOW + 5))
    live = accounts.functions.haveOrders(words[-1], slots).call()
    assert live == [account.live(slot) for slot in slots]


def test_an_account_refuses_one_micro_dollar_too_many(accounts: Contract) -> None:
    full = PlainAccount(free=MAX_MONEY, number=1).pack()

    with reverts(accounts, "AccountFull", amountMicroUsd=2**56, maximumMicroUsd=MAX_MONEY):
        accounts.functions.apply_(full, (CREDIT, 1, 0, 0)).call()
    with reverts(
        accounts, "InsufficientFree", freeMicroUsd=MAX_MONEY, neededMicroUsd=MAX_MONEY + 1
    ):
        accounts.functions.apply_(full, (LOCK, MAX_MONEY + 1, 0, 0)).call()


def test_a_release_refuses_one_micro_dollar_too_many(accounts: Contract) -> None:
    account = PlainAccount(free=MAX_MONEY - 9, locked=7)

    word = accounts.functions.apply_(account.pack(), (RELEASE, 7, 2, 0)).call()

    assert word == replace(account, free=MAX_MONEY, locked=0).pack()
    with reverts(accounts, "AccountFull", amountMicroUsd=2**56, maximumMicroUsd=MAX_MONEY):
        accounts.functions.apply_(account.pack(), (RELEASE, 7, 3, 0)).call()


def test_a_loss_is_taken_from_what_was_locked(accounts: Contract) -> None:
    account = PlainAccount(free=5, locked=7, number=3, nonce=9, r=4, s=6)

    word = accounts.functions.apply_(account.pack(), (RELEASE, 7, 2**256 - 7, 0)).call()

    assert word == replace(account, locked=0).pack()


def test_a_full_account_keeps_its_other_fields(accounts: Contract) -> None:
    start = PlainAccount(
        number=1024,
        nonce=2**20 - 1,
        base=2**24 - 30,
        placed=frozenset({2**24 - 7}),
        r=2**20 - 1,
        s=2**20 - 1,
    )

    words, errors = accounts.functions.run(
        start.pack(),
        [(CREDIT, MAX_MONEY, 0, 0), (LOCK, MAX_MONEY, 0, 0), (CREDIT, MAX_MONEY, 0, 0)],
    ).call()

    assert errors == [b"", b"", b""]
    assert words[-1] == replace(start, free=MAX_MONEY, locked=MAX_MONEY).pack()


def test_a_new_participant_has_its_number_first_slot_and_reputation(accounts: Contract) -> None:
    stranger = PlainAccount(free=7)

    word = accounts.functions.enrolled(stranger.pack(), 1024, 3_400_100, 12, 34).call()

    assert word == PlainAccount(free=7, number=1024, base=3_400_100, r=12, s=34).pack()


@pytest.mark.parametrize("first_slot", [2**24, 2**24 + 5, 2**32 - 1])
def test_a_first_slot_beyond_its_bits_leaves_the_other_fields_alone(
    accounts: Contract, first_slot: int
) -> None:
    word = accounts.functions.enrolled(0, 3, first_slot, 12, 34).call()

    assert word == PlainAccount(number=3, base=2**24 - 1, r=12, s=34).pack()
