"""What changes the mutator makes, whom it asks of them, and what it makes of the answers."""

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.compile import CONTRACTS, ROOT
from scripts.mutation.mutants import Mutant, all_mutants, mutants_of
from scripts.mutation.reach import NEAR, can_notice, contracts_reaching
from scripts.mutation.results import Book, Result, Score, explained, outdated, source_digest, wilson
from scripts.mutation.trial import TESTS, Fate

HEAD = "library Toy {\n"
FILE = "libraries/AmountLib.sol"


def changes(line: str) -> list[str]:
    return [mutant.after for mutant in mutants_of("Toy.sol", HEAD + line)]


def a_result(fate: Fate, *, name: str = "a", project: str = "today") -> Result:
    return Result(
        name=name,
        place=f"{FILE}:7",
        fate=fate,
        killer="test_a.py::test_b" if fate is Fate.KILLED else "",
        seconds=20,
        source=source_digest(FILE),
        project=project,
    )


def test_an_operator_becomes_another() -> None:
    assert "    return a - b;" in changes("    return a + b;")
    assert "    return a > b;" in changes("    return a < b;")


def test_a_number_grows_by_one() -> None:
    assert "    x = a & 256;" in changes("    x = a & 0xff;")


def test_a_refusal_and_a_statement_are_left_out() -> None:
    assert changes("    if (bad(a)) revert Bad(a);") == ["    {}"]
    assert changes("    store(a);") == ["    {}"]


def test_comments_imports_and_headers_stay() -> None:
    assert changes("    /// @dev a + b") == []
    assert changes("    /* A + B */") == []
    assert changes("    return a; // a + b") == []
    assert [*mutants_of("Toy.sol", "import {a} from 'b';\nuint256 constant A = 1;\n")] == []


def test_a_mutant_is_named_by_its_change() -> None:
    assert Mutant("Toy.sol", 7, "  a + b;", "  a - b;").name == "Toy.sol: `a + b;` → `a - b;`"


def test_equal_changes_of_equal_lines_have_names_of_their_own() -> None:
    twins = [*mutants_of("Toy.sol", HEAD + "  if (a < b) {\n  }\n    if (a < b) {\n")]

    assert len({mutant.name for mutant in twins}) == len(twins) == 4
    assert twins[2].name == "Toy.sol: `if (a < b) {` → `if (a <= b) {` (2)"


def test_a_mutant_changes_its_line_alone() -> None:
    text = HEAD + "  a + b; // why\n  a + b;\n"
    first, second = (mutant for mutant in mutants_of("Toy.sol", text) if " - " in mutant.after)

    assert first.applied_to(text) == HEAD + "  a - b;\n  a + b;\n"
    assert second.applied_to(text) == HEAD + "  a + b; // why\n  a - b;\n"


def test_the_drawing_is_the_same_each_time_and_over_all_files() -> None:
    drawn = all_mutants()

    assert drawn == all_mutants()
    assert len(drawn) > 1000
    assert len({mutant.file for mutant in drawn[:150]}) > 15


def test_a_change_of_one_line_moves_no_other_mutant_in_the_drawing() -> None:
    mutant = all_mutants()[0]

    moved = replace(mutant, line=mutant.line + 1)

    assert moved.lot == mutant.lot


def test_a_change_reaches_what_imports_its_file_however_indirectly() -> None:
    assert contracts_reaching("exchange/OpenBook.sol", CONTRACTS) == ["Exchange.sol"]
    assert {"Exchange.sol", "mocks/LibraryHarness.sol"} <= {
        *contracts_reaching(FILE, CONTRACTS),
    }


def test_the_tests_of_a_harness_are_asked_only_of_what_it_contains() -> None:
    exchange = contracts_reaching("exchange/Settlement.sol", CONTRACTS)
    amounts = contracts_reaching(FILE, CONTRACTS)

    assert not can_notice("test_libraries.py", exchange)
    assert can_notice("test_libraries.py", amounts)
    assert can_notice("test_settlement.py", exchange)
    assert can_notice("attacks/test_rivals.py", exchange)


@pytest.mark.parametrize("file", sorted({mutant.file for mutant in all_mutants()}))
def test_each_file_has_contracts_and_tests_that_are_near(file: str) -> None:
    near = NEAR[file]

    assert {*near.contracts} <= {*contracts_reaching(file, CONTRACTS)}
    assert all((ROOT / TESTS / name).is_file() for name in near.tests)


def test_a_killed_mutant_stays_so_while_its_file_does() -> None:
    killed = a_result(Fate.KILLED, project="yesterday")

    assert killed.holds("today", frozenset())
    assert not replace(killed, source="before").holds("today", frozenset())


def test_a_survivor_is_asked_again_by_new_tests_until_it_is_explained() -> None:
    survivor = a_result(Fate.SURVIVED, project="yesterday")

    assert not survivor.holds("today", frozenset())
    assert survivor.holds("yesterday", frozenset())
    assert survivor.holds("today", frozenset({survivor.name}))


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    book = Book.read(tmp_path / "results.json")
    book.sound_project = "today"
    book.results["a"] = a_result(Fate.KILLED)

    book.write()

    assert Book.read(book.path) == book


def test_the_score_leaves_out_what_is_no_other_contract() -> None:
    fates = [Fate.KILLED] * 9 + [Fate.SURVIVED, Fate.REFUSED, Fate.SAME_CODE]

    score = Score.of(map(a_result, fates))

    assert score.share == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(hits: int, tries: int, low: float, high: float) -> None:
    interval = wilson(hits, tries)

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_explanations_are_read_line_by_line() -> None:
    text = (
        "# Title\n\n- A.sol: `a + b` → `a - b`: b is zero.\n- A.sol: `x` → `y` (2): never read.\n"
    )

    assert explained(text) == {"A.sol: `a + b` → `a - b`", "A.sol: `x` → `y` (2)"}


def test_what_is_explained_is_a_mutant() -> None:
    assert outdated(all_mutants()) == []
