// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title IMechanism
/// @notice What a market mechanism says of a round's outcome.
/// @dev The exchange has checked before: every trade lies on an edge and bears its fee, no order is
/// overfilled, every price is within both limits and the real-time price, no pair trades twice.
interface IMechanism {
    /// @notice Returns if `trades` are what the mechanism makes of `orders`, reverts otherwise.
    /// @param orders The book, 32 bytes an order; cancelled orders and cancellations are zero.
    /// @param edges The lines between live offers and bids that leave room for a price, 32 bytes an
    /// edge, in ascending order of offer and, for each offer, of the bidder's number.
    /// @param trades The outcome, 32 bytes a trade, in the order of their edges.
    /// @param realTimePrice The highest price of the slot, in micro-USD per MWh.
    /// @param certificate What the mechanism needs to check the outcome.
    function verify(
        bytes calldata orders,
        bytes calldata edges,
        bytes calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external pure;
}
