// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title IMechanism
/// @notice What a market mechanism says of a round's outcome.
/// @dev The exchange has checked before: trades ascend by offer, over lines before pooled ones;
/// each has a route, within its capacity, and bears its fee; none has energy zero; no order is
/// overfilled and no route taken twice by a pair; every price is within both limits and the
/// real-time price, with the surplus that its buyer pays.
interface IMechanism {
    /// @notice Thrown when a mechanism is deployed with a number that makes no sense of its rule.
    error BadParameter(uint256 parameter, uint256 value);

    /// @notice Thrown when a certificate has not the length, or not the form, that it must have.
    error BadCertificate(uint256 length, uint256 expected);

    /// @notice Thrown when a trade's price, or the surplus besides, is not the mechanism's.
    error WrongPrice(uint256 position, uint256 price, uint256 expected);

    /// @notice Returns if `trades` are what the mechanism makes of `orders`, reverts otherwise.
    /// @param orders The book, 32 bytes an order; cancelled orders and cancellations are zero.
    /// @param edges The lines between live offers and bids that leave room for a price, 32 bytes an
    /// edge, in ascending order of offer and, for each offer, of the bidder's number.
    /// @param spokes For each order its line to its manager, 32 bytes a spoke, zero for none; see
    /// {SpokeLib}. Empty where nobody has a manager.
    /// @param trades The outcome, 32 bytes a trade.
    /// @param realTimePrice The highest price of the slot, in micro-USD per MWh.
    /// @param certificate What the mechanism needs to check the outcome.
    function verify(
        bytes calldata orders,
        bytes calldata edges,
        bytes calldata spokes,
        bytes calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external view;

    /// @notice The numbers that the contract was deployed with, in the order of its constructor.
    function parameters() external view returns (uint256[] memory);
}
