// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LOT_FIRST, LOT_SECOND} from "./MatchingLib.sol";

/// @title DualLib
/// @notice The duals of an order or a manager in one word, the highest bits first:
///
///   tie-break 128, signed | second gain 48 | second rank 16 | first gain 48 | first rank 16
///
/// Gains are in micro-USD per MWh: what an order gains on its price, or the price at a manager.
/// @dev oracle/market/matching.py packs the same words.
library DualLib {
    uint256 internal constant FIRST = 0;
    uint256 internal constant SECOND = 64;

    function gain(uint256 word, uint256 place) internal pure returns (uint256) {
        return (word >> (place + 16)) & type(uint48).max;
    }

    function rank(uint256 word, uint256 place) internal pure returns (uint256) {
        return (word >> place) & type(uint16).max;
    }

    function tieBreak(uint256 word) internal pure returns (int256) {
        return int256(word) >> 128;
    }

    /// @notice What the lot of a route, tail 16 | head 16, counts in tie-breaks: 80 bits, mixed as
    /// those of {MatchingLib}, the higher half 56 bits above the lower, as each half has its sums.
    function lotOf(uint256 pair) internal pure returns (uint256 value) {
        unchecked {
            value = pair * LOT_FIRST;
            value = (value ^ (value >> 128)) * LOT_SECOND;
            value = ((value >> 216) << 56) | ((value >> 176) & type(uint40).max);
        }
    }

    /// @dev What {nextBusy} knows of the round, a word each.
    struct Scan {
        /// For each node a word, with the bits that {nextBusy} sets where an idle line bounds it.
        bytes nodes;
        uint256 realTimePrice;
        /// Where the second gains are; FIRST if there are none.
        uint256 secondPlace;
        /// The bits for the first gains and the second.
        uint256 firstBit;
        uint256 secondBit;
        /// Whether the first gains are the seller-best; the second are the buyer-best.
        bool isSellerBest;
    }

    // solhint-disable function-max-lines
    /// @notice The index of the first edge from `e` on that is `pair`, or that has a capacity and
    /// is idle against the gains or tie-breaks of its ends; after the last if there is none.
    /// @dev Most lines of a book carry nothing, hence the assembly: 200 gas a line, 400 where gains
    /// are what it is worth, min(b_j − fee, R) − s_i; there it bounds one end by the other, that of
    /// lower rank. No line is worth less than zero.
    function nextBusy(
        Scan memory scan,
        bytes calldata orders,
        bytes calldata edges,
        bytes calldata duals,
        uint256 e,
        uint256 pair
    ) internal pure returns (uint256 index) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let end := add(edges.offset, edges.length)
            index := add(edges.offset, shl(5, e))
            for {} lt(index, end) {
                index := add(index, 32)
            } {
                let edge := calldataload(index)
                if eq(shr(224, edge), pair) {
                    break
                }
                // a line without capacity bounds nobody and contradicts nothing
                if iszero(and(edge, 0xffffffff000000000000)) {
                    continue
                }
                let offer := shl(5, shr(240, edge))
                let bid := shl(5, and(shr(224, edge), 0xffff))
                let worth := and(shr(136, calldataload(add(orders.offset, bid))), 0xffffffffffff)
                worth := sub(worth, and(edge, 0xffffffffffff))
                if gt(worth, mload(add(scan, 32))) {
                    worth := mload(add(scan, 32))
                }
                let dual := calldataload(add(orders.offset, offer))
                worth := sub(worth, and(shr(136, dual), 0xffffffffffff))
                dual := calldataload(add(duals.offset, offer))
                let other := calldataload(add(duals.offset, bid))
                let gains := add(
                    and(shr(16, dual), 0xffffffffffff),
                    and(shr(16, other), 0xffffffffffff)
                )
                if lt(gains, worth) {
                    break
                }
                if eq(gains, worth) {
                    // as lotOf
                    let lot := mul(shr(224, edge), LOT_FIRST)
                    lot := mul(xor(lot, shr(128, lot)), LOT_SECOND)
                    lot := or(shl(56, shr(216, lot)), and(shr(176, lot), 0xffffffffff))
                    if slt(add(sar(128, dual), sar(128, other)), lot) {
                        break
                    }
                    let tailRank := and(dual, 0xffff)
                    let headRank := and(other, 0xffff)
                    let node := 0
                    switch mload(add(scan, 160))
                    case 0 {
                        if lt(headRank, tailRank) {
                            node := add(add(mload(scan), 32), offer)
                        }
                    }
                    default {
                        if lt(tailRank, headRank) {
                            node := add(add(mload(scan), 32), bid)
                        }
                    }
                    if node {
                        mstore(node, or(mload(node), mload(add(scan, 96))))
                    }
                }
                let place := mload(add(scan, 64))
                dual := shr(place, dual)
                other := shr(place, other)
                gains := add(
                    and(shr(16, dual), 0xffffffffffff),
                    and(shr(16, other), 0xffffffffffff)
                )
                if lt(gains, worth) {
                    break
                }
                if eq(gains, worth) {
                    if lt(and(other, 0xffff), and(dual, 0xffff)) {
                        let node := add(add(mload(scan), 32), offer)
                        mstore(node, or(mload(node), mload(add(scan, 128))))
                    }
                }
            }
            index := shr(5, sub(index, edges.offset))
        }
    }
    // solhint-enable function-max-lines
}
