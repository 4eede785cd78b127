// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Order, Phase, Reading, Slot, Trade} from "../types/Market.sol";

/// @title IExchange
/// @notice The market: accounts, clearing by certificate, readings and settlement. How orders come
/// into a slot's book is {IOpenBook} or {ISealedBook}.
/// @dev Units: energy in Wh; prices and fees in micro-USD per MWh; money in micro-USD; times in
/// Unix seconds; shares in basis points. The contract's owner is the system operator. Life of a
/// slot: open, at the gate closed, cleared or (at its start) void, after delivery settled.
interface IExchange {
    /// @notice Emitted when money has come in; `amount` is what really arrived.
    event Deposited(address indexed owner, uint256 amount);

    /// @notice Emitted when money has gone out.
    event Withdrawn(address indexed owner, uint256 amount);

    /// @notice Emitted when an account has become that of a participant.
    event Enrolled(address indexed owner, uint16 indexed participant, uint256 r, uint256 s);

    /// @notice Emitted when an outcome has been checked and is final.
    event SlotCleared(
        Slot indexed slot,
        address indexed submitter,
        address mechanism,
        Trade[] trades
    );

    /// @notice Emitted when readings have become the next entries of their slot's readings; an
    /// entry is participant << 32 | energy, with bit 255 set where the meter has contradicted
    /// itself and bit 254 where the grid operator speaks.
    event ReadingsRecorded(Slot indexed slot, uint256[] entries);

    /// @notice Emitted when a slot is paid. `heard` are the entries of the readings that came with
    /// the settlement, as {ReadingsRecorded} has them; `delivered` has four bytes a trade, the Wh
    /// delivered.
    event SlotSettled(
        Slot indexed slot,
        address indexed submitter,
        uint256[] heard,
        bytes delivered
    );

    /// @notice Emitted when a slot was not cleared in time and its locks are released.
    event SlotVoided(Slot indexed slot, address indexed submitter);

    /// @notice Emitted when the operator has paid the storage provider.
    event CompensationPaid(address indexed operator, address indexed provider, uint256 amount);

    /// @notice Emitted when `mechanism` is to clear the slots from `from` on.
    event MechanismAnnounced(Slot indexed from, address mechanism);

    /// @notice Emitted when no price may exceed `price` from `from` on.
    event RealTimePriceAnnounced(Slot indexed from, uint48 price);

    /// @notice Thrown when the rules of a new exchange contradict each other.
    error BadRules();

    /// @notice Thrown when a deposit would let the exchange hold more than one account can: so no
    /// settlement can ever fail because an account is full.
    error ExchangeFull(uint256 heldMicroUsd, uint256 maximumMicroUsd);

    /// @notice Thrown when a mechanism has no code, so that no slot could be cleared with it.
    error NotAContract(address mechanism);

    /// @notice Thrown when an account belongs to no participant.
    error NotAParticipant(address owner);

    /// @notice Thrown when an order comes too late for its slot.
    error GateClosed(Slot slot, uint256 closedAt);

    /// @notice Thrown when an order comes too early for its slot.
    error NotOpenYet(Slot slot, Slot lastOpen);

    /// @notice Thrown when an account has less free money than is needed.
    error InsufficientFree(uint256 freeMicroUsd, uint256 neededMicroUsd);

    /// @notice Thrown when a participant has ordered for a slot already.
    error OrderExists(Slot slot);

    /// @notice Thrown when a participant has no order for a slot, or has cancelled it.
    error NoOrder(Slot slot);

    /// @notice Thrown when an order is for a slot before its participant's first.
    error NotYetParticipant(Slot slot, Slot firstSlot);

    /// @notice Thrown when an order has no energy.
    error ZeroEnergy();

    /// @notice Thrown when an order's price is above the cap.
    error PriceAboveCap(uint48 price, uint48 cap);

    /// @notice Thrown when nothing was recorded for a slot.
    error NothingRecorded(Slot slot);

