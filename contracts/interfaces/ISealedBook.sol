// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Order, Slot} from "../types/Market.sol";

/// @title ISealedBook
/// @notice Orders sealed until the gate has closed.
/// @dev Units as in {IExchange}.
interface ISealedBook {
    /// @notice Emitted when an owner has staked its bond on an order that nobody can read yet.
    event OrderSealed(Slot indexed slot, address indexed owner, bytes32 seal);

    /// @notice Emitted when a sealed order has become the next entry of its slot's book.
    event OrderRevealed(Slot indexed slot, address indexed owner, Order order);

    /// @notice Thrown when an owner has no seal for a slot that it has not opened, or gives none.
    error NoSeal(address owner, Slot slot);

    /// @notice Thrown when an order is revealed before the gate has closed, or too late.
    error OutsideRevealTime(Slot slot, uint256 opensAt, uint256 closesAt);

    /// @notice Thrown when what is revealed is not what was sealed.
    error SealMismatch(bytes32 given, bytes32 recorded);

    /// @notice Thrown when what was sealed is neither an offer nor a bid.
    error NotAnOrder(uint8 kind);

    /// @notice Stakes the bond on the order behind `seal`, which is final; for participants.
    /// @param slot The slot; must be open.
    /// @param seal What {sealOf} says of the order.
    function commit(Slot slot, bytes32 seal) external;

    /// @notice Records a sealed order: its bond comes back, its lock is taken. Open to anybody who
    /// knows the salt, from the gate's closure for ten minutes.
    /// @param slot The slot.
    /// @param owner Whose order it is.
    /// @param kind 1 for an offer, 2 for a bid.
    /// @param energyWh The energy; not zero.
    /// @param price The lowest price of an offer; the highest of a bid, with the lease fee.
    /// @param terms What the mechanism wants to know besides.
    /// @param salt 32 random bytes, so that nobody can guess the order from its seal.
    function reveal(
        Slot slot,
        address owner,
        uint8 kind,
        uint32 energyWh,
        uint48 price,
        uint96 terms,
        bytes32 salt
    ) external;

    /// @notice The seal of an order: typed data Seal(address owner,uint32 slot,uint8 kind,
    /// uint32 energyWh,uint48 price,uint96 terms,bytes32 salt), so bound to chain and contract.
    function sealOf(
        address owner,
        Slot slot,
        uint8 kind,
        uint32 energyWh,
        uint48 price,
        uint96 terms,
        bytes32 salt
    ) external view returns (bytes32);

    /// @notice How many orders were sealed for `slot`, and how many of them revealed.
    function sealsOf(Slot slot) external view returns (uint256 committed, uint256 revealed);
}
