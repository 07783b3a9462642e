"""Lines rewritten by tiny checkpoints of next-edit models: the answer does not depend on the drafts, the steps do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from infill_completion.api import Chunk, CompletionRequest, ContextItem, PastEdit, Rewrite
from infill_completion.engine.decoding.candidate import Candidate
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.errors import ModelError
from infill_completion.prompt.rewriting.formats import edit_format_called
from infill_completion.settings import EngineSettings
from tests.engine.next_edit_model import NAMES, save_next_edit_model
from tests.engine.tiny import never, save_tiny

TEXT = "def area(width, height):\n    return width * height\n\n\nprint(area(3, 4))\nprint(area(5, 6))"
NEW = TEXT.replace("(3, 4)", "(width=3, height=4)").replace("(5, 6)", "(width=5, height=6)")
FAMILIES = list(NAMES)


def asked(family: str = "", text: str = TEXT, **changes: object) -> CompletionRequest:
    edits = (PastEdit("b.py", 3, "area(1, 2)", "area(width=1, height=2)"),)
    rewrite = Rewrite(family, "a.py", "import math\n", text, "\nmain()\n", 9, text, edits)
    return CompletionRequest("", rewrite=rewrite, max_tokens=400, temperature=0.0, explain=True, **changes)  # type: ignore[arg-type]


@pytest.fixture(params=FAMILIES)
def loaded(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Generator]:
    settings = EngineSettings(
        model=str(save_next_edit_model(tmp_path, request.param)), device="cpu", quantization="none"
    )
    return request.param, Generator.load(settings, lambda *_: None)


def answer(generator: Generator, request: CompletionRequest) -> tuple[str, Chunk]:
    chunks = list(generator.stream(request, never))
    return "".join(chunk.text for chunk in chunks), chunks[-1]


def write(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Make the model want each character of ``text``, then the end; its tokens are bytes."""
    wanted = list(text.encode())

    def scores(self: Candidate, logits: Tensor) -> Tensor:
        at = len(self.ids)
        chosen = torch.full_like(logits, -10.0)
        chosen[_ids(self)[wanted[at]] if at < len(wanted) else min(self._stop_tokens)] = 10.0
        return chosen

    monkeypatch.setattr(Candidate, "scores", scores)


def _ids(candidate: Candidate) -> dict[int, int]:
    return {piece[0]: id_ for id_, piece in enumerate(candidate._tokenizer.pieces) if len(piece) == 1}


def test_the_format_is_known_from_the_name_and_the_tokens(loaded: tuple[str, Generator]) -> None:
    family, generator = loaded
    assert generator.details["edit_format"] == family
    assert generator.details["format"] in {"Qwen2.5-Coder", "Seed-Coder"}  # it completes, too


def test_the_prompt_is_that_of_the_format(loaded: tuple[str, Generator]) -> None:
    family, generator = loaded
    context = (ContextItem("c.py", "PI = 3\n"),)
    _, last = answer(generator, asked(context=context))
    assert last.explain is not None
    assert last.explain["prompt"].count("a.py") >= 1
    assert "c.py\nPI = 3" in last.explain["prompt"]
    assert ("original:\narea(1, 2)\nupdated:" if "Sweep" in family else "-area(1, 2)\n+area(") in last.explain["prompt"]


def test_drafts_do_not_change_an_answer(loaded: tuple[str, Generator]) -> None:
    _, generator = loaded
    single, drafted = (answer(generator.with_settings(draft_tokens=count), asked())[0] for count in (0, 4))
    assert single == drafted


def test_an_unchanged_line_takes_less_than_a_step(
    loaded: tuple[str, Generator], monkeypatch: pytest.MonkeyPatch
) -> None:
    family, generator = loaded
    form, request = edit_format_called(family), asked()
    assert form is not None
    assert request.rewrite is not None
    written = form.unchanged(request.rewrite).replace(TEXT, NEW)
    write(monkeypatch, written)
    found, steps = {}, {}
    for drafts in (0, 4):
        text, last = answer(generator.with_settings(draft_tokens=drafts), request)
        assert last.explain is not None
        found[drafts], steps[drafts] = form.rewritten(text, request.rewrite), last.explain["steps"]
    assert found == {0: NEW, 4: NEW}
    assert steps[0] >= len(written) - 20  # the mark that ends an answer is no part of it
    assert steps[4] < steps[0] / 4


def test_a_model_of_another_name_rewrites_in_the_format_of_the_setting(tmp_path: Path) -> None:
    settings = EngineSettings(model=str(save_tiny(tmp_path / "m", max_position_embeddings=2048)), device="cpu")
    generator = Generator.load(settings, lambda *_: None)
    assert generator.details["edit_format"] is None
    with pytest.raises(ModelError, match=r"edits\.format"):
        answer(generator, asked())
    _, last = answer(generator, asked("sweep"))
    assert last.explain is not None
    assert "updated/a.py" in last.explain["prompt"]


def test_lines_that_do_not_fit_are_an_error_with_the_next_step(tmp_path: Path) -> None:
    settings = EngineSettings(model=str(save_next_edit_model(tmp_path)), device="cpu", context_tokens=64)
    with pytest.raises(ModelError, match=r"engine\.context_tokens"):
        answer(Generator.load(settings, lambda *_: None), asked(text="x = 1\n" * 60))
