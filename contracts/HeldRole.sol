// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

/// @title HeldRole
/// @notice A role that is handed over in two steps and never given up: its holder is paid or pays,
/// and money for nobody would be lost.
abstract contract HeldRole is Ownable2Step {
    /// @notice Thrown when the holder would leave the role to nobody.
    error RoleIsKept(address holder);

    /// @inheritdoc Ownable
    function renounceOwnership() public view override onlyOwner {
        revert RoleIsKept(owner());
    }
}
