"""What of a workspace is sent to the engine to be counted, and when it is taken back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from infill_completion.api import Chunk, CompletionRequest, EngineUnavailableError, HeldTexts, TextUpdate
from infill_completion.context import feed as module
from infill_completion.context.feed import WorkspaceFeed
from infill_completion.context.sent_texts import Workspace
from infill_completion.engine.ngram.text_store import TextStore
from infill_completion.privacy import ignore_files, rules
from infill_completion.settings import ContextSettings, PrivacySettings, Settings
from infill_completion.suggest.completer import Completer
from tests.context.test_context import AT_ONCE, EditorDocuments
from tests.suggest.scripted import ScriptedEngine, at, says

KEY = "AKIAIOSFODNN7EXAMPLE"


class Holder:
    """An engine's store, with what was sent to it."""

    def __init__(self, max_tokens: int = 1_000_000) -> None:
        self.updates: list[TextUpdate] = []
        self.is_down = False
        self.max_tokens = max_tokens
        self.restart()

    def restart(self) -> None:
        """Forget everything, as an engine that was started again."""
        self.store = TextStore(lambda text: list(text.encode()), 256, self.max_tokens)

    async def hold(self, update: TextUpdate) -> HeldTexts:
        if self.is_down:
            raise EngineUnavailableError("It is down.")
        self.updates.append(update)
        return self.store.update(update)

    def texts(self, workspace: Workspace) -> set[str]:
        """Return the texts that are held."""
        held = self.store._workspaces.get(workspace.name)
        return {bytes(ids.tolist()).decode() for ids in held.texts.values()} if held else set()


class Fixture:
    """A feed over the files of a folder, with a clock that the test moves."""

    def __init__(self, root: Path, holder: Holder | None) -> None:
        self.root, self.now, self.private = root, 0.0, set[str]()
        self.refreshing = asyncio.Event()
        self.refreshing.set()
        self.workspace = Workspace("python", (root,))
        self.feed = WorkspaceFeed(holder, 0.0, lambda: self.now)

    async def follow(self, workspace: Workspace | None = None) -> tuple[str, str]:
        """Follow the files a while later; return what a request in `a.py` may name."""
        self.now += module.CHECK_S
        workspace = workspace or self.workspace
        await self.feed.follow(workspace, self.files, lambda path: path.name in self.private)
        return self.names(workspace)

    async def files(self) -> list[Path]:
        """Return the files of the index once it is up to date."""
        await self.refreshing.wait()
        return sorted(self.root.glob("*.py"))

    def names(self, workspace: Workspace | None = None) -> tuple[str, str]:
        """Return what a request in `a.py` may name now."""
        return self.feed.names(workspace or self.workspace, self.root / "a.py")


@pytest.fixture
def holder() -> Holder:
    return Holder()


@pytest.fixture
def fixture(tmp_path: Path, holder: Holder) -> Fixture:
    return Fixture(tmp_path, holder)


def write(path: Path, text: str, time_s: int = 1) -> None:
    path.write_text(text)
    os.utime(path, (time_s, time_s))


async def test_the_files_are_sent_without_their_names(fixture: Fixture, holder: Holder) -> None:
    write(fixture.root / "a.py", "a = 1\r\n")
    write(fixture.root / "b.py", "b = 1\n")
    assert fixture.feed.names(fixture.workspace, fixture.root / "a.py") == ("", "")
    workspace, document = await fixture.follow()
    assert holder.texts(fixture.workspace) == {"a = 1\n", "b = 1\n"}
    assert str(fixture.root) not in str(holder.updates)
    assert "a.py" not in str(holder.updates)
    assert workspace == fixture.workspace.name
    assert document in {name for update in holder.updates for name, text in update.texts if text == "a = 1\n"}


async def test_private_files_are_never_sent(fixture: Fixture, holder: Holder) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    write(fixture.root / "vault.py", "pin = 1234\n")
    fixture.private.add("vault.py")
    await fixture.follow()
    assert "1234" not in str(holder.updates)


async def test_a_file_that_becomes_private_between_check_and_reading_is_not_sent(
    fixture: Fixture, holder: Holder
) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    verdicts = iter([False, True])
    await fixture.feed.follow(fixture.workspace, fixture.files, lambda _path: next(verdicts, True))
    assert holder.texts(fixture.workspace) == set()


