// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Order} from "../types/Market.sol";

/// @title OrderLib
/// @notice An entry of the book in one word, the highest bits first:
///
///   kind 8 | participant 16 | score 16 | energy 32 | price 48 | unused 20 | nonce 20 | terms 96
///
/// `score` is the owner's reputation when the order was recorded, in basis points. The price of an
/// offer is its lowest, that of a bid its highest including the lease fee. `nonce` is that of a
/// signed order; `terms` belong to the mechanism. A cancellation has kind, participant and nonce.
/// @dev oracle/domain/book.py packs the same words.
library OrderLib {
    uint256 internal constant OFFER = 1;
    uint256 internal constant BID = 2;
    uint256 internal constant CANCELLATION = 3;
    uint256 internal constant MAX_NONCE = 0xfffff;

    function pack(
        uint256 kind_,
        uint256 participant_,
        uint256 scoreBps_,
        uint32 energyWh_,
        uint48 price_,
        uint96 terms_
    ) internal pure returns (Order) {
        return
            Order.wrap(
                (kind_ << 248) |
                    (participant_ << 232) |
                    (scoreBps_ << 216) |
                    (uint256(energyWh_) << 184) |
                    (uint256(price_) << 136) |
                    terms_
            );
    }

    /// @dev Assumes that the order has no score yet.
    function withScore(Order order, uint256 scoreBps_) internal pure returns (Order) {
        return Order.wrap(Order.unwrap(order) | (scoreBps_ << 216));
    }

    function kind(Order order) internal pure returns (uint256) {
        return Order.unwrap(order) >> 248;
    }

    function participant(Order order) internal pure returns (uint256) {
        return (Order.unwrap(order) >> 232) & 0xffff;
    }

    function scoreBps(Order order) internal pure returns (uint256) {
        return (Order.unwrap(order) >> 216) & 0xffff;
    }

    function energyWh(Order order) internal pure returns (uint256) {
        return (Order.unwrap(order) >> 184) & 0xffffffff;
    }

    function price(Order order) internal pure returns (uint256) {
        return (Order.unwrap(order) >> 136) & 0xffffffffffff;
    }

    function terms(Order order) internal pure returns (uint256) {
        return Order.unwrap(order) & 0xffffffffffffffffffffffff;
    }

    function nonce(Order order) internal pure returns (uint256) {
        return (Order.unwrap(order) >> 96) & 0xfffff;
    }

    /// @dev Whether a signed order is of a known kind and has no bits of its own where the contract
    /// writes, none that no field uses and, as a cancellation, none but kind, participant and
    /// nonce.
    function isClean(Order order) internal pure returns (bool) {
        uint256 word = Order.unwrap(order);
        uint256 kind_ = word >> 248;
        if (kind_ == OFFER || kind_ == BID) {
            return word & ((uint256(0xffff) << 216) | (uint256(0xfffff) << 116)) == 0;
        }
        uint256 rest = word & ~((uint256(0xffffff) << 232) | (uint256(0xfffff) << 96));
        return kind_ == CANCELLATION && rest == 0;
    }
}
