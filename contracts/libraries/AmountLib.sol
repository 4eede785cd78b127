// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title AmountLib
/// @notice Money for energy: Wh times micro-USD per MWh, in micro-USD.
/// @dev Energies of 64 bits and prices of 64 bits are as large as they get, so nothing overflows.
/// oracle/units.py has the same two functions.
library AmountLib {
    uint256 internal constant WH_PER_MWH = 1e6;

    /// @dev The remainder below a micro-USD stays with who pays.
    function amountDown(uint256 energyWh, uint256 price) internal pure returns (uint256) {
        unchecked {
            return (energyWh * price) / WH_PER_MWH;
        }
    }

    /// @dev What to lock: never less than any sum of {amountDown} over parts of the energy.
    function amountUp(uint256 energyWh, uint256 price) internal pure returns (uint256) {
        unchecked {
            return (energyWh * price + WH_PER_MWH - 1) / WH_PER_MWH;
        }
    }
}
