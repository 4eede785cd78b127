// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IOpenBook} from "../interfaces/IOpenBook.sol";
import {IRegistry} from "../interfaces/IRegistry.sol";
import {AccountLib} from "../libraries/AccountLib.sol";
import {CodeTableLib} from "../libraries/CodeTableLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {ReputationLib} from "../libraries/ReputationLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {TypedDataLib} from "../libraries/TypedDataLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {Account, AccountPair, LengthsDiffer, Order, Signature, Slot} from "../types/Market.sol";
import {OrderBook} from "./OrderBook.sol";

/// @title OpenBook
/// @notice Records orders in the open until the gate closes, by their owners or, signed as typed
/// data, by anybody. An order leaves its lock, one step of the rolling hash, and an event.
abstract contract OpenBook is OrderBook, IOpenBook {
    using AccountLib for Account;
    using AccountLib for AccountPair;
    using OrderLib for Order;
    using SlotLib for Slot;
    using WordsLib for bytes;
    using WordsLib for uint256[];
    using WordsLib for Order[];

    /* TYPES */

    /// @dev Signed orders on their way into a slot's book.
    struct Batch {
        Slot slot;
        Slot current;
        uint256 count;
        bytes32 domain;
        bytes32 book;
        uint256[] owners;
        bytes entries;
    }

    /* CONSTANTS */

    /// @notice The most gas that a contract wallet gets to check a signature, so that a bad one
    /// cannot burn what the others in a batch need.
    uint256 public constant WALLET_GAS = 150_000;

    /* ORDERS */

    /// @inheritdoc IOpenBook
    function placeOffer(Slot slot, uint32 energyWh, uint48 price, uint96 terms) external {
        Order entry = _place(slot, OrderLib.OFFER, energyWh, price, terms);
        emit OfferPlaced(slot, entry);
    }

    /// @inheritdoc IOpenBook
    function placeBid(Slot slot, uint32 energyWh, uint48 price, uint96 terms) external {
        Order entry = _place(slot, OrderLib.BID, energyWh, price, terms);
        emit BidPlaced(slot, entry);
    }

    /// @inheritdoc IOpenBook
    function cancelOrder(Slot slot) external {
        if (slot.isGateClosed()) revert GateClosed(slot, slot.closesAt());
        uint256 participant = _holders[msg.sender].participant;
        Order order = OrderLib.pack(OrderLib.CANCELLATION, participant, 0, 0, 0, 0);
        if (participant == 0 || !_takenBack(slot, participant)) revert NoOrder(slot);
        _append(slot, order);

        emit OrderCancelled(slot, order);
    }

    /// @inheritdoc IOpenBook
    function post(
        Slot slot,
        Order[] calldata orders,
        Signature[] calldata signatures
    ) external whenNotPaused {
        if (orders.length != signatures.length) {
            revert LengthsDiffer(orders.length, signatures.length);
        }
        Batch memory batch = _begun(slot, orders.length);
        unchecked {
            for (uint256 i = 0; i < orders.length; ++i) {
                Order order = orders.read(i);
                bytes32 hash = TypedDataLib.hashOf(batch.domain, slot, order);
                Signature calldata signature = signatures[i];
                (address signer, , ) = ECDSA.tryRecover(hash, signature.r, signature.vs);
                bytes memory refusal = _taken(batch, order, signer);
                if (refusal.length != 0) emit OrderSkipped(slot, msg.sender, i, order, refusal);
            }
        }
        _end(batch);
    }

    /// @inheritdoc IOpenBook
    function postForWallets(
        Slot slot,
        Order[] calldata orders,
        bytes[] calldata signatures
    ) external whenNotPaused {
        if (orders.length != signatures.length) {
            revert LengthsDiffer(orders.length, signatures.length);
        }
        Batch memory batch = _begun(slot, orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            Order order = orders.read(i);
            address owner = _ownerOf(batch, order);
            bytes32 hash = TypedDataLib.hashOf(batch.domain, slot, order);
            address signer = _isSigned(owner, hash, signatures[i]) ? owner : address(0);
            bytes memory refusal = _taken(batch, order, signer);
            if (refusal.length != 0) emit OrderSkipped(slot, msg.sender, i, order, refusal);
        }
        _end(batch);
    }

    /// @inheritdoc IOpenBook
    function spendNonces(uint256 below) external {
        uint256 participant = _enroll(msg.sender);
        if (participant == 0) revert NotAParticipant(msg.sender);
        Holder storage holder = _holders[msg.sender];
        if (below <= holder.nonce || below > OrderLib.MAX_NONCE) {
            revert NonceSpent(below, holder.nonce);
        }
        holder.nonce = uint32(below);
        _setAccount(participant, _accountOf(participant).withSpentNonces());

        emit NoncesSpent(msg.sender, below);
    }

    /* VIEWS */

    /// @inheritdoc IOpenBook
    function hashOf(Slot slot, Order order) external view returns (bytes32) {
        return TypedDataLib.hashOf(_domainSeparatorV4(), slot, order);
    }

    /// @inheritdoc IOpenBook
    function isSignedBy(
        address owner,
        bytes32 hash,
        bytes calldata signature
    ) external view returns (bool) {
        return SignatureChecker.isValidSignatureNowCalldata(owner, hash, signature);
    }

    /* INTERNAL */

    /// @dev Records an order of the caller's.
    function _place(
        Slot slot,
        uint256 kind,
        uint32 energyWh,
        uint48 price,
        uint96 terms
    ) internal whenNotPaused returns (Order entry) {
        Slot current = _requireOpen(slot);
        uint256 participant = _requireParticipant(slot);
        entry = OrderLib.pack(kind, participant, 0, energyWh, price, terms);
        Cell storage cell = _cellOf(participant);
        bytes memory refusal;
        (refusal, entry) = _admit(slot, current, entry, cell, cell.pair);
        if (refusal.length != 0) LowLevelCall.bubbleRevert(refusal);
        _append(slot, entry);
    }

    function _begun(Slot slot, uint256 size) internal view returns (Batch memory batch) {
        batch.slot = slot;
        batch.current = _requireOpen(slot);
        batch.domain = _domainSeparatorV4();
        batch.book = _slots[slot].book;
        batch.owners = CodeTableLib.read(registry.ownerTableOf(slot));
        batch.entries = WordsLib.zeros(size);
    }

    /// @dev The owner of an order, or the zero address if no participant has its number.
    function _ownerOf(Batch memory batch, Order order) internal pure returns (address) {
        unchecked {
            uint256[] memory owners = batch.owners;
            uint256 index = order.participant() - 1;
            return index < owners.length ? address(uint160(owners.load(index))) : address(0);
        }
    }

    /// @dev Takes an order into the batch, or says why not.
    function _taken(
        Batch memory batch,
        Order order,
        address signer
    ) internal returns (bytes memory refusal) {
        address owner = _ownerOf(batch, order);
        refusal = _refusalOfSigned(order, signer, owner);
        if (refusal.length != 0) return refusal;
        Cell storage cell = _cellOf(order.participant());
        AccountPair pair = cell.pair;
        Account account = pair.get(order.participant());
        if (!account.isOpen()) {
            _enroll(owner);
            pair = cell.pair;
        } else if (account.hasSpentNonces() && order.nonce() < _holders[owner].nonce) {
            return
                abi.encodeWithSelector(NonceSpent.selector, order.nonce(), _holders[owner].nonce);
        }
        Order entry = order;
        if (order.kind() != OrderLib.CANCELLATION) {
            (refusal, entry) = _admit(batch.slot, batch.current, order, cell, pair);
            if (refusal.length != 0) return refusal;
        } else if (!_takenBack(batch.slot, order.participant())) {
            return abi.encodeWithSelector(NoOrder.selector, batch.slot);
        }
        batch.book = _stepped(batch.book, entry);
        unchecked {
            batch.entries.store(batch.count++, Order.unwrap(entry));
        }
    }

    /// @dev The error that refuses a signed order for what it is or who signed it, or nothing.
    function _refusalOfSigned(
        Order order,
        address signer,
        address owner
    ) internal pure returns (bytes memory refusal) {
        if (!order.isClean()) return abi.encodeWithSelector(BadOrder.selector, order);
        if (owner == address(0)) {
            return
                abi.encodeWithSelector(IRegistry.NoSuchParticipant.selector, order.participant());
        }
        if (signer != owner) {
            return abi.encodeWithSelector(WrongSigner.selector, order.participant(), owner);
        }
    }

    /// @dev Stores the book with what was taken.
    function _end(Batch memory batch) internal {
        if (batch.count == 0) return;
        batch.entries.cut(batch.count);
        _slots[batch.slot].book = batch.book;

        emit OrdersPosted(batch.slot, msg.sender, batch.entries);
    }

    /// @dev Notes an offer or bid and returns the entry it becomes, or the error that refuses it.
    /// `pair` is what `cell` holds.
    function _admit(
        Slot slot,
        Slot current,
        Order order,
        Cell storage cell,
        AccountPair pair
    ) internal returns (bytes memory refusal, Order entry) {
        uint256 participant = order.participant();
        refusal = _refusalOf(order);
        if (refusal.length != 0) return (refusal, entry);
        (refusal, pair) = pair.movedTo(current).ordered(participant, slot, _lockOf(order));
        if (refusal.length != 0) return (refusal, entry);
        cell.pair = pair;
        (uint256 r, uint256 s) = pair.get(participant).reputation();
        return (refusal, order.withScore(ReputationLib.scoreBps(r, s)));
    }

    /// @dev Notes that a participant takes its order back, which is final; false if it has none.
    function _takenBack(Slot slot, uint256 participant) internal returns (bool) {
        bool placed = _cellOf(participant).pair.hasPlaced(participant, slot);
        return placed && _mark(slot, CANCELLED + participant);
    }

    /// @dev Whether `owner` signed, with its key or as a contract wallet.
    function _isSigned(
        address owner,
        bytes32 hash,
        bytes calldata signature
    ) internal view returns (bool) {
        try this.isSignedBy{gas: WALLET_GAS}(owner, hash, signature) returns (bool signed) {
            return signed;
        } catch {
            return false;
        }
    }

    function _clearsFrom(Slot slot) internal pure override returns (uint256) {
        return slot.closesAt();
    }

    function _forfeited(Slot) internal pure override returns (uint256) {
        return 0;
    }
}
