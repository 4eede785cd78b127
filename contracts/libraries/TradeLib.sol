// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Trade} from "../types/Market.sol";

/// @title TradeLib
/// @notice A trade in one word, the highest bits first:
///
///   offer 16 | bid 16 | energy 32 | price 48 | fee 48 | surplus 48 | unused 47 | pooled 1
///
/// `offer` and `bid` are positions in the book; price, fee and surplus are in micro-USD per MWh:
/// the buyer pays all three, to the seller, the line owner and the system operator. A pooled trade
/// goes through the manager of both, any other over a line.
/// @dev oracle/domain/book.py packs the same words.
library TradeLib {
    /// @dev Offer and bid as one number.
    function pair(Trade trade) internal pure returns (uint256) {
        return Trade.unwrap(trade) >> 224;
    }

    function offerIndex(Trade trade) internal pure returns (uint256) {
        return Trade.unwrap(trade) >> 240;
    }

    function bidIndex(Trade trade) internal pure returns (uint256) {
        return (Trade.unwrap(trade) >> 224) & 0xffff;
    }

    function energyWh(Trade trade) internal pure returns (uint256) {
        return (Trade.unwrap(trade) >> 192) & 0xffffffff;
    }

    function price(Trade trade) internal pure returns (uint256) {
        return (Trade.unwrap(trade) >> 144) & 0xffffffffffff;
    }

    function fee(Trade trade) internal pure returns (uint256) {
        return (Trade.unwrap(trade) >> 96) & 0xffffffffffff;
    }

    function surplus(Trade trade) internal pure returns (uint256) {
        return (Trade.unwrap(trade) >> 48) & 0xffffffffffff;
    }

    function isPooled(Trade trade) internal pure returns (bool) {
        return Trade.unwrap(trade) & 1 != 0;
    }

    /// @dev Whether it goes over a line, without a surplus.
    function isPlain(Trade trade) internal pure returns (bool) {
        return Trade.unwrap(trade) & type(uint96).max == 0;
    }

    /// @dev Whether the bits that no field uses are zero.
    function isClean(Trade trade) internal pure returns (bool) {
        return Trade.unwrap(trade) & 0xfffffffffffe == 0;
    }
}
