// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {WordsLib} from "./WordsLib.sol";

/// @title ReplayLib
/// @notice Matches of the pool that a mechanism replays in their order, each looked up among the
/// trades, which are in another. The certificate says where: two bytes a match, the position of
/// its trade.
/// @dev No pair matches twice, so no two matches share a trade, and as many matches as trades are
/// all of them. oracle/market/replay.py is the twin.
library ReplayLib {
    using WordsLib for bytes;

    /// @notice Thrown when a match, counted from zero in the order of the mechanism, is not the
    /// trade that the certificate names; `trade` is zero where it names none.
    error WrongMatch(uint256 number, uint256 trade, uint256 expected);

    /// @notice Thrown when there are more trades than matches.
    error TooManyTrades(uint256 count, uint256 expected);

    function requireLength(bytes calldata trades, bytes calldata certificate) internal pure {
        uint256 expected = 2 * trades.count();
        if (certificate.length != expected) {
            revert IMechanism.BadCertificate(certificate.length, expected);
        }
    }

    /// @dev Assumes that the certificate has its length.
    function requireMatch(
        bytes calldata trades,
        bytes calldata certificate,
        uint256 number,
        uint256 offer,
        uint256 bid,
        uint256 energyWh,
        uint256 price
    ) internal pure {
        uint256 count = trades.count();
        uint256 trade = 0;
        unchecked {
            if (number < count) {
                uint256 place = uint16(bytes2(certificate[2 * number:2 * number + 2]));
                if (place < count) trade = trades.read(place);
            }
        }
        uint256 expected = (offer << 240) | (bid << 224) | (energyWh << 192) | (price << 144) | 1;
        if (trade != expected) revert WrongMatch(number, trade, expected);
    }

    /// @dev Looks at the number of matches, after all of them.
    function requireAll(bytes calldata trades, uint256 matches) internal pure {
        if (matches != trades.count()) revert TooManyTrades(trades.count(), matches);
    }
}
