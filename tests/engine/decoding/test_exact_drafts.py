"""Drafts on the CPU in 8 bits: the tokens of single steps where the compiled step checks them, and none elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_completion.api import CompletionRequest
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model import int8
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.native import build as native_build
from infill_completion.engine.model.native import compiler as native_compiler
from infill_completion.engine.ngram.index import NgramIndex
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.settings import EngineSettings
from tests.engine.tiny import never, save_tiny

pytestmark = pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU")

_COMPILE_LIMIT_S = 120.0
_PLACES = 12
_TEXT = "table = {}\n" + "".join(f"table['key_{n}'] = compute(value_{n}, other)\n" for n in range(12))


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of tokens in each call for scores."""
    counts: list[int] = []
    scores = ForwardPass.scores

    def counted(self: ForwardPass, ids: list[int], *args: object) -> object:
        counts.append(len(ids))
        return scores(self, ids, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(ForwardPass, "scores", counted)
    return counts


def loaded(folder: Path, *, is_tied: bool = True) -> Generator:
    model = save_tiny(folder, head_dim=32, tie_word_embeddings=is_tied)
    return Generator.load(EngineSettings(model=str(model), device="cpu", quantization="int8"), lambda *_: None)


def requests() -> Iterator[CompletionRequest]:
    lines = _TEXT.splitlines(keepends=True)
    for at in range(_PLACES):
        yield CompletionRequest(
            "".join(lines[: at + 1]) + "table['k", "".join(lines[at + 1 :]), max_tokens=24, temperature=0.0
        )


def texts(generator: Generator, draft_tokens: int, cache: MixtureParameters | None) -> list[str]:
    twin = generator.with_settings(draft_tokens=draft_tokens, cache=cache)
    return ["".join(chunk.text for chunk in twin.stream(request, never)) for request in requests()]


@pytest.mark.skipif(native_compiler.find() is None, reason="needs a C compiler")
@pytest.mark.parametrize("is_tied", [True, False])
@pytest.mark.parametrize("cache", [None, MixtureParameters()], ids=["model alone", "with cache"])
def test_the_compiled_step_chooses_the_tokens_of_single_steps(
    tmp_path: Path, rows: list[int], is_tied: bool, cache: MixtureParameters | None
) -> None:
    assert native_build.shared().wait(_COMPILE_LIMIT_S)
    generator = loaded(tmp_path, is_tied=is_tied)
    assert generator.model.forward_pass.native_step() is not None
    single = texts(generator, 0, cache)
    assert max(rows) == 1
    assert texts(generator, 4, cache) == single
    assert max(rows) > 1 or cache is None


@pytest.mark.skipif(native_compiler.find() is None, reason="needs a C compiler")
def test_counting_is_compiled_where_the_step_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert native_build.shared().wait(_COMPILE_LIMIT_S)
    generator = loaded(tmp_path)
    expected = texts(generator, 4, MixtureParameters())
    monkeypatch.setattr(NgramIndex, "_search", lambda _index: pytest.fail("counts in Python"))
    assert texts(generator, 4, MixtureParameters()) == expected


def test_torch_drafts_nothing_in_eight_bits(tmp_path: Path, rows: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_compiler, "find", lambda: None)
    generator = loaded(tmp_path)
    assert generator.model.forward_pass.native_step() is None
    cache = MixtureParameters()
    assert texts(generator, 4, cache) == texts(generator, 0, cache)
    assert max(rows) == 1


def test_torch_drafts_in_float32(tmp_path: Path) -> None:
    settings = EngineSettings(model=str(save_tiny(tmp_path)), device="cpu", quantization="none")
    assert Generator.load(settings, lambda *_: None).model.draft_tokens > 0
