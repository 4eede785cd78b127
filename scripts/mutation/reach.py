"""Which contracts a change of a file reaches, and which tests are asked of it first."""

import posixpath
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from oracle.market.registry import MECHANISMS
from scripts.compile import NEVER_DEPLOYED, sources_below

IMPORT = re.compile(r'^import\b[^;]*"(\.[^"]+)";', re.M)


@dataclass(frozen=True, slots=True)
class Near:
    """
    The contracts and tests nearest to a file: they notice most changes, and do so in seconds.

    With `named`, only tests whose names match, as of pytest's option -k.
    """

    contracts: tuple[str, ...]
    tests: tuple[str, ...]
    named: str = ""


def _of_the_exchange(*first: str) -> Near:
    """Return the exchange and the tests of an open market, some of them before the others."""
    return Near(("Exchange.sol",), tuple(dict.fromkeys((*first, *MARKET_TESTS))))


def _of_a_library(named: str) -> Near:
    return Near(("mocks/LibraryHarness.sol",), ("test_libraries.py",), named)


def _of_a_mechanism(contract: str, test: str) -> Near:
    return Near((f"mechanisms/{contract}.sol",), (f"mechanisms/test_{test}.py",))


MARKET_TESTS = (
    "test_order_book.py",
    "test_signed_orders.py",
    "test_accounts.py",
    "test_certificate.py",
    "test_delivery.py",
    "test_settlement.py",
    "test_corrections.py",
    "test_groups.py",
    "test_announcements.py",
    "test_pause.py",
)
NEAR: Mapping[str, Near] = {
    "HeldRole.sol": Near(("Registry.sol",), ("test_registry.py", "attacks/test_oracle.py")),
    "LineLease.sol": Near(("LineLease.sol",), ("test_line_lease.py",)),
    "Registry.sol": Near(("Registry.sol",), ("test_registry.py", "test_groups.py")),
    "StorageLedger.sol": Near(("StorageLedger.sol",), ("test_storage_ledger.py",)),
    "exchange/Accounts.sol": _of_the_exchange("test_accounts.py"),
    "exchange/Clearing.sol": _of_the_exchange("test_certificate.py"),
    "exchange/Delivery.sol": _of_the_exchange("test_delivery.py", "test_corrections.py"),
    "exchange/OpenBook.sol": _of_the_exchange("test_signed_orders.py", "test_order_book.py"),
    "exchange/OrderBook.sol": _of_the_exchange("test_order_book.py", "test_announcements.py"),
    "exchange/Reputation.sol": _of_the_exchange("test_settlement.py", "test_groups.py"),
    "exchange/SealedBook.sol": Near(("SealedExchange.sol",), ("test_sealed_orders.py",)),
    "exchange/Settlement.sol": _of_the_exchange("test_settlement.py", "test_corrections.py"),
    "libraries/AccountLib.sol": Near(("mocks/AccountHarness.sol",), ("test_account.py",)),
    "libraries/AmountLib.sol": _of_a_library("amounts or division"),
    "libraries/CodeTableLib.sol": Near(("mocks/CodeTableHarness.sol",), ("test_code_table.py",)),
    "libraries/EdgeLib.sol": Near(
        ("mocks/EdgeHarness.sol", "mocks/LibraryHarness.sol"),
        ("test_words.py", "test_libraries.py"),
        named="edge",
    ),
    "libraries/FeeLadderLib.sol": _of_a_library("fee"),
    "libraries/LineLib.sol": _of_a_library("line"),
    "libraries/MatchingLib.sol": Near(("mocks/MatchingHarness.sol",), ("test_words.py",)),
    "libraries/NashPriceLib.sol": _of_a_library("price"),
    "libraries/OrderLib.sol": _of_a_library("order"),
    "libraries/ReputationLib.sol": _of_a_library("reputation or slot"),
    "libraries/ShareLib.sol": _of_a_library("share or remainder"),
    "libraries/SlotLib.sol": _of_the_exchange("test_order_book.py", "test_delivery.py"),
    "libraries/TradeLib.sol": _of_a_library("trades"),
    "libraries/TypedDataLib.sol": _of_the_exchange("test_signed_orders.py", "test_delivery.py"),
    "libraries/WordsLib.sol": Near(("mocks/WordsHarness.sol",), ("test_words.py",)),
    "libraries/CrossingLib.sol": _of_a_mechanism("McAfee", "mcafee"),
    "libraries/DualLib.sol": _of_a_mechanism("Matching", "matching"),
    "libraries/HeapLib.sol": _of_a_mechanism("PayAsBid", "pay_as_bid"),
    "libraries/PoolLib.sol": _of_a_mechanism("Uniform", "uniform"),
    "libraries/ReplayLib.sol": _of_a_mechanism("PayAsBid", "pay_as_bid"),
    "libraries/ShareOutLib.sol": _of_a_mechanism("MidMarket", "mid_market"),
    "libraries/SpokeLib.sol": Near(
        ("LineLease.sol",), ("test_line_lease.py", "test_mechanism_twins.py")
    ),
    **{
        f"mechanisms/{mechanism.contract}.sol": _of_a_mechanism(
            mechanism.contract, mechanism.name.replace("-", "_")
        )
        for mechanism in MECHANISMS.values()
    },
    "mechanisms/PairwiseNash.sol": Near(
        ("mechanisms/PairwiseNash.sol",), ("test_certificate.py", "test_mechanism_twins.py")
    ),
}


def contracts_reaching(file: str, folder: Path) -> list[str]:
    """Return the deployable files below `folder` that import `file`, however indirectly."""
    imports = {name: _imports_of(name, folder) for name in sources_below(folder)}
    reaching = {file}
    while more := {name for name in imports if imports[name] & reaching} - reaching:
        reaching |= more
    deployable = {name for name in reaching if name.split("/")[0] not in NEVER_DEPLOYED}
    return sorted(name for name in deployable if _has_contract(folder / name))


def can_notice(test: str, reached: Collection[str]) -> bool:
    """Return whether a file of tests runs code that is reached: those of harnesses run no other."""
    harnesses = {
        contract for near in NEAR.values() if test in near.tests for contract in near.contracts
    }
    is_of_harnesses = bool(harnesses) and all(name.startswith("mocks/") for name in harnesses)
    return not is_of_harnesses or not harnesses.isdisjoint(reached)


def _imports_of(name: str, folder: Path) -> set[str]:
    found = IMPORT.findall((folder / name).read_text(encoding="utf-8"))
    here = posixpath.dirname(name)
    return {posixpath.normpath(posixpath.join(here, imported)) for imported in found}


def _has_contract(path: Path) -> bool:
    return bool(re.search(r"^contract ", path.read_text(encoding="utf-8"), re.M))
