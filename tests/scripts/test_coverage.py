"""What the coverage of contracts counts as reached."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import solcx
from web3.contract import Contract

from oracle.chain.embedded import EmbeddedChain
from scripts.compile import compile_contracts, find_compiler
from scripts.coverage.evm import Recorder, recording
from scripts.coverage.figures import Figures, figures_by_file, lines_by_test
from scripts.coverage.marks import GAS, SETTINGS, MarkedSources, Node, Place, marked

pytestmark = [pytest.mark.contract, pytest.mark.node, pytest.mark.xdist_group("compiler")]

FILE = "Toy.sol"
TOY = """// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

contract Toy { // Σ is two bytes
    function larger(uint256 a, uint256 b) external pure returns (uint256) {
        if (a > b) return a;
        else if (a == b) return 0;
        return b;
    }

    function isSmall(uint256 a) external pure returns (uint256 price) {
        price = a < 10 ? (a < 5 ? 1 : 2) : 3;
    }

    function sum(uint256 first, uint256 end) external pure returns (uint256 total) {
        for (uint256 i = first; i < end; ++i) total += i;
    }

    function halved(uint256 a) external view returns (uint256) {
        try this.half(a) returns (uint256 b) {
            return b;
        } catch {
            return 0;
        }
    }

    function half(uint256 a) external pure returns (uint256) {
        require(a % 2 == 0, "odd");
        return a / 2;
    }

    function assembled(uint256 a) external pure returns (uint256 b) {
        assembly ("memory-safe") {
            if gt(a, 5) { b := 1 }
            switch a
            case 1 { b := 2 }
            case 2 { b := 3 }
        }
    }
}
"""


@dataclass
class Toy:
    """The marked contract, and what was reached of it."""

    sources: MarkedSources
    contract: Contract
    recorder: Recorder = field(default_factory=Recorder)

    def call(self, name: str, *arguments: Any) -> Any:
        return self.contract.functions[name](*arguments).call()

    def gas_of(self, name: str, *arguments: Any) -> int:
        w3 = self.contract.w3
        sent = self.contract.functions[name](*arguments).transact({"from": w3.eth.accounts[0]})
        return w3.eth.wait_for_transaction_receipt(sent)["gasUsed"]

    @property
    def figures(self) -> Figures:
        [figures] = figures_by_file(self.sources.places, self.recorder.reached[""])
        return figures

    def missed_in(self, lines: range) -> list[str]:
        return [
            f"{place.line} {place.arm}".rstrip()
            for place in self.figures.missed
            if place.line in lines
        ]


def tree_of(text: str) -> Node:
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {FILE: {"content": text}},
            "settings": {"outputSelection": {"*": {"": ["ast"]}}},
        },
        solc_binary=find_compiler(),
    )
    tree: Node = output["sources"][FILE]["ast"]
    return tree


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    sources = marked({FILE: TOY}, {FILE: tree_of(TOY)})
    folder = tmp_path_factory.mktemp("contracts")
    for name, text in sources.texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    [artifact] = compile_contracts(folder, settings=SETTINGS).artifacts
    w3 = EmbeddedChain().w3
    factory = w3.eth.contract(abi=artifact.content["abi"], bytecode=artifact.content["bytecode"])
    sent = factory.constructor().transact({"from": w3.eth.accounts[0]})
    return Toy(sources, factory(w3.eth.wait_for_transaction_receipt(sent)["contractAddress"]))


@pytest.fixture
def toy(deployed: Toy) -> Iterator[Toy]:
    with recording() as recorder:
        yield Toy(deployed.sources, deployed.contract, recorder)


def test_a_statement_that_no_call_reaches_is_missed_and_so_is_its_arm(toy: Toy) -> None:
    assert toy.call("larger", 2, 1) == 2
    assert toy.call("larger", 1, 2) == 2

    assert toy.missed_in(range(5, 10)) == ["7", "7 if true"]


def test_an_arm_that_is_not_written_is_missed_where_it_is_not_taken(toy: Toy) -> None:
    assert toy.call("larger", 2, 1) == 2
    assert toy.call("larger", 1, 1) == 0

    assert toy.missed_in(range(5, 10)) == ["7 if false", "8"]


def test_the_arms_of_a_condition_in_a_condition_are_told_apart(toy: Toy) -> None:
    assert toy.call("isSmall", 20) == 3
    assert toy.call("isSmall", 7) == 2

    assert toy.missed_in(range(11, 14)) == ["12 ? true"]
    assert toy.call("isSmall", 3) == 1
    assert toy.missed_in(range(11, 14)) == []


def test_what_a_loop_does_is_missed_where_it_never_begins(toy: Toy) -> None:
    assert toy.call("sum", 3, 3) == 0

    assert toy.missed_in(range(15, 18)) == ["16"]
    assert toy.call("sum", 1, 4) == 6
    assert toy.missed_in(range(15, 18)) == []


def test_what_is_reverted_was_reached(toy: Toy) -> None:
    assert toy.call("halved", 3) == 0

    assert toy.missed_in(range(19, 30)) == ["20 try", "21", "28 require true", "29"]
    assert toy.call("halved", 4) == 2
    assert toy.missed_in(range(19, 30)) == []


def test_assembly_has_arms_as_well(toy: Toy) -> None:
    assert toy.call("assembled", 2) == 3
    assert toy.call("assembled", 7) == 1

    assert toy.missed_in(range(32, 40)) == ["36", "36 case"]
    assert toy.call("assembled", 1) == 2
    assert toy.missed_in(range(32, 40)) == []


def test_a_file_suffices_with_all_lines_and_nearly_all_arms(toy: Toy) -> None:
    nothing = toy.figures

    for a in (1, 2, 3, 7, 20):
        for name in ("isSmall", "halved", "assembled"):
            toy.call(name, a)
    toy.call("sum", 1, 4)
    for b in (1, 2):
        toy.call("larger", 1, b)
    line_missed = toy.figures
    toy.call("larger", 2, 1)

    assert (nothing.lines.reached, nothing.branches.reached) == (0, 0)
    assert [str(place) for place in line_missed.missed] == [f"{FILE}:6", f"{FILE}:6 if true"]
    assert not line_missed.suffice
    assert toy.figures.suffice
    assert toy.figures.missed == ()


def test_a_mark_costs_no_gas_where_it_is_noted(deployed: Toy) -> None:
    turns = 60

    with recording():
        noted = deployed.gas_of("sum", 0, turns)
    paid = deployed.gas_of("sum", 0, turns)

    assert paid - noted == (1 + turns) * GAS


def test_each_file_of_tests_knows_the_lines_that_it_reaches() -> None:
    places = [Place("A.sol", 3), Place("A.sol", 3, "if true"), Place("B.sol", 7)]

    assert lines_by_test(places, {"test_b.py": [2], "test_a.py": [0, 1]}) == {
        "test_a.py": {"A.sol": [3]},
        "test_b.py": {"B.sol": [7]},
    }
