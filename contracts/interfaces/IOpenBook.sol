// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Order, Signature, Slot} from "../types/Market.sol";

/// @title IOpenBook
/// @notice Orders recorded in the open, by their owners or, signed, by anybody.
/// @dev Units as in {IExchange}.
interface IOpenBook {
    /// @notice Emitted when an offer has become the next entry of its slot's book.
    event OfferPlaced(Slot indexed slot, Order order);

    /// @notice Emitted when a bid has become the next entry of its slot's book.
    event BidPlaced(Slot indexed slot, Order order);

    /// @notice Emitted when a cancellation has become the next entry of its slot's book.
    event OrderCancelled(Slot indexed slot, Order order);

    /// @notice Emitted when signed orders have become the next entries of their slot's book;
    /// `orders` has 32 bytes an order.
    event OrdersPosted(Slot indexed slot, address indexed poster, bytes orders);

    /// @notice Emitted when a signed order was passed over; `reason` is the error that a call for
    /// this order alone would have thrown.
    event OrderSkipped(
        Slot indexed slot,
        address indexed poster,
        uint256 position,
        Order order,
        bytes reason
    );

    /// @notice Emitted when an owner has spent its nonces below `below`.
    event NoncesSpent(address indexed owner, uint256 below);

    /// @notice Thrown when a signed order has an unknown kind or bits that no field uses.
    error BadOrder(Order order);

    /// @notice Thrown when a nonce is below the lowest that is not spent, or is none.
    error NonceSpent(uint256 nonce, uint256 lowest);

    /// @notice Thrown when an order was not signed by its participant's owner.
    error WrongSigner(uint256 participant, address owner);

    /// @notice Places an offer in the name of the caller and locks its bond.
    /// @param slot The delivery slot; must be open.
    /// @param energyWh The energy on offer; must not be zero.
    /// @param price The lowest price the seller accepts, without the lease fee.
    /// @param terms What the mechanism wants to know besides.
    function placeOffer(Slot slot, uint32 energyWh, uint48 price, uint96 terms) external;

    /// @notice Places a bid in the name of the caller and locks its highest cost.
    /// @param slot The delivery slot; must be open.
    /// @param energyWh The energy wanted; must not be zero.
    /// @param price The highest price the buyer accepts, including the lease fee.
    /// @param terms What the mechanism wants to know besides.
    function placeBid(Slot slot, uint32 energyWh, uint48 price, uint96 terms) external;

    /// @notice Takes the caller's order for `slot` back, which is final.
    /// @dev The lock is released when the slot is settled or void: the book alone knows its amount.
    function cancelOrder(Slot slot) external;

    /// @notice Records signed offers, bids and cancellations; open to anybody. What is wrong with
    /// one does not touch the others: it is passed over, and an event says why.
    /// @dev The typed data is Order(uint8 kind,uint32 slot,uint16 participant,uint32 energyWh,
    /// uint48 price,uint32 nonce,uint96 terms); kind 1 is an offer, 2 a bid, 3 a cancellation. An
    /// order is good while its nonce is not spent.
    /// @param slot The slot of all of them; must be open.
    /// @param orders The orders, packed as {OrderLib} says, without a score.
    /// @param signatures Their owners' signatures, in the same order.
    function post(Slot slot, Order[] calldata orders, Signature[] calldata signatures) external;

    /// @notice As {post}, for owners that are contract wallets (ERC-1271) too, and for signatures
    /// of any form; dearer.
    function postForWallets(
        Slot slot,
        Order[] calldata orders,
        bytes[] calldata signatures
    ) external;

    /// @notice Makes all orders worthless that the caller has signed with a nonce below `below`,
    /// and that stand in no book yet. Nonces have 20 bits; the last, 2^20 - 1, cannot be spent.
    function spendNonces(uint256 below) external;

    /// @notice What the owner of an order signs.
    function hashOf(Slot slot, Order order) external view returns (bytes32);

    /// @notice Whether `owner` signed, with its key or as a contract wallet.
    function isSignedBy(
        address owner,
        bytes32 hash,
        bytes calldata signature
    ) external view returns (bool);
}
