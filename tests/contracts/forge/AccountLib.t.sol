// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountLib} from "../../../contracts/libraries/AccountLib.sol";
import {Account, AccountPair, Slot} from "../../../contracts/types/Market.sol";
import {Checks} from "./Checks.sol";

/// @title AccountLibTest
/// @notice Each operation moves the fields that it should, and no other, above all none of the
/// neighbour's: fields are compared with plain slices of the word.
contract AccountLibTest is Checks {
    using AccountLib for Account;
    using AccountLib for AccountPair;

    struct Half {
        uint256 free;
        uint256 open;
        uint256 nonces;
        uint256 r;
        uint256 s;
        uint256 placed;
    }

    /// @dev Of the participant with the odd number, and of its neighbour with the next one.
    struct Fields {
        Half odd;
        Half even;
        uint256 base;
    }

    uint256 internal constant MAX = 2 ** 50 - 1;

    /* PAIRS */

    function testReadsTheAccountOfItsParticipant(uint256 word, uint16 participant) external pure {
        uint256 lowest = _isOdd(participant) ? 0 : 116;

        uint256 account = Account.unwrap(AccountPair.wrap(word).get(participant));

        VM.assertEq(account, _slice(word, lowest, 116));
    }

    function testWritesTheAccountOfItsParticipantAlone(
        uint256 word,
        uint16 participant,
        uint256 account
    ) external pure {
        account = _slice(account, 0, 116);
        Fields memory wanted = _fields(word);
        if (_isOdd(participant)) wanted.odd = _half(account);
        else wanted.even = _half(account);

        AccountPair pair = AccountPair.wrap(word).set(participant, Account.wrap(account));

        _assertFields(pair, wanted);
        VM.assertEq(Account.unwrap(pair.get(participant)), account);
    }

    /* THE WINDOW */

    function testTheWindowDropsThePastOfBothAndKeepsAllElse(
        uint256 word,
        uint256 passed
    ) external pure {
        Fields memory wanted = _fields(word);
        _assumeFits(wanted.base);
        // Mostly a few slots; after a long rest more than the word has bits.
        passed = _between(passed, 0, passed % 8 == 0 ? 300 : 30);
        wanted.base += passed;
        wanted.odd.placed /= 2 ** _min(passed, 24);
        wanted.even.placed /= 2 ** _min(passed, 24);

        _assertFields(AccountPair.wrap(word).movedTo(_slot(wanted.base)), wanted);
    }

    function testTheWindowNeverMovesBack(uint256 word, uint256 current) external pure {
        current = _between(current, 0, _slice(word, 232, 24));

        VM.assertEq(AccountPair.unwrap(AccountPair.wrap(word).movedTo(_slot(current))), word);
    }

    /* ORDERS */

    function testAnOrderIsKnownWhereTheWindowReaches(
        uint256 word,
        uint16 participant,
        uint256 slot
    ) external pure {
        Fields memory fields = _fields(word);
        slot = _between(slot, fields.base > 2 ? fields.base - 2 : 0, fields.base + 25);
        if (slot % 32 == 0) slot = type(uint32).max - slot;

        bool placed = AccountPair.wrap(word).hasPlaced(participant, _slot(slot));

        VM.assertTrue(placed == _bit(_own(fields, participant).placed, fields.base, slot));
    }

    function testAnOrderSetsItsBitAndTakesItsMoneyAlone(
        uint256 word,
        uint16 participant,
        uint256 ahead,
        uint256 amount
    ) external pure {
        Fields memory wanted = _fields(word);
        Half memory own = _own(wanted, participant);
        ahead = _between(ahead, 0, 23);
        amount = _between(amount, 0, own.free);
        VM.assume((own.placed / 2 ** ahead) % 2 == 0);
        own.placed += 2 ** ahead;
        own.free -= amount;
        Slot slot = _slot(wanted.base + ahead);

        (bytes memory refusal, AccountPair pair) = AccountPair.wrap(word).ordered(
            participant,
            slot,
            amount
        );

        VM.assertEq(refusal.length, 0);
        _assertFields(pair, wanted);
        VM.assertTrue(pair.hasPlaced(participant, slot));
    }

    function testRefusesASecondOrderAndOneTooDear(
        uint256 word,
        uint16 participant,
        uint256 ahead,
        uint256 amount
    ) external pure {
        Fields memory fields = _fields(word);
        Half memory own = _own(fields, participant);
        uint256 slot = fields.base + _between(ahead, 0, 23);
        amount = _between(amount, 0, amount % 8 == 0 ? 2 ** 128 : 2 * own.free);

        bytes memory wanted = "";
        if (_bit(own.placed, fields.base, slot)) {
            wanted = abi.encodeWithSignature("OrderExists(uint32)", slot);
        } else if (amount > own.free) {
            wanted = abi.encodeWithSignature("InsufficientFree(uint256,uint256)", own.free, amount);
        }

        (bytes memory refusal, ) = AccountPair.wrap(word).ordered(participant, _slot(slot), amount);
        VM.assertEq(refusal, wanted);
    }

    function testTheMovedWindowHasRoomForEveryOpenSlot(
        uint256 word,
        uint16 participant,
        uint256 passed,
        uint256 ahead
    ) external pure {
        Fields memory wanted = _fields(word);
        _assumeFits(wanted.base);
        Half memory own = _own(wanted, participant);
        passed = _between(passed, 0, 40);
        ahead = _between(ahead, 1, 23);
        wanted.base += passed;
        wanted.odd.placed /= 2 ** _min(passed, 24);
        wanted.even.placed /= 2 ** _min(passed, 24);
        VM.assume((own.placed / 2 ** ahead) % 2 == 0);
        own.placed += 2 ** ahead;

        (bytes memory refusal, AccountPair pair) = AccountPair
            .wrap(word)
            .movedTo(_slot(wanted.base))
            .ordered(participant, _slot(wanted.base + ahead), 0);

        VM.assertEq(refusal.length, 0);
        _assertFields(pair, wanted);
    }

    /* RELEASES */

    function testReleaseReturnsAmountWithWhatItEarnedAlone(
        uint256 word,
        uint16 participant,
        uint256 amount,
        uint256 gain,
        uint256 loss
    ) external pure {
        Fields memory wanted = _fields(word);
        Half memory own = _own(wanted, participant);
        amount = _between(amount, 0, MAX - own.free);
        gain = _between(gain, 0, MAX - own.free - amount);
        loss = _between(loss, 0, amount + gain);
        own.free = own.free + amount + gain - loss;

        int256 earned = int256(gain) - int256(loss);
        _assertFields(AccountPair.wrap(word).released(participant, amount, earned), wanted);
    }

    function testReleaseIsRefusedWhereTheAccountIsFull(
        uint256 word,
        uint16 participant,
        uint256 amount,
        uint256 gain,
        uint256 loss
    ) external {
        uint256 free = _own(_fields(word), participant).free;
        loss = _between(loss, 0, loss % 2 == 0 ? MAX : 2 ** 199);
        amount = _between(amount, loss, 2 ** 200);
        uint256 room = MAX - free;
        gain = _between(gain, amount - loss > room ? 0 : room - (amount - loss) + 1, 2 ** 200);

        VM.expectRevert(
            abi.encodeWithSignature(
                "AccountFull(uint256,uint256)",
                free + amount - loss + gain,
                MAX
            )
        );
        this.released(AccountPair.wrap(word), participant, amount, int256(gain) - int256(loss));
    }

    function testWhatIsOrderedAndReleasedLeavesItsBitAlone(
        uint256 word,
        uint16 participant,
        uint256 ahead,
        uint256 amount
    ) external pure {
        Fields memory wanted = _fields(word);
        Half memory own = _own(wanted, participant);
        ahead = _between(ahead, 0, 23);
        VM.assume((own.placed / 2 ** ahead) % 2 == 0);
        own.placed += 2 ** ahead;
        amount = _between(amount, 0, own.free);

        (, AccountPair pair) = AccountPair.wrap(word).ordered(
            participant,
            _slot(wanted.base + ahead),
            amount
        );

        _assertFields(pair.released(participant, amount, 0), wanted);
    }

    /* MONEY */

    function testAnAmountIsAddedUpToTheMost(uint256 money, uint256 amount) external pure {
        money = _between(money, 0, MAX);
        amount = _between(amount, 0, MAX - money);

        VM.assertEq(AccountLib.sum(money, amount), money + amount);
    }

    function testAnAmountIsNotAddedAboveTheMost(uint256 money, uint256 amount) external {
        money = _between(money, 0, MAX);
        amount = _between(amount, MAX - money + 1, type(uint256).max - money);

        VM.expectRevert(
            abi.encodeWithSignature("AccountFull(uint256,uint256)", money + amount, MAX)
        );
        this.sum(money, amount);
    }

    function testAnAmountThatNoNumberHoldsIsNotAdded(uint256 money, uint256 amount) external {
        money = _between(money, 1, MAX);
        amount = _between(amount, type(uint256).max - money + 1, type(uint256).max);

        VM.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        this.sum(money, amount);
    }

    function testAnAmountIsTakenFromWhatIsThere(uint256 money, uint256 amount) external pure {
        amount = _between(amount, 0, money);

        VM.assertEq(AccountLib.difference(money, amount), money - amount);
    }

    function testNobodySpendsMoreThanIsFree(uint256 money, uint256 amount) external {
        VM.assume(money != type(uint256).max);
        amount = _between(amount, money + 1, type(uint256).max);

        VM.expectRevert(
            abi.encodeWithSignature("InsufficientFree(uint256,uint256)", money, amount)
        );
        this.difference(money, amount);
    }

    function testTheFreeMoneyMovesAlone(uint256 word, uint256 money) external pure {
        Half memory wanted = _half(word);
        wanted.free = _between(money, 0, MAX);

        Account account = Account.wrap(word).withFree(wanted.free);

        VM.assertEq(account.free(), wanted.free);
        _assertAccount(account, word, wanted);
    }

    /* IDENTITY, NONCES AND REPUTATION */

    function testReadsItsFields(uint256 word) external pure {
        Account account = Account.wrap(word);
        (uint256 r, uint256 s) = account.reputation();

        VM.assertEq(account.free(), _slice(word, 0, 50));
        VM.assertTrue(account.isOpen() == (_slice(word, 50, 1) == 1));
        VM.assertTrue(account.hasSpentNonces() == (_slice(word, 51, 1) == 1));
        VM.assertEq(r, _slice(word, 52, 20));
        VM.assertEq(s, _slice(word, 72, 20));
    }

    function testANewAccountHasMoneyAReputationAndNothingElse(
        uint256 money,
        uint256 r,
        uint256 s
    ) external pure {
        money = _between(money, 0, MAX);
        Half memory wanted = Half({
            free: money,
            open: 1,
            nonces: 0,
            r: r % 2 ** 20,
            s: s % 2 ** 20,
            placed: 0
        });

        _assertAccount(AccountLib.opened(money, wanted.r, wanted.s), 0, wanted);
    }

    function testThatNoncesAreSpentIsNotedAlone(uint256 word) external pure {
        Half memory wanted = _half(word);
        wanted.nonces = 1;

        _assertAccount(Account.wrap(word).withSpentNonces(), word, wanted);
    }

    function testTheReputationMovesAlone(uint256 word, uint256 r, uint256 s) external pure {
        Half memory wanted = _half(word);
        wanted.r = r % 2 ** 20;
        wanted.s = s % 2 ** 20;

        _assertAccount(Account.wrap(word).withReputation(wanted.r, wanted.s), word, wanted);
    }

    /* CALLS THAT REVERT */

    function sum(uint256 money, uint256 amount) external pure returns (uint256) {
        return AccountLib.sum(money, amount);
    }

    function difference(uint256 money, uint256 amount) external pure returns (uint256) {
        return AccountLib.difference(money, amount);
    }

    function released(
        AccountPair pair,
        uint256 participant,
        uint256 amount,
        int256 earned
    ) external pure returns (AccountPair) {
        return pair.released(participant, amount, earned);
    }

    /* INTERNAL */

    /// @dev Slots end in the year 2448, where the window has room for 512 more.
    function _assumeFits(uint256 base) internal pure {
        VM.assume(base < 2 ** 24 - 512);
    }

    function _slot(uint256 value) internal pure returns (Slot) {
        return Slot.wrap(uint32(value));
    }

    function _bit(uint256 bits, uint256 base, uint256 slot) internal pure returns (bool) {
        return slot >= base && slot < base + 24 && (bits / 2 ** (slot - base)) % 2 == 1;
    }

    function _isOdd(uint256 participant) internal pure returns (bool) {
        return participant % 2 == 1;
    }

    function _own(Fields memory fields, uint256 participant) internal pure returns (Half memory) {
        return _isOdd(participant) ? fields.odd : fields.even;
    }

    function _half(uint256 account) internal pure returns (Half memory) {
        return
            Half({
                free: _slice(account, 0, 50),
                open: _slice(account, 50, 1),
                nonces: _slice(account, 51, 1),
                r: _slice(account, 52, 20),
                s: _slice(account, 72, 20),
                placed: _slice(account, 92, 24)
            });
    }

    function _fields(uint256 word) internal pure returns (Fields memory) {
        return
            Fields({
                odd: _half(_slice(word, 0, 116)),
                even: _half(_slice(word, 116, 116)),
                base: _slice(word, 232, 24)
            });
    }

    function _assertFields(AccountPair pair, Fields memory wanted) internal pure {
        Fields memory got = _fields(AccountPair.unwrap(pair));
        _assertHalf(got.odd, wanted.odd, "odd: ");
        _assertHalf(got.even, wanted.even, "even: ");
        VM.assertEq(got.base, wanted.base, "base");
    }

    /// @dev Bits above an account's own must be those of `word`, which it was made from.
    function _assertAccount(Account account, uint256 word, Half memory wanted) internal pure {
        _assertHalf(_half(Account.unwrap(account)), wanted, "");
        VM.assertEq(Account.unwrap(account) / 2 ** 116, word / 2 ** 116, "above the account");
    }

    function _assertHalf(Half memory got, Half memory wanted, string memory whose) internal pure {
        _same(got.free, wanted.free, string.concat(whose, "free"));
        _same(got.open, wanted.open, string.concat(whose, "open"));
        _same(got.nonces, wanted.nonces, string.concat(whose, "nonces"));
        _same(got.r, wanted.r, string.concat(whose, "r"));
        _same(got.s, wanted.s, string.concat(whose, "s"));
        _same(got.placed, wanted.placed, string.concat(whose, "placed"));
    }
}
