"""A name that is used but bound nowhere is imported as the other open files import it."""

from __future__ import annotations

import pytest

from infill_completion.edits.proposal import EditKind
from tests.edits.marked import Buffer

OTHER = "from pathlib import Path\nimport numpy as np\nimport os\nfrom m import a, b as c\n"


def proposed(text: str, typed: str, others: tuple[str, ...] = (OTHER,), offset: int = 0) -> str | None:
    """Return the document after ``typed`` was typed at its end and the cursor went elsewhere."""
    buffer = Buffer(text)
    buffer.files = {f"file:///w/{index}.py": other for index, other in enumerate(others)}
    for index, key in enumerate(typed):
        buffer.replace(len(text) + index, len(text) + index, key)
        assert buffer.ask().proposals == ()
    found = buffer.ask(offset=offset).proposals
    if not found:
        return None
    assert [proposal.kind for proposal in found] == [EditKind.IMPORT]
    buffer.take(found[0])
    return buffer.text


HEAD = "import sys\n\nx = 1\n"


@pytest.mark.parametrize(
    ("typed", "imports"),
    [
        ("y = Path(x)", "import sys\nfrom pathlib import Path\n"),
        ("y = np.zeros(3)", "import sys\n\nimport numpy as np\n"),
        ("y = os.sep", "import os\nimport sys\n"),
        ("y = a()", "import sys\n\nfrom m import a\n"),
        ("y = c()", "import sys\n\nfrom m import b as c\n"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_the_import_of_the_other_file_is_added_in_its_group(typed: str, imports: str, ending: str) -> None:
    text = HEAD.replace("\n", ending)
    wanted = text.replace(f"import sys{ending}", imports.replace("\n", ending)) + typed
    below = text.index("x")
    assert proposed(text, typed, offset=below) == wanted
    assert proposed(text, typed, (OTHER.replace("\n", "\r\n"),), below) == wanted


def test_without_imports_it_goes_below_the_docstring() -> None:
    assert proposed('"""What."""\n\nx = 1\n', "y = os.sep") == '"""What."""\nimport os\n\nx = 1\ny = os.sep'


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ('"""What.\n\nimport that first.\n"""\n', "\nx = 1\n"),
        ("'''What.'''\n", "\nx = 1\n"),
        ('# c\nr"""What."""  # it is\n', "x = 1\n"),
        ("import json, \\\n    re\n", "x = 1\nimport b\n"),
        ("#!/bin/python\n", "x = 1\n"),
    ],
)
def test_it_goes_below_strings_and_imports_that_go_on(above: str, below: str) -> None:
    assert proposed(above + below, "y = os.sep") == f"{above}import os\n{below}y = os.sep"


def test_it_goes_below_a_list_of_several_lines() -> None:
    head = "from json import (\n    z,\n)  # all\n"
    assert proposed(f"{head}\nx = 1\n", "y = Path(x)") == f"{head}from pathlib import Path\n\nx = 1\ny = Path(x)"


def test_it_goes_above_an_import_of_a_long_name() -> None:
    line = "import " + "a" * 100_000  # hours for a pattern that goes back in the line at each place
    assert proposed(f"x=1\n{line}\n", "y=os") == f"x=1\nimport os\n\n{line}\ny=os"


@pytest.mark.parametrize(
    ("text", "typed", "others"),
    [
        (HEAD, "y = sys.path", (OTHER,)),
        (HEAD, "y = x.os", (OTHER,)),
        (HEAD, "f(os=1)", (OTHER,)),
        (HEAD, "os = 1", (OTHER,)),
        (HEAD, "y = len(x)", ("from m import len\n",)),
        (HEAD, "y = unknown", (OTHER,)),
        (HEAD, "y = a", (OTHER, "from n import a\n")),
        (HEAD, "y = a", ("from .m import a\n",)),
        (HEAD, "y = 'Path'", (OTHER,)),
        ("from m import *\n", "y = os.sep", (OTHER,)),
        (HEAD, "y = os.sep", ()),
        (HEAD, "y = os.sep", ('"""\nimport os\n"""\n',)),
        ("import sys; x = 1\n", "y = os.sep", (OTHER,)),
        (HEAD + "x.Path\n" * 2000, "y = Path(x)", (OTHER,)),
    ],
)
def test_nothing_is_imported_that_is_known_or_not_sure(text: str, typed: str, others: tuple[str, ...]) -> None:
    assert proposed(text, typed, others) is None


@pytest.mark.parametrize(
    ("count", "path", "is_due"), [(3, "/app/main.py", False), (4, "/app/main.py", True), (1, "/tools/main.py", True)]
)
def test_what_fewer_than_four_files_import_counts_only_near_them(count: int, path: str, is_due: bool) -> None:
    buffer = Buffer(HEAD, uri=path)
    buffer.files = {f"/tools/{index}.py": "from m import a\n" for index in range(count)}
    buffer.replace(len(HEAD), len(HEAD), "y = a()")
    assert bool(buffer.ask(offset=0).proposals) is is_due


@pytest.mark.parametrize(("usual", "others", "is_due"), [(9, 1, True), (8, 1, False), (36, 4, True), (35, 4, False)])
def test_one_file_in_ten_may_import_something_else(usual: int, others: int, is_due: bool) -> None:
    texts = ("from m import a\n",) * usual + ("from n import a\n",) * others
    assert (proposed(HEAD, "y = a", texts) is not None) is is_due
