"""``learn`` in a process of its own: what it keeps is used by an engine, shown, and deleted."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch

from infill_completion.catalog import learned, learned_rules
from infill_completion.client.launch import engine_environment, learn_command
from infill_completion.engine.__main__ import main as engine_main
from infill_completion.engine.checkpoints import devices
from infill_completion.engine.checkpoints.adapters import Adapter
from infill_completion.engine.checkpoints.fingerprint import fingerprint
from infill_completion.engine.checkpoints.selection import EMBEDDED
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.errors import ServeError
from infill_completion.engine.learning.history import RepositoryHistory
from infill_completion.engine.learning.learned import adapter_of
from infill_completion.engine.learning.school import Marks, Report, School
from infill_completion.engine.learning.student import Student
from infill_completion.engine.process import learn as command
from infill_completion.engine.process.learn import Permission, learn
from infill_completion.engine.process.lock import FileLock
from infill_completion.settings import EngineSettings, PrivacySettings, Settings
from tests.engine.learning.git_repository import commit, lines, repository_with_history


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(command, "yield_to_others", lambda: None)  # the tests' own process


def settings(model: Path | str) -> Settings:
    return replace(Settings(), engine=replace(EngineSettings(), model=str(model), device="cpu", learn_minutes=1))


def report(loss: float) -> Report:
    return Report(Marks((2.0, 2.1, 2.2), 1), Marks((loss, loss, loss), 1), 100, 60.0)


@pytest.fixture
def learned_top(tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that the model has learned."""
    top = repository_with_history(tmp_path / "repo")
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    learn(settings(tiny_folder), top, Permission())
    return top


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen while the model learns."""

    def lesson(_self: School) -> Report:
        act()
        return report(1.0)

    monkeypatch.setattr(School, "learn", lesson)


@pytest.mark.parametrize(("loss", "is_used"), [(1.0, True), (3.0, False)])
def test_what_passed_is_kept_and_used(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, loss: float, is_used: bool
) -> None:
    top = repository_with_history(tmp_path / "repo")
    monkeypatch.setattr(School, "learn", lambda self: report(loss))
    about = learn(settings(tiny_folder), top, Permission())
    assert about.is_used is is_used
    assert about == learned.read_learned(learned.folder_of(top))
    file = learned.adapter_path(top)
    assert (file is not None) is is_used
    assert len(list(learned.folder_of(top).glob("*.safetensors"))) == is_used
    assert ("used from now on" in command.sentence(about)) is is_used
    assert str(top) in command.sentence(about)
    if file is not None:
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        assert Adapter.read(file).base == fingerprint(tiny_folder)
    monkeypatch.setattr(School, "learn", lambda self: report(3.0))
    learn(settings(tiny_folder), top, Permission())
    assert learned.adapter_path(top) is None  # an adapter that is no longer better is gone
    assert [file.name for file in learned.folder_of(top).iterdir()] == [learned.ABOUT]


@pytest.mark.parametrize(("age_s", "is_again"), [(3600, False), (86_000, False), (86_500, True), (-3600, True)])
def test_nothing_is_learned_again_without_a_new_commit_or_on_the_same_day(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, age_s: int, is_again: bool
) -> None:
    top = repository_with_history(tmp_path / "repo")
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    about = learn(settings(tiny_folder), top, Permission())
    learned_at = (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat()
    about = replace(about, learned_at=learned_at)
    former = learned.adapter_path(top)
    assert former is not None
    former.rename(former.with_name(learned.adapter_name(about)))
    learned.describe(learned.folder_of(top), about)
    monkeypatch.setattr(School, "learn", lambda self: report(3.0))
    assert learn(settings(tiny_folder), top, Permission(), only_new=True) == about
    assert learned.adapter_path(top) is not None
    commit(top, {"more.py": lines("more", range(12))})
    assert learn(settings(tiny_folder), top, Permission(), only_new=True).is_used is not is_again
    assert (learned.adapter_path(top) is None) is is_again


@pytest.mark.parametrize("kept_by", ["setting", "file above"])
def test_what_the_workspace_keeps_private_is_not_learned(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, kept_by: str
) -> None:
    top = repository_with_history(tmp_path / "mono" / "repo")
    for number in range(30):
        name = f"packages/app/internal/part_{number}.py"
        commit(top, {name: lines(f"hidden{number}", range(12)), f"more_{number}.py": lines(f"more{number}", range(12))})
    chosen = settings(tiny_folder)
    if kept_by == "setting":
        chosen = replace(chosen, privacy=PrivacySettings(ignore=("internal/**",)))
        roots = [top, top / "packages" / "app"]
    else:
        (tmp_path / "mono" / ".infillignore").write_text("repo/packages/\n")
        roots = [top, tmp_path / "mono"]
    learned_from: list[RepositoryHistory] = []

    def look(self: School) -> Report:
        learned_from.append(self._history)
        return report(3.0)

    monkeypatch.setattr(School, "learn", look)
    learn(chosen, top, Permission(), roots)
    (history,) = learned_from
    assert history.files
    assert not any("hidden" in file.text for file in history.files)
    assert not any("hidden" in hole.text for hole in history.holes)


def test_what_is_private_by_now_is_forgotten(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository_with_history(tmp_path / "repo")
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    about = learn(settings(tiny_folder), top, Permission())
    assert about.is_used
    (top / ".infillignore").write_text("*.py\n")
    with pytest.raises(ServeError, match="has been deleted"):
        learn(settings(tiny_folder), top, Permission(), only_new=True)
    assert learned.adapter_path(top) is None
    assert not learned.folder_of(top).exists()


def test_what_became_private_meanwhile_is_not_kept(
    learned_top: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: (learned_top / ".infillignore").write_text("part_3.py\n"))
    with pytest.raises(ServeError, match="changed meanwhile"):
        learn(settings(tiny_folder), learned_top, Permission())
    assert list(learned.all_learned()) == []
    assert learn(settings(tiny_folder), learned_top, Permission()).is_used


def test_what_was_deleted_meanwhile_does_not_come_back(
    learned_top: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: learned.forget(learned.folder_of(learned_top)))
    with pytest.raises(ServeError, match="deleted meanwhile"):
        learn(settings(tiny_folder), learned_top, Permission())
    assert list(learned.all_learned()) == []


@pytest.mark.parametrize("fault", ["missing", "damaged", "another model's"])
def test_what_cannot_be_used_is_learned_again(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    top = repository_with_history(tmp_path / "repo")
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    learn(settings(tiny_folder), top, Permission())
    file = learned.adapter_path(top)
    assert file is not None
    if fault == "another model's":  # another one has the same name by now
        Adapter.read(file)._replace(base="another").write(file)
    elif fault == "damaged":
        file.write_bytes(b"")
    else:
        file.unlink()
    assert learn(settings(tiny_folder), top, Permission(), only_new=True).is_used
    again = learned.adapter_path(top)
    assert again is not None
    assert Adapter.read(again).base == fingerprint(tiny_folder)


@pytest.mark.parametrize("had_before", [False, True])
def test_a_full_disk_keeps_what_was_before_and_nothing_in_part(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, had_before: bool
) -> None:
    top = repository_with_history(tmp_path / "repo")
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    if had_before:
        learn(settings(tiny_folder), top, Permission())
    before = sorted(learned.learned_folder().rglob("*[!k]"))  # without the lock
    commit(top, {"more.py": lines("more", range(12))})

    def fill(_self: Adapter, file: Path) -> None:
        file.with_name(f"{file.name}.partial").write_bytes(b"x")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Adapter, "write", fill)
    with pytest.raises(ServeError, match="No space left on device"):
        learn(settings(tiny_folder), top, Permission())
    assert sorted(learned.learned_folder().rglob("*[!k]")) == before
    assert (learned.adapter_path(top) is not None) is had_before


def test_a_repository_is_learned_by_one_process_at_a_time(tmp_path: Path, tiny_folder: Path) -> None:
    top = repository_with_history(tmp_path / "repo")
    other = FileLock(learned.lock_of(top))
    assert other.acquire()
    with pytest.raises(ServeError, match="Another process is learning"):
        learn(settings(tiny_folder), top, Permission())
    other.release()


def test_the_adapter_of_the_model_in_use_stays_where_auto_names_another(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository_with_history(tmp_path / "repo")
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    about = learn(settings(tiny_folder), top, Permission())
    monkeypatch.setattr(command, "_model", lambda settings: ("another", tiny_folder))
    commit(top, {"more.py": lines("more", range(12))})
    assert learn(settings("auto"), top, Permission(), only_new=True) == about
    assert learn(settings("auto"), top, Permission()).model == "another"  # asked for


def test_a_file_that_was_not_written_to_its_end_is_deleted(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository_with_history(tmp_path / "repo")
    (learned.prepared_folder(top) / "0123456789ab.safetensors.partial").write_bytes(b"x")
    monkeypatch.setattr(School, "learn", lambda self: report(3.0))
    learn(settings(tiny_folder), top, Permission())
    assert [file.name for file in learned.folder_of(top).iterdir()] == [learned.ABOUT]


def test_a_model_on_a_gpu_does_not_learn(tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = repository_with_history(tmp_path / "repo")
    monkeypatch.setattr(devices, "choose_device", lambda wanted: torch.device("cuda"))
    with pytest.raises(ServeError, match="used on a CPU only"):
        learn(settings(tiny_folder), top, Permission())


def test_a_folder_without_history_is_refused(tmp_path: Path, tiny_folder: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(ServeError, match="Git repository"):
        learn(settings(tiny_folder), tmp_path / "plain", Permission())
    assert list(learned.all_learned()) == []


def ran(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the engine's module without input."""
    return subprocess.run(
        arguments, check=False, capture_output=True, text=True, env=engine_environment(), stdin=subprocess.DEVNULL
    )


