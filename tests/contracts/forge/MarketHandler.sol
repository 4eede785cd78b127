// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {StorageLedger} from "../../../contracts/StorageLedger.sol";
import {TestDollar} from "../../../contracts/TestDollar.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IRegistry} from "../../../contracts/interfaces/IRegistry.sol";
import {FeeLadderLib} from "../../../contracts/libraries/FeeLadderLib.sol";
import {MatchingLib} from "../../../contracts/libraries/MatchingLib.sol";
import {NashPriceLib} from "../../../contracts/libraries/NashPriceLib.sol";
import {OrderLib} from "../../../contracts/libraries/OrderLib.sol";
import {ReputationLib} from "../../../contracts/libraries/ReputationLib.sol";
import {Order, Phase, Reading, Slot, Trade} from "../../../contracts/types/Market.sol";
import {Market} from "./Market.sol";

/// @dev What both exchanges have beyond {IExchange}.
interface IAnyExchange is IExchange {
    function paused() external view returns (bool);
    function challengeSeconds() external view returns (uint32);
}

/// @title MarketHandler
/// @notice What people do with a market, and a plain ledger of what should come of it. Every call
/// must succeed; where nothing can be done, it does nothing and is not counted.
/// @dev A slot has at most one live offer and one live bid, so that the optimum is plain: all that
/// both have room for, at a dual of the scarcer side.
abstract contract MarketHandler is Market {
    using MatchingLib for MatchingLib.Scale;
    using OrderLib for Order;

    struct PlainSlot {
        bool known;
        Phase phase;
        Order[] book;
        uint256[] entries;
        // Position in the book plus one of the live orders.
        uint256 offer;
        uint256 bid;
        Trade[] trades;
    }

    /// @dev What is known of a participant's energy: one more than the energy, zero for nothing.
    struct Statement {
        uint64 meter;
        uint64 counter;
        bool contradicted;
        bool overstated;
    }

    /// @dev Of each participant and the guest: number, free money and reputation; and the locks of
    /// the orders in slots that are not done.
    struct Ledger {
        uint256[6] number;
        uint256[6] free;
        uint256[6] r;
        uint256[6] s;
        uint256 locked;
    }

    IAnyExchange public exchange;

    mapping(uint256 holder => uint256) public free;
    mapping(uint256 holder => uint256) internal number;
    mapping(uint256 participant => uint256) internal r;
    mapping(uint256 participant => uint256) internal s;
    uint256 public providerFree;
    uint256 public operatorFree;
    bool public guestMayJoin;
    uint256 public deposited;
    uint256 public withdrawn;
    uint256 public compensation;
    uint256 public throughput;
    uint256 public storedWh = 40_000;
    uint32 public nextStorageSlot = FIRST;

    mapping(bytes32 action => uint256) public done;
    uint256 public successes;

    uint32[] internal _known;
    mapping(uint32 slot => PlainSlot) internal _plain;
    mapping(uint32 slot => mapping(uint256 participant => Statement)) internal _said;

    /// @dev Time passes before every call, a few minutes at most.
    modifier later(uint256 time) {
        VM.warp(_now() + (time % 200));
        _;
    }

    function _start(address target) internal {
        exchange = IAnyExchange(target);
        dollar.mint(OPERATOR, 100e6);
        VM.startPrank(OPERATOR);
        dollar.approve(target, type(uint256).max);
        exchange.deposit(100e6);
        VM.stopPrank();
        operatorFree = 100e6;
        deposited = 100e6;
        for (uint256 i = 1; i <= GUEST; ++i) {
            VM.prank(_owner(i));
            dollar.approve(target, type(uint256).max);
            _deposit(i, 20e6);
        }
    }

    /* MONEY */

    function deposit(uint256 time, uint256 who, uint256 amount) external later(time) {
        amount = _between(amount, 0, 30e6);
        who = _holder(who);
        if (exchange.paused()) return _refused(who, _depositCall(amount));
        _deposit(who, amount);
        _count("deposit");
    }

    function withdraw(uint256 time, uint256 who, uint256 amount) external later(time) {
        who = _holder(who);
        _refused(who, abi.encodeCall(IExchange.withdraw, (free[who] + 1 + (amount % 2 ** 60))));
        amount = _between(amount, 0, free[who] / 2);
        _called(_owner(who), abi.encodeCall(IExchange.withdraw, (amount)));
        free[who] -= amount;
        withdrawn += amount;
        _count("withdraw");
    }

    /// @dev The guest becomes a participant with its next deposit.
    function join(uint256 time, uint256 chance) external later(time) {
        if (guestMayJoin || chance % 8 != 0) return;
        IRegistry.Participant[] memory joining = new IRegistry.Participant[](1);
        joining[0] = IRegistry.Participant({
            owner: _owner(GUEST),
            meter: VM.addr(_meterKey(GUEST)),
            group: 0,
            initialScoreBps: 6000
        });
        VM.prank(REGISTRAR);
        registry.register(joining, Slot.wrap(uint32(_now() / 900 + 24)));
        guestMayJoin = true;
        _count("join");
    }

    function togglePause(uint256 time, uint256 chance) external later(time) {
        bool paused = exchange.paused();
        if (!paused && chance % 8 != 0) return;
        VM.prank(OPERATOR);
        if (paused) exchange.unpause();
        else exchange.pause();
        _count("pause");
    }

    /* CLEARING AND VOIDING */

    function clear(uint256 time, uint256 which) external later(time) {
        (bool found, uint32 slot) = _pick(which, _mayClear);
        if (!found) return;
        PlainSlot storage plain = _plain[slot];
        (Trade[] memory trades, bytes memory certificate) = _outcome(plain);
        VM.prank(STRANGER);
        exchange.clear(Slot.wrap(slot), plain.book, trades, certificate);
        plain.phase = Phase.Cleared;
        for (uint256 i = 0; i < trades.length; ++i) {
            plain.trades.push(trades[i]);
        }
        _count(trades.length == 0 ? bytes32("clear without trade") : bytes32("clear"));
    }

    function void(uint256 time, uint256 which) external later(time) {
        (bool found, uint32 slot) = _pick(which, _mayVoid);
        if (!found) return;
        VM.prank(STRANGER);
        exchange.void(Slot.wrap(slot), _plain[slot].book);
        _release(slot);
        _plain[slot].phase = Phase.Void;
        _count("void");
    }

    /* READINGS */

    function read(uint256 time, uint256 which, uint256 who, uint256 energyWh) external later(time) {
        (bool found, uint32 slot) = _pick(which, _mayRead);
        if (!found) return;
        who = _seller(slot, who);
        energyWh = _energy(slot, energyWh);
        Reading[] memory readings = new Reading[](1);
        readings[0] = _reading(address(exchange), slot, who, energyWh, _meterKey((who % 4) + 1));
        _refused(who, abi.encodeCall(IExchange.recordReadings, (Slot.wrap(slot), readings)));
        readings[0] = _reading(address(exchange), slot, who, energyWh, _meterKey(who));
        _called(STRANGER, abi.encodeCall(IExchange.recordReadings, (Slot.wrap(slot), readings)));

        if (_said[slot][who].meter != 0) return _count("read again");
        _said[slot][who].meter = uint64(energyWh + 1);
        _plain[slot].entries.push((who << 32) | energyWh);
        _count("read");
    }

    function contradict(
        uint256 time,
        uint256 which,
        uint256 who,
        uint256 chance
    ) external later(time) {
        (bool found, uint32 slot) = _pick(which, _mayRead);
        if (!found || chance % 4 != 0) return;
        who = _seller(slot, who);
        bytes memory call = abi.encodeCall(
            IExchange.reportContradiction,
            (
                Slot.wrap(slot),
                _reading(address(exchange), slot, who, 7, _meterKey(who)),
                _reading(address(exchange), slot, who, 8, _meterKey(who))
            )
        );
        if (_said[slot][who].contradicted) return _refused(1, call);
        _called(STRANGER, call);
        _said[slot][who].contradicted = true;
        _plain[slot].entries.push((1 << 255) | (who << 32));
        _count("contradict");
    }

    function correct(
        uint256 time,
        uint256 which,
        uint256 who,
        uint256 energyWh
    ) external later(time) {
        (bool found, uint32 slot) = _pick(which, _mayCorrect);
        if (!found) return;
        who = _seller(slot, who);
        uint256 heard = _said[slot][who].meter;
        // Mostly less than the meter said, and seldom before it has.
        if (heard == 0 && energyWh % 8 != 0) return;
        energyWh =
            heard > 1 && energyWh % 4 != 0 ? energyWh % (heard - 1) : _energy(slot, energyWh / 8);
        bytes memory call = abi.encodeCall(
            IExchange.correctReading,
            (Slot.wrap(slot), uint16(who), uint32(energyWh))
        );
        _refused(1, call);
        Statement storage said = _said[slot][who];
        if (said.counter != 0) return;
        _called(OPERATOR, call);
        said.counter = uint64(energyWh + 1);
        said.overstated = said.meter > said.counter;
        _plain[slot].entries.push((1 << 254) | (who << 32) | energyWh);
        _count("correct");
    }

    /* SETTLEMENT */

    function settle(uint256 time, uint256 which) external later(time) {
        (bool found, uint32 slot) = _pick(which, _maySettle);
        if (!found) return;
        PlainSlot storage plain = _plain[slot];
        bytes memory call = abi.encodeCall(
            IExchange.settle,
            (Slot.wrap(slot), plain.book, plain.trades, plain.entries, new Reading[](0))
        );
        if (_mustWait(slot)) {
            _refused(1, call);
            return _count("settle too early");
        }
        _called(STRANGER, call);
        _release(slot);
        if (plain.trades.length != 0) _pay(slot, plain);
        plain.phase = Phase.Settled;
        _count(plain.trades.length == 0 ? bytes32("settle without trade") : bytes32("settle"));
    }

    /* STORAGE */

    function recordStorage(uint256 time, bool charges, uint64 energyWh) external later(time) {
        energyWh = uint64(_between(energyWh, 0, 10_000));
        uint256 gain = charges ? (uint256(energyWh) * 9300) / 1e4 : 0;
        uint256 drain = charges ? 0 : (uint256(energyWh) * 1e4 + 9099) / 9100;
        (uint64 chargeWh, uint64 dischargeWh) = charges
            ? (energyWh, uint64(0))
            : (uint64(0), energyWh);
        bytes memory call = abi.encodeCall(
            storageLedger.record,
            (
                Slot.wrap(nextStorageSlot),
                chargeWh,
                dischargeWh,
                _storageSignature(nextStorageSlot, chargeWh, dischargeWh)
            )
        );
        bool fits = storedWh + gain <= 90_000 && storedWh + gain >= drain + 10_000;
        // solhint-disable-next-line avoid-low-level-calls
        (bool recorded, ) = address(storageLedger).call(call);
        VM.assertTrue(
            recorded == (fits && _now() >= (uint256(nextStorageSlot) + 1) * 900),
            "storage"
        );
        if (!recorded) return;
        storedWh = storedWh + gain - drain;
        throughput += energyWh;
        ++nextStorageSlot;
        _count("storage");
        if (energyWh % 2 == 0) _payCompensation();
    }

    function _payCompensation() internal {
        uint256 amount = (throughput * 55e6) / 1e6 - compensation;
        if (amount > operatorFree) amount = operatorFree;
        _called(STRANGER, abi.encodeCall(IExchange.payCompensation, ()));
        compensation += amount;
        operatorFree -= amount;
        providerFree += amount;
        ++done["compensation"];
    }

    /* VIEWS OF THE PLAIN LEDGER */

    /// @notice The slots that were ever ordered for.
    function known() external view returns (uint32[] memory) {
        return _known;
    }

    /// @notice How far a slot is.
    function phaseOf(uint32 slot) external view returns (Phase) {
        return _plain[slot].phase;
    }

    /// @notice The entries of a slot's book.
    function bookOf(uint32 slot) external view returns (Order[] memory) {
        return _plain[slot].book;
    }

    /// @notice The trades of a slot.
    function tradesOf(uint32 slot) external view returns (Trade[] memory) {
        return _plain[slot].trades;
    }

    /// @notice What the ledger says of all participants, from 1, and of the guest.
    function ledger() external view returns (Ledger memory all) {
        for (uint256 i = 1; i <= GUEST; ++i) {
            (all.number[i], all.free[i], all.r[i], all.s[i]) = (number[i], free[i], r[i], s[i]);
        }
        for (uint256 i = 0; i < _known.length; ++i) {
            PlainSlot storage plain = _plain[_known[i]];
            if (_isDone(plain.phase)) continue;
            Order[] memory book = plain.book;
            for (uint256 k = 0; k < book.length; ++k) {
                all.locked += _lockOf(book[k]);
            }
        }
    }

    /// @notice The market's parts.
    function parts() external view returns (TestDollar, StorageLedger) {
        return (dollar, storageLedger);
    }

    /// @notice What the slots hold of bonds.
    function escrow() external view virtual returns (uint256) {
        return 0;
    }

    /* INTERNAL: CALLS */

    function _count(bytes32 action) internal {
        ++done[action];
        ++successes;
    }

    function _called(address sender, bytes memory call) internal {
        VM.prank(sender);
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, bytes memory reason) = address(exchange).call(call);
        if (!success) VM.assertTrue(false, string(abi.encodePacked("refused: ", reason)));
    }

    function _refused(uint256 who, bytes memory call) internal {
        VM.prank(_owner(who));
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, ) = address(exchange).call(call);
        if (success) VM.assertTrue(false, "taken, not refused");
    }

    function _depositCall(uint256 amount) internal pure returns (bytes memory) {
        return abi.encodeCall(IExchange.deposit, (amount));
    }

    function _deposit(uint256 who, uint256 amount) internal {
        if (who != GUEST || guestMayJoin) _enroll(who);
        dollar.mint(_owner(who), amount);
        _called(_owner(who), _depositCall(amount));
        free[who] += amount;
        deposited += amount;
    }

    /// @dev Notes that a participant has an account from now on, if it had none.
    function _enroll(uint256 who) internal {
        if (number[who] != 0) return;
        uint16 scoreBps = who == GUEST ? 6000 : _founders()[who - 1].initialScoreBps;
        number[who] = who;
        (r[who], s[who]) = ReputationLib.initial(scoreBps, MEMORY);
    }

    /* INTERNAL: CHOICES */

    function _participant(uint256 value) internal pure returns (uint256) {
        return 1 + (value % PROSUMERS);
    }

    /// @dev A participant or the guest.
    function _holder(uint256 value) internal pure returns (uint256) {
        return 1 + (value % GUEST);
    }

    /// @dev A slot that takes orders, near enough to be settled within a run.
    function _slot(uint256 value) internal view returns (uint32) {
        return uint32(_now() / 900 + 3 + (value % 2));
    }

    /// @dev Mostly the seller of the slot, sometimes anyone.
    function _seller(uint32 slot, uint256 who) internal view returns (uint256) {
        PlainSlot storage plain = _plain[slot];
        if (plain.offer == 0 || who % 5 == 0) return _participant(who / 5);
        return plain.book[plain.offer - 1].participant();
    }

    /// @dev From nothing to a little more than was offered.
    function _energy(uint32 slot, uint256 energyWh) internal view returns (uint256) {
        PlainSlot storage plain = _plain[slot];
        uint256 most = plain.offer == 0 ? 10 : plain.book[plain.offer - 1].energyWh() + 5;
        return energyWh % (most + 1);
    }

    function _pick(
        uint256 which,
        function(uint32) view returns (bool) may
    ) internal view returns (bool, uint32) {
        uint256 count = _known.length;
        for (uint256 i = 0; i < count; ++i) {
            uint32 slot = _known[((which % count) + i) % count];
            if (may(slot)) return (true, slot);
        }
        return (false, 0);
    }

    function _clearsFrom(uint32 slot) internal pure virtual returns (uint256) {
        return uint256(slot) * 900 - 1800;
    }

    function _mayClear(uint32 slot) internal view returns (bool) {
        uint256 now_ = _now();
        bool inTime = now_ >= _clearsFrom(slot) && now_ < uint256(slot) * 900;
        return inTime && _plain[slot].phase == Phase.Open && _plain[slot].book.length != 0;
    }

    function _mayVoid(uint32 slot) internal view returns (bool) {
        return _now() >= uint256(slot) * 900 && _plain[slot].phase == Phase.Open;
    }

    function _mayRead(uint32 slot) internal view returns (bool) {
        uint256 ends = uint256(slot) * 900 + 900;
        bool inTime = _now() >= ends && _now() < ends + 3600;
        return inTime && _plain[slot].phase == Phase.Cleared;
    }

    function _mayCorrect(uint32 slot) internal view returns (bool) {
        uint256 ends = uint256(slot) * 900 + 900;
        uint32 challenge = exchange.challengeSeconds();
        bool inTime = _now() >= ends && _now() < ends + 3600 + challenge;
        return challenge != 0 && inTime && _plain[slot].phase == Phase.Cleared;
    }

    function _maySettle(uint32 slot) internal view returns (bool) {
        return _plain[slot].phase == Phase.Cleared;
    }

    /// @dev Whether a cleared slot cannot be settled yet.
    function _mustWait(uint32 slot) internal view returns (bool) {
        uint256 deadline = uint256(slot) * 900 + 4500;
        uint32 challenge = exchange.challengeSeconds();
        if (challenge != 0) return _now() < deadline + challenge;
        PlainSlot storage plain = _plain[slot];
        if (plain.trades.length == 0 || _now() >= deadline) return false;
        Statement storage said = _said[slot][plain.book[plain.offer - 1].participant()];
        return said.meter == 0 && said.counter == 0 && !said.contradicted;
    }

    function _isDone(Phase phase) internal pure returns (bool) {
        return phase == Phase.Settled || phase == Phase.Void;
    }

    /* INTERNAL: THE PLAIN LEDGER */

    function _learn(uint32 slot) internal returns (PlainSlot storage plain) {
        plain = _plain[slot];
        if (plain.known) return plain;
        plain.known = true;
        _known.push(slot);
    }

    function _score(uint256 who) internal view returns (uint256) {
        return ReputationLib.scoreBps(r[who], s[who]);
    }

    function _lockOf(Order order) internal pure returns (uint256) {
        if (order.kind() == OrderLib.CANCELLATION) return 0;
        uint256 price = order.kind() == OrderLib.BID ? order.price() : BOND;
        uint256 exact = order.energyWh() * price;
        return exact / 1e6 + (exact % 1e6 == 0 ? 0 : 1);
    }

    /// @dev The one trade that is best, and the dual that proves it.
    function _outcome(
        PlainSlot storage plain
    ) internal view returns (Trade[] memory trades, bytes memory certificate) {
        bytes memory nothing = hex"00";
        if (plain.offer == 0 || plain.bid == 0) return (trades, nothing);
        Order offer = plain.book[plain.offer - 1];
        Order bid = plain.book[plain.bid - 1];
        if (offer.participant() == 4 && bid.participant() == 1) return (trades, nothing);
        uint256 fee = FeeLadderLib.feeUp(
            _ladder(),
            _distance(offer.participant(), bid.participant())
        );
        if (offer.price() + fee > bid.price() || offer.price() > REAL_TIME_PRICE) {
            return (trades, nothing);
        }
        uint256 energyWh = _min(offer.energyWh(), bid.energyWh());
        uint256 pair = ((plain.offer - 1) << 16) | (plain.bid - 1);
        uint256 price = NashPriceLib.price(
            _min(NashPriceLib.costOf(offer.terms()), offer.price()),
            bid.terms(),
            energyWh,
            offer.scoreBps(),
            fee,
            offer.price(),
            _min(bid.price() - fee, REAL_TIME_PRICE)
        );
        trades = new Trade[](1);
        trades[0] = Trade.wrap((pair << 224) | (energyWh << 192) | (price << 144) | (fee << 96));
        if (offer.energyWh() <= bid.energyWh()) return (trades, hex"00");
        uint256 weight = MatchingLib.scaleOf(plain.book.length).weight(pair, fee);
        certificate = abi.encodePacked(uint8(24), uint192(weight));
    }

    /// @dev All locks of a slot become free money again.
    function _release(uint32 slot) internal virtual {
        PlainSlot storage plain = _plain[slot];
        for (uint256 k = 0; k < plain.book.length; ++k) {
            free[plain.book[k].participant()] += _lockOf(plain.book[k]);
        }
    }

    /// @dev Moves the money of a slot's trade.
    function _pay(uint32 slot, PlainSlot storage plain) internal {
        uint256 trade = Trade.unwrap(plain.trades[0]);
        uint256 soldWh = _slice(trade, 192, 32);
        uint256 price = _slice(trade, 144, 48);
        uint256 seller = plain.book[plain.offer - 1].participant();
        uint256 buyer = plain.book[plain.bid - 1].participant();
        (uint256 energyWh, bool overstated) = _final(slot, seller);
        energyWh = _min(energyWh, soldWh);
        bool slashed = overstated && energyWh < soldWh;

        uint256 goods = (energyWh * price) / 1e6;
        uint256 fee = (energyWh * _slice(trade, 96, 48)) / 1e6;
        uint256 refund =
            slashed ? (soldWh * BOND) / 1e6 : ((soldWh - energyWh) * COMPENSATION) / 1e6;
        free[seller] = free[seller] + goods - refund;
        free[buyer] = free[buyer] + refund - goods - fee;
        providerFree += fee;
        if (slashed) ++done["slashed"];
        if (energyWh < soldWh) ++done["short"];
        if (seller > 2 && buyer > 2) {
            ++done["inside a group"];
            return;
        }
        uint256 weight = ReputationLib.weightDown((soldWh * price) / 1e6, FULL_VALUE);
        (r[seller], s[seller]) = ReputationLib.updated(
            r[seller],
            s[seller],
            MEMORY,
            weight,
            slashed ? 0 : energyWh,
            soldWh
        );
    }

    /// @dev A participant's energy, and whether its meter had said more.
    function _final(uint32 slot, uint256 who) internal view returns (uint256, bool) {
        Statement storage said = _said[slot][who];
        if (said.counter != 0) return (said.counter - 1, said.overstated);
        if (said.contradicted || said.meter == 0) return (0, false);
        return (said.meter - 1, false);
    }
}
