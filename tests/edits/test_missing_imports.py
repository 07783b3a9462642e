"""A name that is used but bound nowhere is imported as the other open files import it."""

from __future__ import annotations

import pytest

from infill_completion.edits.proposal import EditKind
from tests.edits.marked import Buffer

OTHER = "from pathlib import Path\nimport numpy as np\nimport os\nfrom m import a, b as c\n"


def proposed(text: str, typed: str, others: tuple[str, ...] = (OTHER,)) -> str | None:
    """Return the document after ``typed`` was typed at its end and the cursor went to the first line."""
    buffer = Buffer(text)
    buffer.others = others
    for index, key in enumerate(typed):
        buffer.replace(len(text) + index, len(text) + index, key)
        assert buffer.ask().proposals == ()
    found = buffer.ask(offset=0).proposals
    if not found:
        return None
    assert [proposal.kind for proposal in found] == [EditKind.IMPORT]
    buffer.take(found[0])
    return buffer.text


HEAD = "import sys\n\nx = 1\n"


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("y = Path(x)", "from pathlib import Path"),
        ("y = np.zeros(3)", "import numpy as np"),
        ("y = os.sep", "import os"),
        ("y = a()", "from m import a"),
        ("y = c()", "from m import b as c"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_the_import_of_the_other_file_is_added_below_the_last_one(typed: str, line: str, ending: str) -> None:
    text = HEAD.replace("\n", ending)
    wanted = text.replace(f"import sys{ending}", f"import sys{ending}{line}{ending}") + typed
    assert proposed(text, typed) == wanted


def test_without_imports_it_goes_below_the_docstring() -> None:
    assert proposed('"""What."""\n\nx = 1\n', "y = os.sep") == '"""What."""\nimport os\n\nx = 1\ny = os.sep'


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
    ],
)
def test_nothing_is_imported_that_is_known_or_not_sure(text: str, typed: str, others: tuple[str, ...]) -> None:
    assert proposed(text, typed, others) is None