def test_a_process_learns_a_repository(tmp_path: Path, tiny_folder: Path) -> None:
    top = repository_with_history(tmp_path / "repo")
    chosen = settings(tiny_folder)
    said = ran(learn_command(with_memory(chosen, 100), top)).stderr  # PyTorch alone takes more
    assert "raise it" in said
    (needed_mb,) = re.findall(r"more than (\d+) MiB", said)
    done = ran(learn_command(with_memory(chosen, int(needed_mb) + 32), top))  # some, as two starts differ
    assert done.returncode == 0, done.stderr
    assert str(top) in done.stdout
    (about,) = [each for _, each in learned.all_learned()]
    assert about is not None
    assert about.repository == str(top)
    assert about.holes > 0


@pytest.mark.skipif(os.name == "nt", reason="names there are Unicode")
def test_a_folder_whose_name_is_not_utf_8_is_reported(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository_with_history(tmp_path / "caf\udce9")
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    told = learn_command(settings(tiny_folder), top)
    with (tmp_path / "out").open("w", encoding="utf-8") as out:
        monkeypatch.setattr("sys.stdout", out)
        assert engine_main(told[told.index("learn") :]) == 0
    assert "caf\\udce9: " in (tmp_path / "out").read_text(encoding="utf-8")


def with_memory(chosen: Settings, memory_mb: int) -> Settings:
    """Return the settings with another limit of the memory for learning."""
    return replace(chosen, engine=replace(chosen.engine, learn_memory_mb=memory_mb))


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (3, 2), (4, 2), (8, 4), (64, 32)])
def test_half_of_the_cores_learn_but_two_where_there_are_two(cores: int, threads: int) -> None:
    assert command.threads_of(cores) == threads


