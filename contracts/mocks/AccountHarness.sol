// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountLib} from "../libraries/AccountLib.sol";
import {Account, Slot} from "../types/Market.sol";

/// @title AccountHarness
/// @notice Runs sequences of the operations of {AccountLib} on one word.
contract AccountHarness {
    using AccountLib for Account;

    /// @notice What can be done to an account.
    enum Operation {
        Credit,
        Debit,
        Lock,
        Unlock,
        Place,
        Cancel,
        SetReputation
    }

    /// @notice An operation and its two arguments: an amount; slot and current slot; r and s.
    struct Step {
        Operation operation;
        uint256 a;
        uint256 b;
    }

    /// @notice The word after each step, and what a step that changed nothing was refused with.
    function run(
        Account account,
        Step[] calldata steps
    ) external view returns (Account[] memory words, bytes[] memory errors) {
        words = new Account[](steps.length);
        errors = new bytes[](steps.length);
        for (uint256 i = 0; i < steps.length; ++i) {
            try this.apply_(account, steps[i]) returns (Account next) {
                account = next;
            } catch (bytes memory reason) {
                errors[i] = reason;
            }
            words[i] = account;
        }
    }

    /// @notice The word after a step.
    function apply_(Account account, Step calldata step) external pure returns (Account) {
        if (step.operation == Operation.Credit) return account.credit(step.a);
        if (step.operation == Operation.Debit) return account.debit(step.a);
        if (step.operation == Operation.Lock) return account.lock(step.a);
        if (step.operation == Operation.Unlock) return account.unlock(step.a);
        if (step.operation == Operation.Cancel) return account.cancelled(_slot(step.a));
        if (step.operation == Operation.Place) return account.placed(_slot(step.a), _slot(step.b));
        return account.withReputation(step.a, step.b);
    }

    /// @notice The word of a new participant.
    function enrolled(
        Account account,
        uint256 id,
        Slot firstSlot,
        uint256 r,
        uint256 s
    ) external pure returns (Account) {
        return account.enrolled(id, firstSlot, r, s);
    }

    /// @notice Whether the account has a live order, for each of `slots`.
    function haveOrders(
        Account account,
        Slot[] calldata slots
    ) external pure returns (bool[] memory live) {
        live = new bool[](slots.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            live[i] = account.hasOrder(slots[i]);
        }
    }

    function _slot(uint256 value) internal pure returns (Slot) {
        return Slot.wrap(uint32(value));
    }
}
