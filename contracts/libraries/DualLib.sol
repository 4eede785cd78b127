// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

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

    // solhint-disable function-max-lines
    /// @notice The index of the first edge from `e` on that is `pair`, or whose two ends gain no
    /// more than it is worth, min(b_j − fee, R) − s_i; after the last if there is none.
    /// @dev Most lines of a book carry nothing, hence the assembly: 180 gas a line instead of 700.
    /// Gains are looked at in two places, which may be the same. No line is worth less than zero.
    function nextBusy(
        bytes calldata orders,
        bytes calldata edges,
        bytes calldata duals,
        uint256 e,
        uint256 pair,
        uint256 realTimePrice,
        uint256 secondPlace
    ) internal pure returns (uint256 index) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let second := add(secondPlace, 16)
            let end := add(edges.offset, edges.length)
            let at := add(edges.offset, shl(5, e))
            for {} lt(at, end) {
                at := add(at, 32)
            } {
                let edge := calldataload(at)
                if eq(shr(224, edge), pair) {
                    break
                }
                let offer := shl(5, shr(240, edge))
                let bid := shl(5, and(shr(224, edge), 0xffff))
                let worth := and(shr(136, calldataload(add(orders.offset, bid))), 0xffffffffffff)
                worth := sub(worth, and(edge, 0xffffffffffff))
                if gt(worth, realTimePrice) {
                    worth := realTimePrice
                }
                let price := calldataload(add(orders.offset, offer))
                worth := sub(worth, and(shr(136, price), 0xffffffffffff))
                offer := calldataload(add(duals.offset, offer))
                bid := calldataload(add(duals.offset, bid))
                let gains := and(shr(16, offer), 0xffffffffffff)
                gains := add(gains, and(shr(16, bid), 0xffffffffffff))
                if iszero(gt(gains, worth)) {
                    break
                }
                gains := and(shr(second, offer), 0xffffffffffff)
                gains := add(gains, and(shr(second, bid), 0xffffffffffff))
                if iszero(gt(gains, worth)) {
                    break
                }
            }
            index := shr(5, sub(at, edges.offset))
        }
    }
    // solhint-enable function-max-lines
}
