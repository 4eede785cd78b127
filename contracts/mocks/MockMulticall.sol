// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title MockMulticall
/// @notice Many views in one call.
contract MockMulticall {
    /// @notice What each of `targets` answers to its call.
    function answers(
        address[] calldata targets,
        bytes[] calldata calls
    ) external view returns (bytes[] memory results) {
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            results[i] = Address.functionStaticCall(targets[i], calls[i]);
        }
    }
}
