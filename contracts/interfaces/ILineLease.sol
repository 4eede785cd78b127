// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FeeLadder, LineTerms, Slot} from "../types/Market.sol";

/// @title ILineLease
/// @notice The leased lines between participants and what a MWh over them costs.
/// @dev The contract's owner is the line owner: it sets lines and ladder, announced ahead, and
/// earns the fees. Lines are rows of words, `rowWords` a participant, participant 1 first. A word
/// holds eight lines of 32 bits, the highest first: peer 12, distance in metres 20; zero ends a
/// row. The peers of a row ascend. A row lists whom its participant may sell to; its last line may
/// lead to a manager, through whom all that have a line to it may trade, at the sum of both fees.
/// Capacities, where announced, are words like the rows', 32 bits for each line at its place, in
/// Wh a slot, all bits set for none; new lines have none until they are announced. A mechanism
/// that respects no capacities, as pairwise-nash, cannot clear a slot in which one binds, and one
/// of a single pool leaves out whoever has a fee or a capacity to the manager.
interface ILineLease {
    /// @notice Emitted when the rows stored under `directory` are to hold from `from` on; the hash
    /// is that of all their words, one after the other.
    event LinesAnnounced(Slot indexed from, address directory, uint256 rowWords, bytes32 rowsHash);

    /// @notice Emitted when the capacities stored under `directory` are to hold for the lines from
    /// `from` on, zero for none; the hash is that of all their words, one after the other.
    event CapacitiesAnnounced(Slot indexed from, address directory, bytes32 capacitiesHash);

    /// @notice Emitted when the ladder is to hold from `from` on.
    event LadderAnnounced(
        Slot indexed from,
        uint64 baseMicroUsdPerMwhKm,
        uint32 stepMeters,
        uint16 growthBps
    );

    /// @notice Thrown when rows have no length, or more words than a row may have.
    error BadRows(uint256 words, uint256 rowWords);

    /// @notice Thrown when capacities are neither none nor as many words as the rows.
    error BadCapacities(uint256 words, uint256 expected);

    /// @notice Thrown when a capacity stands where there is no line.
    error CapacityOfNoLine(uint256 word, uint256 position);

    /// @notice Thrown when more than `maximum` lines have a capacity.
    error TooManyCapacities(uint256 limits, uint256 maximum);

    /// @notice Thrown when a row's peers do not ascend, a participant is its own peer, or a line
    /// follows that to the manager.
    error PeersNotAscending(uint256 participant, uint256 peer);

    /// @notice Thrown when a row names a peer that neither a participant nor a manager can be.
    error NoSuchPeer(uint256 participant, uint256 peer);

    /// @notice Thrown when all rows together have more than `maximum` lines.
    error TooManyLines(uint256 lines, uint256 maximum);

    /// @notice Thrown when a ladder has no interval or its highest fee does not fit 48 bits.
    error BadLadder(uint32 stepMeters, uint256 highestFee);

    /// @notice Thrown when there is no line from `seller` to `buyer`.
    error NoLineBetween(uint16 seller, uint16 buyer);

    /// @notice Announces the lines that hold from `from` on.
    function announceLines(uint256[] calldata rows, uint256 rowWords, Slot from) external;

    /// @notice Announces the capacities that hold from `from` on for the lines that hold then; an
    /// empty list for none.
    function announceCapacities(uint256[] calldata capacities, Slot from) external;

    /// @notice Announces the ladder that holds from `from` on.
    function announceLadder(FeeLadder calldata ladder, Slot from) external;

    /// @notice The code-stored rows that hold in `slot`, and the words a row has.
    function rowTableOf(Slot slot) external view returns (address directory, uint256 rowWords);

    /// @notice The rows that hold in `slot`, and the words a row has.
    function rowsOf(Slot slot) external view returns (uint256[] memory rows, uint256 rowWords);

    /// @notice The ladder that holds in `slot`.
    function ladderOf(Slot slot) external view returns (FeeLadder memory);

    /// @notice The capacities that hold in `slot`; empty where no line has one.
    function capacitiesOf(Slot slot) external view returns (uint256[] memory capacities);

    /// @notice All that clearing needs of the lines in `slot`.
    function termsOf(Slot slot) external view returns (LineTerms memory terms);

    /// @notice What capacities and managers add to a round in `slot`.
    /// @param orders The live orders, words as {OrderLib} packs them, zero where one is not live.
    /// @param edges Words as {EdgeLib} packs them, without capacities.
    /// @return limited The edges with the capacities of their lines.
    /// @return spokes The lines from the orders to their managers, 32 bytes an order, zero for
    /// none; see {SpokeLib}. Empty where nobody has a manager.
    function routesOf(
        Slot slot,
        bytes calldata orders,
        bytes calldata edges
    ) external view returns (bytes memory limited, bytes memory spokes);

    /// @notice The lease fee from `seller` to `buyer` in `slot`, in micro-USD per MWh, rounded up.
    function feeOf(Slot slot, uint16 seller, uint16 buyer) external view returns (uint256);

    /// @notice Who sets the lines and earns the fees.
    function owner() external view returns (address);
}
