// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title NashPriceLib
/// @notice The price that maximises the product of the two utilities of a trade, equation (37):
///
///   p* = ½ { c + [ k (1 − P / 2 P_sat) + w₂ R / P ] / w₁ − F }
///
/// with P the energy served to the bid over all its sellers, c the seller's cost, k, P_sat, w₁ and
/// w₂ = 1 − w₁ the buyer's tastes, R the seller's score and F the pair's fee. One rounded division;
/// an exact half is rounded down, in the buyer's favour. Clipped to the limits of (33).
/// @dev oracle/market/pairwise_nash.py computes the same integers. The terms of an order are, of an
/// offer: unused 48 | cost 48; of a bid: utility 48 | saturation 32 | cost weight 16.
library NashPriceLib {
    int256 internal constant BPS = 1e4;

    /// @dev Micro-USD per USD, times Wh per MWh, over the basis points of R.
    int256 internal constant REPUTATION_SCALE = 1e8;

    /// @notice The cost of sale in an offer's terms, in micro-USD per MWh.
    function costOf(uint256 offerTerms) internal pure returns (uint256) {
        return offerTerms & 0xffffffffffff;
    }

    /// @notice The price of a trade, in micro-USD per MWh.
    /// @dev With prices of 48 bits, energies of 42 and the fields of the terms nothing overflows.
    /// @param cost c, in micro-USD per MWh.
    /// @param bidTerms The buyer's terms; without utility curve or weights the price is `high`.
    /// @param servedWh P, in Wh; not zero.
    /// @param scoreBps R, in basis points.
    /// @param fee F, in micro-USD per MWh.
    /// @param low The lowest price allowed.
    /// @param high The highest price allowed; not below `low`.
    function price(
        uint256 cost,
        uint256 bidTerms,
        uint256 servedWh,
        uint256 scoreBps,
        uint256 fee,
        uint256 low,
        uint256 high
    ) internal pure returns (uint256) {
        unchecked {
            int256 saturation = int256((bidTerms >> 16) & 0xffffffff);
            int256 weight = int256(bidTerms & 0xffff);
            if (saturation == 0 || weight == 0 || weight > BPS) return high;

            int256 served = int256(servedWh);
            int256 own = int256(cost) - int256(fee);
            int256 numerator = own * 2 * saturation * weight * served;
            numerator += int256(bidTerms >> 48) * BPS * (2 * saturation - served) * served;
            numerator += (BPS - weight) * int256(scoreBps) * REPUTATION_SCALE * 2 * saturation;
            if (numerator <= 0) return low;

            uint256 divisor = uint256(4 * saturation * weight * served);
            uint256 nash = (2 * uint256(numerator) + divisor - 1) / (2 * divisor);
            if (nash < low) return low;
            return nash > high ? high : nash;
        }
    }
}
