// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
/// @title MockMechanism
/// @notice Accepts every outcome, so that only the exchange's own checks stand.
contract MockMechanism is IMechanism {
    /// @inheritdoc IMechanism
    function verify(
        bytes calldata,
        bytes calldata,
        bytes calldata,
        bytes calldata,
        uint256,
        bytes calldata
        // solhint-disable-next-line no-empty-blocks
    ) external pure {}

    /// @inheritdoc IMechanism
    function parameters() external pure returns (uint256[] memory) {
        return new uint256[](0);
    }
}
