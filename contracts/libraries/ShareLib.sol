// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Trade} from "../types/Market.sol";
import {TradeLib} from "./TradeLib.sol";

/// @title ShareLib
/// @notice Shares of a partial delivery by largest remainder: each trade gets the rounded-down
/// share of what was delivered, and the Wh left over go to the largest remainders, the earlier
/// trade first among equals.
/// @dev oracle/model/settlement.py divides in the same way.
library ShareLib {
    using TradeLib for Trade;

    /// @dev What each of the trades from `first` up to `end`, all of one seller, gets of
    /// `deliveredWh`, which is less than `soldWh`, the sum of their energies.
    function shares(
        Trade[] calldata trades,
        uint256 first,
        uint256 end,
        uint256 deliveredWh,
        uint256 soldWh
    ) internal pure returns (uint256[] memory parts) {
        uint256[] memory remainders = new uint256[](end - first);
        parts = new uint256[](end - first);
        uint256 left = deliveredWh;
        for (uint256 k = first; k < end; ++k) {
            uint256 scaled = trades[k].energyWh() * deliveredWh;
            parts[k - first] = scaled / soldWh;
            remainders[k - first] = scaled % soldWh;
            left -= scaled / soldWh;
        }
        for (; left > 0; --left) {
            uint256 largest = _largest(remainders);
            ++parts[largest];
            remainders[largest] = 0;
        }
    }

    function _largest(uint256[] memory values) private pure returns (uint256 index) {
        for (uint256 i = 1; i < values.length; ++i) {
            if (values[i] > values[index]) index = i;
        }
    }
}
