// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {IStorageLedger} from "../interfaces/IStorageLedger.sol";
import {AccountLib} from "../libraries/AccountLib.sol";
import {AmountLib} from "../libraries/AmountLib.sol";
import {CodeTableLib} from "../libraries/CodeTableLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {ShareLib} from "../libraries/ShareLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {TradeLib} from "../libraries/TradeLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {AccountPair, Order, Phase, Reading, Rules, Slot, Trade} from "../types/Market.sol";
import {Delivery} from "./Delivery.sol";
import {Reputation} from "./Reputation.sol";

/// @title Settlement
/// @notice Turns cleared trades and readings into money: one write per two neighbours' accounts.
/// @dev Amounts are rounded down trade by trade, so the remainder below a micro-dollar stays with
/// who pays: the buyer, or for a compensation the seller.
abstract contract Settlement is Delivery, Reputation {
    using AccountLib for AccountPair;
    using OrderLib for Order;
    using SlotLib for Slot;
    using TradeLib for Trade;
    using WordsLib for bytes;
    using WordsLib for uint256[];
    using WordsLib for Order[];
    using WordsLib for Trade[];

    /* TYPES */

    /// @dev What the trades of a slot come to, at each order's position in the book.
    struct Results {
        /// What an order earns, less what it pays, in micro-USD, as int256.
        bytes earned;
        /// Of an offer: sold Wh 64 | delivered Wh 64 | sold micro-USD 128; no trades inside a
        /// group.
        bytes sales;
        /// Four bytes a trade: the Wh delivered of it.
        bytes delivered;
        uint256 fees;
        uint256 surplus;
    }

    /// @dev One seller's trades, from `first` up to `end`; with what was delivered of each, where
    /// that is not all, and whether its meter had said more.
    struct Sale {
        uint256 first;
        uint256 end;
        uint256 offer;
        uint256 group;
        bool isSlashed;
        uint256[] parts;
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

    constructor(
        IStorageLedger storageLedger_,
        Rules memory rules
    ) Delivery(rules) Reputation(rules) {
        storageLedger = storageLedger_;
        compensationMicroUsdPerMwh = rules.compensationMicroUsdPerMwh;
    }

    /* SETTLEMENT */

    /// @inheritdoc IExchange
    function settle(
        Slot slot,
        Order[] calldata book,
        Trade[] calldata trades,
        uint256[] calldata entries,
        Reading[] calldata readings
    ) external {
        Phase phase = phaseOf(slot);
        if (phase != Phase.Cleared) revert WrongPhase(slot, phase);
        if (challengeSeconds != 0 && block.timestamp < _finalAt(slot)) {
            revert ReadingsNotFinal(slot, _finalAt(slot));
        }
        // First what somebody else may have changed meanwhile, so that little is lost by it.
        bytes memory statements = _statements(slot, entries);
        if (_outcomeHash(book, trades) != _slots[slot].outcome) {
            revert OutcomeMismatch(_outcomeHash(book, trades), _slots[slot].outcome);
        }
        uint256[] memory heard = _hear(slot, readings, statements);
        _slots[slot].outcome = SETTLED;

        uint256[] memory owners = CodeTableLib.read(registry.ownerTableOf(slot));
        Results memory results = _resultsOf(slot, book, trades, statements, owners);
        _collect(trades, results);
        uint256 kept = _release(slot, book, results);
        _credit(lineLease.owner(), results.fees + kept);
        if (results.surplus != 0) _credit(owner(), results.surplus);

        emit SlotSettled(slot, msg.sender, heard, results.delivered);
    }

    /// @inheritdoc IExchange
    function void(Slot slot, Order[] calldata book) external {
        if (_slots[slot].outcome != 0) revert WrongPhase(slot, phaseOf(slot));
        if (block.timestamp < slot.startsAt()) revert VoidTooEarly(slot, slot.startsAt());
        if (_slots[slot].book == 0 && _forfeited(slot) == 0) revert NothingRecorded(slot);
        _requireBook(slot, book);
        _slots[slot].outcome = VOID;

        Results memory results;
        results.earned = WordsLib.zeros(book.length);
        results.sales = WordsLib.zeros(book.length);
        uint256 kept = _release(slot, book, results);
        if (kept != 0) _credit(lineLease.owner(), kept);

        emit SlotVoided(slot, msg.sender);
    }

    /// @inheritdoc IExchange
    function payCompensation() external {
        address operator = owner();
        uint256 owed = storageLedger.compensationEarned() - compensationPaid;
        uint256 amount = Math.min(owed, _freeOf(operator));
        address provider = storageLedger.owner();
        compensationPaid += amount;
        _debit(operator, amount);
        _credit(provider, amount);

        emit CompensationPaid(operator, provider, amount);
    }

    /* INTERNAL */

    /// @dev What every order earns and what every seller delivered. A missing reading counts as
    /// nothing delivered once its deadline has passed, a contradicted one at once.
    /// @dev Energies have 32 bits, amounts less than 64, and no seller has more than 2^11 trades.
    function _resultsOf(
        Slot slot,
        Order[] calldata book,
        Trade[] calldata trades,
        bytes memory statements,
        uint256[] memory owners
    ) internal view returns (Results memory results) {
        results.earned = WordsLib.zeros(book.length);
        results.sales = WordsLib.zeros(book.length);
        results.delivered = new bytes(trades.length << 2);
        uint256 count = trades.length;
        uint256 end = 0;
        unchecked {
            for (uint256 first = 0; first < count; first = end) {
                uint256 offer = trades.read(first).offerIndex();
                uint256 soldWh = 0;
                end = first;
                do {
                    soldWh += trades.read(end).energyWh();
                    ++end;
                } while (end < count && trades.read(end).offerIndex() == offer);
                uint256 seller = book.read(offer).participant();
                uint256 statement = statements.load(seller);
                uint256 energyWh = _energyOf(slot, seller, statement);
                Sale memory sale;
                sale.first = first;
                sale.end = end;
                sale.offer = offer;
                sale.group = owners.load(seller - 1) >> 160;
                if (energyWh < soldWh) {
                    sale.isSlashed = statement & OVERSTATED != 0;
                    sale.parts = ShareLib.shares(trades, first, end, energyWh, soldWh);
                }
                _pay(sale, book, trades, owners, results);
            }
        }
    }

    /// @dev Enters the trades of one seller. What a buyer of the seller's own group bought does not
    /// count; who was found to overstate counts as having delivered nothing.
    function _pay(
        Sale memory sale,
        Order[] calldata book,
        Trade[] calldata trades,
        uint256[] memory owners,
        Results memory results
    ) internal view {
        uint256 counted = 0;
        uint256 net = 0;
        unchecked {
            for (uint256 k = sale.first; k < sale.end; ++k) {
                Trade trade = trades.read(k);
                uint256 soldWh = trade.energyWh();
                uint256 energyWh = soldWh;
                uint256 compensation = 0;
                if (sale.parts.length != 0) {
                    energyWh = sale.parts[k - sale.first];
                    compensation = _compensationOf(soldWh, energyWh, sale.isSlashed);
                }
                results.delivered.putUint32(k, energyWh);
                uint256 goods = AmountLib.amountDown(energyWh, trade.price());
                uint256 fee = AmountLib.amountDown(energyWh, trade.fee());
                results.fees += fee;
                results.earned.add(trade.bidIndex(), compensation - goods - fee);
                net += goods - compensation;
                if (sale.group != 0) {
                    uint256 buyer = book.read(trade.bidIndex()).participant();
                    if (sale.group == owners.load(buyer - 1) >> 160) continue;
                }
                if (energyWh != soldWh) goods = AmountLib.amountDown(soldWh, trade.price());
                if (sale.isSlashed) energyWh = 0;
                counted += (soldWh << 192) | (energyWh << 128) | goods;
            }
            results.earned.add(sale.offer, net);
            results.sales.store(sale.offer, counted);
        }
    }

    /// @dev Enters what buyers pay to the system operator for what was delivered.
    function _collect(Trade[] calldata trades, Results memory results) internal pure {
        uint256 count = trades.length;
        unchecked {
            for (uint256 k = 0; k < count; ++k) {
                Trade trade = trades.read(k);
                if (trade.surplus() == 0) continue;
                uint256 energyWh = results.delivered.uint32At(k);
                uint256 surplus = AmountLib.amountDown(energyWh, trade.surplus());
                results.surplus += surplus;
                results.earned.add(trade.bidIndex(), 0 - surplus);
            }
        }
    }

    /// @dev What a seller pays for what it did not deliver of a trade: the whole bond of the trade
    /// if its meter was found to overstate.
    function _compensationOf(
        uint256 soldWh,
        uint256 energyWh,
        bool isSlashed
    ) internal view returns (uint256) {
        if (isSlashed) return AmountLib.amountDown(soldWh, bondMicroUsdPerMwh);
        unchecked {
            return AmountLib.amountDown(soldWh - energyWh, compensationMicroUsdPerMwh);
        }
    }

    function _energyOf(
        Slot slot,
        uint256 participant,
        uint256 statement
    ) internal view returns (uint256) {
        if (statement & COUNTER_READING == 0) {
            if (statement & CONTRADICTION != 0) return 0;
            if (statement == 0) {
                uint256 deadline = slot.endsAt() + SlotLib.READING_SECONDS;
                if (block.timestamp < deadline) {
                    revert ReadingsIncomplete(slot, participant, deadline);
                }
                return 0;
            }
        }
        unchecked {
            return (statement & ENERGY) - 1;
        }
    }

    /// @dev Releases each order's lock with what it earned; returns what nobody is there to get.
    function _release(
        Slot slot,
        Order[] calldata book,
        Results memory results
    ) internal returns (uint256 kept) {
        uint256 pot = _forfeited(slot);
        if (pot != 0 && !_shared(pot, book.length, results)) return pot;
        bytes memory earned = results.earned;
        bytes memory sales = results.sales;
        uint256 count = book.length;
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                Order order = book.read(i);
                uint256 kind = order.kind();
                if (kind == OrderLib.CANCELLATION) continue;
                uint256 price = kind == OrderLib.BID ? order.price() : bondMicroUsdPerMwh;
                uint256 amount = AmountLib.amountUp(order.energyWh(), price);
                uint256 participant = order.participant();
                Cell storage cell = _cellOf(participant);
                AccountPair pair = cell.pair.released(participant, amount, int256(earned.load(i)));
                uint256 sold = sales.load(i);
                if (sold != 0) pair = pair.set(participant, _moved(pair.get(participant), sold));
                cell.pair = pair;
            }
        }
    }

    /// @dev Shares what was forfeited equally among the orders of a book without cancellations, the
    /// earliest first with what does not divide; false where there is none.
    function _shared(
        uint256 pot,
        uint256 count,
        Results memory results
    ) internal pure returns (bool) {
        if (count == 0) return false;
        for (uint256 i = 0; i < count; ++i) {
            results.earned.add(i, pot / count + (i < pot % count ? 1 : 0));
        }
        return true;
    }
}
