"""
Copies of the contracts that tell which of their places are reached.

Before each statement, and in each arm of each branch, a mark is set: a copy of no bytes of calldata
from a place that no other mark names. It changes nothing, and none of the optimizer's steps that we
let run moves, joins or removes it. Whoever sees the EVM push the number of a mark knows that its
place is reached.

Arms are those of `if`, `? :`, `try` and `require`, and in assembly of `if` and `switch`; one that
is not written is an arm, too. Operands of `&&` and `||` are not told apart, nor loops that never
begin.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.compile import SETTINGS as PRODUCT_SETTINGS

Node = Mapping[str, Any]

# About the usual steps, but none again and again; and without S, which removes stores of nothing.
STEPS = (
    "dhfoDgvulfnTUtnIfxarEscLMVculjTrpeulxarcLgvifCTUcarLsTFOtfDncarIulcjmuljulVcTOculjmul:fDnTOcmu"
)
SETTINGS: Mapping[str, Any] = {
    **PRODUCT_SETTINGS,
    "optimizer": {
        **PRODUCT_SETTINGS["optimizer"],
        "details": {
            "constantOptimizer": False,
            "cse": False,
            "yul": True,
            "yulDetails": {"stackAllocation": True, "optimizerSteps": STEPS},
        },
    },
}

PREFIX = bytes.fromhex("c07ec07e")
NUMBER_BYTES = 3
GAS = 3 + 2 + 2 + 3  # of a mark: the number, two zeros, and a copy of nothing
LIBRARY = "CoverageMarksLib"
LIBRARY_FILE = f"libraries/{LIBRARY}.sol"
LIBRARY_HEAD = "// SPDX-License-Identifier: MIT\npragma solidity >=0.8.0;\n\n"

BLOCKS = {"Block", "UncheckedBlock", "YulBlock"}
LOOPS = {"ForStatement", "WhileStatement", "DoWhileStatement"}
CODE_OWNERS = {"FunctionDefinition", "ModifierDefinition"}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A statement that tests should reach, or an arm of a branch if it names one."""

    file: str
    line: int
    arm: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.arm}".rstrip()


@dataclass(frozen=True, slots=True)
class MarkedSources:
    """The marked texts by file, and the places of the marks by number."""

    texts: Mapping[str, str]
    places: Sequence[Place]


def literal_of(number: int) -> bytes:
    """Return what the EVM pushes at a mark."""
    return PREFIX + number.to_bytes(NUMBER_BYTES, "big")


def marked(texts: Mapping[str, str], trees: Mapping[str, Node]) -> MarkedSources:
    """Return copies of files with marks, given their syntax trees; lines stay where they are."""
    places: list[Place] = []
    copies: dict[str, str] = {}
    conditions: list[str] = []
    for file, text in texts.items():
        marker = _Marker(file, text.encode(), places)
        for body in _bodies(trees[file]):
            marker.visit(body)
        up = "../" * file.count("/") or "./"
        library = f'\nimport {{{LIBRARY}}} from "{up}{LIBRARY_FILE}";\n'
        copies[file] = marker.result() + library
        conditions += marker.conditions
    copies[LIBRARY_FILE] = f"{LIBRARY_HEAD}library {LIBRARY} {{\n{''.join(conditions)}}}\n"
    return MarkedSources(copies, places)


def _bodies(node: Node) -> Iterator[Node]:
    """Yield the bodies of all functions and modifiers."""
    for child in _children(node):
        if child["nodeType"] not in CODE_OWNERS:
            yield from _bodies(child)
        elif child.get("body"):
            yield child["body"]


def _children(node: Node) -> Iterator[Node]:
    for value in node.values():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, dict) and "nodeType" in child:
                yield child


@dataclass(frozen=True, slots=True, order=True)
class _Edit:
    """
    A replacement in a file, by offsets.

    Where two meet, what closes a node comes before what opens the next. Closings are made from
    the inside out and openings from the outside in, so that `made` orders both.
    """

    start: int
    opens: bool
    made: int
    end: int
    text: str


