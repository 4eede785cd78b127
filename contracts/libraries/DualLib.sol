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

    /// @dev Both gains of a word, and one at the place of each.
    uint256 internal constant GAINS = 0xffffffffffff0000ffffffffffff0000;
    uint256 internal constant ONES = (1 << 80) | (1 << 16);

    /// @dev In slacks: the bits of the first and of the second that say that it is not negative,
    /// and those below, which are zero where it is zero.
    uint256 internal constant FIRST_SIGN = 1 << 79;
    uint256 internal constant SECOND_SIGN = 1 << 143;
    uint256 internal constant FIRST_SIZE = 0x7fffffffffffffff0000;
    uint256 internal constant SECOND_SIZE = 0x7fffffffffffffff00000000000000000000;

    /// @dev A second slack above zero whatever the gains: where a certificate has no second ones.
    uint256 internal constant SECOND_MORE = 1 << 142;

    /// @dev In the word of a node: whether something bounds its first gain, and its second.
    uint256 internal constant FIRST_BOUNDED = 1 << 128;
    uint256 internal constant SECOND_BOUNDED = 1 << 129;

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

    /// @dev What the checks of routes know of the round, a word each.
    struct Scan {
        /// For each node a word, with the bits that say what bounds it.
        bytes nodes;
        uint256 entries;
        uint256 realTimePrice;
        /// Both slacks where gains are just what a route is worth.
        uint256 nothing;
        /// The signs of the slacks, and the gains, that a certificate has.
        uint256 signs;
        uint256 gains;
        /// The bits of a node whose gains are all bounded.
        uint256 bounded;
        /// Whether the first gains are the seller-best; the second are the buyer-best.
        bool isSellerBest;
    }

    /// @notice Both slacks of a route, in one word: how much more than its worth its ends gain.
    /// @param gains What its ends gain, as {GAINS}; of an offer's spoke less the manager's price.
    function slacksOf(
        Scan memory scan,
        uint256 gains,
        int256 worth
    ) internal pure returns (uint256) {
        unchecked {
            return scan.nothing + gains - uint256(worth) * ONES;
        }
    }

    // solhint-disable function-max-lines
    /// @notice The index of the first edge from `e` on that is `pair`, or that has a capacity and
    /// is idle against the gains or tie-breaks of its ends; after the last if there is none.
    /// @dev Most lines of a book carry nothing, hence the assembly: less than 800 gas a line, and
    /// as much only where gains are what it is worth, min(b_j − fee, R) − s_i; there it bounds one
    /// end by the other, that of lower rank. No line is worth less than zero.
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
                // the pair; or without capacity, where it bounds nobody and contradicts nothing
                if iszero(mul(xor(shr(224, edge), pair), and(edge, 0xffffffff000000000000))) {
                    if eq(shr(224, edge), pair) {
                        break
                    }
                    continue
                }
                let offer := shl(5, shr(240, edge))
                let bid := shl(5, and(shr(224, edge), 0xffff))
                let worth := and(shr(136, calldataload(add(orders.offset, bid))), 0xffffffffffff)
                worth := sub(worth, and(edge, 0xffffffffffff))
                if gt(worth, mload(add(scan, 64))) {
                    worth := mload(add(scan, 64))
                }
                let slacks := and(shr(136, calldataload(add(orders.offset, offer))), 0xffffffffffff)
                // as slacksOf
                slacks := sub(mload(add(scan, 96)), mul(sub(worth, slacks), ONES))
                // the duals of both to where they cost little to look at again: the scratch space
                calldatacopy(0, add(duals.offset, offer), 32)
                calldatacopy(32, add(duals.offset, bid), 32)
                slacks := add(slacks, add(and(mload(0), GAINS), and(mload(32), GAINS)))
                if iszero(and(slacks, FIRST_SIGN)) {
                    break
                }
                if iszero(and(slacks, SECOND_SIGN)) {
                    break
                }
                if iszero(and(slacks, FIRST_SIZE)) {
                    let tie := add(sar(128, mload(0)), sar(128, mload(32)))
                    // no lot is larger
                    if slt(tie, 0x1000000000000000000000000) {
                        // as lotOf
                        let lot := mul(shr(224, edge), LOT_FIRST)
                        lot := mul(xor(lot, shr(128, lot)), LOT_SECOND)
                        lot := or(shl(56, shr(216, lot)), and(shr(176, lot), 0xffffffffff))
                        if slt(tie, lot) {
                            break
                        }
                    }
                    let node := 0
                    switch mload(add(scan, 224))
                    case 0 {
                        if lt(and(mload(32), 0xffff), and(mload(0), 0xffff)) {
                            node := add(add(mload(scan), 32), offer)
                            mstore(node, or(mload(node), FIRST_BOUNDED))
                        }
                    }
                    default {
                        if lt(and(mload(0), 0xffff), and(mload(32), 0xffff)) {
                            node := add(add(mload(scan), 32), bid)
                            mstore(node, or(mload(node), FIRST_BOUNDED))
                        }
                    }
                }
                if iszero(and(slacks, SECOND_SIZE)) {
                    if lt(and(shr(64, mload(32)), 0xffff), and(shr(64, mload(0)), 0xffff)) {
                        let node := add(add(mload(scan), 32), offer)
                        mstore(node, or(mload(node), SECOND_BOUNDED))
                    }
                }
            }
            index := shr(5, sub(index, edges.offset))
        }
    }
    // solhint-enable function-max-lines
}
