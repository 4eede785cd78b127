// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev A 15-minute delivery slot: Unix time divided by 900.
type Slot is uint32;

/// @dev One entry of a slot's book in one word; see {OrderLib}.
type Order is uint256;

/// @dev One trade between two orders of a book in one word; see {TradeLib}.
type Trade is uint256;

/// @dev A line from a live offer to a live bid that could trade over it; see {EdgeLib}.
type Edge is uint256;

/// @dev One participant's account; see {AccountLib}.
type Account is uint256;

/// @dev The accounts of two participants in one word of {Accounts}; see {AccountLib}.
type AccountPair is uint256;

/// @dev As many orders as participants may stand in a book, and as many cancellations. LineLease
/// bounds the lines, so that the fullest book clears in one transaction.
uint256 constant MAX_PARTICIPANTS = 1024;

/// @dev Managers have the numbers that follow the participants'.
uint256 constant MAX_MANAGERS = 31;

/// @dev Thrown when two lists that belong together differ in length.
error LengthsDiffer(uint256 first, uint256 second);

/// @dev Where a slot stands between its first order and its settlement.
enum Phase {
    Open,
    Closed,
    Cleared,
    Settled,
    Void
}

/// @dev Lease price of a line. The first `stepMeters` cost `baseMicroUsdPerMwhKm` per km; each
/// further interval of that length costs `growthBps` of the base more per km than the one before.
struct FeeLadder {
    uint64 baseMicroUsdPerMwhKm;
    uint32 stepMeters;
    uint16 growthBps;
}

/// @dev What clearing needs of the lines in a slot. Rows are stored as code.
struct LineTerms {
    uint256 rowWords;
    address rows;
    /// Whether a line leads to a manager, or may have a capacity.
    bool areMore;
    FeeLadder ladder;
}

/// @dev A key's signature as ERC-2098 packs it.
struct Signature {
    bytes32 r;
    bytes32 vs;
}

/// @dev A meter's statement of the energy delivered in a slot, signed as ERC-2098 packs it.
struct Reading {
    uint16 participant;
    uint32 energyWh;
    bytes32 r;
    bytes32 vs;
}

/// @dev The constants of one exchange, fixed at its deployment.
struct Rules {
    /// The highest price an order may carry, in micro-USD per MWh.
    uint48 priceCapMicroUsdPerMwh;
    /// What an offer locks per MWh, in micro-USD.
    uint48 bondMicroUsdPerMwh;
    /// What a seller pays per MWh sold and not delivered, in micro-USD; not above the bond.
    uint48 compensationMicroUsdPerMwh;
    /// The share of a reputation's past that a full-value slot keeps, in basis points.
    uint16 memoryBps;
    /// The sold value of a slot from which it counts in full, in micro-USD.
    uint56 fullValueMicroUsd;
    /// How long after the readings' deadline the grid operator may correct one, in seconds; zero
    /// to settle as soon as the sellers' readings are there, and at most a week.
    uint32 challengeSeconds;
}
