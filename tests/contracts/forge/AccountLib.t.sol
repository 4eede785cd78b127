// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountLib} from "../../../contracts/libraries/AccountLib.sol";
import {Account, Slot} from "../../../contracts/types/Market.sol";
import {Checks} from "./Checks.sol";

/// @title AccountLibTest
/// @notice Each operation moves the fields that it should, and no other: fields are compared with
/// plain slices of the word.
contract AccountLibTest is Checks {
    using AccountLib for Account;

    struct Fields {
        uint256 free;
        uint256 locked;
        uint256 id;
        uint256 nonce;
        uint256 base;
        uint256 placed;
        uint256 cancelled;
        uint256 r;
        uint256 s;
    }

    uint256 internal constant MAX = 2 ** 56 - 1;

    /* MONEY */

    function testReadsItsFields(uint256 word) external pure {
        Account account = Account.wrap(word);
        (uint256 r, uint256 s) = account.reputation();

        VM.assertEq(account.free(), _slice(word, 0, 56));
        VM.assertEq(account.locked(), _slice(word, 56, 56));
        VM.assertEq(account.id(), _slice(word, 112, 12));
        VM.assertEq(account.nonce(), _slice(word, 124, 20));
        VM.assertEq(r, _slice(word, 216, 20));
        VM.assertEq(s, _slice(word, 236, 20));
    }

    function testCreditMovesTheFreeMoneyAlone(uint256 word, uint256 amount) external pure {
        Fields memory wanted = _fields(word);
        amount = _between(amount, 0, MAX - wanted.free);
        wanted.free += amount;

        _assertFields(Account.wrap(word).credit(amount), wanted);
    }

    function testCreditIsRefusedWhereTheAccountIsFull(uint256 word, uint256 amount) external {
        uint256 free = _slice(word, 0, 56);
        amount = _between(amount, MAX - free + 1, type(uint256).max - free);

        VM.expectRevert(
            abi.encodeWithSignature("AccountFull(uint256,uint256)", free + amount, MAX)
        );
        this.credit(Account.wrap(word), amount);
    }

    function testDebitMovesTheFreeMoneyAlone(uint256 word, uint256 amount) external pure {
        Fields memory wanted = _fields(word);
        amount = _between(amount, 0, wanted.free);
        wanted.free -= amount;

        _assertFields(Account.wrap(word).debit(amount), wanted);
    }

    function testNobodySpendsMoreThanIsFree(uint256 word, uint256 amount) external {
        uint256 free = _slice(word, 0, 56);
        amount = _between(amount, free + 1, type(uint256).max);

        VM.expectRevert(abi.encodeWithSignature("InsufficientFree(uint256,uint256)", free, amount));
        this.debit(Account.wrap(word), amount);
    }

    function testALockIsAddedToTheLockedMoneyAlone(uint256 word, uint256 amount) external pure {
        Fields memory wanted = _fields(word);
        amount = _between(amount, 0, MAX - wanted.locked);
        wanted.locked += amount;

        _assertFields(Account.wrap(word).withLock(amount), wanted);
    }

    function testReleaseReturnsTheLockWithWhatItEarned(
        uint256 word,
        uint256 amount,
        uint256 gain,
        uint256 loss
    ) external pure {
        Fields memory wanted = _fields(word);
        amount = _between(amount, 0, _min(wanted.locked, MAX - wanted.free));
        gain = _between(gain, 0, MAX - wanted.free - amount);
        loss = _between(loss, 0, amount + gain);
        wanted.free = wanted.free + amount + gain - loss;
        wanted.locked -= amount;

        int256 earned = int256(gain) - int256(loss);
        _assertFields(Account.wrap(word).released(amount, earned), wanted);
    }

    function testReleaseIsRefusedWhereTheAccountIsFull(
        uint256 word,
        uint256 amount,
        uint256 gain
    ) external {
        Fields memory fields = _fields(word);
        amount = _between(amount, 0, fields.locked);
        uint256 least = MAX - fields.free + 1;
        gain = _between(gain, least > amount ? least - amount : 0, 2 ** 200);

        VM.expectRevert(
            abi.encodeWithSignature(
                "AccountFull(uint256,uint256)",
                fields.free + amount + gain,
                MAX
            )
        );
        this.released(Account.wrap(word), amount, int256(gain));
    }

    function testWhatIsLockedAndReleasedIsAsBefore(uint256 word, uint256 amount) external pure {
        Fields memory fields = _fields(word);
        amount = _between(amount, 0, _min(fields.free, MAX - fields.locked));

        Account after_ = Account.wrap(word).debit(amount).withLock(amount).released(amount, 0);

        VM.assertEq(Account.unwrap(after_), word);
    }

    /* IDENTITY AND NONCES */

    function testEnrolledSetsTheParticipantsFields(
        uint112 money,
        uint256 nonce,
        uint256 id,
        uint32 firstSlot,
        uint256 r,
        uint256 s
    ) external pure {
        Account account = Account.wrap(money).withNonce(nonce % 2 ** 20);
        Fields memory wanted = _fields(Account.unwrap(account));
        wanted.id = id % 2 ** 12;
        wanted.base = _min(firstSlot, 2 ** 24 - 1);
        wanted.r = r % 2 ** 20;
        wanted.s = s % 2 ** 20;

        account = account.enrolled(wanted.id, Slot.wrap(firstSlot), wanted.r, wanted.s);

        _assertFields(account, wanted);
    }

    function testTheNonceMovesAlone(uint256 word, uint256 nonce) external pure {
        Fields memory wanted = _fields(word);
        wanted.nonce = nonce % 2 ** 20;

        _assertFields(Account.wrap(word).withNonce(wanted.nonce), wanted);
    }

    /* ORDERS */

    function testAnOrderIsLiveWhilePlacedAndNotCancelled(uint256 word, uint32 slot) external pure {
        Fields memory fields = _fields(word);
        slot = uint32(_between(slot, 0, fields.base + 30));

        bool live =
            _bit(fields.placed, fields.base, slot) && !_bit(fields.cancelled, fields.base, slot);

        VM.assertTrue(Account.wrap(word).hasOrder(Slot.wrap(slot)) == live);
    }

    function testRefusesASecondOrderOneTooEarlyAndOneTooDear(
        uint256 word,
        uint256 ahead,
        uint256 late,
        uint256 amount
    ) external pure {
        Fields memory fields = _fields(word);
        _assumeFits(fields.base);
        VM.assume(fields.base > 32);
        // The window begins now, earlier, or, for a new participant, later.
        uint256 current = fields.base - 30 + _between(late, 0, 60);
        uint256 slot = current + _between(ahead, 1, 23);
        amount = _between(amount, 0, 2 * fields.free);

        bytes memory wanted = "";
        if (slot < fields.base) {
            wanted = abi.encodeWithSignature("NotYetParticipant(uint32,uint32)", slot, fields.base);
        } else if (_bit(fields.placed, fields.base, slot)) {
            wanted = abi.encodeWithSignature("OrderExists(uint32)", slot);
        } else if (amount > fields.free) {
            wanted = abi.encodeWithSignature(
                "InsufficientFree(uint256,uint256)",
                fields.free,
                amount
            );
        }

        (bytes memory refusal, ) = Account.wrap(word).ordered(_slot(slot), _slot(current), amount);
        VM.assertEq(refusal, wanted);
    }

    function testAnOrderSetsItsBitTakesItsMoneyAndDropsThePast(
        uint256 word,
        uint256 ahead,
        uint256 passed,
        uint256 amount
    ) external pure {
        Fields memory wanted = _fields(word);
        _assumeFits(wanted.base);
        amount = _between(amount, 0, wanted.free);
        passed = _between(passed, 0, 40);
        uint256 current = wanted.base + passed;
        ahead = _between(ahead, 1, 23);
        wanted.placed >>= passed;
        VM.assume((wanted.placed >> ahead) % 2 == 0);
        wanted.placed |= 1 << ahead;
        wanted.cancelled >>= passed;
        wanted.base = current;
        wanted.free -= amount;

        (bytes memory refusal, Account account) = Account.wrap(word).ordered(
            _slot(current + ahead),
            _slot(current),
            amount
        );

        VM.assertEq(refusal.length, 0);
        _assertFields(account, wanted);
    }

    function testTheWindowOfANewParticipantWaitsForItsFirstSlot(
        uint256 word,
        uint256 ahead,
        uint256 early,
        uint256 amount
    ) external pure {
        Fields memory wanted = _fields(word);
        early = _between(early, 1, 22);
        VM.assume(wanted.base >= early);
        amount = _between(amount, 0, wanted.free);
        uint256 current = wanted.base - early;
        ahead = _between(ahead, 0, 23 - early);
        VM.assume((wanted.placed >> ahead) % 2 == 0);
        uint256 slot = wanted.base + ahead;
        wanted.placed |= 1 << ahead;
        wanted.free -= amount;

        (bytes memory refusal, Account account) = Account.wrap(word).ordered(
            _slot(slot),
            _slot(current),
            amount
        );

        VM.assertEq(refusal.length, 0);
        _assertFields(account, wanted);
    }

    function testACancellationSetsItsBitAlone(uint256 word, uint256 ahead) external pure {
        Fields memory wanted = _fields(word);
        ahead = _between(ahead, 0, 23);
        Slot slot = _slot(wanted.base + ahead);
        wanted.cancelled |= 1 << ahead;

        Account account = Account.wrap(word).withCancellation(slot);

        _assertFields(account, wanted);
        VM.assertFalse(account.hasOrder(slot));
    }

    /* REPUTATION */

    function testTheReputationMovesAlone(uint256 word, uint256 r, uint256 s) external pure {
        Fields memory wanted = _fields(word);
        wanted.r = r % 2 ** 20;
        wanted.s = s % 2 ** 20;

        _assertFields(Account.wrap(word).withReputation(wanted.r, wanted.s), wanted);
    }

    /* CALLS THAT REVERT */

    function credit(Account account, uint256 amount) external pure returns (Account) {
        return account.credit(amount);
    }

    function debit(Account account, uint256 amount) external pure returns (Account) {
        return account.debit(amount);
    }

    function released(
        Account account,
        uint256 amount,
        int256 earned
    ) external pure returns (Account) {
        return account.released(amount, earned);
    }

    /* INTERNAL */

    /// @dev Slots end in the year 2448, where the window has room for 64 more.
    function _assumeFits(uint256 base) internal pure {
        VM.assume(base < 2 ** 24 - 64);
    }

    function _slot(uint256 value) internal pure returns (Slot) {
        return Slot.wrap(uint32(value));
    }

    function _bit(uint256 bits, uint256 base, uint256 slot) internal pure returns (bool) {
        return slot >= base && slot < base + 24 && (bits / 2 ** (slot - base)) % 2 == 1;
    }

    function _fields(uint256 word) internal pure returns (Fields memory) {
        return
            Fields({
                free: _slice(word, 0, 56),
                locked: _slice(word, 56, 56),
                id: _slice(word, 112, 12),
                nonce: _slice(word, 124, 20),
                base: _slice(word, 144, 24),
                placed: _slice(word, 168, 24),
                cancelled: _slice(word, 192, 24),
                r: _slice(word, 216, 20),
                s: _slice(word, 236, 20)
            });
    }

    function _assertFields(Account account, Fields memory wanted) internal pure {
        Fields memory got = _fields(Account.unwrap(account));
        VM.assertEq(got.free, wanted.free, "free");
        VM.assertEq(got.locked, wanted.locked, "locked");
        VM.assertEq(got.id, wanted.id, "id");
        VM.assertEq(got.nonce, wanted.nonce, "nonce");
        VM.assertEq(got.base, wanted.base, "base");
        VM.assertEq(got.placed, wanted.placed, "placed");
        VM.assertEq(got.cancelled, wanted.cancelled, "cancelled");
        VM.assertEq(got.r, wanted.r, "r");
        VM.assertEq(got.s, wanted.s, "s");
    }
}
