// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Edge, Order, Trade} from "../types/Market.sol";

/// @title IMechanism
/// @notice What a market mechanism says of a round's outcome.
/// @dev The exchange has checked before: every trade lies on an edge and bears its fee, no order is
/// overfilled, every price is within both limits and the real-time price, no pair trades twice.
interface IMechanism {
    /// @notice Returns if `trades` are what the mechanism makes of `orders`, reverts otherwise.
    /// @param orders The book; cancelled orders and cancellations are zero words.
    /// @param edges The lines between live offers and bids that leave room for a price.
    /// @param trades The outcome, in strictly ascending order of offer and bid.
    /// @param realTimePrice The highest price of the slot, in micro-USD per MWh.
    /// @param certificate What the mechanism needs to check the outcome.
    function verify(
        Order[] calldata orders,
        Edge[] calldata edges,
        Trade[] calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external pure;
}
