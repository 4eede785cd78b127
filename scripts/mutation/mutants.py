"""What a mutant is: one small change of one line of a contract."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.compile import CONTRACTS
from scripts.sources import product_sources

SEED = 2026
NOT_MUTATED = ("interfaces/", "types/", "TestDollar.sol")

NUMBER = re.compile(r"(?<![\w.\"])(0x[0-9a-f]+|[1-9]\d*)\b(?![\w.\"])")
REPLACEMENTS = [
    (r" \+ ", [" - "]),
    (r" - ", [" + "]),
    (r" \* ", [" / "]),
    (r" / ", [" * "]),
    (r" % ", [" / "]),
    (r" < ", [" <= ", " > "]),
    (r" <= ", [" < "]),
    (r" > ", [" >= ", " < "]),
    (r" >= ", [" > "]),
    (r" == ", [" != "]),
    (r" != ", [" == "]),
    (r" && ", [" || "]),
    (r" \|\| ", [" && "]),
    (r" << ", [" >> "]),
    (r" >> ", [" << "]),
    (r" \+= ", [" -= ", " = "]),
    (r" -= ", [" += "]),
    (r"\+\+(?=\w)", ["--"]),
    (r"(?<=\()!(?=\w)", [""]),
    (r"\badd\(", ["sub("]),
    (r"\bsub\(", ["add("]),
    (r"\bmul\(", ["div("]),
    (r"\bdiv\(", ["mul("]),
    (r"\bshl\(", ["shr("]),
    (r"\bshr\(", ["shl("]),
    (r"\blt\(", ["gt("]),
    (r"\bs?gt\(", ["lt("]),
    (r"\bamountDown\(", ["amountUp("]),
    (r"\bamountUp\(", ["amountDown("]),
]
STATEMENT = re.compile(
    r"^\s*(?!(?:return|using|import|error|event|function|modifier)\b)[\w.\[\]]"
    r"[^;{}]*(?:\(|=)[^;{}]*;$"
)
REFUSAL = re.compile(r"^\s*if \(.*\) revert \w[^;]*;$")
HEADER = re.compile(r"(abstract )?(contract|library) ")
NO_CODE = ("//", "/*", "*", "import", "using", "error", "event", "pragma", "keccak256(", '"')


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one line; `nth` tells it from equal changes of equal lines before it."""

    file: str
    line: int
    before: str
    after: str
    nth: int = 1

    @property
    def name(self) -> str:
        """Return a name that outlives changes of other lines."""
        change = f"{self.file}: `{self.before.strip()}` → `{self.after.strip()}`"
        return change if self.nth == 1 else f"{change} ({self.nth})"

    @property
    def lot(self) -> bytes:
        """Return what decides its place in the drawing, whatever becomes of the others."""
        return hashlib.sha256(f"{SEED} {self.name}".encode()).digest()

    def applied_to(self, text: str) -> str:
        """Return the file's text with the change."""
        lines = text.split("\n")
        if lines[self.line - 1].split(" // ")[0] != self.before:
            raise ValueError(f"{self.file}:{self.line}: expected {self.before!r}")
        lines[self.line - 1] = self.after
        return "\n".join(lines)


def mutants_of(file: str, text: str) -> Iterator[Mutant]:
    """Yield every change of a file."""
    inside = False
    seen: Counter[tuple[str, str]] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        is_header = bool(HEADER.match(bare))
        inside = inside or is_header
        if not inside or is_header or bare.startswith(NO_CODE):
            continue
        code = line.split(" // ")[0]
        for after in _changes(code):
            seen[code.strip(), after.strip()] += 1
            yield Mutant(file, number, code, after, seen[code.strip(), after.strip()])


def _changes(code: str) -> Iterator[str]:
    for found in NUMBER.finditer(code):
        yield f"{code[: found.start()]}{int(found[1], 0) + 1}{code[found.end() :]}"
    for pattern, replacements in REPLACEMENTS:
        for found in re.finditer(pattern, code):
            for replacement in replacements:
                yield code[: found.start()] + replacement + code[found.end() :]
    if REFUSAL.match(code) or STATEMENT.match(code):
        yield code[: len(code) - len(code.lstrip())] + "{}"


def all_mutants(folder: Path = CONTRACTS) -> list[Mutant]:
    """Return every mutant, in the order in which a sample takes them: a fixed, random one."""
    found = [
        mutant
        for name in product_sources()
        if not name.startswith(NOT_MUTATED)
        for mutant in mutants_of(name, (folder / name).read_text(encoding="utf-8"))
    ]
    return sorted(found, key=lambda mutant: mutant.lot)
