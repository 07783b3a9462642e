"""The registry: one row for each language, and no contradictions between rows."""

from __future__ import annotations

from collections import Counter

import pytest

from infill_completion.context.imports.definitions import _RULES
from infill_completion.context.signatures.outline import _EXTRACTORS
from infill_completion.languages import block_styles as styles
from infill_completion.languages.registry import LANGUAGES, grammar_of, language_id_of, traits_of


def test_ids_endings_and_names_belong_to_one_row_each() -> None:
    keys = [key for language in LANGUAGES for key in (*language.ids, *language.endings, *language.names)]
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    assert all(ending == ending.lower() for language in LANGUAGES for ending in language.endings)


@pytest.mark.parametrize(
    ("path", "language_id"),
    [
        ("src/main.py", "python"),
        ("a.PYI", "python"),
        ("a.tsx", "typescriptreact"),
        ("include/a.h", "c"),
        ("Makefile", "makefile"),
        ("deep/CMakeLists.txt", "cmake"),
        ("notes.txt", "plaintext"),
        ("LICENSE", "plaintext"),
    ],
)
def test_a_file_gets_the_id_of_its_ending_or_its_name(path: str, language_id: str) -> None:
    assert language_id_of(path) == language_id


def test_an_unknown_language_is_taken_for_one_with_brackets() -> None:
    assert traits_of("brainfuck") is styles.UNKNOWN
    assert grammar_of("brainfuck") is None


def test_every_context_module_reads_signatures_and_imports() -> None:
    named = {language.context_module for language in LANGUAGES if language.context_module}
    assert named == set(_RULES) == set(_EXTRACTORS)
    assert all(language.grammar for language in LANGUAGES if language.context_module)
