// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {IExchange} from "../interfaces/IExchange.sol";
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
        Release,
        Place,
        Cancel,
        SetReputation,
        SetNonce
    }

    /// @notice An operation and its arguments: an amount; an amount and what was earned; slot,
    /// current slot and amount; a slot; r and s; a nonce.
    struct Step {
        Operation operation;
        uint256 a;
        uint256 b;
        uint256 c;
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
        if (step.operation == Operation.Lock) return account.debit(step.a).withLock(step.a);
        if (step.operation == Operation.Release) return account.released(step.a, int256(step.b));
        if (step.operation == Operation.SetNonce) return account.withNonce(step.a);
        if (step.operation == Operation.SetReputation) {
            return account.withReputation(step.a, step.b);
        }
        return _afterOrder(account, step);
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

    function _afterOrder(Account account, Step calldata step) internal pure returns (Account) {
        if (step.operation == Operation.Cancel) {
            if (!account.hasOrder(_slot(step.a))) revert IExchange.NoOrder(_slot(step.a));
            return account.withCancellation(_slot(step.a));
        }
        bytes memory refusal;
        (refusal, account) = account.ordered(_slot(step.a), _slot(step.b), step.c);
        if (refusal.length != 0) LowLevelCall.bubbleRevert(refusal);
        return account.withLock(step.c);
    }

    function _slot(uint256 value) internal pure returns (Slot) {
        return Slot.wrap(uint32(value));
    }
}
