// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {ShareOutLib} from "../libraries/ShareOutLib.sol";

/// @title SupplyDemandRatio
/// @notice One price between import price m, the slot's real-time price, and export price x. With S
/// and D the energies offered and bid in the pool,
///
///   S ≤ D:  price = ⌊x m D / ((m − x) S + x D)⌋, or m where the divisor is zero
///   S > D:  price = x
///
/// Whose limit does not admit it trades nothing; of the others the scarce side trades all, the long
/// side shares in proportion to its orders' energies.
/// @dev There is no certificate. oracle/market/supply_demand_ratio.py is the twin.
contract SupplyDemandRatio is IMechanism {
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
        uint256 price = _priceOf(orders, spokes, realTimePrice);
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

    /// @dev Energies of 32 bits in at most 2^16 orders, prices of 48: no product overflows.
    function _priceOf(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 importPrice
    ) internal view returns (uint256) {
        (uint256 supplyWh, uint256 demandWh) = ShareOutLib.energiesOf(orders, spokes, importPrice);
        uint256 lowest = exportPrice < importPrice ? exportPrice : importPrice;
        if (supplyWh > demandWh) return lowest;
        uint256 divisor = (importPrice - lowest) * supplyWh + lowest * demandWh;
        return divisor == 0 ? importPrice : (lowest * importPrice * demandWh) / divisor;
    }
}
