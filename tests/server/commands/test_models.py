"""``infill-ls models`` and ``infill-ls bench`` as a user sees them."""

import argparse
import json
import os
import subprocess
import sys

import pytest

from infill_completion.catalog import CODE_LLAMA, MODELS, Quantization, Support, find, licence
from infill_completion.catalog.small import SMALL_BYTES, SMALL_FILE, SMALL_ID
from infill_server.commands import model_pull
from infill_server.commands.model_folder import model_folder
from infill_server.errors import UsageError
from tests.catalog.gguf.gguf_writer import gguf, small_model

DEADLINE_S = 180
GIB = 2**30


@pytest.fixture
def infill_ls(tmp_path):
    for name in ("run", "hub"):
        (tmp_path / name).mkdir()
    environment = os.environ | {
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "INFILL_LS_CONFIG": str(tmp_path / "config.toml"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }

    def run(*arguments, **more):
        command = [sys.executable, "-P", "-m", "infill_server.entry", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment | more, capture_output=True, text=True, timeout=DEADLINE_S,
            check=False,
        )  # fmt: skip

    return run


def cache(tmp_path, name, files, *, unfinished=()):
    """Create the files that ``huggingface_hub`` leaves in its cache."""
    root = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = root / "snapshots" / ("c" * 40)
    for folder in (snapshot, root / "blobs", root / "refs"):
        folder.mkdir(parents=True)
    (root / "refs" / "main").write_text("c" * 40)
    for number, (file, text) in enumerate(files.items()):
        (root / "blobs" / str(number)).write_text(text)
        (snapshot / file).symlink_to(root / "blobs" / str(number))
    for number, text in enumerate(unfinished):
        (root / "blobs" / f"{number}.incomplete").write_text(text)


def small_file(tmp_path):
    """Create a file of the small model's name and length."""
    file = tmp_path / "data" / "infill-ls" / "models" / "small" / SMALL_FILE
    file.parent.mkdir(parents=True)
    file.touch()
    os.truncate(file, SMALL_BYTES)
    return file


def test_the_list_shows_what_is_cached_and_what_auto_chooses(infill_ls, tmp_path):
    index = json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})
    plain = {"config.json": "{}", "tokenizer.json": "{}", "model.safetensors.index.json": index}
    whole = {**plain, "model-1.safetensors": "1", "model-2.safetensors": "22"}
    half = {**plain, "model-1.safetensors": "1"}
    cache(tmp_path, "codellama/CodeLlama-7b-hf", whole)
    cache(tmp_path, "codellama/CodeLlama-13b-hf", half, unfinished=["222"])
    done = infill_ls("models", "list", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["cache"] == str(tmp_path / "hub")
    rows = {row["id"]: row for row in report["models"]}
    assert set(rows) == {model.id for model in MODELS}
    assert rows["codellama/CodeLlama-7b-hf"]["presence"] == "cached"
    assert rows["codellama/CodeLlama-13b-hf"]["presence"] == "half fetched"
    assert rows["codellama/CodeLlama-13b-hf"]["cached_bytes"] == sum(map(len, half.values())) + 3
    assert rows["codellama/CodeLlama-34b-hf"]["presence"] == "not here"
    assert report["auto"]["model"]
    assert report["auto"]["problem"] == ""

    assert rows[SMALL_ID]["presence"] == "not here"

    printed = infill_ls("models", "list").stdout
    assert "continue with `infill-ls models pull codellama/CodeLlama-13b-hf`" in printed
    assert f"auto chooses {report['auto']['model']}" in printed


def test_an_unknown_llama_is_listed_too(infill_ls, tmp_path):
    config = {
        "model_type": "llama", "num_attention_heads": 2, "hidden_size": 8, "num_hidden_layers": 1,
        "intermediate_size": 16, "vocab_size": 10,
    }  # fmt: skip
    cache(tmp_path, "acme/coder", {"config.json": json.dumps(config)})
    cache(tmp_path, "acme/speech", {"config.json": '{"model_type": "whisper"}'})
    cache(tmp_path, "acme/hostile", {"config.json": json.dumps(config | {"num_attention_heads": 0})})
    cache(tmp_path, "acme/list", {"config.json": "[]"})
    cache(tmp_path, "acme/star", {"config.json": json.dumps(config | {"model_type": "starcoder2"})})
    report = json.loads(infill_ls("models", "list", "--json").stdout)
    row, star = (row for row in report["models"] if row["id"].startswith("acme/"))
    assert (row["id"], row["support"]) == ("acme/coder", "unknown, a Llama by its configuration")
    assert row["parameters"] == 4 * 8 * 8 + 3 * 8 * 16 + 3 * 8 + 2 * 10 * 8
    assert (star["id"], star["support"]) == ("acme/star", "unknown, of the family starcoder2 by its configuration")
    assert star["parameters"] == 4 * 8 * 8 + 2 * 8 * 16 + 3 * 8 + 10 * 8


def test_models_quantised_here_are_listed(infill_ls, tmp_path):
    config = {
        "model_type": "llama", "num_attention_heads": 2, "hidden_size": 8, "num_hidden_layers": 1,
        "intermediate_size": 16, "vocab_size": 10,
    }  # fmt: skip
    models = tmp_path / "data" / "infill-ls" / "models"
    for name in ("codellama--CodeLlama-7b-hf-nf4", "mine-nf4", "half-nf4"):
        (models / name).mkdir(parents=True)
        (models / name / "config.json").write_text(json.dumps(config))
        (models / name / "tokenizer.json").write_text("{}")
    for name in ("codellama--CodeLlama-7b-hf-nf4", "mine-nf4"):
        (models / name / "model.safetensors").write_text("1")
    rows = {row["id"]: row for row in json.loads(infill_ls("models", "list", "--json").stdout)["models"]}
    assert rows["codellama/CodeLlama-7b-hf"]["quantised_folder"] == str(models / "codellama--CodeLlama-7b-hf-nf4")
    assert rows["codellama/CodeLlama-7b-hf"]["presence"] == "not here"
    assert rows["mine"]["quantised_folder"] == str(models / "mine-nf4")
    assert "half" not in rows
    assert rows["codellama/CodeLlama-13b-hf"]["quantised_folder"] is None
    printed = infill_ls("models", "list").stdout.splitlines()
    assert sum("quantised to 4 bits" in line for line in printed) == 2


@pytest.mark.parametrize(
    ("name", "parameters", "nf4_gib", "kv_bytes"),
    [
        ("codellama/CodeLlama-7b-hf", 6_738_546_688, 3.6, 524_288),
        ("codellama/CodeLlama-13b-hf", 13_016_028_160, 6.7, 819_200),
        ("codellama/CodeLlama-34b-hf", 33_743_970_304, 16.9, 196_608),
        ("codellama/CodeLlama-70b-hf", 68_976_648_192, 33.9, 327_680),
    ],
)
def test_sizes_follow_from_the_shape(name, parameters, nf4_gib, kv_bytes):
    """The parameter counts are those of the published checkpoints."""
    model = find(name)
    assert model is not None
    shape = model.shape
    assert shape is not None
    assert shape.parameters == pytest.approx(parameters, rel=2e-5)
    assert shape.weight_bytes(Quantization.NF4) / GIB == pytest.approx(nf4_gib, abs=0.05)
    assert shape.weight_bytes(Quantization.BF16) == 2 * shape.parameters
    assert shape.kv_bytes(1) == kv_bytes


def test_only_models_trained_for_infilling_are_marked_as_infilling():
    infilling = {model.id for model in CODE_LLAMA if model.support is Support.INFILLS}
    assert infilling == {
        f"codellama/CodeLlama-{name}-hf" for name in ("7b", "13b", "70b", "7b-Instruct", "13b-Instruct")
    }


def test_the_name_of_a_mirror_is_recognised():
    assert find("meta-llama/CodeLlama-7b-hf") is find("codellama/CodeLlama-7b-hf")
    assert find("acme/coder") is None


def test_pulling_offline_is_one_sentence(infill_ls):
    done = infill_ls("models", "pull", "codellama/CodeLlama-7b-hf", HF_HUB_OFFLINE="1")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("infill-ls: HF_HUB_OFFLINE is set")


def test_quantising_a_missing_model_is_one_sentence(infill_ls, tmp_path):
    done = infill_ls("models", "quantize", "codellama/CodeLlama-7b-hf", "-o", str(tmp_path / "out"))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "infill-ls models pull codellama/CodeLlama-7b-hf" in line
    assert not (tmp_path / "out").exists()


def test_decode_is_measured_with_the_options_of_the_engine(infill_ls, tmp_path):
    file = tmp_path / "decode.json"
    options = ["--shape", "tiny", "--context", "0", "--tokens", "3", "--repeats", "1", "--no-reference"]
    done = infill_ls("bench", "decode", *options, "--json", str(file))
    assert done.returncode == 0, done.stderr
    (model,) = json.loads(file.read_text())["models"]
    assert model["model"] == "tiny"
    assert model["decode"][0]["reference"] is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("bench", "decode", "--shape", "9b"), "no shape `9b`"),
        (("bench", "keystrokes", "nowhere"), "Folder not found: nowhere"),
        (("bench", "keystrokes", "hub"), "no source files"),
    ],
)
def test_an_impossible_measurement_is_one_sentence(infill_ls, arguments, says):
    done = infill_ls(*arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert says in line


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("nothing-of-the-kind", "There is no model nothing-of-the-kind; name a folder, a hub id"),
        ("acme/coder", "infill-ls models pull acme/coder"),
        ("hub", "is not a checkpoint folder"),
        ("small", "fetch it with `infill-ls models pull small`"),
    ],
)
@pytest.mark.parametrize("option", [("--model", ""), ("--set", "engine.model=")])
def test_a_model_that_is_not_here_is_named(infill_ls, model, says, option):
    done = infill_ls("bench", "quality", ".", option[0], option[1] + model)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert says in line


