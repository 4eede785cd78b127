// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IExchange} from "../interfaces/IExchange.sol";
import {Account, AccountPair, Slot} from "../types/Market.sol";

/// @title AccountLib
/// @notice Two participants' accounts in one word, as neighbours in number mostly settle together:
/// one write instead of two. Participants 2 k + 1 and 2 k + 2 share word k, the lowest bits first:
///
///   first account 116 | second account 116 | base 24
///
/// and of an account, the lowest bits first:
///
///   free 50 | open 1 | nonces 1 | r 20 | s 20 | placed 24
///
/// `free` is money in micro-USD that no order holds; what orders hold is in their books. `nonces`
/// says that the owner has spent some. r and s are the sums of {ReputationLib}. `placed` has one
/// bit a slot, from slot `base` on: the open slots that the participant has ordered for. `base`
/// moves on with the clock.
library AccountLib {
    uint256 internal constant MAX_MONEY = (1 << 50) - 1;
    uint256 internal constant SLOT_BITS = 24;

    uint256 private constant ACCOUNT_BITS = 116;
    uint256 private constant BASE = 232;
    uint256 private constant OPEN = 1 << 50;
    uint256 private constant NONCES = 1 << 51;
    uint256 private constant R = 52;
    uint256 private constant S = 72;
    uint256 private constant PLACED = 92;
    uint256 private constant BOTH_PLACED = (1 << PLACED) | (1 << (ACCOUNT_BITS + PLACED));
    uint256 private constant MASK_20 = (1 << 20) - 1;
    uint256 private constant MASK_24 = (1 << 24) - 1;
    uint256 private constant MASK_ACCOUNT = (1 << ACCOUNT_BITS) - 1;

    error AccountFull(uint256 amountMicroUsd, uint256 maximumMicroUsd);

    /* PAIRS */

    /// @dev The account of a participant, from 1, in its word.
    function get(AccountPair pair, uint256 participant) internal pure returns (Account) {
        return Account.wrap((AccountPair.unwrap(pair) >> _place(participant)) & MASK_ACCOUNT);
    }

    /// @dev The word with another account of a participant.
    function set(
        AccountPair pair,
        uint256 participant,
        Account account
    ) internal pure returns (AccountPair) {
        uint256 place = _place(participant);
        uint256 others = AccountPair.unwrap(pair) & ~(MASK_ACCOUNT << place);
        return AccountPair.wrap(others | (Account.unwrap(account) << place));
    }

    /// @dev Lets the window begin at `current`, where it begins earlier; bits of the past drop out.
    function movedTo(AccountPair pair, Slot current) internal pure returns (AccountPair) {
        uint256 word = AccountPair.unwrap(pair);
        uint256 base = word >> BASE;
        if (base >= Slot.unwrap(current)) return pair;
        unchecked {
            uint256 past = Slot.unwrap(current) - base;
            uint256 placed = (word >> past) & ((MASK_24 >> past) * BOTH_PLACED);
            word &= ~((MASK_24 << BASE) | (MASK_24 * BOTH_PLACED));
            return AccountPair.wrap(word | placed | (uint256(Slot.unwrap(current)) << BASE));
        }
    }

    /// @dev Whether a participant has ordered for `slot`, where the window reaches so far.
    function hasPlaced(
        AccountPair pair,
        uint256 participant,
        Slot slot
    ) internal pure returns (bool) {
        unchecked {
            uint256 distance = Slot.unwrap(slot) - (AccountPair.unwrap(pair) >> BASE);
            uint256 placed = Account.unwrap(get(pair, participant)) >> PLACED;
            return distance < SLOT_BITS && (placed >> distance) & 1 != 0;
        }
    }

    /// @dev Notes a participant's order for `slot` and takes `amount` of its free money; or says
    /// why not.
    /// @dev Assumes that `slot` lies in the window.
    function ordered(
        AccountPair pair,
        uint256 participant,
        Slot slot,
        uint256 amount
    ) internal pure returns (bytes memory refusal, AccountPair) {
        uint256 word = AccountPair.unwrap(pair);
        uint256 place = _place(participant);
        unchecked {
            uint256 bit = (1 << PLACED) << (place + Slot.unwrap(slot) - (word >> BASE));
            uint256 held = (word >> place) & MAX_MONEY;
            if (word & bit != 0) {
                refusal = abi.encodeWithSelector(IExchange.OrderExists.selector, slot);
            } else if (held < amount) {
                refusal = abi.encodeWithSelector(IExchange.InsufficientFree.selector, held, amount);
            }
            return (refusal, AccountPair.wrap((word | bit) - (amount << place)));
        }
    }

    /// @dev Returns `amount`, which an order of the participant held, with what was earned with it;
    /// a loss is never above it.
    function released(
        AccountPair pair,
        uint256 participant,
        uint256 amount,
        int256 earned
    ) internal pure returns (AccountPair) {
        uint256 place = _place(participant);
        unchecked {
            uint256 change = amount + uint256(earned);
            uint256 total = ((AccountPair.unwrap(pair) >> place) & MAX_MONEY) + change;
            if (total > MAX_MONEY) revert AccountFull(total, MAX_MONEY);
            return AccountPair.wrap(AccountPair.unwrap(pair) + (change << place));
        }
    }

    /* MONEY */

    /// @dev Money, of an account or not, and an amount that comes in.
    function sum(uint256 money, uint256 amount) internal pure returns (uint256 total) {
        total = money + amount;
        if (total > MAX_MONEY) revert AccountFull(total, MAX_MONEY);
    }

    /// @dev What is left of money, of an account or not, without an amount that goes out.
    function difference(uint256 money, uint256 amount) internal pure returns (uint256) {
        if (money < amount) revert IExchange.InsufficientFree(money, amount);
        unchecked {
            return money - amount;
        }
    }

    function free(Account account) internal pure returns (uint256) {
        return Account.unwrap(account) & MAX_MONEY;
    }

    /// @dev Assumes that the money fits.
    function withFree(Account account, uint256 money) internal pure returns (Account) {
        return Account.wrap((Account.unwrap(account) & ~MAX_MONEY) | money);
    }

    /* IDENTITY */

    /// @dev A new participant's account.
    /// @dev Assumes that the money fits, and r and s 20 bits; {ReputationLib} says when they do.
    function opened(uint256 money, uint256 r, uint256 s) internal pure returns (Account) {
        return Account.wrap(money | OPEN | (r << R) | (s << S));
    }

    function isOpen(Account account) internal pure returns (bool) {
        return Account.unwrap(account) & OPEN != 0;
    }

    /// @dev Whether some of the owner's nonces are spent.
    function hasSpentNonces(Account account) internal pure returns (bool) {
        return Account.unwrap(account) & NONCES != 0;
    }

    function withSpentNonces(Account account) internal pure returns (Account) {
        return Account.wrap(Account.unwrap(account) | NONCES);
    }

    /* REPUTATION */

    function reputation(Account account) internal pure returns (uint256 r, uint256 s) {
        return ((Account.unwrap(account) >> R) & MASK_20, (Account.unwrap(account) >> S) & MASK_20);
    }

    /// @dev Assumes that `r` and `s` fit 20 bits; {ReputationLib} says when they do.
    function withReputation(Account account, uint256 r, uint256 s) internal pure returns (Account) {
        uint256 others = Account.unwrap(account) & ~((MASK_20 << R) | (MASK_20 << S));
        return Account.wrap(others | (r << R) | (s << S));
    }

    /* PRIVATE */

    /// @dev The place of the participant's account in its word.
    function _place(uint256 participant) private pure returns (uint256) {
        unchecked {
            return ((participant + 1) & 1) * ACCOUNT_BITS;
        }
    }
}
