// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ISealedBook} from "../interfaces/ISealedBook.sol";
import {AccountLib} from "../libraries/AccountLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {ReputationLib} from "../libraries/ReputationLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {AccountPair, Order, Slot} from "../types/Market.sol";
import {OrderBook} from "./OrderBook.sol";

/// @title SealedBook
/// @notice Takes seals until the gate closes and the orders behind them in a window after it. A
/// seal stakes a flat bond, which comes back with the order; the bonds of orders that were not
/// revealed are shared among those that were. Nothing waits for them.
/// @dev The bonds are held by the slot until then. A seal leaks who orders for which slot and when;
/// who reveals late sees what others revealed, and may rather lose the bond.
abstract contract SealedBook is OrderBook, ISealedBook {
    using AccountLib for AccountPair;
    using OrderLib for Order;
    using SlotLib for Slot;

    /* TYPES */

    struct Seals {
        uint128 committed;
        uint128 revealed;
        mapping(address owner => bytes32) of_;
    }

    /* CONSTANTS */

    bytes32 internal constant SEAL_TYPEHASH = keccak256(
        "Seal(address owner,uint32 slot,uint8 kind,uint32 energyWh,uint48 price,uint96 terms,"
        "bytes32 salt)"
    );

    /* IMMUTABLES */

    /// @notice What a seal stakes, in micro-USD.
    uint56 public immutable sealBondMicroUsd;

    /* STORAGE */

    mapping(Slot slot => Seals) internal _seals;

    /* CONSTRUCTOR */

    constructor(uint56 sealBond) {
        if (sealBond == 0 || sealBond > AccountLib.MAX_MONEY) revert BadRules();
        sealBondMicroUsd = sealBond;
    }

    /* ORDERS */

    /// @inheritdoc ISealedBook
    function commit(Slot slot, bytes32 seal) external whenNotPaused {
        Slot current = _requireOpen(slot);
        if (seal == 0) revert NoSeal(msg.sender, slot);
        uint256 participant = _requireParticipant(slot);
        Cell storage cell = _cellOf(participant);
        (bytes memory refusal, AccountPair pair) = cell.pair.movedTo(current).ordered(
            participant,
            slot,
            sealBondMicroUsd
        );
        if (refusal.length != 0) LowLevelCall.bubbleRevert(refusal);
        cell.pair = pair;
        ++_seals[slot].committed;
        _seals[slot].of_[msg.sender] = seal;

        emit OrderSealed(slot, msg.sender, seal);
    }

    /// @inheritdoc ISealedBook
    function reveal(
        Slot slot,
        address owner,
        uint8 kind,
        uint32 energyWh,
        uint48 price,
        uint96 terms,
        bytes32 salt
    ) external {
        uint256 opensAt = slot.closesAt();
        if (block.timestamp < opensAt || block.timestamp >= _clearsFrom(slot)) {
            revert OutsideRevealTime(slot, opensAt, _clearsFrom(slot));
        }
        bytes32 seal = _seals[slot].of_[owner];
        if (seal == 0) revert NoSeal(owner, slot);
        bytes32 given = sealOf(owner, slot, kind, energyWh, price, terms, salt);
        if (given != seal) revert SealMismatch(given, seal);
        if (kind != OrderLib.OFFER && kind != OrderLib.BID) revert NotAnOrder(kind);

        (uint256 r, uint256 s) = reputationOf(owner);
        uint256 participant = _holders[owner].participant;
        uint256 score = ReputationLib.scoreBps(r, s);
        Order order = OrderLib.pack(kind, participant, score, energyWh, price, terms);
        bytes memory refusal = _refusalOf(order);
        if (refusal.length != 0) LowLevelCall.bubbleRevert(refusal);
        _credit(owner, sealBondMicroUsd);
        _debit(owner, _lockOf(order));
        ++_seals[slot].revealed;
        delete _seals[slot].of_[owner];
        _append(slot, order);

        emit OrderRevealed(slot, owner, order);
    }

    /* VIEWS */

    /// @inheritdoc ISealedBook
    function sealOf(
        address owner,
        Slot slot,
        uint8 kind,
        uint32 energyWh,
        uint48 price,
        uint96 terms,
        bytes32 salt
    ) public view returns (bytes32) {
        return
            _hashTypedDataV4(
                keccak256(
                    abi.encode(SEAL_TYPEHASH, owner, slot, kind, energyWh, price, terms, salt)
                )
            );
    }

    /// @inheritdoc ISealedBook
    function sealsOf(Slot slot) external view returns (uint256 committed, uint256 revealed) {
        return (_seals[slot].committed, _seals[slot].revealed);
    }

    /* INTERNAL */

    /// @dev After the window in which orders are revealed.
    function _clearsFrom(Slot slot) internal pure override returns (uint256) {
        return slot.closesAt() + SlotLib.REVEAL_SECONDS;
    }

    function _forfeited(Slot slot) internal view override returns (uint256) {
        Seals storage seals = _seals[slot];
        return uint256(seals.committed - seals.revealed) * sealBondMicroUsd;
    }
}