@pytest.mark.parametrize("how", ["private", "deleted"])
async def test_a_file_that_becomes_private_or_is_deleted_is_removed_before_anything_is_sent(
    fixture: Fixture, holder: Holder, how: str
) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    write(fixture.root / "vault.py", "pin = 1234\n")
    await fixture.follow()
    if how == "private":
        fixture.private.add("vault.py")
    else:
        (fixture.root / "vault.py").unlink()
    write(fixture.root / "new.py", "new = 1\n")
    holder.updates.clear()
    await fixture.follow()
    assert [text for _, text in holder.updates[0].texts] == [None]
    assert holder.texts(fixture.workspace) == {"a = 1\n", "new = 1\n"}


async def test_secrets_are_masked_unless_the_setting_says_otherwise(fixture: Fixture, holder: Holder) -> None:
    write(fixture.root / "a.py", f'key = "{KEY}"\n')
    await fixture.follow()
    assert holder.texts(fixture.workspace) == {'key = "********************"\n'}
    plain = replace(fixture.workspace, masks_secrets=False)
    await fixture.follow(plain)
    assert holder.texts(plain) == {f'key = "{KEY}"\n'}


async def test_only_what_was_saved_is_sent_again(fixture: Fixture, holder: Holder) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    write(fixture.root / "b.py", "b = 1\n")
    await fixture.follow()
    write(fixture.root / "b.py", "b = 2\n", time_s=2)
    holder.updates.clear()
    await fixture.follow()
    assert [text for update in holder.updates for _, text in update.texts] == ["b = 2\n"]
    assert holder.texts(fixture.workspace) == {"a = 1\n", "b = 2\n"}
    holder.updates.clear()
    await fixture.follow()
    assert [update.texts for update in holder.updates] == [()]


async def test_nothing_is_checked_again_within_moments(fixture: Fixture, holder: Holder) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    await fixture.follow()
    holder.updates.clear()
    await fixture.feed.follow(fixture.workspace, fixture.files, lambda _path: True)
    assert holder.updates == []


