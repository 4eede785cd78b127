// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IExchange} from "../interfaces/IExchange.sol";
import {IStorageLedger} from "../interfaces/IStorageLedger.sol";
import {AccountLib} from "../libraries/AccountLib.sol";
import {AmountLib} from "../libraries/AmountLib.sol";
import {CodeTableLib} from "../libraries/CodeTableLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {ShareLib} from "../libraries/ShareLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {TradeLib} from "../libraries/TradeLib.sol";
import {Account, Order, Phase, Rules, Slot, Trade} from "../types/Market.sol";
import {Delivery} from "./Delivery.sol";
import {Reputation} from "./Reputation.sol";

/// @title Settlement
/// @notice Turns cleared trades and readings into money: one write per account.
/// @dev Amounts are rounded down trade by trade, so the remainder below a micro-dollar stays with
/// who pays: the buyer, or for a compensation the seller.
abstract contract Settlement is Delivery, Reputation {
    using AccountLib for Account;
    using OrderLib for Order;
    using SlotLib for Slot;
    using TradeLib for Trade;

    /* TYPES */

    /// @dev What the trades of one order come to.
    struct Balance {
        uint256 paid;
        uint256 received;
        uint256 soldWh;
        uint256 deliveredWh;
        uint256 soldMicroUsd;
    }

    /* IMMUTABLES */

    /// @notice The record of the shared storage.
    IStorageLedger public immutable storageLedger;

    /// @notice What a seller pays per MWh sold and not delivered, in micro-USD.
    uint48 public immutable compensationMicroUsdPerMwh;

    /* STORAGE */

    /// @inheritdoc IExchange
    uint256 public compensationPaid;

    /* CONSTRUCTOR */

    constructor(IStorageLedger storageLedger_, Rules memory rules) Reputation(rules) {
        storageLedger = storageLedger_;
        compensationMicroUsdPerMwh = rules.compensationMicroUsdPerMwh;
    }

    /* SETTLEMENT */

    /// @inheritdoc IExchange
    function settle(
        Slot slot,
        Order[] calldata book,
        Trade[] calldata trades,
        uint256[] calldata readings
    ) external {
        Phase phase = phaseOf(slot);
        if (phase != Phase.Cleared) revert WrongPhase(slot, phase);
        bytes32 outcome = _outcomeHash(book, trades);
        if (outcome != _slots[slot].outcome) {
            revert OutcomeMismatch(outcome, _slots[slot].outcome);
        }
        uint256[] memory statements = _statements(slot, readings);
        _slots[slot].outcome = SETTLED;

        Trade[] memory delivered = _deliveries(slot, book, trades, statements);
        (Balance[] memory balances, uint256 fees) = _balances(book.length, delivered);
        _release(book, balances);
        address lineOwner = lineLease.owner();
        _accounts[lineOwner] = _accounts[lineOwner].credit(fees);

        emit SlotSettled(slot, msg.sender, delivered);
    }

    /// @inheritdoc IExchange
    function void(Slot slot, Order[] calldata book) external {
        if (_slots[slot].outcome != 0) revert WrongPhase(slot, phaseOf(slot));
        if (block.timestamp < slot.startsAt()) revert VoidTooEarly(slot, slot.startsAt());
        _requireBook(slot, book);
        _slots[slot].outcome = VOID;

        _release(book, new Balance[](book.length));

        emit SlotVoided(slot, msg.sender);
    }

    /// @inheritdoc IExchange
    function payCompensation() external {
        uint256 amount = storageLedger.compensationEarned() - compensationPaid;
        address operator = owner();
        address provider = storageLedger.owner();
        compensationPaid += amount;
        _accounts[operator] = _accounts[operator].debit(amount);
        _accounts[provider] = _accounts[provider].credit(amount);

        emit CompensationPaid(operator, provider, amount);
    }

    /* INTERNAL */

    /// @dev The trades with what was delivered of each. A missing reading counts as nothing
    /// delivered once its deadline has passed, a contradicted one at once.
    function _deliveries(
        Slot slot,
        Order[] calldata book,
        Trade[] calldata trades,
        uint256[] memory statements
    ) internal view returns (Trade[] memory delivered) {
        delivered = trades;
        uint256 end = 0;
        for (uint256 first = 0; first < trades.length; first = end) {
            uint256 offer = trades[first].offerIndex();
            uint256 soldWh = 0;
            for (end = first; end < trades.length && trades[end].offerIndex() == offer; ++end) {
                soldWh += trades[end].energyWh();
            }
            uint256 energyWh = _energyOf(slot, book[offer].participant(), statements);
            if (energyWh < soldWh) ShareLib.share(delivered, first, end, energyWh, soldWh);
            else {
                for (uint256 k = first; k < end; ++k) {
                    delivered[k] = delivered[k].withDelivered(delivered[k].energyWh());
                }
            }
        }
    }

    function _energyOf(
        Slot slot,
        uint256 participant,
        uint256[] memory statements
    ) internal view returns (uint256) {
        uint256 statement = statements[participant];
        if (statement == CONTRADICTION) return 0;
        if (statement != 0) return statement - 1;
        uint256 deadline = slot.endsAt() + SlotLib.READING_SECONDS;
        if (block.timestamp < deadline) revert ReadingsIncomplete(slot, participant, deadline);
        return 0;
    }

    /// @dev What each order pays and receives, and the lease fees in all.
    function _balances(
        uint256 orders,
        Trade[] memory delivered
    ) internal view returns (Balance[] memory balances, uint256 fees) {
        balances = new Balance[](orders);
        for (uint256 k = 0; k < delivered.length; ++k) {
            Trade trade = delivered[k];
            Balance memory seller = balances[trade.offerIndex()];
            Balance memory buyer = balances[trade.bidIndex()];
            uint256 energyWh = trade.deliveredWh();
            uint256 goods = AmountLib.amountDown(energyWh, trade.price());
            uint256 fee = AmountLib.amountDown(energyWh, trade.fee());
            uint256 compensation = AmountLib.amountDown(
                trade.energyWh() - energyWh,
                compensationMicroUsdPerMwh
            );
            buyer.paid += goods + fee;
            buyer.received += compensation;
            seller.paid += compensation;
            seller.received += goods;
            seller.soldWh += trade.energyWh();
            seller.deliveredWh += energyWh;
            seller.soldMicroUsd += AmountLib.amountDown(trade.energyWh(), trade.price());
            fees += fee;
        }
    }

    /// @dev Releases each order's lock, less what it pays, plus what it receives.
    function _release(Order[] calldata book, Balance[] memory balances) internal {
        uint256[] memory owners = CodeTableLib.read(registry.ownerTable());
        for (uint256 i = 0; i < book.length; ++i) {
            Order order = book[i];
            if (order.kind() == OrderLib.CANCELLATION) continue;
            address owner = address(uint160(owners[order.participant() - 1]));
            Balance memory balance = balances[i];
            uint256 amount = _lockOf(order);
            Account account = _accounts[owner].unlock(amount);
            account = account.credit(amount - balance.paid + balance.received);
            if (balance.soldWh != 0) {
                account = _moved(
                    account,
                    balance.soldWh,
                    balance.deliveredWh,
                    balance.soldMicroUsd
                );
            }
            _accounts[owner] = account;
        }
    }
}
