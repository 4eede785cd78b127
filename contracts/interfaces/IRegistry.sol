// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Slot} from "../types/Market.sol";

/// @title IRegistry
/// @notice Who takes part: participants, the accounts that own them and the meters that speak for
/// them. A participant's owner never changes; its meter and group do, announced ahead.
/// @dev Participants of one group belong together: they earn no reputation by trading with each
/// other. Group 0 is none.
/// @dev The contract's owner is the registrar; the role is handed over in two steps.
interface IRegistry {
    /// @param owner The account that trades and is paid.
    /// @param meter The key that signs the participant's readings.
    /// @param group The group it belongs to; zero for none.
    /// @param initialScoreBps The reputation it joins with, in basis points; zero for no record.
    struct Participant {
        address owner;
        address meter;
        uint16 group;
        uint16 initialScoreBps;
    }

    /// @notice Emitted for each participant registered; it may order for slots from `from` on.
    event ParticipantRegistered(
        uint16 indexed participant,
        address indexed owner,
        address meter,
        uint16 group,
        uint16 initialScoreBps,
        Slot from
    );

    /// @notice Emitted when a participant's readings are to be signed by `meter` from `from` on.
    event MeterAnnounced(uint16 indexed participant, address meter, Slot from);

    /// @notice Emitted when a participant is to belong to `group` from `from` on.
    event GroupAnnounced(uint16 indexed participant, uint16 group, Slot from);

    /// @notice Thrown when an owner is registered already, or is the zero address.
    error BadOwner(address owner);

    /// @notice Thrown when a score is outside what the rule can reach.
    error BadScore(uint16 scoreBps);

    /// @notice Thrown when there would be more than `maximum` participants.
    error TooManyParticipants(uint256 count, uint256 maximum);

    /// @notice Thrown when no participant has this number.
    error NoSuchParticipant(uint256 participant);

    /// @notice Registers participants, numbered in the order given.
    /// @param joining Who joins.
    /// @param from The first slot they may order for; none that is open yet.
    function register(Participant[] calldata joining, Slot from) external;

    /// @notice Announces new meters for participants.
    /// @param participants The participants' numbers.
    /// @param meters Their meters, in the same order.
    /// @param from The first slot they sign for; none that is open yet.
    function announceMeters(
        uint16[] calldata participants,
        address[] calldata meters,
        Slot from
    ) external;

    /// @notice Announces new groups for participants.
    /// @param participants The participants' numbers.
    /// @param groups Their groups, in the same order.
    /// @param from The first slot the groups hold in; none that is open yet.
    function announceGroups(
        uint16[] calldata participants,
        uint16[] calldata groups,
        Slot from
    ) external;

    /// @notice The participant that `owner` owns.
    /// @return participant Its number, from 1; zero if there is none.
    /// @return from The first slot it may order for.
    /// @return initialScoreBps The reputation it joined with, in basis points.
    function participantOf(
        address owner
    ) external view returns (uint16 participant, Slot from, uint16 initialScoreBps);

    /// @notice The code-stored table of owners and groups in `slot`, a word each.
    function ownerTableOf(Slot slot) external view returns (address directory);

    /// @notice The code-stored table of the meters in `slot`, a word each.
    function meterTableOf(Slot slot) external view returns (address directory);

    /// @notice Owners and groups in `slot`: group 16 | owner 160; participant 1 comes first.
    function ownersOf(Slot slot) external view returns (uint256[] memory words);

    /// @notice The meters in `slot`; participant 1 comes first.
    function metersOf(Slot slot) external view returns (uint256[] memory words);
}
