// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FeeLadder} from "../types/Market.sol";

/// @title FeeLadderLib
/// @notice Fee of a line lease, stepped by distance, MODEL equation (11).
/// @dev oracle/model/line_lease.py has the same formula, tested against the sum over intervals; a
/// property test keeps the two equal.
library FeeLadderLib {
    uint256 internal constant BPS = 1e4;

    /// @dev Metres per km, times basis points.
    uint256 internal constant SCALE = 1e3 * BPS;

    /// @dev Returns the fee for one MWh over `distanceMeters`, in micro-USD, equation (11):
    ///
    ///   F = λ [ D + α ( d n (n − 1) / 2 + n (D − n d) ) ],   n = ⌊D / d⌋
    ///
    /// Rounded up: the line owner never loses the remainder.
    /// @dev Assumes that `stepMeters` is not zero and the distance fits {LineLib}: then nothing
    /// overflows.
    function feeUp(
        FeeLadder memory ladder,
        uint256 distanceMeters
    ) internal pure returns (uint256 microUsdPerMwh) {
        unchecked {
            uint256 n = distanceMeters / ladder.stepMeters;
            uint256 rest = distanceMeters % ladder.stepMeters;
            uint256 surcharged = (ladder.stepMeters * (n * n - n)) / 2 + n * rest;
            uint256 weighted = BPS * distanceMeters + ladder.growthBps * surcharged;
            return (ladder.baseMicroUsdPerMwhKm * weighted + SCALE - 1) / SCALE;
        }
    }
}
