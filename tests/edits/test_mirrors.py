"""What is added to a list is due in those that mirror it: names as they are spelled, other documents, and why not."""

from __future__ import annotations

import pytest

from infill_completion.edits.explained import EditExplanation
from infill_completion.edits.mirrors import mirrored
from infill_completion.edits.mirrors.spellings import filled, forms
from infill_completion.edits.proposal import EditRequest, Silence
from tests.edits.marked import Buffer, Window, played
from tests.edits.test_cases import proposed_text

SPELLED = {
    "as it is": ("self.red", "red", "dark_red", "self.dark_red"),
    "in a string": ('"--red"', "red", "blue", '"--blue"'),
    "in a word": ("setRedValue", "red", "darkBlue", "setDarkBlueValue"),
    "twice": ('"red=%d red"', "red", "blue", '"blue=%d blue"'),
    "in capitals": ("MAX_DARK_RED", "darkRed", "lightBlue", "MAX_LIGHT_BLUE"),
    "with hyphens": ('"dark-red"', "dark_red", "light_blue", '"light-blue"'),
    "one word for several": ('"red"', "RED", "DARK_RED", None),
}


@pytest.mark.parametrize(("token", "name", "other", "expected"), SPELLED.values(), ids=SPELLED)
def test_a_name_takes_the_place_of_another_one_in_its_spelling(
    token: str, name: str, other: str, expected: str | None
) -> None:
    assert filled(forms(token, name), other) == expected


@pytest.mark.parametrize("token", ["reduced", "scared", "Credit", "red2", "x"])
def test_part_of_a_word_is_no_name(token: str) -> None:
    assert not forms(token, "red")


FIELDS = "class P:\n    x: int\n    y: int\n    w: int\n«⟶    z: {type}\n»\n\n"
REASONS = {
    "few": (FIELDS.format(type="int") + "def f(o):\n    return o.y + o.w\n", mirrored.TOO_FEW),
    "unlike": (FIELDS.format(type="str") + "class Q:\n    x = 0\n    y = 0\n    w = 0\n", mirrored.UNLIKE_OTHERS),
    "unknown": (FIELDS.format(type="int") + "def f():\n    x = y = w = 1\n    g(x=x, y=y, w=w)\n", mirrored.UNKNOWN),
    "one side": (
        "class A:\n    def f(self, a, b, c«⟶, d: int»):\n        self.a, self.b, self.c = a, b, c\n",
        mirrored.ONE_SIDE,
    ),
    "declared otherwise": (
        "def f(x: str, y: str, w: str«⟶, z: str»):\n    pass\n\nclass Q:\n    x: int\n    y: int\n    w: int\n",
        mirrored.OTHER_TYPE,
    ),
}


@pytest.mark.parametrize(("marked", "reason"), REASONS.values(), ids=REASONS)
def test_the_explanation_says_why_a_place_is_left_as_it_is(marked: str, reason: str) -> None:
    buffer, _ = played(marked, "python")
    assert reason in explained(buffer).to_text()


def test_the_explanation_says_what_a_proposal_was_learnt_from() -> None:
    buffer, _ = played(
        "class A:\n    def __init__(self, a: int, b: int«⟶, c: int»):\n        self.a = a\n        self.b = b\n",
        "python",
    )
    found = explained(buffer)
    assert "field: self . □ = □ with c" in found.to_text()
    assert found.kinds[-1].places[0].after.endswith("        self.b = b\n        self.c = c")


def explained(buffer: Buffer) -> EditExplanation:
    buffer.ask()
    explanation = EditExplanation(buffer.uri)
    request = EditRequest(buffer.uri, buffer.version, buffer.language_id, buffer.text, buffer.offset)
    buffer.window.proposer.propose(request, explanation)
    return explanation


def test_a_field_is_due_in_other_documents() -> None:
    window = Window()
    types = Buffer("class P:\n    x: int\n    y: int\n", uri="file:///w/types.py", window=window)
    made = Buffer("def f(row):\n    return P(x=row.x, y=row.y)\n", uri="file:///w/made.py", window=window)
    types.type_over(len(types.text), "", "    z: int\n")
    types.ask()
    assert proposed_text(made) == "def f(row):\n    return P(x=row.x, y=row.y, z=row.z)\n"


def test_nothing_is_due_before_a_name_is_finished() -> None:
    buffer = Buffer("class A:\n    def __init__(self, a, b):\n        self.a = a\n        self.b = b\n")
    at = buffer.text.index(", b)") + 3
    shown = []
    for key in ", size: str":
        buffer.replace(at, at, key)
        at += 1
        shown.append(bool(buffer.ask().proposals))
    assert shown == [False] * len(", size: ") + [True] * len("str")


def test_what_was_added_beside_it_by_hand_is_not_due() -> None:
    head = "class A:\n    def __init__(self, a: int, b: int«⟶, c: int»):\n"
    buffer, _ = played(head + "        self.a = a\n        self.b = b\n        self.c = None\n", "python")
    assert buffer.ask().silence is Silence.NOTHING_LIKE_IT


def test_in_a_long_document_new_code_is_looked_at_when_its_line_is_finished() -> None:
    head = "class A:\n    x: int\n    y: int\n"
    rest = "\n    def both(self):\n        return f(x=self.x, y=self.y)\n"
    buffer = Buffer(head + rest + "\n# The end.\n" * 6_000)
    at = len(head)
    for key in "    z: int\n":
        assert not buffer.ask().proposals
        buffer.replace(at, at, key)
        at += 1
    assert proposed_text(buffer).startswith(head + "    z: int\n" + rest.replace("y=self.y", "y=self.y, z=self.z"))


def test_in_a_very_long_document_new_code_is_not_looked_at() -> None:
    head = "class A:\n    x: int\n    y: int\n"
    buffer = Buffer(head + "\n    def both(self):\n        return f(x=self.x, y=self.y)\n" + "\n# The end.\n" * 20_000)
    buffer.replace(len(head), len(head), "    z: int\n")
    assert buffer.ask().silence is Silence.TYPING
