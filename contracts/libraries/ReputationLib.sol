// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title ReputationLib
/// @notice Score and forgetting. A slot of weight w in which the share q of the sold energy was
/// delivered moves the sums r and s, and the score follows:
///
///   r ← (1 − w (1 − λ)) r + w q,   s ← (1 − w (1 − λ)) s + w,   score = (r + 1) / (s + 2)
///
/// w is the sold value over the value that counts in full, at most 1; at w = 1 this is
/// r ← λ r + q, s ← λ s + 1. Forgetting is weighted too, so that worthless trades cannot wash away
/// a bad record. Every division rounds down, r never exceeds s.
/// @dev oracle/model/reputation.py is the reference. r and s are in units of 1 / {ONE} and fit 20
/// bits while λ is at most {MAX_MEMORY_BPS}; energies fit 64 bits, money 128: nothing overflows.
library ReputationLib {
    uint256 internal constant BPS = 1e4;
    uint256 internal constant ONE = 1 << 15;
    uint256 internal constant MAX_MEMORY_BPS = 9600;

    function scoreBps(uint256 r, uint256 s) internal pure returns (uint256) {
        unchecked {
            return ((r + ONE) * BPS) / (s + 2 * ONE);
        }
    }

    /// @dev The sums after a slot with `soldWh` > 0 sold and `deliveredWh` <= `soldWh` delivered.
    function updated(
        uint256 r,
        uint256 s,
        uint256 memoryBps,
        uint256 weightBps,
        uint256 deliveredWh,
        uint256 soldWh
    ) internal pure returns (uint256, uint256) {
        unchecked {
            uint256 keep = BPS * BPS - weightBps * (BPS - memoryBps);
            return (
                (r * keep) / (BPS * BPS) + (weightBps * ONE * deliveredWh) / (BPS * soldWh),
                (s * keep) / (BPS * BPS) + (weightBps * ONE) / BPS
            );
        }
    }

    /// @dev The weight of a slot in which energy worth `valueMicroUsd` was sold.
    function weightDown(
        uint256 valueMicroUsd,
        uint256 fullValueMicroUsd
    ) internal pure returns (uint256 weightBps) {
        unchecked {
            return
                valueMicroUsd >= fullValueMicroUsd
                    ? BPS
                    : (valueMicroUsd * BPS) / fullValueMicroUsd;
        }
    }

    /// @dev The sums of a participant that joins with a long record of the given score, or with
    /// none where `score` is zero.
    function initial(uint256 score, uint256 memoryBps) internal pure returns (uint256, uint256) {
        if (score == 0) return (0, 0);
        uint256 s = (ONE * BPS) / (BPS - memoryBps);
        uint256 needed = (score * (s + 2 * ONE) + BPS - 1) / BPS;
        uint256 r = needed > ONE ? needed - ONE : 0;
        return (r > s ? s : r, s);
    }
}
