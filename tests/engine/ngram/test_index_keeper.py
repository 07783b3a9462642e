"""The index of a prompt while the user types equals a new one, and is built anew where it must be."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from infill_completion.api import CompletionRequest, ContextItem
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.ngram import index_keeper
from infill_completion.engine.ngram.index_keeper import IndexKeeper
from infill_completion.engine.ngram.mixture import MixtureParameters, ngram_index

CACHE = MixtureParameters(end_tokens=2)
CODE = "total = first + second\ntotal = first * second\nprint(total)\n"
REST = "\nprint(total)\ntotal = first - second\n"
CONTEXT = (ContextItem("lib/sums.py", "def summed(first, second):\n    total = first + second\n    return total\n"),)


def equals_a_new_one(generator: Generator, keeper: IndexKeeper, request: CompletionRequest) -> bool:
    """Compare the index of a request with a new one; return whether it was made from the previous index."""
    prompt, infilling = generator.model.prompt(request), generator.model.tokenizer.infilling
    with patch.object(index_keeper, "ngram_index", wraps=ngram_index) as made:
        index = keeper.index(prompt, CACHE, infilling)
    anew = ngram_index(prompt, CACHE, infilling)
    for id_ in (None, *prompt.after[:5]):
        if id_ is not None:
            index.append(id_)
            anew.append(id_)
        assert index.levels() == anew.levels()
        assert index.draft(8) == anew.draft(8)
    return made.call_count == 0


@pytest.mark.parametrize("context", [(), CONTEXT], ids=["one file", "two files"])
def test_typing_a_line_extends_the_index(tiny: Generator, context: tuple[ContextItem, ...]) -> None:
    keeper, line = IndexKeeper(), "total = first + second"
    kept = [
        equals_a_new_one(tiny, keeper, CompletionRequest(CODE + line[:end], REST, context, max_tokens=1))
        for end in range(len(line) + 1)
    ]
    assert kept == [False, *[True] * len(line)]


@pytest.mark.parametrize(
    ("prefix", "suffix", "context"),
    [
        (CODE.replace("first", "other") + "total", REST, ()),
        (CODE + "total", REST + "more\n", ()),
        (CODE + "total", REST, CONTEXT),
        (CODE[:-20], REST, ()),
    ],
    ids=["changed above", "changed below", "another file", "deleted"],
)
def test_a_prompt_that_changed_elsewhere_is_indexed_anew(
    tiny: Generator, prefix: str, suffix: str, context: tuple[ContextItem, ...]
) -> None:
    keeper = IndexKeeper()
    assert not equals_a_new_one(tiny, keeper, CompletionRequest(CODE, REST, max_tokens=1))
    assert not equals_a_new_one(tiny, keeper, CompletionRequest(prefix, suffix, context, max_tokens=1))


def test_an_index_that_grew_much_is_built_anew(tiny: Generator) -> None:
    keeper = IndexKeeper()
    code = ""
    kept = []
    for number in range(40):
        code += f"value_{number} = first + second\n"
        kept.append(equals_a_new_one(tiny, keeper, CompletionRequest(code, REST, max_tokens=1)))
    assert kept.count(False) > 1
    assert kept.count(True) > kept.count(False)
