"""The prompts of next-edit models, against what their authors published, and what their answers mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infill_completion.api import ContextItem, PastEdit, Rewrite
from infill_completion.prompt.formats import format_of_model
from infill_completion.prompt.rewriting.formats import (
    EDIT_FORMATS,
    EditFormat,
    edit_format_called,
    edit_format_choices,
    edit_format_of_names,
)
from infill_completion.prompt.rewriting.markers import boundaries
from infill_completion.prompt.rewriting.pieces import as_text
from infill_completion.prompt.rewriting.text import rewrite_text
from infill_completion.prompt.rewriting.tokens import rewrite_prompt
from infill_completion.settings import documentation
from tests.prompt.tokenizers import tokenizer_of

# The example of both model cards of Zeta.
CARD = Rewrite(
    form="", path="path/to/target_file.py", above="code before editable region\n",
    text="code that\nneeds to\nbe rewritten", below="code after editable region\n",
    cursor=len("code that\nneeds to"), earlier="code that\nneeds to\nbe rewritten",
    edits=(PastEdit("some_file.py", 1, "old", "new"),),
)  # fmt: skip
RELATED = [ContextItem("related/file.py", "related file content")]

ZETA_2 = """<[fim-suffix]>
code after editable region
<[fim-prefix]><filename>related/file.py
related file content

<filename>edit_history
--- a/some_file.py
+++ b/some_file.py
-old
+new

<filename>path/to/target_file.py
code before editable region
<<<<<<< CURRENT
code that
needs to<|user_cursor|>
be rewritten
=======
<[fim-middle]>"""

ZETA_2_1 = ZETA_2.replace("<<<<<<< CURRENT", "<|marker_1|>").replace("=======", "<|marker_2|>")

# The order of the parts in Sweep's announcement; `original` is the file before the last change.
SWEEP = """<|file_sep|>related/file.py
related file content
<|file_sep|>some_file.py.diff
original:
old
updated:
new
<|file_sep|>original/path/to/target_file.py
code that
needs to
be changed
<|file_sep|>current/path/to/target_file.py
code that
needs to
be rewritten
<|file_sep|>updated/path/to/target_file.py"""

# The order of `inference.py` of the second version; its line numbers count from the cursor's line.
SWEEP_2 = """<|file_sep|>path/to/target_file.py
code before editable region
code that
needs to
be changed
code after editable region

<|file_sep|>related/file.py
related file content

