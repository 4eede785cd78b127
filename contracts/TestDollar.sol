// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title TestDollar
/// @notice A dollar of 6 decimals for development chains.
/// @dev Warning: anybody mints any amount; never use it where money has a worth. Whoever mints
/// 2 ** 50 of it, about a billion dollars, to an exchange stops its deposits; a real dollar makes
/// that dear.
contract TestDollar is ERC20("Wattline test dollar", "tUSD") {
    /// @notice Gives `amount` micro-USD to `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @inheritdoc ERC20
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
