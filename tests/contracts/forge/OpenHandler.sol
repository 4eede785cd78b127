// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOpenBook} from "../../../contracts/interfaces/IOpenBook.sol";
import {OrderLib} from "../../../contracts/libraries/OrderLib.sol";
import {Order, Signature, Slot} from "../../../contracts/types/Market.sol";
import {MarketHandler} from "./MarketHandler.sol";

/// @title OpenHandler
/// @notice Orders in the open: by their owners, and signed.
contract OpenHandler is MarketHandler {
    using OrderLib for Order;

    mapping(uint256 participant => uint256) public nonce;

    mapping(uint32 slot => mapping(uint256 participant => bool)) internal _ordered;

    constructor() {
        _deployTheRest();
        _start(address(_deployOpen(0)));
    }

    function placeOffer(
        uint256 time,
        uint256 who,
        uint256 when,
        uint32 energyWh,
        uint48 price,
        uint96 terms
    ) external later(time) {
        who = _participant(who);
        Order order = _order(who, true, energyWh, price, terms);
        uint32 slot = _slot(when);
        _placed(
            who,
            slot,
            order,
            abi.encodeCall(
                IOpenBook.placeOffer,
                (Slot.wrap(slot), uint32(order.energyWh()), uint48(order.price()), terms)
            )
        );
    }

    function placeBid(
        uint256 time,
        uint256 who,
        uint256 when,
        uint32 energyWh,
        uint48 price,
        uint96 terms
    ) external later(time) {
        who = _participant(who);
        Order order = _order(who, false, energyWh, price, terms);
        uint32 slot = _slot(when);
        _placed(
            who,
            slot,
            order,
            abi.encodeCall(
                IOpenBook.placeBid,
                (Slot.wrap(slot), uint32(order.energyWh()), uint48(order.price()), terms)
            )
        );
    }

    function cancel(uint256 time, uint256 which, uint256 chance) external later(time) {
        (bool found, uint32 slot) = _pick(which, _mayCancel);
        if (!found || chance % 4 != 0) return;
        PlainSlot storage plain = _plain[slot];
        uint256 position =
            plain.offer == 0 || (plain.bid != 0 && chance % 8 == 0) ? plain.bid : plain.offer;
        uint256 who = plain.book[position - 1].participant();
        _called(_owner(who), abi.encodeCall(IOpenBook.cancelOrder, (Slot.wrap(slot))));
        _cancelled(slot, who, 0);
        _count("cancel");
    }

    /// @dev Posts an offer and a bid for one slot, and one that nobody signed.
    function post(
        uint256 time,
        uint256 who,
        uint256 other,
        uint256 when,
        uint32[2] calldata energies,
        uint48[2] calldata prices,
        uint256 signer
    ) external later(time) {
        if (exchange.paused()) return;
        uint256[3] memory owners = [
            _participant(who),
            _participant(other),
            _participant(signer / 2)
        ];
        Order[] memory orders = new Order[](3);
        orders[0] = _signed(_order(owners[0], true, energies[0], prices[0], 0), signer);
        orders[1] = _signed(_order(owners[1], false, energies[1], prices[1], 0), signer / 16);
        orders[2] = orders[signer % 2];
        _post(_slot(when), owners, orders, signer);
    }

    function postCancellation(uint256 time, uint256 which, uint256 chance) external later(time) {
        (bool found, uint32 slot) = _pick(which, _mayCancel);
        if (!found || chance % 3 != 0 || exchange.paused()) return;
        PlainSlot storage plain = _plain[slot];
        uint256 position = plain.offer == 0 ? plain.bid : plain.offer;
        uint256 who = plain.book[position - 1].participant();
        Order[] memory orders = new Order[](1);
        Signature[] memory signatures = new Signature[](1);
        orders[0] = Order.wrap((3 << 248) | (who << 232) | (nonce[who] << 96));
        signatures[0] = _signature(slot, orders[0], _ownerKey(who));
        VM.prank(STRANGER);
        IOpenBook(address(exchange)).post(Slot.wrap(slot), orders, signatures);
        _cancelled(slot, who, nonce[who]);
        _count("post cancellation");
    }

    function spendNonces(uint256 time, uint256 who, uint256 by) external later(time) {
        who = _holder(who);
        uint256 below = nonce[who] + _between(by, 1, 3);
        if (who == GUEST) {
            if (!guestMayJoin) return _refused(who, abi.encodeCall(IOpenBook.spendNonces, (below)));
            _enroll(who);
        }
        _called(_owner(who), abi.encodeCall(IOpenBook.spendNonces, (below)));
        _refused(who, abi.encodeCall(IOpenBook.spendNonces, (below)));
        nonce[who] = below;
        _count("spend nonces");
    }

    /* INTERNAL */

    function _mayCancel(uint32 slot) internal view returns (bool) {
        bool live = _plain[slot].offer != 0 || _plain[slot].bid != 0;
        return live && _now() < uint256(slot) * 900 - 1800;
    }

    /// @dev An order of moderate size; half of the limits leave room for a trade.
    function _order(
        uint256 who,
        bool sells,
        uint32 energyWh,
        uint48 price,
        uint96 terms
    ) internal view returns (Order) {
        uint256 highest =
            price % 16 == 0
                ? PRICE_CAP
                : sells
                    ? 140e6
                    : 500e6;
        return
            OrderLib.pack(
                sells ? OrderLib.OFFER : OrderLib.BID,
                who,
                _score(who),
                uint32(_between(energyWh, 1, 30_000)),
                uint48(_between(price, sells ? 0 : 60e6, highest)),
                terms
            );
    }

    /// @dev The order as its owner signs it, mostly with a nonce that is good.
    function _signed(Order order, uint256 chance) internal view returns (Order) {
        uint256 good = nonce[order.participant()] + (chance % 3);
        uint256 chosen = chance % 8 == 7 && good > 2 ? good - 3 : good;
        return Order.wrap((Order.unwrap(order) & ~(uint256(0xffff) << 216)) | (chosen << 96));
    }

    function _signature(
        uint32 slot,
        Order order,
        uint256 key
    ) internal view returns (Signature memory) {
        bytes32 digest = _digest(
            _domain("Wattline Exchange", address(exchange)),
            abi.encode(
                keccak256(
                    "Order(uint8 kind,uint32 slot,uint16 participant,uint32 energyWh,uint48 price,"
                    "uint32 nonce,uint96 terms)"
                ),
                order.kind(),
                slot,
                order.participant(),
                order.energyWh(),
                order.price(),
                order.nonce(),
                order.terms()
            )
        );
        (bytes32 sigR, bytes32 vs) = VM.signCompact(key, digest);
        return Signature(sigR, vs);
    }

    /// @dev Whether the slot has room for the order in this handler, and its owner for its lock.
    function _room(uint256 who, uint32 slot, Order order) internal view returns (bool, bool) {
        PlainSlot storage plain = _plain[slot];
        bool taken = order.kind() == OrderLib.OFFER ? plain.offer != 0 : plain.bid != 0;
        return (!taken, !_ordered[slot][who] && _lockOf(order) <= free[who]);
    }

    function _placed(uint256 who, uint32 slot, Order order, bytes memory call) internal {
        (bool wanted, bool admitted) = _room(who, slot, order);
        if (!wanted) return;
        if (!admitted || exchange.paused()) {
            _refused(who, call);
            return _count("place refused");
        }
        _called(_owner(who), call);
        _enter(who, slot, order);
        _count("place");
    }

    function _post(
        uint32 slot,
        uint256[3] memory owners,
        Order[] memory orders,
        uint256 signer
    ) internal {
        Signature[] memory signatures = new Signature[](3);
        for (uint256 i = 0; i < 3; ++i) {
            (bool wanted, ) = _room(owners[i], slot, orders[i]);
            if (!wanted) return;
            uint256 key = _ownerKey(i == 2 ? _participant(signer / 2) : owners[i]);
            signatures[i] = _signature(slot, orders[i], key);
        }
        VM.prank(STRANGER);
        IOpenBook(address(exchange)).post(Slot.wrap(slot), orders, signatures);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 who = orders[i].participant();
            (, bool admitted) = _room(who, slot, orders[i]);
            bool signed = i < 2 || _participant(signer / 2) == who;
            if (!admitted || !signed || orders[i].nonce() < nonce[who]) {
                ++done["post skipped"];
                continue;
            }
            _enter(who, slot, orders[i].withScore(_score(who)));
            ++done["post taken"];
        }
        _count("post");
    }

    function _enter(uint256 who, uint32 slot, Order order) internal {
        PlainSlot storage plain = _learn(slot);
        plain.book.push(order);
        if (order.kind() == OrderLib.OFFER) plain.offer = plain.book.length;
        else plain.bid = plain.book.length;
        _ordered[slot][who] = true;
        free[who] -= _lockOf(order);
    }

    function _cancelled(uint32 slot, uint256 who, uint256 nonce_) internal {
        PlainSlot storage plain = _plain[slot];
        if (plain.offer != 0 && plain.book[plain.offer - 1].participant() == who) plain.offer = 0;
        else plain.bid = 0;
        plain.book.push(Order.wrap((3 << 248) | (who << 232) | (nonce_ << 96)));
    }
}