    /// @notice Thrown when clearing comes before the gate has closed.
    error GateOpen(Slot slot, uint256 closesAt);

    /// @notice Thrown when clearing comes after delivery has started.
    error ClearingTooLate(Slot slot, uint256 deadline);

    /// @notice Thrown when a slot is to be made void while it may still be cleared.
    error VoidTooEarly(Slot slot, uint256 deadline);

    /// @notice Thrown when a slot is not in the phase that the call needs.
    error WrongPhase(Slot slot, Phase phase);

    /// @notice Thrown when the orders given are not the book: one left out, changed or moved.
    error BookMismatch(bytes32 given, bytes32 recorded);

    /// @notice Thrown when a trade has no energy or unknown bits.
    error BadTrade(uint256 position, Trade trade);

    /// @notice Thrown when trades do not ascend by offer, over lines before pooled ones, and pooled
    /// ones by bid.
    error TradesNotAscending(uint256 position);

    /// @notice Thrown when a trade is not from a live offer to a live bid over a line that leaves
    /// room for a price, or through the manager of both; or is over a line that came before.
    error NoLine(uint256 position, uint256 offerIndex, uint256 bidIndex);

    /// @notice Thrown when a trade's fee is not the ladder at the pair's distance.
    error WrongFee(uint256 position, uint256 fee, uint256 expected);

    /// @notice Thrown when trades take more over a line than its capacity.
    error LineOverloaded(uint256 position, uint256 energyWh, uint256 capacityWh);

    /// @notice Thrown when a price is outside the offer's, the bid's or the real-time limit.
    error PriceOutsideLimits(uint256 position, uint256 price, uint256 low, uint256 high);

    /// @notice Thrown when trades take more from an order than it has.
    error Overfilled(uint256 orderIndex, uint256 filledWh, uint256 orderedWh);

    /// @notice Thrown when readings come before the end of their slot, or after their deadline.
    /// @dev The deadline of counter-readings is later.
    error OutsideReadingTime(Slot slot, uint256 opensAt, uint256 closesAt);

    /// @notice Thrown when a reading was not signed by its participant's meter.
    error WrongMeter(uint16 participant, address signer);

    /// @notice Thrown when two readings do not contradict each other, or the fault is known.
    error NoContradiction(uint16 participant);

    /// @notice Thrown when the rules leave the grid operator no time to correct readings.
    error NoChallenges();

    /// @notice Thrown when the grid operator has corrected a participant's reading already.
    error AlreadyCorrected(Slot slot, uint16 participant);

    /// @notice Thrown when a reading may still be corrected.
    error ReadingsNotFinal(Slot slot, uint256 finalAt);

    /// @notice Thrown when the readings given are not those recorded.
    error ReadingsMismatch(bytes32 given, bytes32 recorded);

    /// @notice Thrown when a seller's reading is missing and may still come.
    error ReadingsIncomplete(Slot slot, uint256 participant, uint256 deadline);

    /// @notice Thrown when the trades given are not those cleared.
    error OutcomeMismatch(bytes32 given, bytes32 cleared);

    /// @notice Pays `amount` of the token into the caller's account.
    function deposit(uint256 amount) external;

    /// @notice Pays `amount` of the caller's free money out.
    function withdraw(uint256 amount) external;

    /// @notice Stops deposits, seals and new orders, and batches of signed orders with them;
    /// nothing else. For the operator.
    function pause() external;

    /// @notice Ends a pause; for the operator.
    function unpause() external;

    /// @notice Clears `slot` with an outcome that the slot's mechanism accepts; open to anybody.
    /// @param slot The slot; its gate must be closed and its delivery not begun.
    /// @param book All entries of its book, in order.
    /// @param trades The outcome, in ascending order of the offer's position; for each offer first
    /// the trades over lines, by the bidder's number, then the pooled ones, by the bid's position.
    /// @param certificate What the mechanism needs to check it.
    function clear(
        Slot slot,
        Order[] calldata book,
        Trade[] calldata trades,
        bytes calldata certificate
    ) external;

