// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CodeTableLib} from "../libraries/CodeTableLib.sol";
import {FeeLadder, Slot} from "../types/Market.sol";

/// @title MockLineLease
/// @notice Lines and ladder that anybody sets at once; what {Clearing} asks of a line lease.
contract MockLineLease {
    address internal _directory;
    uint256 internal _rowWords;
    FeeLadder internal _ladder;

    /// @notice Sets the lines and the ladder of every slot.
    function set(uint256[] calldata rows, uint256 rowWords, FeeLadder calldata ladder) external {
        _directory = CodeTableLib.write(rows);
        _rowWords = rowWords;
        _ladder = ladder;
    }

    /// @notice As in ILineLease.
    function termsOf(Slot) external view returns (address, uint256, FeeLadder memory) {
        return (_directory, _rowWords, _ladder);
    }
}
