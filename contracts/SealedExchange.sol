// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Accounts} from "./exchange/Accounts.sol";
import {Clearing} from "./exchange/Clearing.sol";
import {OrderBook} from "./exchange/OrderBook.sol";
import {SealedBook} from "./exchange/SealedBook.sol";
import {Settlement} from "./exchange/Settlement.sol";
import {ILineLease} from "./interfaces/ILineLease.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {IStorageLedger} from "./interfaces/IStorageLedger.sol";
import {Rules} from "./types/Market.sol";

/// @title SealedExchange
/// @notice See {IExchange} and {ISealedBook}: {Exchange} with sealed rounds.
/// @dev Invariants are listed in tests/contracts/INVARIANTS.md.
contract SealedExchange is Settlement, SealedBook {
    /// @param operator The system operator: announces mechanism and real-time prices, pays the
    /// compensation.
    /// @param token The ERC-20 with 6 decimals that everything is paid in.
    /// @param registry The participants.
    /// @param lineLease The lines and the fee ladder.
    /// @param storageLedger The record of the shared storage.
    /// @param mechanism The mechanism that clears from the first slot on.
    /// @param realTimePrice The highest price from the first slot on.
    /// @param rules The constants of this exchange.
    /// @param sealBond What a seal stakes, in micro-USD.
    constructor(
        address operator,
        IERC20 token,
        IRegistry registry,
        ILineLease lineLease,
        IStorageLedger storageLedger,
        address mechanism,
        uint48 realTimePrice,
        Rules memory rules,
        uint56 sealBond
    )
        Ownable(operator)
        Accounts(token, registry, rules.memoryBps)
        OrderBook(rules)
        SealedBook(sealBond)
        Clearing(lineLease, mechanism, realTimePrice)
        Settlement(storageLedger, rules)
    {}
}