@dataclass(slots=True)
class _Marker:
    """Marks one file. Its text is kept in bytes, as the compiler counts them."""

    file: str
    text: bytes
    places: list[Place]
    conditions: list[str] = field(default_factory=list)
    edits: list[_Edit] = field(default_factory=list)

    def result(self) -> str:
        """Return the marked text."""
        parts: list[bytes] = []
        done = 0
        for edit in sorted(self.edits):
            parts += [self.text[done : edit.start], edit.text.encode()]
            done = edit.end
        return b"".join([*parts, self.text[done:]]).decode()

    def visit(self, node: Node) -> None:
        """Set the marks in a node."""
        kind = node["nodeType"]
        if kind in BLOCKS:
            for statement in node["statements"]:
                self._visit_statement(statement)
        elif kind in LOOPS:
            self._visit_loop(node)
        elif kind == "IfStatement":
            self._visit_if(node)
        elif kind == "Conditional":
            self._visit_condition(node["condition"], "?")
            self.visit(node["trueExpression"])
            self.visit(node["falseExpression"])
        elif kind == "FunctionCall" and node["expression"].get("name") == "require":
            self._visit_condition(node["arguments"][0], "require")
        elif kind == "TryStatement":
            self._visit_try(node)
        elif kind == "InlineAssembly":
            self.visit(node["AST"])
        elif kind == "YulIf":
            self._visit_yul_if(node)
        elif kind == "YulSwitch":
            self._visit_yul_switch(node)
        else:
            for child in _children(node):
                self.visit(child)

    def _visit_statement(self, node: Node) -> None:
        if node["nodeType"] not in {*BLOCKS, "YulFunctionDefinition"}:
            self._open(_start(node), self._mark(node))
        self.visit(node)

    def _visit_loop(self, node: Node) -> None:
        for child in _children(node):
            if child is not node["body"]:
                self.visit(child)
        self._visit_body(node["body"])

    def _visit_if(self, node: Node) -> None:
        self.visit(node["condition"])
        self._visit_body(node["trueBody"], self._mark(node, "if true"))
        otherwise = self._mark(node, "if false")
        if node.get("falseBody"):
            self._visit_body(node["falseBody"], otherwise)
        else:
            self._close(self._end(node["trueBody"]), f" else {{ {otherwise}}}")

    def _visit_body(self, node: Node, mark: str = "") -> None:
        """Visit what a loop or an arm does, which may be a statement without braces."""
        if node["nodeType"] in BLOCKS:
            self._open(_start(node) + 1, f" {mark}")
            self.visit(node)
        else:
            self._open(_start(node), f"{{ {mark}")
            self._visit_statement(node)
            self._close(self._end(node), " }")

    def _visit_condition(self, node: Node, name: str) -> None:
        """Let a condition pass through a function that tells which way it goes."""
        number = len(self.places)
        true, false = self._mark(node, f"{name} true"), self._mark(node, f"{name} false")
        self.conditions.append(
            f"    function mark{number}(bool condition) internal pure returns (bool) {{\n"
            f"        if (condition) {{ {true}}} else {{ {false}}}\n"
            "        return condition;\n"
            "    }\n"
        )
        self._open(_start(node), f"{LIBRARY}.mark{number}(")
        self.visit(node)
        self._close(_start(node) + _length(node), ")")

    def _visit_try(self, node: Node) -> None:
        self.visit(node["externalCall"])
        for clause in node["clauses"]:
            arm = "catch" if clause is not node["clauses"][0] else "try"
            self._visit_body(clause["block"], self._mark(clause, arm))

    def _visit_yul_if(self, node: Node) -> None:
        """Make a `switch` of it, which has another arm."""
        start = _start(node)
        self._edit(start, start + len("if"), "switch", opens=True)
        otherwise = self._mark(node, "if false")
        self._open(_start(node["body"]), f"case 0 {{ {otherwise}}} default ")
        self._visit_body(node["body"], self._mark(node, "if true"))

    def _visit_yul_switch(self, node: Node) -> None:
        for case in node["cases"]:
            self._visit_body(case["body"], self._mark(case, "case"))
        if all(case["value"] != "default" for case in node["cases"]):
            self._close(self._end(node), f" default {{ {self._mark(node, 'no case')}}}")

    def _mark(self, node: Node, arm: str = "") -> str:
        """Return the code of the next mark, for a place in a node of the same language."""
        code = f"calldatacopy(0, 0x{literal_of(len(self.places)).hex()}, 0) "
        line = self.text.count(b"\n", 0, _start(node)) + 1
        self.places.append(Place(self.file, line, arm))
        return (
            code if node["nodeType"].startswith("Yul") else f'assembly ("memory-safe") {{ {code}}} '
        )

    def _open(self, offset: int, text: str) -> None:
        self._edit(offset, offset, text, opens=True)

    def _close(self, offset: int, text: str) -> None:
        self._edit(offset, offset, text, opens=False)

    def _edit(self, start: int, end: int, text: str, *, opens: bool) -> None:
        self.edits.append(_Edit(start, opens, len(self.edits), end, text))

    def _end(self, node: Node) -> int:
        """Return where a statement ends, with the semicolon that the compiler does not count."""
        end = _start(node) + _length(node)
        semicolon = re.compile(rb"\s*;").match(self.text, end)
        ends_itself = self.text[end - 1 : end] in {b";", b"}"}
        return end if ends_itself or semicolon is None else semicolon.end()


def _start(node: Node) -> int:
    return int(node["src"].split(":")[0])


def _length(node: Node) -> int:
    return int(node["src"].split(":")[1])
