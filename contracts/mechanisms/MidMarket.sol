// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {ShareOutLib} from "../libraries/ShareOutLib.sol";

/// @title MidMarket
/// @notice Everybody trades at the middle of import and export price, rounded down; the import
/// price is the slot's real-time price. The scarce side trades all, the long side shares in
/// proportion to its orders' energies; whose limit does not admit the price trades nothing.
/// @dev There is no certificate. oracle/market/mid_market.py is the twin.
contract MidMarket is IMechanism {
    /// @notice What the grid pays, in micro-USD per MWh; above the import price it counts as that.
    uint256 public immutable exportPrice;

    constructor(uint256 exportPrice_) {
        exportPrice = exportPrice_;
    }

    /// @inheritdoc IMechanism
    function verify(
        bytes calldata orders,
        bytes calldata,
        bytes calldata spokes,
        bytes calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external view {
        if (certificate.length != 0) revert BadCertificate(certificate.length, 0);
        uint256 lowest = exportPrice < realTimePrice ? exportPrice : realTimePrice;
        uint256 price = (realTimePrice + lowest) / 2;
        (bytes memory weights, uint256 supplyWh, uint256 demandWh) = ShareOutLib.willing(
            orders,
            spokes,
            realTimePrice,
            price
        );
        ShareOutLib.requireShared(orders, spokes, trades, price, weights, supplyWh, demandWh);
    }

    /// @inheritdoc IMechanism
    function parameters() external view returns (uint256[] memory values) {
        values = new uint256[](1);
        values[0] = exportPrice;
    }
}
