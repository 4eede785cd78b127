// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {AccountLib} from "../libraries/AccountLib.sol";
import {AmountLib} from "../libraries/AmountLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {ReputationLib} from "../libraries/ReputationLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {Account, Order, Phase, Rules, Slot} from "../types/Market.sol";
import {Accounts} from "./Accounts.sol";

/// @title OrderBook
/// @notice Records orders until the gate closes. An order leaves an event, its lock, and one step
/// of the slot's rolling hash: h ← keccak256(h, entry), from zero.
/// @dev One order and one cancellation per participant and slot, so that a book has at most twice
/// as many entries as there are participants and nobody is crowded out.
abstract contract OrderBook is Accounts {
    using AccountLib for Account;
    using OrderLib for Order;
    using SlotLib for Slot;

    /* TYPES */

    /// @dev `outcome` is the hash of book and trades once cleared, then one of the two marks.
    struct SlotState {
        bytes32 book;
        bytes32 outcome;
        bytes32 readings;
        mapping(uint256 word => uint256) readingBits;
    }

    /* CONSTANTS */

    bytes32 internal constant SETTLED = bytes32(uint256(1));
    bytes32 internal constant VOID = bytes32(uint256(2));

    /* IMMUTABLES */

    /// @notice The highest price an order may carry, in micro-USD per MWh.
    uint48 public immutable priceCapMicroUsdPerMwh;

    /// @notice What an offer locks per MWh, in micro-USD.
    uint48 public immutable bondMicroUsdPerMwh;

    /* STORAGE */

    mapping(Slot slot => SlotState) internal _slots;

    /* CONSTRUCTOR */

    constructor(Rules memory rules) {
        if (rules.compensationMicroUsdPerMwh > rules.bondMicroUsdPerMwh) revert BadRules();
        priceCapMicroUsdPerMwh = rules.priceCapMicroUsdPerMwh;
        bondMicroUsdPerMwh = rules.bondMicroUsdPerMwh;
    }

    /* ORDERS */

    /// @inheritdoc IExchange
    function placeOffer(Slot slot, uint32 energyWh, uint48 price, uint96 terms) external {
        Order order = _record(OrderLib.OFFER, slot, energyWh, price, terms);
        emit OfferPlaced(slot, msg.sender, order);
    }

    /// @inheritdoc IExchange
    function placeBid(Slot slot, uint32 energyWh, uint48 price, uint96 terms) external {
        Order order = _record(OrderLib.BID, slot, energyWh, price, terms);
        emit BidPlaced(slot, msg.sender, order);
    }

    /// @inheritdoc IExchange
    function cancelOrder(Slot slot) external {
        if (slot.isGateClosed()) revert GateClosed(slot, _closesAt(slot));
        Account account = _accounts[msg.sender].cancelled(slot);
        _accounts[msg.sender] = account;
        Order order = OrderLib.pack(OrderLib.CANCELLATION, account.id(), 0, 0, 0, 0);
        _append(slot, order);

        emit OrderCancelled(slot, msg.sender, order);
    }

    /* VIEWS */

    /// @inheritdoc IExchange
    function slotOf(Slot slot) external view returns (bytes32, bytes32, bytes32) {
        SlotState storage state = _slots[slot];
        return (state.book, state.outcome, state.readings);
    }

    /// @inheritdoc IExchange
    function phaseOf(Slot slot) public view returns (Phase) {
        bytes32 outcome = _slots[slot].outcome;
        if (outcome == SETTLED) return Phase.Settled;
        if (outcome == VOID) return Phase.Void;
        if (outcome != 0) return Phase.Cleared;
        return slot.isGateClosed() ? Phase.Closed : Phase.Open;
    }

    /* INTERNAL */

    function _record(
        uint256 kind,
        Slot slot,
        uint32 energyWh,
        uint48 price,
        uint96 terms
    ) internal returns (Order order) {
        Slot current = SlotLib.current();
        if (slot.isGateClosed()) revert GateClosed(slot, _closesAt(slot));
        Slot lastOpen = Slot.wrap(uint32(Slot.unwrap(current) + SlotLib.OPEN_SLOTS));
        if (Slot.unwrap(slot) > Slot.unwrap(lastOpen)) revert NotOpenYet(slot, lastOpen);
        if (energyWh == 0) revert ZeroEnergy();
        if (price > priceCapMicroUsdPerMwh) revert PriceAboveCap(price, priceCapMicroUsdPerMwh);
        (Account account, bool known) = _enrolled(msg.sender, _accounts[msg.sender]);
        if (!known) revert NotAParticipant(msg.sender);

        (uint256 r, uint256 s) = account.reputation();
        uint256 score = ReputationLib.scoreBps(r, s);
        order = OrderLib.pack(kind, account.id(), score, energyWh, price, terms);
        _accounts[msg.sender] = account.placed(slot, current).lock(_lockOf(order));
        _append(slot, order);
    }

    function _append(Slot slot, Order order) internal {
        SlotState storage state = _slots[slot];
        state.book = Hashes.efficientKeccak256(state.book, bytes32(Order.unwrap(order)));
    }

    /// @dev What an order locks: a bid its highest cost, an offer its bond, a cancellation nothing.
    function _lockOf(Order order) internal view returns (uint256) {
        uint256 price = order.kind() == OrderLib.BID ? order.price() : bondMicroUsdPerMwh;
        return AmountLib.amountUp(order.energyWh(), price);
    }

    /// @dev Reverts unless `book` is what was recorded for the slot.
    function _requireBook(Slot slot, Order[] calldata book) internal view {
        bytes32 recorded = _slots[slot].book;
        if (recorded == 0) revert NothingRecorded(slot);
        bytes32 hash = 0;
        for (uint256 i = 0; i < book.length; ++i) {
            hash = Hashes.efficientKeccak256(hash, bytes32(Order.unwrap(book[i])));
        }
        if (hash != recorded) revert BookMismatch(hash, recorded);
    }

    function _closesAt(Slot slot) internal pure returns (uint256) {
        uint256 startsAt = slot.startsAt();
        uint256 lead = SlotLib.GATE_CLOSURE_SECONDS;
        return startsAt > lead ? startsAt - lead : 0;
    }
}
