// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ShareLib} from "../../../contracts/libraries/ShareLib.sol";
import {Trade} from "../../../contracts/types/Market.sol";
import {Checks} from "./Checks.sol";

/// @title ShareLibTest
/// @notice Partial deliveries are divided exactly, by largest remainder.
contract ShareLibTest is Checks {
    uint256 internal constant MOST = 12;

    function testTheSharesAddUpToWhatWasDelivered(
        uint32[] memory energies,
        uint256 before,
        uint256 deliveredWh
    ) external view {
        uint256 soldWh;
        (energies, soldWh) = _settle(energies);
        deliveredWh = _between(deliveredWh, 0, soldWh - 1);

        uint256[] memory parts = _shares(energies, before, deliveredWh, soldWh);

        uint256 sum = 0;
        for (uint256 i = 0; i < parts.length; ++i) {
            sum += parts[i];
            VM.assertLe(parts[i], energies[i]);
        }
        VM.assertEq(sum, deliveredWh);
        VM.assertEq(parts.length, energies.length);
    }

    function testEachShareIsWithinOneOfTheExactOne(
        uint32[] memory energies,
        uint256 before,
        uint256 deliveredWh
    ) external view {
        uint256 soldWh;
        (energies, soldWh) = _settle(energies);
        deliveredWh = _between(deliveredWh, 0, soldWh - 1);

        uint256[] memory parts = _shares(energies, before, deliveredWh, soldWh);

        for (uint256 i = 0; i < parts.length; ++i) {
            uint256 exact = energies[i] * deliveredWh;
            VM.assertLt(parts[i] * soldWh, exact + soldWh);
            VM.assertGt((parts[i] + 1) * soldWh, exact);
        }
    }

    function testTheLargestRemaindersAreRoundedUp(
        uint32[] memory energies,
        uint256 before,
        uint256 deliveredWh
    ) external view {
        uint256 soldWh;
        (energies, soldWh) = _settle(energies);
        deliveredWh = _between(deliveredWh, 0, soldWh - 1);

        uint256[] memory parts = _shares(energies, before, deliveredWh, soldWh);

        for (uint256 i = 0; i < parts.length; ++i) {
            uint256 exact = energies[i] * deliveredWh;
            if (parts[i] * soldWh <= exact) continue;
            for (uint256 j = 0; j < parts.length; ++j) {
                uint256 other = energies[j] * deliveredWh;
                if (parts[j] * soldWh > other) continue;
                uint256 mine = exact % soldWh;
                VM.assertTrue(mine > other % soldWh || (mine == other % soldWh && i < j));
            }
        }
    }

    function shares(
        Trade[] calldata trades,
        uint256 first,
        uint256 end,
        uint256 deliveredWh,
        uint256 soldWh
    ) external pure returns (uint256[] memory) {
        return ShareLib.shares(trades, first, end, deliveredWh, soldWh);
    }

    /// @dev The seller's trades stand behind `before` mod 4 others, and before another.
    function _shares(
        uint32[] memory energies,
        uint256 before,
        uint256 deliveredWh,
        uint256 soldWh
    ) internal view returns (uint256[] memory) {
        before %= 4;
        Trade[] memory trades = new Trade[](before + energies.length + 1);
        for (uint256 k = 0; k < trades.length; ++k) {
            bool own = k >= before && k < before + energies.length;
            uint256 energyWh = own ? energies[k - before] : 77;
            trades[k] = Trade.wrap((k << 224) | (energyWh << 192) | (k << 144) | (k << 96));
        }
        return this.shares(trades, before, before + energies.length, deliveredWh, soldWh);
    }

    /// @dev At least one trade, at most {MOST}, none without energy.
    function _settle(
        uint32[] memory energies
    ) internal pure returns (uint32[] memory settled, uint256 soldWh) {
        settled = new uint32[](_between(energies.length, 1, MOST));
        for (uint256 i = 0; i < settled.length; ++i) {
            settled[i] = i < energies.length && energies[i] != 0 ? energies[i] : 1;
            soldWh += settled[i];
        }
    }
}