<|file_sep|>some_file.py:1:1
original:
old
updated:
new
<|file_sep|>original/path/to/target_file.py:2:5
code that
needs to
be changed
<|file_sep|>current/path/to/target_file.py:2:5
code that
needs to<|cursor|>
be rewritten
<|file_sep|>updated/path/to/target_file.py:2:5
"""


def form(family: str) -> EditFormat:
    found = edit_format_called(family)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("family", "wanted"), [("Zeta-2", ZETA_2), ("Zeta-2.1", ZETA_2_1), ("Sweep", SWEEP), ("Sweep-2", SWEEP_2)]
)
def test_a_prompt_is_what_was_published(family: str, wanted: str) -> None:
    rewrite = replace(CARD, earlier="code that\nneeds to\nbe changed") if family.startswith("Sweep") else CARD
    assert as_text(form(family).prompt(rewrite, RELATED)) == wanted
    assert rewrite_text(form(family), rewrite, RELATED).text == wanted


@pytest.mark.parametrize("known", EDIT_FORMATS, ids=lambda known: known.family)
def test_tokens_are_the_text_with_each_control_token_as_one(known: EditFormat) -> None:
    tokenizer = tokenizer_of(known.infilling)
    prompt = rewrite_prompt(tokenizer, known, CARD, RELATED, 10_000)
    assert prompt is not None
    text = as_text(known.prompt(CARD, RELATED))
    start = "" if tokenizer.bos is None else tokenizer.describe([tokenizer.bos])
    assert tokenizer.describe(prompt.ids) == start + text
    names = ("<|file_sep|>", "<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>")
    assert sum(id_ in tokenizer.control for id_ in prompt.ids) == sum(map(text.count, names)) + bool(start)


@pytest.mark.parametrize("known", EDIT_FORMATS, ids=lambda known: known.family)
def test_text_of_the_user_becomes_no_control_token(known: EditFormat) -> None:
    tokenizer = tokenizer_of(known.infilling)
    mark = "<|file_sep|>" if known.infilling == "Qwen2.5-Coder" else "<[fim-middle]>"
    hostile = replace(
        CARD, path=f"a{mark}b", above=f"x{mark}\n", below=f"y{mark}\n", earlier=f"z{mark}",
        edits=(PastEdit(mark, 1, f"o{mark}", f"n{mark}"),),
    )  # fmt: skip
    plain, spelled = (rewrite_prompt(tokenizer, known, one, (), 10_000) for one in (CARD, hostile))
    assert plain is not None
    assert spelled is not None
    assert [i for i in spelled.ids if i in tokenizer.control] == [i for i in plain.ids if i in tokenizer.control]
    assert rewrite_text(known, hostile).text.count(mark) == rewrite_text(known, CARD).text.count(mark)
    assert not known.can_rewrite(f"a {mark} b", as_text=True)
    assert known.can_rewrite(f"a {mark} b", as_text=False)


@pytest.mark.parametrize("known", EDIT_FORMATS, ids=lambda known: known.family)
@pytest.mark.parametrize(
    "text", ["a", "a\nb\n\nc", "a\n\n", "".join(f"line {n}\n" for n in range(40)) + "é", "x = '😀'"]
)
def test_the_answer_that_changes_nothing_is_read_as_such(known: EditFormat, text: str) -> None:
    rewrite = replace(CARD, text=text, cursor=1)
    assert known.rewritten(known.unchanged(rewrite), rewrite) == text
    assert known.rewritten("", rewrite) is None
    assert known.rewritten(" \n", rewrite) is None


@pytest.mark.parametrize(
    ("family", "raw", "wanted"),
    [
        ("Sweep", "\none\ntwo", "one\ntwo"),
        ("Sweep", "one\ntwo\n", "one\ntwo"),
        ("Sweep-2", "one<|cursor|>\ntwo\n", "one\ntwo"),
        ("Zeta-2", "one\ntwo\n>>>>>>> UPDATED\n", "one\ntwo"),
        ("Zeta-2", "one\ntwo\n", "one\ntwo"),
        ("Zeta-2", "NO_EDITS\n", CARD.text),
        ("Zeta-2", "NO_EDITS\n>>>>>>> UPDATED", CARD.text),
        ("Zeta-2.1", "<|marker_1|>\none\n<|marker_2|>\n", "one"),
        ("Zeta-2.1", "<|marker_1|>one<|user_cursor|><|marker_2|>", "one"),
        ("Zeta-2.1", "<|marker_1|><|marker_1|>", CARD.text),
        ("Zeta-2.1", "<|marker_1|>\n<|marker_2|>", ""),
        ("Zeta-2.1", "one\ntwo", None),
        ("Zeta-2.1", "<|marker_1|>\none", None),
        ("Zeta-2.1", "<|marker_2|>\none<|marker_1|>", None),
        ("Zeta-2.1", "<|marker_1|>\none<|marker_9|>", None),
        ("Zeta-2.1", "<|marker_0|>\none<|marker_2|>", None),
    ],
)
def test_an_answer_is_read_as_its_format_means_it(family: str, raw: str, wanted: str | None) -> None:
    assert form(family).rewritten(raw, CARD) == wanted


def test_one_block_of_an_answer_leaves_the_others_as_they_are() -> None:
    text = "".join(f"line {number}\n" for number in range(40)).rstrip("\n")
    rewrite = replace(CARD, text=text, cursor=0)
    lines = text.split("\n")
    assert [text.count("\n", 0, place) for place in boundaries(text + "\n")][:3] == [0, 16, 32]
    found = form("Zeta-2.1").rewritten("<|marker_2|>\nnew\n<|marker_3|>", rewrite)
    assert found == "\n".join([*lines[:16], "new", *lines[32:]])
    both = form("Zeta-2.1").rewritten("<|marker_1|>\na\n<|marker_2|>\nb\n<|marker_3|>", rewrite)
    assert both == "\n".join(["a", "b", *lines[32:]])


@pytest.mark.parametrize(
    ("lines", "starts"),
    [
        (["a"] * 5, [0, 5]),
        (["a"] * 7 + [""] + ["b"] * 7, [0, 8, 15]),
        (["a"] * 4 + [""] + ["b"] * 9, [0, 14]),  # the first block would be too short
        (["a"] * 9 + [""] + ["b"] * 3, [0, 13]),  # the last one would be
        (["a"] * 7 + ["", "}", "b"] + ["c"] * 8, [0, 9, 18]),  # no block begins with what closes another
        (["a"] * 20, [0, 16, 20]),
        (["a"] * 16 + ["return;", "end", "b", "c"], [0, 18, 20]),
    ],
)
def test_markers_stand_between_blocks(lines: list[str], starts: list[int]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    assert [text.count("\n", 0, place) for place in boundaries(text)] == starts


@pytest.mark.parametrize(
    ("name", "family", "infilling"),
    [
        ("sweepai/sweep-next-edit-0.5B", "Sweep", "Qwen2.5-Coder"),
        ("sweepai/sweep-next-edit-1.5B", "Sweep", "Qwen2.5-Coder"),
        ("/models/sweep-next-edit-1.5b.q8_0.v2.gguf", "Sweep", "Qwen2.5-Coder"),
        ("sweepai/sweep-next-edit-v2-7B", "Sweep-2", "Qwen2.5-Coder"),
        ("sweep_next_edit_v2_7b:latest", "Sweep-2", "Qwen2.5-Coder"),
        ("zed-industries/zeta-2", "Zeta-2", "Seed-Coder"),
        ("zed-industries/zeta-2.1", "Zeta-2.1", "Seed-Coder"),
        ("bartowski/zed-industries_zeta-2-GGUF/zeta-2-Q4_K_M.gguf", "Zeta-2", "Seed-Coder"),
        ("zeta2:8b", "Zeta-2", "Seed-Coder"),
        ("zed-industries/zeta", None, None),
        ("zeta-20b", None, None),
        ("continuedev/instinct", None, "Qwen2.5-Coder"),
        ("Qwen/Qwen2.5-Coder-7B", None, "Qwen2.5-Coder"),
        ("ByteDance-Seed/Seed-Coder-8B-Base", None, "Seed-Coder"),
        ("embedded", None, None),
    ],
)
def test_a_model_is_recognised_by_its_name(name: str, family: str | None, infilling: str | None) -> None:
    found = edit_format_of_names([name])
    assert (found.family if found else None) == family
    base = format_of_model(name.rsplit("/", 1)[-1])
    assert (base.family if base else None) == infilling


def test_what_does_not_fit_is_left_out_the_lines_last() -> None:
    tokenizer, known = tokenizer_of("Qwen2.5-Coder"), form("Sweep")
    whole = rewrite_prompt(tokenizer, known, CARD, RELATED, 10_000)
    assert whole is not None
    fewer = rewrite_prompt(tokenizer, known, CARD, RELATED, len(whole.ids) - 1)
    assert fewer is not None
    text = tokenizer.describe(fewer.ids)
    assert "related/file.py" not in text
    assert "some_file.py.diff" in text
    least = rewrite_prompt(tokenizer, known, CARD, RELATED, len(fewer.ids) - 1)
    assert least is not None
    assert "some_file.py.diff" not in tokenizer.describe(least.ids)
    assert least.dropped_by_source == {"context": 1, "edits": 1}
    assert rewrite_prompt(tokenizer, known, CARD, RELATED, len(least.ids) - 1) is None


def test_a_setting_names_each_format() -> None:
    choices = next(setting.choices for setting in documentation() if setting.key == "edits.format")
    assert choices == edit_format_choices()