def test_a_model_has_the_same_names_in_every_command(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "embedded").mkdir()  # A folder of that name is not what is meant.
    assert (model_folder("embedded") / "model.safetensors").exists()
    assert model_folder("embedded") != tmp_path / "embedded"
    own = tmp_path / "own"
    own.mkdir()
    (own / "config.json").write_text("{}")
    assert model_folder("own") == own.resolve()
    cache(tmp_path, "acme/coder", {"config.json": "{}", "model.safetensors": "x", "tokenizer.json": "{}"})
    assert model_folder("acme/coder") == tmp_path / "hub" / "models--acme--coder" / "snapshots" / ("c" * 40)
    small = small_file(tmp_path)
    assert model_folder("small") == small
    monkeypatch.setattr("infill_server.commands.model_folder.plan", lambda: {"problem": "", "model": "small"})
    assert model_folder("auto") == small


def test_the_embedded_model_needs_no_download(infill_ls):
    done = infill_ls("models", "pull", "embedded")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "part of the package" in done.stderr
    assert "auto is not a model" in infill_ls("models", "pull", "auto").stderr


def test_options_of_other_commands_are_still_checked(infill_ls):
    done = infill_ls("models", "list", "--shape", "7b")
    assert done.returncode == 2
    assert "unrecognized arguments: --shape" in done.stderr