def test_a_process_says_what_is_wrong(tmp_path: Path, tiny_folder: Path) -> None:
    command_line = learn_command(settings(tiny_folder), tmp_path)
    assert "Git repository" in ran(command_line).stderr
    for wrong, words in (("{", "one JSON object"), ('{"engine": {"device": 1}}', "infill.engine.device")):
        done = ran([*command_line[:6], "--settings", wrong])
        assert done.returncode == 2
        assert words in done.stderr


def test_the_process_ends_with_its_orders(tmp_path: Path, tiny_folder: Path) -> None:
    top = repository_with_history(tmp_path / "repo")
    done = ran(learn_command(settings(tiny_folder), top, ordered=True))
    assert done.returncode == command.EXIT_STOPPED
    assert list(learned.all_learned()) == []


def test_an_engine_answers_with_what_was_learned(tmp_path: Path) -> None:
    student = Student.load(EMBEDDED)
    for linear in student.linears().values():
        linear.shift.data.normal_(std=2.0)
    file = tmp_path / "adapter.safetensors"
    adapter_of(student, fingerprint(EMBEDDED)).write(file)
    chosen = EngineSettings(model="embedded", device="cpu")
    before, after = (
        Generator.load(replace(chosen, adapter=adapter), lambda share, doing: None, without_transformers=True)
        for adapter in (None, str(file))
    )
    assert before.details["adapter"] is None
    assert after.details["adapter"] == str(file)
    ids = list(range(300, 330))
    first, other = (model.model.forward_pass.prefill(ids, model.model.slots.acquire(ids)[0].cache, 0, is_last=True)
                    for model in (before, after))  # fmt: skip
    assert (first - other).abs().max() > 0.1
    before.close()
    after.close()


