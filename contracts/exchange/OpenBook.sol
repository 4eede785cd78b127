// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IOpenBook} from "../interfaces/IOpenBook.sol";
import {AccountLib} from "../libraries/AccountLib.sol";
import {CodeTableLib} from "../libraries/CodeTableLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {ReputationLib} from "../libraries/ReputationLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {Account, LengthsDiffer, Order, Slot} from "../types/Market.sol";
import {OrderBook} from "./OrderBook.sol";

/// @title OpenBook
/// @notice Records orders in the open until the gate closes, by their owners or, signed as typed
/// data, by anybody. An order leaves its lock, one step of the rolling hash, and an event.
abstract contract OpenBook is OrderBook, IOpenBook {
    using AccountLib for Account;
    using OrderLib for Order;
    using SlotLib for Slot;

    /* CONSTANTS */

    bytes32 internal constant ORDER_TYPEHASH = keccak256(
        "Order(uint8 kind,uint32 slot,uint16 participant,uint32 energyWh,uint48 price,uint32 nonce,uint96 terms)"
    );

    /// @notice The most gas that a contract wallet gets to check a signature, so that a bad one
    /// cannot burn what the others in a batch need.
    uint256 public constant WALLET_GAS = 150_000;

    /* ORDERS */

    /// @inheritdoc IOpenBook
    function placeOffer(Slot slot, uint32 energyWh, uint48 price, uint96 terms) external {
        Order entry = _place(slot, OrderLib.pack(OrderLib.OFFER, 0, 0, energyWh, price, terms));
        emit OfferPlaced(slot, msg.sender, entry);
    }

    /// @inheritdoc IOpenBook
    function placeBid(Slot slot, uint32 energyWh, uint48 price, uint96 terms) external {
        Order entry = _place(slot, OrderLib.pack(OrderLib.BID, 0, 0, energyWh, price, terms));
        emit BidPlaced(slot, msg.sender, entry);
    }

    /// @inheritdoc IOpenBook
    function cancelOrder(Slot slot) external {
        if (slot.isGateClosed()) revert GateClosed(slot, slot.closesAt());
        Account account = _accounts[msg.sender];
        Order order = OrderLib.pack(OrderLib.CANCELLATION, 0, 0, 0, 0, 0);
        bytes memory refusal;
        (refusal, account, order) = _admitted(slot, SlotLib.current(), order, account);
        if (refusal.length != 0) LowLevelCall.bubbleRevert(refusal);
        _accounts[msg.sender] = account;
        _append(slot, order);

        emit OrderCancelled(slot, msg.sender, order);
    }

    /// @inheritdoc IOpenBook
    function post(
        Slot slot,
        Order[] calldata orders,
        bytes[] calldata signatures
    ) external whenNotPaused {
        if (orders.length != signatures.length) {
            revert LengthsDiffer(orders.length, signatures.length);
        }
        Slot current = _requireOpen(slot);
        uint256[] memory owners = CodeTableLib.read(registry.ownerTableOf(slot));
        Order[] memory entries = new Order[](orders.length);
        bytes32 book = _slots[slot].book;
        uint256 count = 0;
        for (uint256 i = 0; i < orders.length; ++i) {
            (bytes memory refusal, Order entry) = _taken(
                slot,
                current,
                orders[i],
                signatures[i],
                owners
            );
            if (refusal.length != 0) {
                emit OrderSkipped(slot, msg.sender, i, orders[i], refusal);
                continue;
            }
            book = _stepped(book, entry);
            entries[count++] = entry;
        }
        if (count == 0) return;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(entries, count)
        }
        _slots[slot].book = book;

        emit OrdersPosted(slot, msg.sender, entries);
    }

    /// @inheritdoc IOpenBook
    function spendNonces(uint256 below) external {
        Account account = _accounts[msg.sender];
        if (below <= account.nonce() || below > OrderLib.MAX_NONCE) {
            revert NonceSpent(below, account.nonce());
        }
        _accounts[msg.sender] = account.withNonce(below);

        emit NoncesSpent(msg.sender, below);
    }

    /* VIEWS */

    /// @inheritdoc IOpenBook
    function hashOf(Slot slot, Order order) public view returns (bytes32) {
        return
            _hashTypedDataV4(
                keccak256(
                    abi.encode(
                        ORDER_TYPEHASH,
                        order.kind(),
                        slot,
                        order.participant(),
                        order.energyWh(),
                        order.price(),
                        order.nonce(),
                        order.terms()
                    )
                )
            );
    }

    /// @inheritdoc IOpenBook
    function isSignedByWallet(
        address wallet,
        bytes32 hash,
        bytes calldata signature
    ) external view returns (bool) {
        return SignatureChecker.isValidERC1271SignatureNowCalldata(wallet, hash, signature);
    }

    /* INTERNAL */

    /// @dev Records an order of the caller's.
    function _place(Slot slot, Order order) internal whenNotPaused returns (Order entry) {
        Slot current = _requireOpen(slot);
        Account before = _accounts[msg.sender];
        Account account = _enrolled(msg.sender, before);
        if (account.id() == 0) revert NotAParticipant(msg.sender);
        bytes memory refusal;
        (refusal, account, entry) = _admitted(slot, current, order, account);
        if (refusal.length != 0) LowLevelCall.bubbleRevert(refusal);
        _keep(msg.sender, before, account);
        _append(slot, entry);
    }

    /// @dev Records a signed order in its owner's account, or says why not; the book is the
    /// caller's to write.
    function _taken(
        Slot slot,
        Slot current,
        Order order,
        bytes calldata signature,
        uint256[] memory owners
    ) internal returns (bytes memory refusal, Order entry) {
        uint256 kind = order.kind();
        if (kind == 0 || kind > OrderLib.CANCELLATION || !order.isClean()) {
            return (abi.encodeWithSelector(BadOrder.selector, order), entry);
        }
        uint256 participant = order.participant();
        if (participant == 0 || participant > owners.length) {
            return (abi.encodeWithSelector(UnknownParticipant.selector, participant), entry);
        }
        address owner = address(uint160(owners[participant - 1]));
        Account before = _accounts[owner];
        Account account = _enrolled(owner, before);
        if (order.nonce() < account.nonce()) {
            return (
                abi.encodeWithSelector(NonceSpent.selector, order.nonce(), account.nonce()),
                entry
            );
        }
        (refusal, account, entry) = _admitted(slot, current, order, account);
        if (refusal.length != 0) return (refusal, entry);
        if (!_isSigned(owner, hashOf(slot, order), signature)) {
            return (abi.encodeWithSelector(WrongSigner.selector, participant, owner), entry);
        }
        _keep(owner, before, account);
    }

    /// @dev The account with an order or a cancellation noted and the entry it becomes, or the
    /// error that refuses it.
    function _admitted(
        Slot slot,
        Slot current,
        Order order,
        Account account
    ) internal view returns (bytes memory refusal, Account, Order entry) {
        if (order.kind() == OrderLib.CANCELLATION) {
            if (!account.hasOrder(slot)) {
                return (abi.encodeWithSelector(AccountLib.NoOrder.selector, slot), account, entry);
            }
            return (refusal, account.withCancellation(slot), order.entered(account.id(), 0));
        }
        refusal = _refusalOf(order);
        if (refusal.length != 0) return (refusal, account, entry);
        uint256 amount = _lockOf(order);
        refusal = account.refusalOf(slot, amount);
        if (refusal.length != 0) return (refusal, account, entry);
        (uint256 r, uint256 s) = account.reputation();
        entry = order.entered(account.id(), ReputationLib.scoreBps(r, s));
        return (refusal, account.withOrder(slot, current).lock(amount), entry);
    }

    /// @dev Whether `owner` signed, with its key or as a contract wallet. The key comes first: to
    /// look whether an account is a contract costs almost as much as a signature.
    function _isSigned(
        address owner,
        bytes32 hash,
        bytes calldata signature
    ) internal view returns (bool) {
        (address signer, , ) = ECDSA.tryRecoverCalldata(hash, signature);
        if (signer == owner) return true;
        if (owner.code.length == 0) return false;
        try this.isSignedByWallet{gas: WALLET_GAS}(owner, hash, signature) returns (bool signed) {
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
