// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev The factors of lots, odd: 2^256 over the golden ratio, the fraction of √2.
uint256 constant LOT_FIRST = 0x9e3779b97f4a7c15f39cc0605cedc8341082276bf3a27251f86c6a11d0c18e95;
uint256 constant LOT_SECOND = 0x6a09e667f3bcc908b2fb1366ea957d3e3adec17512775099da2f590b0667322b;

/// @title MatchingLib
/// @notice The weights of a matching and the bound that duals prove; see {PairwiseNash}.
/// @dev Every line of a book has a weight, hence the assembly: 200 gas a line instead of 700.
/// {MatchingHarness} holds the plain twin that the tests compare with.
library MatchingLib {
    /// @dev The numbers that turn fees and positions into weights, each below 2 ** 64.
    struct Scale {
        uint256 entries;
        uint256 energyFirst;
        uint256 feeFirst;
        uint256 lotLast;
    }

    /// @dev The scale of a book with `entries` entries, at most 2^11. Fees have 48 bits.
    function scaleOf(uint256 entries) internal pure returns (Scale memory scale) {
        unchecked {
            scale.entries = entries;
            scale.energyFirst = (entries + 1) << 48;
            scale.feeFirst = entries * entries * entries;
            scale.lotLast = entries << 32;
        }
    }

    /// @dev The weight of a pair, offer 16 | bid 16:
    ///
    ///   w_ij = ((M − fee_ij) T + (n − i)(n − j)) L + lot_ij
    ///
    /// The lot is 32 bits that depend on the positions in no simple way, so that sums seldom agree:
    /// a multiplication, a shift and another, as in SplitMix of Steele, Lea and Flood, OOPSLA 2014,
    /// on 256 bits.
    function weight(
        Scale memory scale,
        uint256 pair,
        uint256 fee
    ) internal pure returns (uint256 value) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let n := mload(scale)
            value := mul(pair, LOT_FIRST)
            value := mul(xor(value, shr(128, value)), LOT_SECOND)
            let tie := mul(sub(n, shr(16, pair)), sub(n, and(pair, 0xffff)))
            let free := mul(sub(mload(add(scale, 32)), fee), mload(add(scale, 64)))
            value := add(mul(add(free, tie), mload(add(scale, 96))), shr(224, value))
        }
    }

    // solhint-disable function-max-lines
    /// @notice Σ offer_i u_i with the least u_i ≥ 0 that the duals v_j allow: u_i ≥ w_ij − v_j.
    /// @param orders The live orders, words as {OrderLib} packs them.
    /// @param edges Words as {EdgeLib} packs them, in ascending order of offer.
    /// @param duals v_j at the position of each bid; below 2 ** 255.
    /// @param scale The scale of the weights.
    function offerDuals(
        bytes calldata orders,
        bytes calldata edges,
        bytes memory duals,
        Scale memory scale
    ) internal pure returns (uint256 value) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let n := mload(scale)
            let energyFirst := mload(add(scale, 32))
            let feeFirst := mload(add(scale, 64))
            let lotLast := mload(add(scale, 96))
            let dualOf := add(duals, 32)
            let end := add(edges.offset, edges.length)
            let offer := 0
            let highest := 0
            for {
                let place := edges.offset
            } lt(place, end) {
                place := add(place, 32)
            } {
                let edge := calldataload(place)
                let pair := shr(224, edge)
                if xor(shr(16, pair), offer) {
                    let order := calldataload(add(orders.offset, shl(5, offer)))
                    value := add(value, mul(highest, and(shr(184, order), 0xffffffff)))
                    offer := shr(16, pair)
                    highest := 0
                }
                let lot := mul(pair, LOT_FIRST)
                lot := shr(224, mul(xor(lot, shr(128, lot)), LOT_SECOND))
                pair := and(pair, 0xffff)
                let above := mul(sub(energyFirst, and(edge, 0xffffffffffff)), feeFirst)
                above := mul(add(above, mul(sub(n, offer), sub(n, pair))), lotLast)
                above := sub(add(above, lot), mload(add(dualOf, shl(5, pair))))
                if sgt(above, highest) {
                    highest := above
                }
            }
            if edges.length {
                let order := calldataload(add(orders.offset, shl(5, offer)))
                value := add(value, mul(highest, and(shr(184, order), 0xffffffff)))
            }
        }
    }
}
