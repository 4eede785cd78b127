// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FeeLadder, MAX_PARTICIPANTS, Order} from "../types/Market.sol";
import {FeeLadderLib} from "./FeeLadderLib.sol";
import {LineLib} from "./LineLib.sol";
import {OrderLib} from "./OrderLib.sol";
import {WordsLib} from "./WordsLib.sol";

/// @title SpokeLib
/// @notice The line between an order and its manager in one word, the highest bits first:
///
///   unused 160 | manager 16 | capacity in Wh 32 | fee 48
///
/// Managers count from 1; a zero word is no spoke. Two orders of one manager may trade through it,
/// at the sum of their spokes' fees.
library SpokeLib {
    using FeeLadderLib for FeeLadder;
    using LineLib for uint256;
    using OrderLib for Order;
    using WordsLib for bytes;
    using WordsLib for uint256[];

    uint256 internal constant NO_LIMIT = LineLib.NO_LIMIT;

    /// @dev The free spoke to the first manager: who has it takes part in the mechanisms that know
    /// one pool only.
    uint256 internal constant POOL = (1 << 80) | (NO_LIMIT << 48);

    function manager(uint256 spoke) internal pure returns (uint256) {
        return spoke >> 80;
    }

    function capacityWh(uint256 spoke) internal pure returns (uint256) {
        return (spoke >> 48) & NO_LIMIT;
    }

    function fee(uint256 spoke) internal pure returns (uint256) {
        return spoke & type(uint48).max;
    }

    /// @notice The spoke of each live order, at its position in the book. A row's last line is one
    /// if its peer is a manager.
    /// @param orders The live orders, words as {OrderLib} packs them, zero where one is not live.
    /// @param rows The rows of lines, words as {LineLib} reads them.
    /// @param rowWords The words a row has.
    /// @param capacities The lines' capacities at their lines' places; empty where none has one.
    /// @param ladder The fee ladder.
    /// @dev Positions are below 2^16, and fees fit 48 bits by the ladder's bound.
    function spokesOf(
        bytes calldata orders,
        uint256[] memory rows,
        uint256 rowWords,
        uint256[] memory capacities,
        FeeLadder memory ladder
    ) internal pure returns (bytes memory spokes) {
        unchecked {
            uint256 count = orders.count();
            spokes = WordsLib.zeros(count);
            for (uint256 i = 0; i < count; ++i) {
                Order order = Order.wrap(orders.read(i));
                if (Order.unwrap(order) == 0) continue;
                uint256 end = order.participant() * rowWords;
                if (end > rows.length) continue;
                uint256 place = end - 1;
                while (place > end - rowWords && rows.load(place) == 0) --place;
                uint256 word = rows.load(place);
                uint256 line = word.lastLine();
                uint256 peer = word.peerOf(line);
                if (peer <= MAX_PARTICIPANTS) continue;
                uint256 capacity = NO_LIMIT;
                if (capacities.length != 0) capacity = capacities.load(place).capacityOf(line);
                uint256 fee_ = ladder.feeUp(word.distanceOf(line));
                spokes.store(i, ((peer - MAX_PARTICIPANTS) << 80) | (capacity << 48) | fee_);
            }
        }
    }
}
