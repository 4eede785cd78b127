// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IExchange} from "../interfaces/IExchange.sol";
import {Account, Slot} from "../types/Market.sol";

/// @title AccountLib
/// @notice A participant's account in one word, the lowest bits first:
///
///   free 56 | locked 56 | id 12 | nonce 20 | base 24 | placed 24 | cancelled 24 | r 20 | s 20
///
/// Money is in micro-USD. `placed` and `cancelled` have one bit a slot, from slot `base` on: which
/// of the open slots the participant has an order in, and which of them it took back. `base` moves
/// on with the clock; before a new participant's first slot it is that slot. Signed orders below
/// `nonce` are spent. r and s are the sums of {ReputationLib}.
library AccountLib {
    uint256 internal constant MAX_MONEY = type(uint56).max;
    uint256 internal constant SLOT_BITS = 24;

    uint256 private constant LOCKED = 56;
    uint256 private constant ID = 112;
    uint256 private constant NONCE = 124;
    uint256 private constant BASE = 144;
    uint256 private constant PLACED = 168;
    uint256 private constant CANCELLED = 192;
    uint256 private constant R = 216;
    uint256 private constant S = 236;
    uint256 private constant MASK_20 = (1 << 20) - 1;
    uint256 private constant MASK_24 = type(uint24).max;
    uint256 private constant MASK_ID = 0xfff;

    error AccountFull(uint256 amountMicroUsd, uint256 maximumMicroUsd);

    /* MONEY */

    function free(Account account) internal pure returns (uint256) {
        return Account.unwrap(account) & MAX_MONEY;
    }

    function locked(Account account) internal pure returns (uint256) {
        return (Account.unwrap(account) >> LOCKED) & MAX_MONEY;
    }

    function credit(Account account, uint256 amount) internal pure returns (Account) {
        uint256 sum = free(account) + amount;
        if (sum > MAX_MONEY) revert AccountFull(sum, MAX_MONEY);
        return Account.wrap(Account.unwrap(account) + amount);
    }

    function debit(Account account, uint256 amount) internal pure returns (Account) {
        if (free(account) < amount) revert IExchange.InsufficientFree(free(account), amount);
        unchecked {
            return Account.wrap(Account.unwrap(account) - amount);
        }
    }

    /// @dev Releases `lockedAmount`, which was locked before, and moves the free money by what was
    /// earned with it; a loss is never above what was locked.
    function released(
        Account account,
        uint256 lockedAmount,
        int256 earned
    ) internal pure returns (Account) {
        unchecked {
            uint256 change = lockedAmount + uint256(earned);
            uint256 sum = free(account) + change;
            if (sum > MAX_MONEY) revert AccountFull(sum, MAX_MONEY);
            return Account.wrap(Account.unwrap(account) + change - (lockedAmount << LOCKED));
        }
    }

    /* IDENTITY */

    /// @dev The participant's number, from 1; zero for an account that belongs to no participant.
    function id(Account account) internal pure returns (uint256) {
        return (Account.unwrap(account) >> ID) & MASK_ID;
    }

    /// @dev A first slot beyond the 24 bits of `base` becomes the last that fits, in the year 2448.
    function enrolled(
        Account account,
        uint256 id_,
        Slot firstSlot,
        uint256 r,
        uint256 s
    ) internal pure returns (Account) {
        uint256 base = Slot.unwrap(firstSlot) > MASK_24 ? MASK_24 : Slot.unwrap(firstSlot);
        uint256 word = Account.unwrap(account) | (id_ << ID) | (base << BASE);
        return Account.wrap(word | (r << R) | (s << S));
    }

    /* NONCES */

    /// @dev Signed orders with a lower nonce are spent.
    function nonce(Account account) internal pure returns (uint256) {
        return (Account.unwrap(account) >> NONCE) & MASK_20;
    }

    /// @dev Assumes that `nonce_` fits 20 bits.
    function withNonce(Account account, uint256 nonce_) internal pure returns (Account) {
        return Account.wrap((Account.unwrap(account) & ~(MASK_20 << NONCE)) | (nonce_ << NONCE));
    }

    /* ORDERS */

    /// @dev Whether the participant has recorded an order for `slot`, and not cancelled it.
    function hasOrder(Account account, Slot slot) internal pure returns (bool) {
        (bool inside, uint256 bit) = _bitOf(account, slot);
        uint256 live =
            (Account.unwrap(account) >> PLACED) & ~(Account.unwrap(account) >> CANCELLED);
        return inside && live & bit & MASK_24 != 0;
    }

    /// @dev Notes an order for `slot`, after moving the window on to `current`, and takes `amount`
    /// of the free money; or says why not.
    /// @dev Assumes `current` < `slot` < `current` + {SLOT_BITS}.
    function ordered(
        Account account,
        Slot slot,
        Slot current,
        uint256 amount
    ) internal pure returns (bytes memory refusal, Account) {
        uint256 word = _moved(Account.unwrap(account), Slot.unwrap(current));
        unchecked {
            uint256 base = (word >> BASE) & MASK_24;
            uint256 bit = (1 << PLACED) << (Slot.unwrap(slot) - base);
            if (Slot.unwrap(slot) < base) {
                Slot first = Slot.wrap(uint32(base));
                refusal = abi.encodeWithSelector(IExchange.NotYetParticipant.selector, slot, first);
            } else if (word & bit != 0) {
                refusal = abi.encodeWithSelector(IExchange.OrderExists.selector, slot);
            } else if (word & MAX_MONEY < amount) {
                refusal = abi.encodeWithSelector(
                    IExchange.InsufficientFree.selector,
                    word & MAX_MONEY,
                    amount
                );
            }
            return (refusal, Account.wrap((word | bit) - amount));
        }
    }

    /// @dev Adds to the locked money what was taken from the free.
    /// @dev No sum overflows, as the exchange holds no more than one account can.
    function withLock(Account account, uint256 amount) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(account) + (amount << LOCKED));
        }
    }

    /// @dev Notes that the order for `slot` was taken back, which is final.
    /// @dev Assumes that there is one.
    function withCancellation(Account account, Slot slot) internal pure returns (Account) {
        (, uint256 bit) = _bitOf(account, slot);
        return Account.wrap(Account.unwrap(account) | (bit << CANCELLED));
    }

    /* REPUTATION */

    function reputation(Account account) internal pure returns (uint256 r, uint256 s) {
        return ((Account.unwrap(account) >> R) & MASK_20, Account.unwrap(account) >> S);
    }

    /// @dev Assumes that `r` and `s` fit 20 bits; {ReputationLib} says when they do.
    function withReputation(Account account, uint256 r, uint256 s) internal pure returns (Account) {
        uint256 word = Account.unwrap(account) & ((1 << R) - 1);
        return Account.wrap(word | (r << R) | (s << S));
    }

    /* PRIVATE */

    /// @dev The bit of `slot` in the window, and whether it lies inside.
    function _bitOf(Account account, Slot slot) private pure returns (bool, uint256) {
        unchecked {
            uint256 distance = Slot.unwrap(slot) - ((Account.unwrap(account) >> BASE) & MASK_24);
            return (distance < SLOT_BITS, (1 << distance) & MASK_24);
        }
    }

    /// @dev Lets the window begin at `current`, where it begins earlier; bits of the past drop out.
    function _moved(uint256 word, uint256 current) private pure returns (uint256) {
        uint256 base = (word >> BASE) & MASK_24;
        if (base >= current) return word;
        unchecked {
            uint256 shift = current - base;
            uint256 placed = ((word >> PLACED) & MASK_24) >> shift;
            uint256 cancelled = ((word >> CANCELLED) & MASK_24) >> shift;
            word &= ~(uint256(type(uint72).max) << BASE);
            return word | (current << BASE) | (placed << PLACED) | (cancelled << CANCELLED);
        }
    }
}
