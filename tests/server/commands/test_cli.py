"""The command line as a user sees it: real processes, the real engine, the embedded model."""

import ast
import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.client.remote.products import OpenAIServer

DEADLINE_S = 180
PROGRAM = "def add(left, right):\n    return left + \n\n\ndef total(prices):\n    return sum(prices)\n"


@dataclass
class CommandLine:
    """Runs ``infill-ls`` in a folder, with a separate run directory and settings."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "infill_server.entry", *arguments]
        environment = os.environ | self.environment
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )

    def refused(self, *arguments: str) -> str:
        """Run a command that fails and return its one-sentence error."""
        done = self(*arguments)
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("infill-ls: ")
        assert line.endswith(".")
        return line.removeprefix("infill-ls: ")

    @property
    def connection_files(self) -> list[Path]:
        return list(Path(self.environment["XDG_RUNTIME_DIR"]).glob("infill-ls/*.json"))


@pytest.fixture(scope="module")
def infill_ls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    for name in ("run", "hub"):
        (folder / name).mkdir()
    (folder / "add.py").write_text(PROGRAM)
    os.mkfifo(folder / "pipe.py")
    (folder / "photo.py").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (folder / "latin.py").write_bytes("naïve = 1\n".encode("latin-1"))
    command = CommandLine(
        folder,
        {
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "HF_HUB_CACHE": str(folder / "hub"),
            "INFILL_LS_CONFIG": str(folder / "config.toml"),
        },
    )
    yield command
    done = command("engine", "stop")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("missing.py:1:1", "File not found: missing.py"),
        (".:1:1", "is a folder"),
        ("photo.py:1:1", "is not UTF-8 text"),
        ("latin.py:1:1", "is not UTF-8 text"),
        ("add.py", "FILE:LINE:COL"),
        ("add.py:2", "FILE:LINE:COL"),
        ("add.py:0:1", "FILE:LINE:COL"),
        ("add.py:two:1", "FILE:LINE:COL"),
        ("add.py:²:1", "FILE:LINE:COL"),
        (f"add.py:{'9' * 5000}:1", "FILE:LINE:COL"),
        ("pipe.py:1:1", "is not a regular file"),
        ("add.py:99:1", "has no position 99:1"),
        ("add.py:1:99", "has no position 1:99 (that line has 21 characters)"),
    ],
)
def test_a_missing_location_is_one_sentence(infill_ls, location, says):
    assert says in infill_ls.refused("complete", location)


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("completion.max_tokens=many", "`infill.completion.max_tokens` must be a whole number"),
        ("completion.max_tokens=0", "`infill.completion.max_tokens` must be at least 1"),
        ("engine.quantization=int3", "`infill.engine.quantization` must be one of"),
        ("completion.seed=" + 5000 * "9", "`infill.completion.seed` must be a whole number"),
        ("engine.warp=9", "unknown setting `infill.engine.warp`"),
        ("engine.device", "KEY=VALUE"),
    ],
)
def test_an_invalid_setting_is_one_sentence(infill_ls, assignment, says):
    assert says in infill_ls.refused("complete", "add.py:2:19", "--set", assignment)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Name a folder with source files, or a file of holes with --holes."),
        (("--git", "good"), "Write good before --git, which takes a range of revisions."),
        (("--git", "v1.0.."), "Name a folder with source files, or a file of holes with --holes."),
        (("nowhere",), "Folder not found: nowhere; name one with source files."),
        ((".", "--kinds", "rest,word"), "--kinds takes rest, line, block, with commas between them, not 'rest,word'."),
        ((".", "--count", "0"), "--count takes a number from 1."),
        ((".", "--holes", "gone.jsonl"), "gone.jsonl cannot be read"),
        ((".", "--holes", "add.py"), "add.py, line 1: Invalid JSON."),
        ((".", "--holes", "add.py", "--git"), "--holes and --git both say where the holes come from"),
        ((".", "--git"), "Git refused (not a git repository"),
        ((".", "--git=--output=x"), "'--output=x' is not a revision range"),
        (("add.py",), "has no source files of 1,000 characters or more"),
        (("good", "--typist", "-1"), "--typist takes a number of holes, 0 for none."),
        (("good", "--interval-ms", "0"), "--interval-ms takes a number from 1 to 10000."),
        (("good", "--interval-ms", "nan"), "--interval-ms takes a number from 1 to 10000."),
        (("good", "--json", "nowhere/x.json"), "nowhere/x.json cannot be written"),
        (("good", "--write-holes", "nowhere/x.jsonl"), "nowhere/x.jsonl cannot be written"),
        (("good", "--model", "owner/name"), "owner/name is not on this machine"),
        (("good", "--set", "engine.url=http://127.0.0.1:9"), "The prompt layouts of a remote engine cannot be changed"),
    ],
)
def test_a_measurement_that_makes_no_sense_is_one_sentence(infill_ls, arguments, says):
    (infill_ls.folder / "good").mkdir(exist_ok=True)
    (infill_ls.folder / "good" / "a.py").write_text("def f(number):\n    total = number\n    return total\n\n\n" * 40)
    assert says in infill_ls.refused("bench", "quality", *arguments)


def test_holes_are_written_and_measured_again(infill_ls):
    (infill_ls.folder / "some").mkdir(exist_ok=True)
    (infill_ls.folder / "some" / "a.py").write_text("def f(number):\n    total = number\n    return total\n\n\n" * 40)
    done = infill_ls("bench", "quality", "some", "--count", "3", "--write-holes", "holes.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "9 holes written to holes.jsonl: 3 rest, 3 line, 3 block.\n"
    again = ("--holes", "holes.jsonl", "--compare", "nothing", "--typist", "2", "--interval-ms", "1000")
    done = infill_ls("bench", "quality", *again, "--model", "embedded", "--json", "figures.json")
    assert done.returncode == 0, done.stderr
    figures = json.loads((infill_ls.folder / "figures.json").read_text())
    shipped = figures["as shipped"]
    assert (figures["count"], figures["seed"], shipped["holes"]) == (9, 0, 9)
    assert shipped["quantization"] in {"int8", "none"}
    assert len(shipped["sha256"]) == len(shipped["answers_sha256"]) == 64
    assert {row["count"] for name, row in shipped["by_kind"].items() if "," not in name} == {3}
    assert shipped["typist"]["without_latency"]["in_time_share"] == 1.0
    assert shipped["typist"]["with_latency"]["interval_ms"] == 1000.0
    assert "typist, a key every 1000 ms: " in done.stdout


@pytest.mark.parametrize("number", ["0", "11"])
def test_an_impossible_number_of_candidates_is_one_sentence(infill_ls, number):
    says = f"-n takes a number from 1 to 10, not {number}."
    assert infill_ls.refused("complete", "add.py:2:19", "-n", number) == says


def test_an_invalid_request_starts_no_engine(infill_ls):
    before = infill_ls.connection_files
    infill_ls.refused("complete", "missing.py:1:1")
    assert infill_ls.connection_files == before


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1:²", "127.0.0.1:99999"])
def test_an_address_without_a_port_is_one_sentence(infill_ls, address):
    assert "HOST:PORT" in infill_ls.refused("--tcp", address)


def test_an_address_of_another_machine_is_one_sentence(infill_ls):
    assert "Cannot listen on" in infill_ls.refused("--tcp", "nohost.invalid:80")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("codellama/CodeLlama-7b-hf", "infill-ls models pull codellama/CodeLlama-7b-hf"),
        ("no-such-folder", "neither a folder, nor a GGUF file, nor a model id"),
    ],
)
def test_a_missing_model_is_one_sentence(infill_ls, model, says):
    assert says in infill_ls.refused("complete", "add.py:2:19", "--model", model)


def test_the_embedded_model_completes_a_line(infill_ls):
    done = infill_ls("complete", "add.py:2:19", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["place"], answer["language_id"], answer["device"]) == ("add.py:2:19", "python", "cpu")
    assert answer["model"] == "infill-tiny"
    assert answer["reason"] is None
    (suggestion,) = answer["suggestions"]
    completed = PROGRAM[: suggestion["start"]] + suggestion["text"] + PROGRAM[suggestion["end"] :]
    assert completed != PROGRAM
    ast.parse(completed)


def test_the_answer_is_also_printed_for_people(infill_ls):
    written = json.loads(infill_ls("complete", "add.py:2:19", "--json", "--set", "completion.temperature=0").stdout)
    printed = infill_ls("complete", "add.py:2:19", "--set", "completion.temperature=0").stdout
    assert printed == written["suggestions"][0]["text"] + "\n"


def test_explain_shows_the_prompt(infill_ls):
    done = infill_ls("explain", "add.py:2:19", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["model"] == "infill-tiny"
    assert told["prefix"].endswith("return left + ")
    assert "▁<MID>" in told["engine"]["prompt"]
    assert sum(told["engine"]["tokens_by_source"].values()) <= told["usage"]["prompt_tokens"]
    assert told["candidates"][0]["finish_reason"] in {"stop", "length"}
    assert told["timings_ms"]["total_ms"] > 0
    assert "return left + " in infill_ls("explain", "add.py:2:19").stdout


@pytest.mark.parametrize("is_repository", [True, False])
def test_ignore_rules_apply_on_the_command_line(infill_ls, tmp_path, is_repository):
    (tmp_path / "app").mkdir()
    for name in ("secret_x.py", "set_x.py", "open_x.py"):
        (tmp_path / "app" / name).write_text(PROGRAM)
    (tmp_path / "app" / "link_x.py").symlink_to("secret_x.py")
    if is_repository:
        (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("app/secret_x.py\n")
    workspace = CommandLine(tmp_path / "app" if is_repository else tmp_path, infill_ls.environment)
    folder = "" if is_repository else "app/"

    def reason(name):
        done = workspace("complete", f"{folder}{name}:2:19", "--json", "--set", 'privacy.ignore=["app/set_x.py"]')
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["reason"]

    assert [reason(name) for name in ("secret_x.py", "link_x.py", "set_x.py")] == ["private_file"] * 3
    assert reason("open_x.py") != "private_file"
    assert "ignore rule" in workspace("explain", f"{folder}secret_x.py:2:19").stdout


def test_a_workspace_cannot_replace_our_modules_with_its_own(infill_ls, tmp_path):
    for name in ("types.py", "attrs.py", "httpx.py", "torch.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('the module of the workspace was imported')\n")
    (tmp_path / "add.py").write_text(PROGRAM)
    workspace = CommandLine(tmp_path, infill_ls.environment)
    done = workspace("complete", "add.py:2:19", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == "infill-tiny"


def test_engines_are_listed_and_stopped(infill_ls):
    infill_ls("complete", "add.py:2:19")
    running = infill_ls("engine", "status")
    assert running.returncode == 0
    assert "infill-tiny on cpu, ready" in running.stdout
    pid = json.loads(infill_ls.connection_files[0].read_text())["pid"]
    assert f"process {pid}" in running.stdout

    ended = infill_ls("engine", "stop")
    assert ended.returncode == 0
    assert f"(process {pid})" in ended.stdout
    assert infill_ls.connection_files == []
    assert infill_ls("engine", "status").stdout == "No engine is running; the first request starts one.\n"
    assert infill_ls("engine", "stop").stdout == "No engine is running.\n"


def test_doctor_reports_each_check_with_a_next_step_for_every_problem(infill_ls):
    done = infill_ls("doctor", "--json")
    findings = json.loads(done.stdout)
    assert [finding["check"] for finding in findings] == [
        "python", "packages", "driver", "torch", "compiler", "models", "auto", "settings", "statistics",
        "run directory", "engines", "editors",
    ]  # fmt: skip
    for finding in findings:
        assert set(finding) == {"check", "level", "message", "next_step"}
        assert finding["level"] in {"ok", "note", "problem"}
        assert finding["next_step"] or finding["level"] != "problem"
    assert done.returncode == any(finding["level"] == "problem" for finding in findings)


def test_doctor_says_why_nothing_is_compiled(infill_ls):
    command = CommandLine(infill_ls.folder, infill_ls.environment | {"INFILL_LS_NATIVE": "0"})
    (finding,) = (each for each in json.loads(command("doctor", "--json").stdout) if each["check"] == "compiler")
    assert finding["level"] == "note"
    assert "INFILL_LS_NATIVE is 0" in finding["message"]
    assert "Remove INFILL_LS_NATIVE" in finding["next_step"]


@pytest.mark.parametrize("kind", ["file", "open to all"])
def test_doctor_reports_an_unusable_run_directory_and_completes_the_other_checks(infill_ls, tmp_path, kind):
    folder = tmp_path / "infill-ls"
    if kind == "file":
        folder.write_text("")
    else:
        folder.mkdir()
        folder.chmod(0o777)
    command = CommandLine(tmp_path, infill_ls.environment | {"XDG_RUNTIME_DIR": str(tmp_path)})
    done = command("doctor", "--json")
    assert done.returncode == 1, done.stderr
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert findings["run directory"]["level"] == findings["engines"]["level"] == "problem"
    assert "emove it and try again." in findings["run directory"]["next_step"]
    assert findings["python"]["level"] == "ok"


def test_doctor_names_an_invalid_setting(infill_ls, tmp_path):
    settings = tmp_path / "config.toml"
    settings.write_text("[completion]\nmax_tokens = 'many'\n")
    command = CommandLine(infill_ls.folder, infill_ls.environment | {"INFILL_LS_CONFIG": str(settings)})
    done = command("doctor", "--json")
    (finding,) = (finding for finding in json.loads(done.stdout) if finding["check"] == "settings")
    assert finding["level"] == "problem"
    assert "infill.completion.max_tokens" in finding["message"]
    assert str(settings) in finding["next_step"]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("models", "level", "message"),
    [
        ([{"id": "Qwen2.5-Coder-7B", "owned_by": "vllm", "max_model_len": 8192}], "ok",
         "answers with Qwen2.5-Coder-7B (format: Qwen2.5-Coder, 8192 tokens at most)."),
        ([{"id": "autocomplete", "owned_by": "vllm", "max_model_len": 8192}], "note",
         "does not say what its model autocomplete is"),
    ],
)  # fmt: skip
def test_doctor_describes_a_remote_engine(infill_ls, tmp_path, models, level, message):
    server = OpenAIServer(models=models)
    settings = tmp_path / "config.toml"

    async def diagnose():
        async with server.running() as url:
            settings.write_text(f"[engine]\nurl = '{url}'\n")
            command = CommandLine(infill_ls.folder, infill_ls.environment | {"INFILL_LS_CONFIG": str(settings)})
            return await asyncio.to_thread(command, "doctor", "--json")

    done = asyncio.run(diagnose())
    (finding,) = (finding for finding in json.loads(done.stdout) if finding["check"] == "engines")
    assert finding["level"] == level
    assert message in finding["message"]
    assert ("Set engine.format to" in finding["next_step"]) == (level == "note")
