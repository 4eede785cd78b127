"""What changes the mutator makes, and which it leaves alone."""

from scripts.mutate import Mutant, all_mutants, mutants_of

HEAD = "library Toy {\n"


def changes(line: str) -> list[str]:
    return [mutant.after for mutant in mutants_of("Toy.sol", HEAD + line)]


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
    assert [*mutants_of("Toy.sol", "import {a} from 'b';\nuint256 constant A = 1;\n")] == []


def test_a_mutant_is_named_by_its_change() -> None:
    assert Mutant("Toy.sol", 7, "  a + b;", "  a - b;").name == "Toy.sol: `a + b;` → `a - b;`"


def test_the_mutants_come_in_the_same_order_each_time() -> None:
    first, again = all_mutants(), all_mutants()

    assert first == again
    assert len(first) > 1000