def change(fault: str, tensors: dict[str, torch.Tensor]) -> None:
    """Put a fault into what a matrix has learned."""
    name = next(each for each in tensors if each.endswith(".shift")).replace(".shift", ".gain")
    gain = tensors.pop(name)
    if fault != "a part missing":
        tensors[name] = {
            "other shapes": gain[:1].clone(), "not finite": gain / 0 + torch.inf, "other numbers": gain.to(torch.int8),
        }[fault]  # fmt: skip


@pytest.mark.parametrize(
    "fault", ["missing", "damaged", "another model's", "other shapes", "not finite", "other numbers", "a part missing"]
)
def test_a_bad_adapter_does_not_keep_an_engine_from_starting(tmp_path: Path, fault: str) -> None:
    file = tmp_path / "adapter.safetensors"
    if fault == "damaged":
        file.write_bytes(b"\0" * 20)
    elif fault != "missing":
        base = "another" if fault == "another model's" else fingerprint(EMBEDDED)
        adapter = adapter_of(Student.load(EMBEDDED), base)
        if fault != "another model's":
            changed = dict(adapter.learned)
            change(fault, changed)
            adapter = adapter._replace(learned=changed)
        adapter.write(file)
    chosen = EngineSettings(model="embedded", device="cpu", adapter=str(file))
    generator = Generator.load(chosen, lambda share, doing: None, without_transformers=True)
    assert generator.details["adapter"].startswith("not used: ")
    generator.close()


def test_descriptions_that_are_damaged_are_no_descriptions(tmp_path: Path) -> None:
    folder = learned.prepared_folder(tmp_path)
    for text in ("", "[]", "{}", json.dumps({"repository": 1}), "[" * 100_000):
        (folder / learned.ABOUT).write_text(text)
        assert learned.read_learned(folder) is None
    assert learned.adapter_path(tmp_path) is None
    learned.forget(folder)
    assert list(learned.all_learned()) == []


def is_in_use(top: Path, ignore: tuple[str, ...] = Settings().privacy.ignore, root: Path | None = None) -> bool:
    stand = learned_rules.rules_stand(learned.folder_of(top), ignore, [root or top])
    return stand and learned.adapter_path(top) is not None


