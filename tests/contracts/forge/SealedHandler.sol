// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISealedBook} from "../../../contracts/interfaces/ISealedBook.sol";
import {OrderLib} from "../../../contracts/libraries/OrderLib.sol";
import {Order, Slot} from "../../../contracts/types/Market.sol";
import {MarketHandler} from "./MarketHandler.sol";

/// @title SealedHandler
/// @notice Orders under seal, revealed after the gate; the grid operator has time to correct.
contract SealedHandler is MarketHandler {
    using OrderLib for Order;

    struct Seal {
        Order order;
        bytes32 salt;
        bool revealed;
    }

    mapping(uint32 slot => mapping(uint256 participant => Seal)) internal _seals;
    mapping(uint32 slot => uint256) internal _committed;
    mapping(uint32 slot => uint256) internal _revealed;

    constructor() {
        _deployTheRest();
        _start(address(_deploySealed(CHALLENGE)));
    }

    function commit(
        uint256 time,
        uint256 who,
        uint256 when,
        bool sells,
        uint32 energyWh,
        uint48 price,
        uint96 terms
    ) external later(time) {
        who = _participant(who);
        uint32 slot = _slot(when);
        // Mostly the side that the slot lacks.
        if (when % 8 != 0) sells = _committed[slot] % 2 == 0;
        Seal storage seal = _seals[slot][who];
        Order order = OrderLib.pack(
            sells ? OrderLib.OFFER : OrderLib.BID,
            who,
            0,
            uint32(_between(energyWh, 1, 30_000)),
            uint48(_between(price, sells ? 0 : 60e6, sells ? 140e6 : 500e6)),
            terms
        );
        bytes memory call = abi.encodeCall(
            ISealedBook.commit,
            (Slot.wrap(slot), _hash(who, slot, order, keccak256(abi.encode(time))))
        );
        if (Order.unwrap(seal.order) != 0 || free[who] < SEAL_BOND || exchange.paused()) {
            _refused(who, call);
            return _count("commit refused");
        }
        _called(_owner(who), call);
        (seal.order, seal.salt) = (order, keccak256(abi.encode(time)));
        free[who] -= SEAL_BOND;
        ++_committed[slot];
        _learn(slot);
        _count("commit");
    }

    function reveal(uint256 time, uint256 which, uint256 who) external later(time) {
        (bool found, uint32 slot) = _pick(which, _mayReveal);
        if (!found) return;
        who = _hidden(slot, who);
        Seal storage seal = _seals[slot][who];
        PlainSlot storage plain = _plain[slot];
        if (Order.unwrap(seal.order) == 0) return;
        bool sells = seal.order.kind() == OrderLib.OFFER;
        if (!seal.revealed && (sells ? plain.offer : plain.bid) != 0) return;
        bytes memory call = _revealCall(who, slot, seal);
        if (seal.revealed || _lockOf(seal.order) > free[who] + SEAL_BOND) {
            _refused(who, call);
            return _count("reveal refused");
        }
        _called(STRANGER, call);
        seal.revealed = true;
        ++_revealed[slot];
        free[who] = free[who] + SEAL_BOND - _lockOf(seal.order);
        plain.book.push(seal.order.withScore(_score(who)));
        if (sells) plain.offer = plain.book.length;
        else plain.bid = plain.book.length;
        _count("reveal");
    }

    /// @inheritdoc MarketHandler
    function escrow() external view override returns (uint256 held) {
        for (uint256 i = 0; i < _known.length; ++i) {
            if (!_isDone(_plain[_known[i]].phase)) held += _pot(_known[i]);
        }
    }

    /* INTERNAL */

    /// @dev Someone, mostly with an order that is still hidden.
    function _hidden(uint32 slot, uint256 who) internal view returns (uint256) {
        for (uint256 i = 0; i < PROSUMERS; ++i) {
            Seal storage seal = _seals[slot][_participant((who % 64) + i)];
            if (Order.unwrap(seal.order) != 0 && !seal.revealed)
                return _participant((who % 64) + i);
        }
        return _participant(who);
    }

    function _pot(uint32 slot) internal view returns (uint256) {
        return (_committed[slot] - _revealed[slot]) * SEAL_BOND;
    }

    function _mayReveal(uint32 slot) internal view returns (bool) {
        uint256 closes = uint256(slot) * 900 - 1800;
        return _now() >= closes && _now() < closes + 600;
    }

    function _clearsFrom(uint32 slot) internal pure override returns (uint256) {
        return uint256(slot) * 900 - 1200;
    }

    function _hash(
        uint256 who,
        uint32 slot,
        Order order,
        bytes32 salt
    ) internal view returns (bytes32) {
        return
            ISealedBook(address(exchange)).sealOf(
                _owner(who),
                Slot.wrap(slot),
                uint8(order.kind()),
                uint32(order.energyWh()),
                uint48(order.price()),
                uint96(order.terms()),
                salt
            );
    }

    function _revealCall(
        uint256 who,
        uint32 slot,
        Seal storage seal
    ) internal view returns (bytes memory) {
        return
            abi.encodeCall(
                ISealedBook.reveal,
                (
                    Slot.wrap(slot),
                    _owner(who),
                    uint8(seal.order.kind()),
                    uint32(seal.order.energyWh()),
                    uint48(seal.order.price()),
                    uint96(seal.order.terms()),
                    seal.salt
                )
            );
    }

    /// @dev Besides the locks, the bonds of those who kept silent: equal shares, what does not
    /// divide to the earliest; all of it to the line owner where nobody revealed.
    function _release(uint32 slot) internal override {
        super._release(slot);
        uint256 pot = _pot(slot);
        uint256 count = _plain[slot].book.length;
        if (pot != 0) ++done["forfeited"];
        if (count == 0) providerFree += pot;
        for (uint256 k = 0; k < count; ++k) {
            uint256 share = pot / count + (k < pot % count ? 1 : 0);
            free[_plain[slot].book[k].participant()] += share;
        }
    }
}
