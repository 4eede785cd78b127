// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EdgeLib} from "../libraries/EdgeLib.sol";
import {LineLib} from "../libraries/LineLib.sol";
import {SpokeLib} from "../libraries/SpokeLib.sol";
import {CodeTableLib} from "../libraries/CodeTableLib.sol";
import {FeeLadder, LineTerms, MAX_PARTICIPANTS, Slot} from "../types/Market.sol";

/// @title MockLineLease
/// @notice Lines and ladder that anybody sets at once; what {Clearing} asks of a line lease.
contract MockLineLease {
    using LineLib for uint256;

    LineTerms internal _terms;
    address internal _capacities;
    bool internal _hasManagers;

    /// @notice Sets the lines and the ladder of every slot.
    function set(
        uint256[] calldata rows,
        uint256 rowWords,
        uint256[] calldata capacities,
        FeeLadder calldata ladder
    ) external {
        _terms.rows = CodeTableLib.write(rows);
        _terms.rowWords = rowWords;
        _terms.areMore = capacities.length != 0;
        delete _hasManagers;
        for (uint256 i = 0; i < rows.length; ++i) {
            for (uint256 k = 0; k < LineLib.LINES_PER_WORD; ++k) {
                if (rows[i].peerOf(k) > MAX_PARTICIPANTS) _hasManagers = _terms.areMore = true;
            }
        }
        _capacities = CodeTableLib.write(capacities);
        _terms.ladder = ladder;
    }

    /// @notice As in ILineLease.
    function routesOf(
        Slot,
        bytes calldata orders,
        bytes calldata edges
    ) external view returns (bytes memory limited, bytes memory spokes) {
        uint256[] memory capacities = CodeTableLib.read(_capacities);
        uint256[] memory rows = CodeTableLib.read(_terms.rows);
        limited = edges;
        if (capacities.length != 0) {
            EdgeLib.limit(limited, orders, rows, _terms.rowWords, capacities);
        }
        if (!_hasManagers) return (limited, "");
        spokes = SpokeLib.spokesOf(orders, rows, _terms.rowWords, capacities, _terms.ladder);
    }

    /// @notice As in ILineLease.
    function termsOf(Slot) external view returns (LineTerms memory) {
        return _terms;
    }
}