@pytest.mark.parametrize(
    "name", [".gitignore", "deep/.gitignore", ".infillignore", ".git/info/exclude", "user's excludes"]
)
def test_an_adapter_rests_from_a_change_of_the_rules_until_they_are_looked_at(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    excludes, config = tmp_path / "excludes", tmp_path / "gitconfig"
    config.write_text(f"[core]\nexcludesFile = {excludes}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    top = repository_with_history(tmp_path / "repo")
    commit(top, {"deep/part.py": lines("deep", range(12))})
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    learn(settings(tiny_folder), top, Permission())
    rules = excludes if name == "user's excludes" else top / name
    assert is_in_use(top)

    rules.parent.mkdir(exist_ok=True)
    rules.write_text("*.log\n")
    assert not is_in_use(top)
    learn(settings(tiny_folder), top, Permission(), only_new=True)  # which keeps no other file private
    assert is_in_use(top)

    rules.write_text("*.log\npart*.py\n")
    assert not is_in_use(top)
    former = learned.read_learned(learned.folder_of(top))
    with contextlib.suppress(ServeError):  # too little is left to learn from
        learn(settings(tiny_folder), top, Permission(), only_new=True)
    about = learned.read_learned(learned.folder_of(top))
    assert former is not None
    assert about is None or about.files != former.files


def test_an_adapter_rests_while_another_configuration_of_git_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learned_top: Path
) -> None:
    assert is_in_use(learned_top)
    monkeypatch.setattr(learned_rules, "_known", {})
    with (learned_top / ".git" / "config").open("a") as file:
        file.write(f"[core]\nexcludesFile = {tmp_path / 'excludes'}\n")
    assert not is_in_use(learned_top)


def test_an_adapter_counts_where_the_setting_asks_for_less_than_when_it_was_learned(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository_with_history(tmp_path / "repo")
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    former = ("*.key", "!public.key", "secret/")
    learn(replace(settings(tiny_folder), privacy=PrivacySettings(ignore=former)), top, Permission())
    assert is_in_use(top, former)
    assert is_in_use(top, ("*.key", "!public.key"))
    for other in (("secret/",), (), ("!public.key", "*.key"), (*former, "part*"), (*former, "!secret/a.py")):
        assert not is_in_use(top, other), other


@pytest.mark.parametrize("damage", ["", "[]", '{"ignore": 1, "files": 2}', '{"ignore": [], "files": {"/a": 1}}', None])
def test_an_adapter_whose_rules_nobody_knows_rests(learned_top: Path, tiny_folder: Path, damage: str | None) -> None:
    file = learned.folder_of(learned_top) / learned_rules.RULES
    file.unlink()
    if damage is not None:
        file.write_text(damage)
    assert not is_in_use(learned_top)
    learn(settings(tiny_folder), learned_top, Permission(), only_new=True)
    assert is_in_use(learned_top)


def test_an_adapter_rests_in_a_window_whose_folder_its_rules_did_not_count_from(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository_with_history(tmp_path / "repo")
    commit(top, {"app/secret/plan.py": lines("plan", range(12)), "app/part.py": lines("app", range(12))})
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    ignore = ("secret/**",)
    chosen = replace(settings(tiny_folder), privacy=PrivacySettings(ignore=ignore))
    learn(chosen, top, Permission(), [top])
    assert is_in_use(top, ignore)
    assert not is_in_use(top, ignore, top / "app")  # where app/secret is private
    with pytest.raises(ServeError, match="deleted"):
        learn(chosen, top, Permission(), [top / "app"], only_new=True)
    assert learned.adapter_path(top) is None


def test_roots_that_keep_the_same_files_private_are_noted_beside_the_others(
    tiny_folder: Path, learned_top: Path
) -> None:
    (learned_top / "sub").mkdir()
    learn(settings(tiny_folder), learned_top, Permission(), [learned_top / "sub"], only_new=True)
    assert is_in_use(learned_top, root=learned_top / "sub")
    assert is_in_use(learned_top)


def test_an_adapter_rests_once_a_folder_is_a_repository(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository_with_history(tmp_path / "repo")
    commit(top, {"sub/part.py": lines("sub", range(12))})
    monkeypatch.setattr(School, "learn", lambda self: report(1.0))
    learn(settings(tiny_folder), top, Permission())
    assert is_in_use(top)
    subprocess.run(["git", "init", "-q", str(top / "sub")], check=True)
    assert not is_in_use(top)


def test_windows_with_different_rules_do_not_teach_in_turn(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository_with_history(tmp_path / "repo")
    commit(top, {"a/part.py": lines("a", range(12)), "b/part.py": lines("b", range(12))})
    lessons: list[None] = []
    meanwhile(monkeypatch, lambda: lessons.append(None))
    one, other = (
        replace(settings(tiny_folder), privacy=PrivacySettings(ignore=ignore)) for ignore in (("a/**",), ("b/**",))
    )
    learn(one, top, Permission(), only_new=True)
    with pytest.raises(ServeError, match="deleted"):
        learn(other, top, Permission(), only_new=True)
    assert len(lessons) == 1
    assert learned.adapter_path(top) is None  # so neither window is in doubt, and each waits for a day
    assert learn(other, top, Permission()).is_used  # as the user orders