async def test_many_files_are_checked_less_often(
    fixture: Fixture, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE_MS", 0.0)
    monkeypatch.setattr(module, "CHECK_SHARE", 1e-9)
    for name in ("a.py", "b.py"):
        write(fixture.root / name, "x = 1\n")
    assert (await fixture.follow())[0]
    holder.updates.clear()
    await fixture.follow()
    assert holder.updates == []


async def test_changed_rules_make_the_engine_forget_what_was_sent_under_the_old_ones(
    fixture: Fixture, holder: Holder
) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    await fixture.follow()
    other = replace(fixture.workspace, ignore=("vault.py",))
    assert fixture.feed.names(other, fixture.root / "a.py") == ("", "")
    await fixture.follow(other)
    assert holder.texts(fixture.workspace) == set()
    assert holder.texts(other) == {"a = 1\n"}
    await fixture.feed.forget()
    assert holder.texts(other) == set()
    assert not fixture.feed.has_sent


async def test_everything_is_sent_again_to_an_engine_that_has_forgotten_it(fixture: Fixture, holder: Holder) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    await fixture.follow()
    holder.restart()
    await fixture.follow()
    assert holder.texts(fixture.workspace) == {"a = 1\n"}
    holder.store.update(TextUpdate(fixture.workspace.name, (((await fixture.follow())[1], None),)))  # no room
    await fixture.follow()
    assert holder.texts(fixture.workspace) == {"a = 1\n"}


async def test_an_engine_that_forgets_while_texts_are_sent_does_not_count_the_rest_alone(
    fixture: Fixture, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed between two pieces, and the next one has been started since."""
    monkeypatch.setattr(module, "PIECE_CHARS", 1)
    for name in "abc":
        write(fixture.root / f"{name}.py", f"{name} = 1\n")
    hold = Holder.hold

    async def forgetful(self: Holder, update: TextUpdate) -> HeldTexts:
        held = await hold(self, update)
        if [bool(sent.texts) for sent in self.updates].count(True) == 1 and update.texts:
            self.restart()
        return held

    monkeypatch.setattr(Holder, "hold", forgetful)
    assert await fixture.follow() == ("", "")
    assert (await fixture.follow())[0]
    assert holder.texts(fixture.workspace) == {"a = 1\n", "b = 1\n", "c = 1\n"}


async def test_no_workspace_is_named_while_the_engine_is_away(fixture: Fixture, holder: Holder) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    await fixture.follow()
    holder.is_down = True
    assert await fixture.follow() == ("", "")
    await fixture.feed.forget()
    holder.is_down = False
    assert (await fixture.follow())[0] == fixture.workspace.name


async def test_an_engine_without_room_is_not_asked_again_and_again(tmp_path: Path) -> None:
    holder = Holder(max_tokens=8)
    fixture = Fixture(tmp_path, holder)
    for name in ("a.py", "b.py"):
        write(tmp_path / name, "x = 1\n")
    await fixture.follow()
    holder.updates.clear()
    await fixture.follow()
    assert [update.texts for update in holder.updates] == [()]


async def test_much_text_comes_in_pieces_and_counts_with_the_last(
    fixture: Fixture, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE_CHARS", 10)
    for number in range(5):
        write(fixture.root / f"{number}.py", f"x = {number}\n")
    await fixture.follow()
    sent = [update for update in holder.updates if update.texts]
    assert [(len(update.texts), update.more) for update in sent] == [(2, True), (2, True), (1, False)]


async def test_sizes_are_bounded(fixture: Fixture, holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    monkeypatch.setattr(module, "MAX_BYTES", 20)
    for name, text in (("a", "a" * 11), ("b", "b" * 10), ("c", "c" * 8), ("d", "d" * 3), ("e", "e" * 2)):
        write(fixture.root / f"{name}.py", text)
    await fixture.follow()
    assert holder.texts(fixture.workspace) == {"b" * 10, "c" * 8, "e" * 2}


async def test_texts_that_may_be_private_by_now_do_not_count(fixture: Fixture, holder: Holder) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    write(fixture.root / "vault.py", "pin = 1234\n")
    assert (await fixture.follow())[0]
    fixture.now += 2 * module.CHECK_S
    assert fixture.names()[0]
    fixture.now += 2 * module.CHECK_S  # a pause, or another language
    assert fixture.names() == ("", "")
    fixture.private.add("vault.py")
    fixture.refreshing.clear()
    following = asyncio.create_task(fixture.follow())
    while not fixture.names()[0]:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert holder.texts(fixture.workspace) == {"a = 1\n"}
    assert not following.done()  # the index may take long
    fixture.refreshing.set()
    assert (await following)[0]


async def test_what_could_not_be_removed_does_not_count(fixture: Fixture, holder: Holder) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    write(fixture.root / "vault.py", "pin = 1234\n")
    await fixture.follow()
    fixture.private.add("vault.py")
    holder.is_down = True
    assert await fixture.follow() == ("", "")
    holder.is_down = False
    assert (await fixture.follow())[0]
    assert holder.texts(fixture.workspace) == {"a = 1\n"}


async def test_many_files_count_for_longer(fixture: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE_MS", 0.0)
    monkeypatch.setattr(module, "CHECK_SHARE", 1e-9)
    for name in ("a.py", "b.py"):
        write(fixture.root / name, "x = 1\n")
    assert (await fixture.follow())[0]
    fixture.now += 4 * module.CHECK_S
    assert fixture.names()[0]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b""], ids=["not UTF-8", "binary", "empty"])
async def test_what_is_not_text_is_left_out(fixture: Fixture, holder: Holder, content: bytes) -> None:
    (fixture.root / "a.py").write_bytes(content)
    write(fixture.root / "b.py", "b = 1\n")
    assert (await fixture.follow())[0]
    assert holder.texts(fixture.workspace) - {""} == {"b = 1\n"}


@pytest.mark.parametrize("link", ["aa.py", "z.py"])
@pytest.mark.parametrize("hard", [False, True])
async def test_a_file_with_several_names_counts_once_and_not_while_it_is_edited(
    fixture: Fixture, holder: Holder, link: str, *, hard: bool
) -> None:
    """Its saved text would bring back what the user has just deleted."""
    write(fixture.root / "a.py", "a = 1\n")
    write(fixture.root / "b.py", "b = 1\n")
    if hard:
        os.link(fixture.root / "a.py", fixture.root / link)
    else:
        (fixture.root / link).symlink_to("a.py")
    document = (await fixture.follow())[1]
    held = holder.store._workspaces[fixture.workspace.name].texts
    assert sorted(bytes(ids.tolist()).decode() for ids in held.values()) == ["a = 1\n", "b = 1\n"]
    assert bytes(held[document].tolist()) == b"a = 1\n"
    assert fixture.feed.names(fixture.workspace, fixture.root / link)[1] == document
    assert fixture.feed.names(fixture.workspace, fixture.root / "new.py")[1] not in held
    (fixture.root / "a.py").unlink()
    await fixture.follow()
    assert holder.texts(fixture.workspace) == ({"a = 1\n", "b = 1\n"} if hard else {"b = 1\n"})


async def test_without_an_engine_that_counts_nothing_is_read(tmp_path: Path) -> None:
    fixture = Fixture(tmp_path, None)
    write(tmp_path / "a.py", "a = 1\n")
    assert await fixture.follow() == ("", "")


async def test_a_user_who_types_on_delays_texts_but_not_removals(fixture: Fixture, holder: Holder) -> None:
    write(fixture.root / "a.py", "a = 1\n")
    write(fixture.root / "vault.py", "pin = 1234\n")
    await fixture.follow()
    fixture.private.add("vault.py")
    write(fixture.root / "a.py", "a = 2\n", time_s=2)
    fixture.feed.quiet_s = 0.001

    def keystroke() -> float:
        fixture.now += 0.1
        fixture.feed._asked_s = fixture.now
        return fixture.now

    fixture.feed._clock = keystroke
    assert (await fixture.follow())[0]
    assert holder.texts(fixture.workspace) == {"a = 1\n"}  # another check is due before there is a pause
    fixture.feed._clock = lambda: fixture.now
    fixture.now += 1
    await fixture.follow()
    assert holder.texts(fixture.workspace) == {"a = 2\n"}


class CountingEngine(Holder):
    """A scripted engine that also holds texts."""

    def __init__(self) -> None:
        super().__init__()
        self.said = ScriptedEngine(says("1"))
        self.requests = self.said.requests

    def complete(self, request: CompletionRequest) -> AsyncIterator[Chunk]:
        return self.said.complete(request)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "KEEP_S", 0.0)
    monkeypatch.setattr(ignore_files, "KEEP_S", 0.0)
    monkeypatch.setattr(module, "CHECK_S", 0.0)
    monkeypatch.setattr(module, "CHECK_SHARE", float("inf"))


async def asked(
    completer: Completer, engine: ScriptedEngine | CountingEngine, root: Path, text: str
) -> CompletionRequest:
    """Make a request, and return what the engine got when the work in the background has ended."""
    await completer.complete(at(f"{text}|\n", uri=(root / "a.py").as_uri(), invoked=True))
    working = completer._gatherer._closed_files._working
    if working is not None:
        await working
    return engine.requests[-1]


def completer_of(
    engine: ScriptedEngine | CountingEngine, root: Path, settings: Settings = AT_ONCE, **options: bool
) -> Completer:
    completer = Completer(engine, settings, EditorDocuments(folders=[root]), **options)
    completer._gatherer._closed_files._feed.quiet_s = 0.0
    return completer


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("rule", [".gitignore", ".infillignore", "setting"])
async def test_requests_name_the_workspace_and_rules_are_followed(tmp_path: Path, rule: str) -> None:
    write(tmp_path / "b.py", "b = 1\n")
    write(tmp_path / "vault.py", "pin = 1234\n")
    engine = CountingEngine()
    completer = completer_of(engine, tmp_path)
    assert (await asked(completer, engine, tmp_path, "x = ")).workspace == ""
    named = await asked(completer, engine, tmp_path, "y = ")
    assert named.workspace
    assert "1234" in str(engine.updates)
    if rule == "setting":
        completer.configure(replace(AT_ONCE, privacy=PrivacySettings(ignore=("vault.py",))))
        assert (await asked(completer, engine, tmp_path, "z = ")).workspace == ""
    else:
        (tmp_path / rule).write_text("vault.py\n")
    await asked(completer, engine, tmp_path, "zz = ")
    named = await asked(completer, engine, tmp_path, "zzz = ")
    assert named.workspace
    held = [bytes(ids.tolist()) for one in engine.store._workspaces.values() for ids in one.texts.values()]
    assert held == [b"b = 1\n"]
    await completer.aclose()


@pytest.mark.usefixtures("at_once")
async def test_without_workspace_context_the_engine_forgets_what_it_has(tmp_path: Path) -> None:
    write(tmp_path / "b.py", "b = 1\n")
    engine = CountingEngine()
    completer = completer_of(engine, tmp_path)
    for text in ("x = ", "y = "):
        await asked(completer, engine, tmp_path, text)
    assert engine.store._workspaces
    completer.configure(replace(AT_ONCE, context=ContextSettings(workspace=False)))
    for text in ("z = ", "zz = "):
        assert (await asked(completer, engine, tmp_path, text)).workspace == ""
    assert not engine.store._workspaces
    await completer.aclose()


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("why", ["a remote engine", "a recorded session"])
async def test_other_engines_and_recorded_sessions_get_no_texts(tmp_path: Path, why: str) -> None:
    write(tmp_path / "b.py", "b = 1\n")
    engine: ScriptedEngine | CountingEngine
    engine = ScriptedEngine(says("1")) if why == "a remote engine" else CountingEngine()
    completer = completer_of(engine, tmp_path, is_steady=why == "a recorded session")
    for text in ("x = ", "y = ", "z = "):
        request = await asked(completer, engine, tmp_path, text)
        assert request.workspace == ""
        assert "workspace" not in request.to_json()
    assert getattr(engine, "updates", []) == []
    await completer.aclose()
