"""When a next-edit model is asked, what it is shown, and what of its answer is proposed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infill_completion.api import FinishReason
from infill_completion.document.changes import LineChange
from infill_completion.edits.explained import EditExplanation
from infill_completion.edits.proposal import EditKind, lines_of
from infill_completion.edits.rejections import key_of
from infill_completion.settings import EditSettings, EngineSettings, PrivacySettings, Settings
from tests.edits.by_model.model_desk import ModelDesk

CODE = """import math

LIMIT = 3


def area(width, height):
    return width * height


def volume(width, height, depth):
    base = area(width, height)
    return base * depth


print(volume(1, 2, 3))
print(LIMIT)
"""


def desk(*edits: tuple[str, str], text: str = CODE, **options: Any) -> ModelDesk:
    """Return a window whose model makes these replacements in what it is shown."""

    def rewrite(lines: str) -> str:
        for old, new in edits:
            lines = lines.replace(old, new)
        return lines

    return ModelDesk(text, rewrite, **options)


async def test_the_model_is_asked_where_the_rules_find_nothing() -> None:
    made = desk(("base * depth", "base + depth"))
    made.model.edit_format = "Sweep-2"
    made.change("width * height", "width + height")
    answer = await made.ask()
    assert [made.pair(one) for one in answer.proposals] == [("*", "+")]
    assert answer.proposals[0].kind is EditKind.MODEL
    (rewrite,) = made.model.rewrites
    assert rewrite.form == "Sweep-2"
    assert rewrite.path == "a.py"
    assert "return width + height" in rewrite.text
    assert "return width * height" in rewrite.earlier
    assert [(edit.before, edit.after) for edit in rewrite.edits] == [
        ("    return width * height", "    return width + height")
    ]
    assert rewrite.above + rewrite.text + "\n" + rewrite.below == made.buffer.text
    assert rewrite.text[: rewrite.cursor].endswith("width + height")
    (request,) = made.model.requests
    assert (request.temperature, request.deadline_ms, request.ahead) == (0.0, 5000, True)


async def test_the_rules_come_first_and_the_model_is_not_asked() -> None:
    made = desk(("base", "floor"))
    made.change("width", "breadth")
    answer = await made.ask()
    assert {one.kind for one in answer.proposals} == {EditKind.RENAME}
    assert made.model.rewrites == []


@pytest.mark.parametrize("form", ["none", "auto"])
async def test_no_model_is_asked_that_is_none_for_it(form: str) -> None:
    made = desk(("base * depth", "base + depth"), settings=Settings(edits=EditSettings(format=form)))
    if form == "auto":
        made.model.edit_format = ""
    made.change("width * height", "width + height")
    assert await made.edits() == []
    assert made.model.rewrites == []


async def test_a_setting_names_the_format_of_a_model_that_is_not_known() -> None:
    made = desk(("base * depth", "base + depth"), settings=Settings(edits=EditSettings(format="sweep")))
    made.model.edit_format = ""
    made.change("width * height", "width + height")
    assert await made.edits() == [("*", "+")]
    assert made.model.rewrites[0].form == "Sweep"


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        ([("width + height", "width - height")], "on the line of the cursor"),
        ([("base * depth", "base * (depth")], "would be a syntax error"),
        ([("base * depth", "base  *  depth")], "changes nothing but blanks"),
        ([("at most", "at least")], "in what was changed before"),
    ],
)
async def test_a_place_that_is_refused_has_a_reason(edits: list[tuple[str, str]], why: str) -> None:
    made = desk(*edits)
    made.change("= 3", "= 3 # at most")
    made.change("width * height", "width + height")
    explanation = EditExplanation(made.buffer.uri)
    answer = await made.ask(explanation=explanation)
    assert answer.proposals == ()
    verdicts = [place.verdict for kind in explanation.kinds if kind.kind == "model" for place in kind.places]
    assert why in verdicts


async def test_edits_that_only_work_together_are_one() -> None:
    text = CODE.replace("    return base", "    # of the ground\n    return base")
    made = desk(
        ("= area(width, height)", "= (area(width, height)"), ("    return base", "    )\n    return base"), text=text
    )
    made.change("width * height", "width + height")
    assert await made.edits() == [
        ("area(width, height)\n    # of the ground\n", "(area(width, height)\n    # of the ground\n    )\n")
    ]


async def test_what_else_it_changes_follows_without_asking_again() -> None:
    made = desk(("base * depth", "base // depth"), ("(1, 2, 3)", "(1, 2, 3.5)"))
    made.change("width * height", "width + height")
    first = await made.ask()
    assert len(first.proposals) == 2
    assert first.shown == first.proposals[:1]
    made.buffer.take(first.proposals[0])
    second = await made.ask()
    assert len(second.proposals) == 1
    made.buffer.take(second.proposals[0])
    assert len(made.model.rewrites) == 1
    assert "return base // depth" in made.buffer.text
    assert "(1, 2, 3.5)" in made.buffer.text


async def test_a_rejected_edit_does_not_come_again() -> None:
    made = desk(("base * depth", "base + depth"))
    made.change("width * height", "width + height")
    (proposal,) = (await made.ask()).proposals
    made.window.reject(key_of(made.buffer.uri, *lines_of(made.buffer.text, proposal)))
    assert await made.edits() == []
    assert len(made.model.rewrites) == 2


async def test_nothing_after_an_undo() -> None:
    made = desk(("base * depth", "base + depth"))
    made.change("width * height", "width + height")
    made.change("width + height", "width * height")
    assert await made.edits() == []
    assert made.model.rewrites == []


async def test_what_the_user_has_changed_is_not_taken_back() -> None:
    made = desk(("print(LIMIT)", "print(LIMIT)\nprint(0)"), text=CODE + "print(0)\n")
    made.change("print(0)\n", "")
    made.change("width * height", "width + height")
    assert await made.edits() == []
    assert len(made.model.rewrites) == 1


async def test_no_model_is_asked_while_new_code_is_written_but_after_it() -> None:
    made = desk(("print(LIMIT)", "print(LIMIT + 1)"))
    at = made.buffer.text.index("\n\n\ndef volume")
    for number, key in enumerate("\n\n\ndef side(area):\n    return math.sqrt(area)\n\n\n"):
        made.buffer.replace(at + number, at + number, key)
        assert await made.edits() == []
    assert made.model.rewrites == []
    assert await made.edits(made.buffer.text.index("print(volume")) == [("", " + 1")]


async def test_a_secret_is_not_sent_and_its_line_not_changed() -> None:
    secret = "ghp_" + "a1B2" * 9  # as GitHub's tokens look
    text = CODE.replace("LIMIT = 3", f"TOKEN = '{secret}'").replace("print(LIMIT)", "print(TOKEN)")
    made = desk(("TOKEN = ", "KEY = "), ("print(TOKEN)", "print(KEY)"), text=text)
    made.change("width * height", "width + height")
    assert await made.edits() == [("TOKEN", "KEY")]
    assert secret not in str(made.model.rewrites)


async def test_a_change_with_a_secret_is_not_shown_to_the_model() -> None:
    made = desk(("base * depth", "base + depth"))
    made.change("LIMIT = 3", "TOKEN = 'ghp_" + "a1B2" * 9 + "'")
    made.change("width * height", "width + height")
    await made.edits()
    assert [edit.before for edit in made.model.rewrites[0].edits] == ["    return width * height"]
    assert "a1B2" not in str(made.model.rewrites)


async def test_a_private_file_is_not_sent_and_its_edits_are_not_shown() -> None:
    settings = Settings(privacy=PrivacySettings(ignore=("secret.py",)))
    private = desk(("base", "floor"), settings=settings, uri="file:///w/secret.py")
    private.change("width * height", "width + height")
    assert await private.edits() == []
    assert private.model.rewrites == []
    made = desk(("base * depth", "base + depth"))
    made.change("width * height", "width + height")
    await made.edits()
    made.settings = replace(settings, privacy=PrivacySettings(ignore=("a.py",)))
    made.buffer.uri = "file:///w/b.py"
    assert await made.edits() == []
    assert len(made.model.rewrites) == 1


@pytest.mark.parametrize(
    ("finish", "error", "verdict"),
    [
        (FinishReason.DEADLINE, "", "not done in time"),
        (FinishReason.LENGTH, "", "too long"),
        (FinishReason.STOP, "The engine is busy.", "The engine is busy."),
    ],
)
async def test_an_answer_that_is_cut_short_changes_nothing(finish: FinishReason, error: str, verdict: str) -> None:
    made = desk(("base * depth", "base + depth"))
    made.model.finish, made.model.error = finish, error
    made.change("width * height", "width + height")
    explanation = EditExplanation(made.buffer.uri)
    assert (await made.ask(explanation=explanation)).proposals == ()
    assert explanation.model is not None
    assert verdict in explanation.model.verdict


async def test_an_explanation_has_what_the_model_was_given_and_answered() -> None:
    made = desk(("base * depth", "base + depth"))
    made.change("width * height", "width + height")
    explanation = EditExplanation(made.buffer.uri)
    await made.ask(explanation=explanation)
    page = explanation.to_text()
    assert "scripted, asked in the format of Sweep: it changes 1 place" in page
    assert "it was given:\n    PROMPT" in page
    assert "it answered 3 tokens in 3 steps:" in page
    assert "line 12: due" in page
    assert explanation.to_json()["model"]["prompt"] == "PROMPT"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [("", "the reason below holds for any proposal"), ("format", "is no next-edit model")],
)
async def test_an_explanation_says_why_no_model_was_asked(change: str, verdict: str) -> None:
    made = desk(("base", "floor"))
    if change:
        made.model.edit_format = ""
    made.change("width * height", "width + height")
    if not change:
        made.change("width + height", "width * height")
    explanation = EditExplanation(made.buffer.uri)
    await made.ask(explanation=explanation)
    assert verdict in explanation.to_text()


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
async def test_line_ends_stay_and_offsets_are_those_of_the_document(ending: str) -> None:
    made = desk(("    return base * depth", "    log('é')\n    return base + depth"), text=CODE.replace("\n", ending))
    made.change("width * height", "width + height")
    (proposal,) = (await made.ask()).proposals
    made.buffer.take(proposal)
    assert f"    log('é'){ending}    return base + depth{ending}" in made.buffer.text
    assert "\r" not in str(made.model.rewrites[0])


async def test_lines_with_marks_of_the_format_are_not_sent() -> None:
    made = desk(("base", "floor"), text=CODE.replace("print(LIMIT)", "print('<|cursor|>')"))
    made.change("depth)", "depth, unit)", count=0)
    made.change("base * depth", "base * unit")
    assert await made.edits() == []
    assert made.model.rewrites == []


async def test_lines_with_control_tokens_are_sent_to_the_own_engine_but_not_as_text() -> None:
    text = CODE.replace("LIMIT = 3", "LIMIT = '<|file_sep|>'")
    for url, asked in ((None, 1), ("http://127.0.0.1:9", 0)):
        made = desk(("base", "floor"), text=text, settings=Settings(engine=EngineSettings(url=url)))
        made.change("width * height", "width + height")
        await made.edits()
        assert len(made.model.rewrites) == asked


@pytest.mark.parametrize(
    ("form", "above", "below", "most"), [("sweep", 10, 10, 1200), ("sweep-2", 2, 5, 1200), ("zeta-2", 30, 30, 1050)]
)
async def test_the_window_is_that_of_the_format(form: str, above: int, below: int, most: int) -> None:
    text = "".join(f"value_{number} = {number}\n" for number in range(200))
    made = desk(("value_100", "v"), text=text, settings=Settings(edits=EditSettings(format=form)))
    made.change("= 100\n", "= make(100)\n")
    await made.edits()
    (rewrite,) = made.model.rewrites
    numbers = [int(line.split()[0].removeprefix("value_")) for line in rewrite.text.split("\n")]
    assert 100 - above <= numbers[0] <= 100 <= numbers[-1] <= 101 + below
    assert len(rewrite.text) <= most
    assert rewrite.above.endswith(f"value_{numbers[0] - 1} = {numbers[0] - 1}\n") or not rewrite.above
    assert rewrite.below.startswith(f"value_{numbers[-1] + 1} = ") or not rewrite.below


KEY_LINES = [f"Vb3{number:02}QmZkx9TtLr0aYw8eKc5NdHs2Gf7Jp4UoXi1Rv6Bz+/MAEqDhW" for number in range(30)]
KEY = "\n".join(["-----BEGIN RSA " + "PRIVATE KEY-----", *KEY_LINES, "-----END RSA " + "PRIVATE KEY-----"])


async def test_lines_from_the_middle_of_a_key_are_not_shown_after_a_change_of_one() -> None:
    """Neither mark of the key is among the lines that the model is shown."""
    made = desk(("Vb3", "Vb4"), text=f'KEY = """\n{KEY}\n"""\n')
    made.change(KEY_LINES[14][-6:], "abcdef", count=14)
    assert await made.edits() == []
    assert not any(line[8:40] in str(made.model.rewrites) for line in KEY_LINES)


async def test_a_change_within_a_key_is_not_shown_to_the_model_after_another_change() -> None:
    made = desk(("base * depth", "base + depth"), text=f'{CODE}\n\nKEY = """\n{KEY}\n"""\n')
    made.change(KEY_LINES[14][-6:], "abcdef", count=14)
    made.change("width * height", "width + height")
    assert [new for _, new in await made.edits()] == ["+"]
    assert [edit.after for edit in made.model.rewrites[0].edits] == ["    return width + height"]


@pytest.mark.parametrize(("is_open", "shown"), [(True, ["b.py", "a.py"]), (False, ["a.py"])])
async def test_only_an_open_document_tells_that_a_change_in_it_holds_no_secret(is_open: bool, shown: list[str]) -> None:
    made = desk(("base * depth", "base + depth"))
    other = f"LIMIT = 4\n{KEY}\n"
    lines = tuple(other.splitlines(keepends=True))
    typed = LineChange(0, ("LIMIT = 3\n",), lines[:1], 1), LineChange(15, ("changed\n",), lines[15:16], 2)
    made.window.follow("file:///w/b.py", typed, is_broken=False, settings=made.settings, roots=())
    made.documents |= {"file:///w/b.py": other} if is_open else {}
    made.change("width * height", "width + height")
    await made.ask()
    assert [edit.path for edit in made.model.rewrites[0].edits] == shown


async def test_what_is_left_of_an_answer_is_forgotten_with_its_document() -> None:
    made = desk(("base * depth", "base + depth"), ("volume(1, 2, 3)", "volume(1, 2, 3.5)"))
    made.change("width * height", "width + height")
    first = (await made.ask()).proposals[0]
    made.buffer.replace(first.start, first.end, first.text)
    made.buffer.log.take()
    made.window.forget(made.buffer.uri)
    assert await made.edits() == []
    assert len(made.model.rewrites) == 1


async def test_what_is_left_of_an_answer_is_not_proposed_once_edits_are_switched_off() -> None:
    made = desk(("base * depth", "base + depth"), ("volume(1, 2, 3)", "volume(1, 2, 3.5)"))
    made.change("width * height", "width + height")
    first = (await made.ask()).proposals[0]
    made.buffer.replace(first.start, first.end, first.text)
    made.settings = Settings(edits=EditSettings(enabled=False))
    assert await made.edits() == []


async def test_rejected_edits_that_only_work_together_do_not_come_again() -> None:
    text = CODE.replace("    return base", "    # of the ground\n    return base")
    made = desk(
        ("= area(width, height)", "= (area(width, height)"), ("    return base", "    )\n    return base"), text=text
    )
    made.change("width * height", "width + height")
    (proposal,) = (await made.ask()).proposals
    made.window.reject(key_of(made.buffer.uri, *lines_of(made.buffer.text, proposal)))
    assert await made.edits() == []
