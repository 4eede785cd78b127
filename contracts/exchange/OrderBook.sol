// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {AccountLib} from "../libraries/AccountLib.sol";
import {AmountLib} from "../libraries/AmountLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {AccountPair, Order, Phase, Rules, Slot} from "../types/Market.sol";
import {Accounts} from "./Accounts.sol";

/// @title OrderBook
/// @notice The book of each slot: a rolling hash of its entries, h ← keccak256(h, entry), from
/// zero. How entries come in is {OpenBook} or {SealedBook}.
/// @dev One order and one cancellation per participant and slot, so that a book has at most twice
/// as many entries as there are participants and nobody is crowded out.
abstract contract OrderBook is Accounts, EIP712 {
    using AccountLib for AccountPair;
    using OrderLib for Order;
    using SlotLib for Slot;
    using WordsLib for Order[];

    /* TYPES */

    /// @dev `outcome` is the hash of book and trades once cleared, then one of the two marks.
    struct SlotState {
        bytes32 book;
        bytes32 outcome;
        bytes32 readings;
        mapping(uint256 word => uint256) marks;
    }

    /* CONSTANTS */

    /// @dev The marks of who took its order back, by participant; those of {Delivery} come before.
    uint256 internal constant CANCELLED = 1 << 17;

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

    constructor(Rules memory rules) EIP712("Wattline Exchange", "1") {
        if (rules.compensationMicroUsdPerMwh > rules.bondMicroUsdPerMwh) revert BadRules();
        priceCapMicroUsdPerMwh = rules.priceCapMicroUsdPerMwh;
        bondMicroUsdPerMwh = rules.bondMicroUsdPerMwh;
    }

    /* VIEWS */

    /// @inheritdoc IExchange
    function slotOf(Slot slot) external view returns (bytes32, bytes32, bytes32) {
        SlotState storage state = _slots[slot];
        return (state.book, state.outcome, state.readings);
    }

    /// @inheritdoc IExchange
    function hasOrder(address owner, Slot slot) external view returns (bool) {
        uint256 participant = _holders[owner].participant;
        if (participant == 0 || _isMarked(slot, CANCELLED + participant)) return false;
        return _cellOf(participant).pair.hasPlaced(participant, slot);
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

    /// @dev Reverts unless `slot` takes orders; returns the slot that runs now.
    function _requireOpen(Slot slot) internal view returns (Slot current) {
        current = SlotLib.current();
        if (slot.isGateClosed()) revert GateClosed(slot, slot.closesAt());
        Slot lastOpen = Slot.wrap(uint32(Slot.unwrap(current) + SlotLib.OPEN_SLOTS));
        if (Slot.unwrap(slot) > Slot.unwrap(lastOpen)) revert NotOpenYet(slot, lastOpen);
    }

    /// @dev The error that refuses an offer or bid in itself, or nothing.
    function _refusalOf(Order order) internal view returns (bytes memory refusal) {
        if (order.energyWh() == 0) return abi.encodeWithSelector(ZeroEnergy.selector);
        if (order.price() > priceCapMicroUsdPerMwh) {
            return
                abi.encodeWithSelector(
                    PriceAboveCap.selector,
                    order.price(),
                    priceCapMicroUsdPerMwh
                );
        }
    }

    function _append(Slot slot, Order order) internal {
        SlotState storage state = _slots[slot];
        state.book = _stepped(state.book, order);
    }

    function _stepped(bytes32 hash, Order order) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(hash, bytes32(Order.unwrap(order)));
    }

    /// @dev Sets a mark of the slot, and says whether it was not set yet.
    function _mark(Slot slot, uint256 position) internal returns (bool) {
        uint256 bit = 1 << (position % 256);
        mapping(uint256 => uint256) storage words = _slots[slot].marks;
        uint256 word = words[position / 256];
        if (word & bit != 0) return false;
        words[position / 256] = word | bit;
        return true;
    }

    function _isMarked(Slot slot, uint256 position) internal view returns (bool) {
        return _slots[slot].marks[position / 256] & (1 << (position % 256)) != 0;
    }

    /// @dev What an order locks: a bid its highest cost, an offer its bond.
    function _lockOf(Order order) internal view returns (uint256) {
        uint256 price = order.kind() == OrderLib.BID ? order.price() : bondMicroUsdPerMwh;
        return AmountLib.amountUp(order.energyWh(), price);
    }

    /// @dev Reverts unless `book` is what was recorded for the slot.
    function _requireBook(Slot slot, Order[] calldata book) internal view {
        bytes32 hash = 0;
        uint256 count = book.length;
        for (uint256 i = 0; i < count; ++i) {
            hash = _stepped(hash, book.read(i));
        }
        bytes32 recorded = _slots[slot].book;
        if (hash != recorded) revert BookMismatch(hash, recorded);
    }

    /// @dev From when on a slot may be cleared.
    function _clearsFrom(Slot slot) internal pure virtual returns (uint256);

    /// @dev What the slot's settlement or voiding shares among its orders, in micro-USD.
    function _forfeited(Slot slot) internal view virtual returns (uint256);
}
