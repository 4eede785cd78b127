"""Tables stored as code, against a reading without assembly."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3.contract import Contract

pytestmark = pytest.mark.contract

WORDS_PER_CHUNK = 256


@settings(max_examples=30, deadline=None)
@given(words=st.lists(st.integers(0, 2**256 - 1), max_size=40))
def test_a_table_is_read_as_it_was_written(code_tables: Contract, words: list[int]) -> None:
    read, plain, _ = code_tables.functions.writtenAndRead(words).call()

    assert read == plain == words


@pytest.mark.parametrize(
    ("length", "chunks"),
    [(0, 0), (1, 1), (WORDS_PER_CHUNK, 1), (WORDS_PER_CHUNK + 1, 2), (900, 4), (1024, 4)],
)
def test_a_table_of_several_chunks_is_read_as_it_was_written(
    code_tables: Contract, length: int, chunks: int
) -> None:
    generator = random.Random(length)  # noqa: S311
    words = [generator.getrandbits(256) for _ in range(length)]

    read, plain, count = code_tables.functions.writtenAndRead(words).call()

    assert read == plain == words
    assert count == chunks


def test_a_chunk_holds_its_words_and_nothing_else(code_tables: Contract) -> None:
    words = [2**256 - 1] * (WORDS_PER_CHUNK + 1)

    _, first, second = code_tables.functions.codeSizes(words).call()

    assert first == 32 * WORDS_PER_CHUNK + 1
    assert second == 33


@settings(max_examples=15, deadline=None)
@given(
    words=st.lists(st.integers(0, 2**256 - 1), max_size=5),
    parts=st.lists(st.lists(st.integers(0, 2**256 - 1), max_size=5), min_size=1, max_size=4),
)
def test_a_table_grows_at_its_end(
    code_tables: Contract, words: list[int], parts: list[list[int]]
) -> None:
    read, plain, first, _ = code_tables.functions.appendedAndRead(words, parts).call()

    assert read == plain == words + [word for part in parts for word in part]
    assert first == words


@pytest.mark.parametrize(
    ("length", "more", "fresh"),
    [
        (WORDS_PER_CHUNK - 1, 1, 1),
        (WORDS_PER_CHUNK, 1, 1),
        (WORDS_PER_CHUNK, WORDS_PER_CHUNK, 1),
        (WORDS_PER_CHUNK + 1, 1, 1),
        (2 * WORDS_PER_CHUNK, 0, 0),
        (3 * WORDS_PER_CHUNK - 1, 2, 2),
    ],
)
def test_a_table_that_grows_keeps_its_full_chunks(
    code_tables: Contract, length: int, more: int, fresh: int
) -> None:
    words = list(range(1, length + more + 1))

    read, plain, first, count = code_tables.functions.appendedAndRead(
        words[:length], [words[length:]]
    ).call()

    assert read == plain == words
    assert first == words[:length]
    assert count == fresh
