"""The runner of the table: its journal, its projects and its figures."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.unseen.__main__ import finished, measure, settings
from benchmarks.unseen.answerers import Pipeline
from benchmarks.unseen.journal import Journal
from benchmarks.unseen.projects import PROJECTS, line_holes
from benchmarks.unseen.rows import DEFAULT_ROWS, ROWS, LocalAnswers, LocalModels, row_of
from benchmarks.unseen.table import markdown
from infill_completion.api import CompletionRequest
from infill_server.commands.bench.quality.hole import CodeHole
from infill_server.errors import MeasurementError, UsageError
from training.sources import sources

RUN = {"seed": 7, "count": 4}
HOLES = [CodeHole(Path(f"/w/{name}.py"), f"x{name} = ", f"value_{name}", "\n") for name in "abcd"]


class _Scripted(LocalAnswers):
    """Answers with a text, and counts how often it was asked."""

    def __init__(self, text: str) -> None:
        self.subject, self.text, self.asked = {"model": text}, text, 0
        self.prompts: list[str] = []
        self._texts = None

    async def complete(self, request):
        from infill_completion.api import Chunk, FinishReason

        self.asked += 1
        self.prompts.append("".join(block.text for block in request.context))
        assert request.deadline_ms is not None
        yield Chunk(0, self.text, FinishReason.STOP, -0.1, 1)


async def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    file, engine = tmp_path / "journal.jsonl", _Scripted("value_a")
    journal = Journal(file, RUN)
    journal.begin("one", engine.subject)
    await measure({"one": Pipeline(engine, settings())}, "python", HOLES[:2], journal, Path("/w"))
    assert finished(["one"], "python", HOLES, journal) == {}  # two holes are missing
    with file.open("ab") as cut:
        cut.write(b'{"row": "one", "lang')
    again = Journal(file, RUN)
    again.begin("one", engine.subject)
    await measure({"one": Pipeline(engine, settings())}, "python", HOLES, again, Path("/w"))
    assert engine.asked == len(HOLES)
    figures = finished(["one"], "python", HOLES, again)["one"]
    assert (figures["hits"], figures["exact_share"]) == (1, 0.25)
    assert finished(["one"], "python", HOLES, Journal(file, RUN)) == {"one": figures}


def test_a_journal_of_other_holes_weights_or_code_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    Journal(file, RUN).begin("one", {"sha256": "1"})
    with pytest.raises(UsageError, match="journal of another run"):
        Journal(file, RUN | {"seed": 8})
    with pytest.raises(UsageError, match="other weights or settings for one"):
        Journal(file, RUN).begin("one", {"sha256": "2"})
    file.write_text("nonsense\n")
    with pytest.raises(UsageError, match="cannot be read"):
        Journal(file, RUN)


async def test_a_row_without_answers_has_no_figures(tmp_path: Path) -> None:
    journal, engine = Journal(None, RUN), _Scripted("")
    journal.begin("one", engine.subject)
    await measure({"one": Pipeline(engine, settings())}, "python", HOLES, journal, Path("/w"))
    with pytest.raises(MeasurementError, match="None of 4 holes got a suggestion"):
        finished(["one"], "python", HOLES, journal)


async def test_rows_are_compared_with_the_embedded_model_hole_by_hole() -> None:
    journal = Journal(None, RUN)
    texts = {"embedded": "value_a", "small": "value_b"}
    answerers = {name: Pipeline(_Scripted(text), settings()) for name, text in texts.items()}
    await measure(answerers, "python", HOLES, journal, Path("/w"))
    found = finished(["embedded", "small"], "python", HOLES, journal)
    assert "difference" not in found["embedded"]
    assert (found["small"]["difference"]["gained"], found["small"]["difference"]["lost"]) == (1, 1)
    table = markdown({"count": 4, "languages": {"python": {"models": found}}})
    assert "| Python, small, n-grams, re-ranked | 1 of 4 | 25.0 % (4.6 to 69.9) | +0.0 (" in table


async def test_rows_over_the_same_weights_read_a_prompt_once() -> None:
    models = LocalModels(settings().engine)
    rows = {name: await models.engine(ROWS[name]) for name in ("ngrams", "embedded", "embedded-plain")}
    text = "def total(prices):\n    result = 0\n    for price in prices:\n        result += price\n    return result\n"
    hole = CodeHole(Path("/w/a.py"), text + text.replace("total", "other")[:60], "prices:", "\n        pass\n")
    journal = Journal(None, RUN)
    answerers = {name: Pipeline(engine, settings()) for name, engine in rows.items()}
    await measure(answerers, "python", [hole], journal, Path("/w"))
    assert all(journal.has(name, "python", 0) for name in rows)
    assert rows["ngrams"].subject["ngrams"] is True
    assert rows["embedded"].subject["sha256"] == rows["embedded-plain"].subject["sha256"]
    assert "/" not in rows["embedded"].subject["model"]


async def test_the_other_files_of_a_project_are_counted_but_not_the_one_with_the_hole(tmp_path: Path) -> None:
    for name in ("owner+name/a.py", "owner+name/lib/b.py", "other+one/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"zebra = stripes_{name[-4]}(black_{name[-4]}, white)\n" * 3)
    (tmp_path / "owner+name/old.c").write_bytes("/* é */\n".encode("latin-1"))
    engine = await LocalModels(settings().engine).engine(ROWS["embedded-workspace"])

    async def rest_of(name: str, prefix: str) -> str:
        await engine.open(tmp_path / name, tmp_path)
        request = CompletionRequest(prefix, "\n", max_tokens=24, temperature=0.0, stop=("\n",), one_line=True)
        return "".join([chunk.text async for chunk in engine.complete(request)])

    assert (await rest_of("owner+name/a.py", "zebra = stripes_b(")).startswith("black_b, white)")
    assert "black_b" not in await rest_of("owner+name/lib/b.py", "zebra = stripes_b(")
    assert "black_c" not in await rest_of("owner+name/a.py", "zebra = stripes_c(")


async def test_parts_of_the_projects_other_files_are_in_the_prompt_of_the_row_that_says_so(tmp_path: Path) -> None:
    body = "def stripes(zebra):\n    return [line for line in zebra.lines if line.width > 3]\n"
    for name in ("owner+name/lib/a.py", "owner+name/lib/b.py", "other+one/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(body.replace("3", f"WIDTH_{name[-4].upper()}") * 3)
    hole = CodeHole(tmp_path / "owner+name/lib/a.py", "def stripes(zebra):\n    return ", "zebra.lines", "\n")
    engine = _Scripted("zebra.lines")
    for has_files in (False, True):
        answerer = Pipeline(engine, settings(), has_files=has_files)
        await answerer.answer(hole, 0, tmp_path)
        await answerer.answer(hole, 1, tmp_path)
        await answerer.aclose()
    prompts = [prompt for prompt in engine.prompts if prompt]
    assert ["WIDTH_B" in prompt for prompt in engine.prompts[:2]] == [False, False]
    assert all("WIDTH_B" in prompt for prompt in engine.prompts[-2:]), engine.prompts
    assert not any("WIDTH_A" in prompt or "WIDTH_C" in prompt for prompt in prompts)


def test_no_project_is_part_of_a_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {source.name for source in sources()}
    assert not listed.intersection(project for projects in PROJECTS.values() for project in projects)
    monkeypatch.setitem(PROJECTS, "c", ("antirez/kilo", sorted(listed)[0]))
    with pytest.raises(ValueError, match="part of the corpus"):
        line_holes(tmp_path, "c", 5, tmp_path)


def test_holes_of_a_language_are_always_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROJECTS, "go", ("owner/name",))
    repository = tmp_path / "owner+name" / "repo"
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    (repository / "a.go").write_text("".join(f"func f{n}() int {{\n\treturn {n}\n}}\n\n" for n in range(40)))
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a"]
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "c"], check=True)
    (repository / ".git").rename(tmp_path / "git")
    for path in repository.iterdir():
        path.unlink()
    repository.rmdir()
    (tmp_path / "git").rename(repository)
    first = line_holes(tmp_path, "go", 20, tmp_path / "one")
    second = line_holes(tmp_path, "go", 20, tmp_path / "two")
    assert [(hole.prefix, hole.expected) for hole in first] == [(hole.prefix, hole.expected) for hole in second]
    assert len(first) == 20


def test_every_default_row_is_known_and_a_path_is_a_row_too() -> None:
    assert set(DEFAULT_ROWS) <= set(ROWS)
    assert row_of("some/folder").model == "some/folder"
