"""Results of mutants: kept between runs, and summed up with what is not known about the rest."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.compile import CONTRACTS, ROOT, sources_below
from scripts.mutation.mutants import Mutant
from scripts.mutation.trial import TESTS, Fate

EXPLAINED = ROOT / TESTS / "MUTANTS.md"
EXPLANATION = re.compile(r"^- (\S+\.sol: `.*?` → `.*?`(?: \(\d+\))?): \S", re.M)
NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """
    What became of a mutant.

    `source` stands for the text of its file, `project` for all that was asked: a mutant that was
    killed stays so while its file does, one that survived is asked again whatever changes.
    """

    name: str
    place: str
    fate: Fate
    killer: str
    seconds: int
    source: str
    project: str

    def holds(self, project: str, explained: frozenset[str]) -> bool:
        """Return whether it need not be asked again."""
        if self.source != source_digest(self.place.split(":")[0]):
            return False
        return self.fate is not Fate.SURVIVED or self.project == project or self.name in explained


@dataclass(slots=True)
class Book:
    """The results so far, and the project whose tests passed without a mutant."""

    path: Path
    sound_project: str
    results: dict[str, Result]

    @classmethod
    def read(cls, path: Path) -> "Book":
        if not path.exists():
            return cls(path, "", {})
        kept = json.loads(path.read_text(encoding="utf-8"))
        results = [Result(**{**entry, "fate": Fate(entry["fate"])}) for entry in kept["results"]]
        return cls(path, kept["sound_project"], {result.name: result for result in results})

    def write(self) -> None:
        content = {
            "sound_project": self.sound_project,
            "results": [asdict(result) for result in self.results.values()],
        }
        self.path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Interval:
    """Between what bounds a share of all lies, by a sample of them."""

    low: float
    high: float


def wilson(hits: int, tries: int) -> Interval:
    """Return Wilson's 95 % confidence interval of a share."""
    if tries == 0:
        return Interval(0, 1)
    z2 = NORMAL_95**2
    centre = (hits + z2 / 2) / (tries + z2)
    spread = NORMAL_95 * math.sqrt(hits * (tries - hits) / tries + z2 / 4) / (tries + z2)
    return Interval(max(0.0, centre - spread), min(1.0, centre + spread))


@dataclass(frozen=True, slots=True)
class Score:
    """How many of the mutants that are other code were killed."""

    fates: dict[Fate, int]

    @classmethod
    def of(cls, results: Iterable[Result]) -> "Score":
        fates = dict.fromkeys(Fate, 0)
        for result in results:
            fates[result.fate] += 1
        return cls(fates)

    @property
    def tried(self) -> int:
        return self.fates[Fate.KILLED] + self.fates[Fate.SURVIVED]

    @property
    def share(self) -> float:
        return self.fates[Fate.KILLED] / self.tried if self.tried else 0

    @property
    def interval(self) -> Interval:
        return wilson(self.fates[Fate.KILLED], self.tried)


def source_digest(file: str) -> str:
    return hashlib.sha256((CONTRACTS / file).read_bytes()).hexdigest()[:16]


def project_digest() -> str:
    """Return what stands for all contracts and all that tests them."""
    files = [CONTRACTS / name for name in sources_below(CONTRACTS)]
    files += [
        path
        for folder in (ROOT / "oracle", ROOT / TESTS)
        for path in sorted(folder.rglob("*.*"))
        if path.suffix in {".json", ".py", ".sol"}
    ]
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def explained(text: str | None = None) -> frozenset[str]:
    """Return the names of the survivors that MUTANTS.md explains."""
    return frozenset(EXPLANATION.findall(text or EXPLAINED.read_text(encoding="utf-8")))


def outdated(mutants: Sequence[Mutant]) -> list[str]:
    """Return the explained mutants that are none any more."""
    return sorted(explained() - {mutant.name for mutant in mutants})