    /// @notice Records readings signed by the meters of `slot`; open to anybody.
    /// @dev The typed data is Reading(uint32 slot,uint16 participant,uint32 energyWh). A meter's
    /// second reading is passed over.
    function recordReadings(Slot slot, Reading[] calldata readings) external;

    /// @notice Records that a participant's meter signed two values for `slot`: its reading counts
    /// as missing. Open to anybody.
    function reportContradiction(Slot slot, Reading calldata one, Reading calldata other) external;

    /// @notice Lets the grid operator's reading stand for a participant's; for the operator, once a
    /// participant and slot, until the readings are final.
    /// @dev Only in markets whose rules leave time for it. It stands in for a missing reading, too.
    /// Where the meter had said more, and this is less than was sold, the seller loses the bond of
    /// what it sold to its buyers.
    function correctReading(Slot slot, uint16 participant, uint32 energyWh) external;

    /// @notice Pays for what was delivered in `slot`, refunds and compensates what was not, moves
    /// reputations and releases the locks; open to anybody. A buyer pays the price to the seller,
    /// the fee to the line owner and the surplus, if any, to the system operator.
    /// @dev At once when every seller's reading is there, else after the readings' deadline; where
    /// the market lets readings be corrected, when they are final.
    /// @param book All entries of the book, as cleared.
    /// @param trades The trades, as cleared.
    /// @param entries All entries of the slot's readings, in order.
    /// @param readings Readings that were not recorded, as {recordReadings} takes them: to give
    /// them here costs less.
    function settle(
        Slot slot,
        Order[] calldata book,
        Trade[] calldata trades,
        uint256[] calldata entries,
        Reading[] calldata readings
    ) external;

    /// @notice Releases the locks of a slot that was not cleared before its delivery began; open to
    /// anybody.
    function void(Slot slot, Order[] calldata book) external;

    /// @notice Moves what the storage has earned and was not paid yet from the operator's account
    /// to the provider's, as far as the operator's free money goes; open to anybody.
    function payCompensation() external;

    /// @notice Announces the mechanism of the slots from `from` on.
    function announceMechanism(address mechanism, Slot from) external;

    /// @notice Announces the real-time prices that hold from each slot of `from` on.
    function announceRealTimePrices(Slot[] calldata from, uint48[] calldata prices) external;

    /// @notice What an account holds and who it is.
    /// @dev What orders hold is in the books of their slots.
    /// @return free Money that can be withdrawn.
    /// @return participant Its number; zero if it has not enrolled.
    /// @return scoreBps Its reputation.
    function accountOf(
        address owner
    ) external view returns (uint256 free, uint256 participant, uint256 scoreBps);

    /// @notice The two sums of an account's reputation, in 1/32768.
    function reputationOf(address owner) external view returns (uint256 r, uint256 s);

    /// @notice The lowest nonce of a signed order that is not spent.
    function nonceOf(address owner) external view returns (uint256);

    /// @notice Whether `owner` has a live order for `slot`, which is open.
    function hasOrder(address owner, Slot slot) external view returns (bool);

    /// @notice The hashes of a slot: book, outcome and readings.
    function slotOf(
        Slot slot
    ) external view returns (bytes32 book, bytes32 outcome, bytes32 readings);

    /// @notice The phase of a slot at the time of the block.
    function phaseOf(Slot slot) external view returns (Phase);

    /// @notice The mechanism that clears `slot`.
    function mechanismOf(Slot slot) external view returns (address);

    /// @notice The highest price of `slot`.
    function realTimePriceOf(Slot slot) external view returns (uint48);

    /// @notice What the provider has been paid since the beginning.
    function compensationPaid() external view returns (uint256);
}