def test_the_list_shows_quality_sources_licences_and_speed(infill_ls):
    report = json.loads(infill_ls("models", "list", "--json").stdout)
    rows = {row["id"]: row for row in report["models"]}
    small = rows["Qwen/Qwen2.5-Coder-0.5B"]
    assert small["quality_percent"] == 77.7
    assert "2409.12186" in small["quality_source"]
    assert small["licence"] == "Apache-2.0"
    assert small["line_ms"] > 0
    assert rows["google/codegemma-7b"]["quality_percent"] is None
    printed = infill_ls("models", "list").stdout
    number = next(line for line in printed.splitlines() if line.endswith("arXiv 2409.12186, HumanEval-FIM")).split()[0]
    assert f"77.7 % {number}" in printed


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("Qwen/Qwen2.5-Coder-3B", "forbids commercial use; run `infill-ls models pull Qwen/Qwen2.5-Coder-3B --yes`"),
        ("meta-llama/CodeLlama-7b-hf", "has to be accepted on the hub first"),
        ("mistralai/codestral-22b-v0.1", "forbids commercial use and has to be accepted on the hub first"),
    ],
)
def test_a_restricted_licence_is_asked_about_before_anything_is_fetched(infill_ls, model, says):
    done = infill_ls("models", "pull", model, HF_HUB_OFFLINE="1")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert says in line
    agreed = infill_ls("models", "pull", model, "--yes", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in agreed.stderr


REPLIES = [("y\n", True), ("Yes\n", True), ("\n", False), ("no\n", False), ("", False)]


@pytest.mark.parametrize(("reply", "fetched"), REPLIES)
def test_the_user_decides(monkeypatch, reply, fetched):
    pulled = []

    def run_module(name, *arguments):
        pulled.append(arguments)
        return 0

    # Modules of the engine that other tests import into this process switch the library to offline mode.
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(model_pull, "run_module", run_module)
    monkeypatch.setattr(model_pull, "plan", lambda: {"lines_ms": {"Qwen/Qwen2.5-Coder-3B": 420.0}})
    monkeypatch.setattr("sys.stdin", Terminal(reply))
    screen = Terminal("")
    monkeypatch.setattr("sys.stderr", screen)
    options = argparse.Namespace(model="Qwen/Qwen2.5-Coder-3B", yes=False)
    if fetched:
        assert model_pull.pull(options) == 0
    else:
        with pytest.raises(UsageError, match="Nothing was downloaded"):
            model_pull.pull(options)
    assert pulled == ([("Qwen/Qwen2.5-Coder-3B",)] if fetched else [])
    shown = screen.written
    assert "Qwen Research License, about 6.2 GB to download" in shown
    assert "85.7 % of single lines" in shown
    assert "about 0.42 s on this machine" in shown


class Terminal:
    """A terminal on which the user has typed ``text``."""

    def __init__(self, text) -> None:
        self.text, self.written = text, ""

    def isatty(self):
        return True

    def readline(self):
        return self.text

    def write(self, text):
        self.written += text

    def flush(self):
        pass


@pytest.mark.parametrize(
    ("name", "terms", "figure"),
    [
        *((f"Qwen/Qwen2.5-Coder-{size}", "Apache-2.0", True) for size in ("0.5B", "1.5B", "7B")),
        ("Qwen/Qwen2.5-Coder-3B", "Qwen Research License", True),
        ("JetBrains/Mellum-4b-base", "Apache-2.0", True),
        ("ByteDance-Seed/Seed-Coder-8B-Base", "MIT", True),
        ("ibm-granite/granite-3b-code-base-2k", "Apache-2.0", True),
        ("ibm-granite/granite-3.3-2b-base", "Apache-2.0", False),
        ("bigcode/starcoder2-3b", "BigCode OpenRAIL-M", True),
        ("codellama/CodeLlama-7b-hf", "Llama 2 Community License", True),
    ],
)
def test_what_is_worth_having_is_described_before_its_download(monkeypatch, name, terms, figure):
    monkeypatch.setattr(model_pull, "plan", lambda: {"lines_ms": {name: 420.0}})
    first, *rest = model_pull.description(name, licence(name))
    assert first.startswith(f"{name}: {terms}, about ")
    assert first.endswith(" GB to download.")
    assert any("% of single lines" in line for line in rest) == figure
    assert rest[-1] == "The rest of a line takes about 0.42 s on this machine."


def test_doctor_says_what_auto_takes_and_what_would_be_better(infill_ls, tmp_path):
    cache(tmp_path, "codellama/CodeLlama-7b-hf", {"config.json": "{}"})
    (tmp_path / "config.toml").write_text("[completion]\ndeadline_ms = 120000\n")
    (finding,) = (each for each in json.loads(infill_ls("doctor", "--json").stdout) if each["check"] == "auto")
    assert finding["message"].startswith("auto chooses embedded")
    assert "Not codellama/CodeLlama-7b-hf: it is half downloaded" in finding["message"]
    assert "`infill-ls models pull " in finding["next_step"]
    (tmp_path / "config.toml").write_text('[engine]\nmodel = "embedded"\n')
    (finding,) = (each for each in json.loads(infill_ls("doctor", "--json").stdout) if each["check"] == "auto")
    assert finding["message"] == "Not used: engine.model is set."


def test_doctor_names_the_command_that_finishes_a_download(infill_ls, tmp_path):
    cache(tmp_path, "codellama/CodeLlama-7b-hf", {"config.json": "{}"})
    findings = json.loads(infill_ls("doctor", "--json").stdout)
    (finding,) = (finding for finding in findings if finding["check"] == "models")
    assert finding["level"] == "note"
    assert "`infill-ls models pull codellama/CodeLlama-7b-hf`" in finding["next_step"]


def test_doctor_knows_the_files_of_other_programs_and_has_one_command_for_a_better_model(infill_ls, tmp_path):
    metadata, tensors = small_model()
    shape = {"block_count": 24, "embedding_length": 896, "attention.head_count": 14, "attention.head_count_kv": 2}
    folder = tmp_path / "home" / ".lmstudio" / "models" / "acme" / "coder"
    folder.mkdir(parents=True)
    content = gguf(metadata | {f"llama.{key}": value for key, value in shape.items()}, tensors)
    (folder / "qwen2.5-coder-0.5b-q8_0.gguf").write_bytes(content)
    home = str(tmp_path / "home")
    findings = {each["check"]: each for each in json.loads(infill_ls("doctor", "--json", HOME=home).stdout)}
    assert findings["models"]["message"] == "GGUF files of other programs: Qwen/Qwen2.5-Coder-0.5B"
    steps = findings["models"]["next_step"] + findings["auto"]["next_step"]
    assert steps.count("`infill-ls models pull ") <= 1


def test_the_small_model_is_listed_and_named_by_doctor_once_it_is_here(infill_ls, tmp_path):
    findings = {each["check"]: each for each in json.loads(infill_ls("doctor", "--json").stdout)}
    assert "`infill-ls models pull small`" in findings["models"]["next_step"]
    small_file(tmp_path)
    (row,) = (
        row for row in json.loads(infill_ls("models", "list", "--json").stdout)["models"] if row["id"] == SMALL_ID
    )
    assert (row["presence"], row["cached_bytes"], row["licence"]) == ("cached", SMALL_BYTES, "Apache-2.0")
    findings = {each["check"]: each for each in json.loads(infill_ls("doctor", "--json").stdout)}
    assert (findings["models"]["level"], findings["models"]["message"]) == ("ok", "The small model is here.")


def test_the_small_model_that_no_index_has_ends_in_a_sentence(infill_ls):
    nowhere = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "HF_HUB_OFFLINE": "1"}
    done = infill_ls("models", "pull", "small", **nowhere)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("infill-ls: The small model was not found")


def test_the_small_model_is_described_before_its_download():
    (size, quality, *_) = model_pull.description("small", licence(SMALL_ID))
    assert size == "small: Apache-2.0, about 0.1 GB to download."
    assert "a harder test" in quality
