// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountLib} from "../libraries/AccountLib.sol";
import {ReputationLib} from "../libraries/ReputationLib.sol";
import {Account, Rules} from "../types/Market.sol";
import {Accounts} from "./Accounts.sol";

/// @title Reputation
/// @notice Moves a seller's reputation by what it delivered of what it sold; see {ReputationLib}.
abstract contract Reputation is Accounts {
    using AccountLib for Account;

    /* IMMUTABLES */

    /// @notice The sold value of a slot from which it counts in full, in micro-USD.
    uint56 public immutable fullValueMicroUsd;

    /* CONSTRUCTOR */

    constructor(Rules memory rules) {
        if (rules.fullValueMicroUsd == 0) revert BadRules();
        fullValueMicroUsd = rules.fullValueMicroUsd;
    }

    /* INTERNAL */

    /// @dev The account after a slot with these sales: sold Wh 64 | delivered Wh 64 | micro-USD
    /// 128.
    function _moved(Account account, uint256 sales) internal view returns (Account) {
        (uint256 r, uint256 s) = account.reputation();
        uint256 weightBps = ReputationLib.weightDown(uint128(sales), fullValueMicroUsd);
        uint256 deliveredWh = uint64(sales >> 128);
        (r, s) = ReputationLib.updated(r, s, memoryBps, weightBps, deliveredWh, sales >> 192);
        return account.withReputation(r, s);
    }
}
