"""What a model writes where it may count the texts of the workspace."""

from __future__ import annotations

from typing import Any

import pytest

from infill_completion.api import Chunk, CompletionRequest, TextUpdate
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.engine.ngram.text_store import TextStore
from tests.engine.decoding.test_generator import answers, ask

STRONG = MixtureParameters(bias=8.0)
TEXT = "def run(table):\n    value = frobnicate(quux_table)\n    return value\n"


@pytest.fixture
def mixed(tiny: Generator) -> Generator:
    return fed(tiny, workspace=STRONG, cache=None)


def fed(generator: Generator, **settings: Any) -> Generator:
    twin = generator.with_settings(**settings)
    tokenizer = twin.model.tokenizer
    twin.model.texts = TextStore(tokenizer.encode_infilling, tokenizer.vocab_size)
    twin.texts.update(TextUpdate("w", (("a.py", TEXT), ("b.py", "other = 1\n"))))
    return twin


def asked(**changes: Any) -> CompletionRequest:
    plain = {"prefix": "x = 1\n    value = frobnicate(qu", "stop": ("\n",), "workspace": "w", "max_tokens": 16}
    return ask(**plain | changes)


def test_a_name_of_another_file_is_written(mixed: Generator) -> None:
    assert answers(mixed, asked())[0] == ["ux_table)"]


@pytest.mark.parametrize(
    "changes",
    [{"workspace": ""}, {"workspace": "unknown"}, {"document": "a.py"}],
    ids=["no workspace", "one that is not held", "the text is the edited one"],
)
def test_texts_that_do_not_count_change_nothing(tiny: Generator, mixed: Generator, changes: dict[str, str]) -> None:
    plain = tiny.with_settings(cache=None)
    assert answers(mixed, asked(**changes))[0] == answers(plain, asked())[0] != ["ux_table)"]


def test_a_text_that_was_removed_is_not_written(tiny: Generator, mixed: Generator) -> None:
    mixed.texts.update(TextUpdate("w", (("a.py", None),)))
    assert answers(mixed, asked())[0] == answers(tiny.with_settings(cache=None), asked())[0]


def test_the_same_texts_give_the_same_answer_however_they_came(tiny: Generator, mixed: Generator) -> None:
    twin = fed(tiny, workspace=STRONG, cache=None)
    twin.texts.update(TextUpdate("w", (("a.py", "old = frobnicate(quark)\n"), ("c.py", TEXT))))
    twin.texts.update(TextUpdate("w", (("c.py", None),), more=True))
    twin.texts.update(TextUpdate("w", (("a.py", TEXT),)))
    for request in (asked(), asked(n=3, temperature=0.8, seed=7), asked(temperature=0.8, seed=7)):
        assert answers(twin, request)[0] == answers(mixed, request)[0]


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("weights", [None, MixtureParameters()])
def test_drafts_from_the_workspace_change_no_answer(
    tiny: Generator, weights: MixtureParameters | None, seed: int | None
) -> None:
    request = asked(max_tokens=24, stop=(), seed=seed, temperature=0.0 if seed is None else 0.8)
    drafting = fed(tiny, workspace=weights, cache=None, draft_tokens=4)
    assert (
        answers(drafting, request)[0] == answers(fed(tiny, workspace=weights, cache=None, draft_tokens=0), request)[0]
    )


def test_an_update_in_the_middle_of_an_answer_does_not_change_it_unless_it_removes_the_text(mixed: Generator) -> None:
    def interrupted(update: TextUpdate) -> str:
        chunks: list[Chunk] = []
        for chunk in mixed.stream(asked(), lambda: False):
            if not chunks:
                mixed.texts.update(update)
            chunks.append(chunk)
        return "".join(chunk.text for chunk in chunks)

    assert interrupted(TextUpdate("w", (("c.py", TEXT.replace("quux_table", "quux_list")),))) == "ux_table)"
    mixed.texts.update(TextUpdate("w", (("c.py", None),)))
    assert interrupted(TextUpdate("w", (("a.py", None),))) != "ux_table)"


def test_the_explanation_says_what_was_counted(mixed: Generator) -> None:
    _, chunks = answers(mixed, asked(explain=True))
    assert chunks[-1].explain is not None
    assert chunks[-1].explain["workspace_texts"] == 2
    assert chunks[-1].explain["workspace_tokens"] > 10
    assert chunks[-1].explain["workspace_mixed"] is True
    _, chunks = answers(mixed, asked(explain=True, workspace=""))
    assert chunks[-1].explain is not None
    assert chunks[-1].explain["workspace_texts"] == 0
    assert chunks[-1].explain["workspace_mixed"] is False


def test_the_texts_are_forgotten_with_the_model(mixed: Generator) -> None:
    index = mixed.texts.index("w")
    assert index is not None
    mixed.texts.clear()
    assert mixed.texts.index("w") is None
