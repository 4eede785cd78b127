// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {AccountLib} from "../libraries/AccountLib.sol";
import {Account, AccountPair, Slot} from "../types/Market.sol";

/// @title AccountHarness
/// @notice Runs sequences of the operations of {AccountLib} on one word.
contract AccountHarness {
    using AccountLib for Account;
    using AccountLib for AccountPair;

    /// @notice What can be done to an account.
    enum Operation {
        Open,
        Credit,
        Debit,
        Place,
        Release,
        SetReputation,
        SpendNonces
    }

    /// @notice An operation, the participant and its arguments: money, r and s; an amount; an
    /// amount; slot, current slot and amount; an amount and what was earned; r and s; none.
    struct Step {
        Operation operation;
        uint256 participant;
        uint256 a;
        uint256 b;
        uint256 c;
    }

    /// @notice What an account has, field by field.
    struct Fields {
        uint256 free;
        bool isOpen;
        bool hasSpentNonces;
        uint256 r;
        uint256 s;
    }

    /// @notice The word after each step, and what a step that changed nothing was refused with.
    function run(
        AccountPair pair,
        Step[] calldata steps
    ) external view returns (AccountPair[] memory words, bytes[] memory errors) {
        words = new AccountPair[](steps.length);
        errors = new bytes[](steps.length);
        for (uint256 i = 0; i < steps.length; ++i) {
            try this.apply_(pair, steps[i]) returns (AccountPair next) {
                pair = next;
            } catch (bytes memory reason) {
                errors[i] = reason;
            }
            words[i] = pair;
        }
    }

    /// @notice The word after a step.
    function apply_(AccountPair pair, Step calldata step) external pure returns (AccountPair) {
        if (step.operation == Operation.Place) {
            (bytes memory refusal, AccountPair next) = pair
                .movedTo(Slot.wrap(uint32(step.b)))
                .ordered(step.participant, Slot.wrap(uint32(step.a)), step.c);
            if (refusal.length != 0) LowLevelCall.bubbleRevert(refusal);
            return next;
        }
        if (step.operation == Operation.Release) {
            return pair.released(step.participant, step.a, int256(step.b));
        }
        return pair.set(step.participant, _after(pair.get(step.participant), step));
    }

    /// @notice What the account of a participant has.
    function fieldsOf(
        AccountPair pair,
        uint256 participant
    ) external pure returns (Fields memory fields) {
        Account account = pair.get(participant);
        (uint256 r, uint256 s) = account.reputation();
        return Fields(account.free(), account.isOpen(), account.hasSpentNonces(), r, s);
    }

    /// @notice Whether the participant has placed an order, for each of `slots`.
    function havePlaced(
        AccountPair pair,
        uint256 participant,
        Slot[] calldata slots
    ) external pure returns (bool[] memory placed) {
        placed = new bool[](slots.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            placed[i] = pair.hasPlaced(participant, slots[i]);
        }
    }

    function _after(Account account, Step calldata step) internal pure returns (Account) {
        if (step.operation == Operation.Open) return AccountLib.opened(step.a, step.b, step.c);
        if (step.operation == Operation.SpendNonces) return account.withSpentNonces();
        if (step.operation == Operation.Credit) {
            return account.withFree(AccountLib.sum(account.free(), step.a));
        }
        if (step.operation == Operation.Debit) {
            return account.withFree(AccountLib.difference(account.free(), step.a));
        }
        return account.withReputation(step.a, step.b);
    }
}
