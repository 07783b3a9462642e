"""Downloading a model from a local hub, over real HTTP."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infill_completion.catalog import Presence, cached
from infill_completion.engine.checkpoints.pull.checkpoint import pull, wanted_files
from infill_completion.engine.checkpoints.pull.hub import PullError

COMMIT = "a" * 40
NAME = "acme/coder-hf"
WEIGHTS = bytes(range(256)) * 512
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"a pickle",
    "modeling_coder.py": b"raise SystemExit('code of the checkpoint ran')",
    "README.md": b"# coder",
}


class Hub(ThreadingHTTPServer):
    """The part of the hub that a download needs; ``refuses`` maps a kind of request to a status and an error code."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(FILES)
        self.refuses: dict[str, tuple[int, str]] = {}
        self.tags: list[object] = []
        self.cut_once: set[str] = set()
        self.ranges: list[int] = []
        self.fetched: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/"):
            return self._api(path)
        file = path.rpartition("/")[2]
        if "resolve" in self.server.refuses:
            return self._refuse(*self.server.refuses["resolve"])
        return self._file(file, self.server.files[file])

    def _api(self, path):
        if "info" in self.server.refuses:
            return self._refuse(*self.server.refuses["info"])
        if "/tree/" in path:
            listing = [
                {"type": "file", "path": file, "size": len(data), "oid": file}
                for file, data in self.server.files.items()
            ]
            return self._send(200, json.dumps(listing).encode())
        info = {"id": NAME, "sha": COMMIT, "siblings": [], "tags": self.server.tags}
        return self._send(200, json.dumps(info).encode())

    def _file(self, file, data):
        headers = {"ETag": f'"{file}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if self.command == "GET":
            self.server.fetched.append(file)
            if file in self.server.cut_once:
                self.server.cut_once.remove(file)
                return self._cut(headers, data)
        if wanted:
            self.server.ranges.append(int(wanted.group(1)))
            headers["Content-Range"] = f"bytes {wanted.group(1)}-{len(data) - 1}/{len(data)}"
            return self._send(206, data[int(wanted.group(1)) :], headers)
        return self._send(200, data, headers)

    def _cut(self, headers, data):
        """Announce the whole file, send part of it, and close the connection."""
        self.send_response(200)
        for name, value in (headers | {"Content-Length": str(len(data))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: len(data) * 2 // 3])
        self.wfile.flush()
        self.close_connection = True

    def _refuse(self, status, code):
        self._send(status, b"{}", {"X-Error-Code": code} if code else {})

    def _send(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (
            {"Content-Length": str(len(body)), "Content-Type": "application/json"} | (headers or {})
        ).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_ignored):
        pass


@pytest.fixture
def hub(monkeypatch):
    # Modules of the engine that other tests import into this process switch the library to offline mode.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("tags", "terms"),
    [
        (["code", "license:apache-2.0"], ", under the licence apache-2.0"),
        (["license:bigcode-openrail-m", 3], ", under the licence bigcode-openrail-m"),
        ([], ""),
        (["license:a\nb"], ""),
    ],
)
def test_the_size_and_the_licence_on_the_hub_are_said_before_the_download(hub, tmp_path, tags, terms):
    hub.tags = tags
    said: list[str] = []
    pull(NAME, endpoint=hub.url, hub=tmp_path, say=said.append)
    size = len(WEIGHTS) + len(FILES["config.json"]) + len(FILES["tokenizer.json"])
    assert said == [f"Downloading {size / 1e6:.1f} MB of {NAME}{terms}."]
    pull(NAME, endpoint=hub.url, hub=tmp_path, say=said.append)
    assert said[1] == f"Downloading 0.0 MB of {NAME}{terms}."


def test_weights_config_and_tokenizer_arrive_and_nothing_else(hub, tmp_path):
    folder = pull(NAME, endpoint=hub.url, hub=tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert cached(NAME, tmp_path).presence is Presence.COMPLETE


def test_what_is_here_is_not_fetched_again(hub, tmp_path):
    pull(NAME, endpoint=hub.url, hub=tmp_path)
    hub.fetched.clear()
    pull(NAME, endpoint=hub.url, hub=tmp_path)
    assert hub.fetched == []


def test_a_cut_download_goes_on_where_it_stopped(hub, tmp_path):
    weights = WEIGHTS * 192  # the library writes in pieces of 10 MiB
    hub.files["model.safetensors"] = weights
    hub.cut_once = {"model.safetensors"}
    folder = pull(NAME, endpoint=hub.url, hub=tmp_path)
    assert (folder / "model.safetensors").read_bytes() == weights
    assert len(hub.ranges) == 1
    assert 0 < hub.ranges[0] < len(weights)


def test_a_half_fetched_model_is_told_from_a_whole_one(hub, tmp_path):
    folder = pull(NAME, endpoint=hub.url, hub=tmp_path)
    (folder / "model.safetensors").unlink()
    assert cached(NAME, tmp_path).presence is Presence.PARTIAL
    assert cached("acme/another", tmp_path).presence is Presence.ABSENT


@pytest.mark.parametrize(
    ("request_kind", "status", "code", "says"),
    [
        ("resolve", 403, "GatedRepo", f"accept its licence on https://huggingface.co/{NAME}"),
        ("info", 404, "RepoNotFound", f"The hub has no model {NAME}"),
        ("info", 401, "", "hf auth login"),
        ("info", 500, "", "HTTP status 500"),
    ],
)
def test_a_refusal_is_one_sentence_with_the_next_step(hub, tmp_path, request_kind, status, code, says):
    hub.refuses = {request_kind: (status, code)}
    with pytest.raises(PullError) as raised:
        pull(NAME, endpoint=hub.url, hub=tmp_path)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_hub_that_is_not_there_is_one_sentence(hub, tmp_path):
    hub.shutdown()
    hub.server_close()
    with pytest.raises(PullError, match=f"check the network and run `infill-ls models pull {NAME}` again"):
        pull(NAME, endpoint=hub.url, hub=tmp_path)


def test_weights_that_can_run_code_are_refused_before_anything_is_fetched(hub, tmp_path):
    del hub.files["model.safetensors"]
    with pytest.raises(PullError, match="no safetensors weights"):
        pull(NAME, endpoint=hub.url, hub=tmp_path)
    assert hub.fetched == []


def test_a_model_bigger_than_the_disk_is_refused_before_anything_is_fetched(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("infill_completion.engine.checkpoints.pull.checkpoint._SPARE_BYTES", 1 << 60)
    with pytest.raises(PullError, match="make room"):
        pull(NAME, endpoint=hub.url, hub=tmp_path)
    assert hub.fetched == []


def test_an_incomplete_repository_is_told_apart(hub, tmp_path):
    del hub.files["tokenizer.json"]
    with pytest.raises(PullError, match="lacks a configuration, a tokenizer or a weight file"):
        pull(NAME, endpoint=hub.url, hub=tmp_path)


def test_a_name_that_is_no_id_is_one_sentence(hub, tmp_path):
    with pytest.raises(PullError, match="owner/name"):
        pull("no spaces allowed", endpoint=hub.url, hub=tmp_path)


def test_a_model_the_engine_cannot_load_is_not_fetched(tmp_path):
    with pytest.raises(PullError, match="cannot load google/codegemma-7b"):
        pull("google/codegemma-7b", hub=tmp_path)


def test_sharded_weights_are_fetched_once():
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"]
    assert wanted_files([*names, "consolidated.safetensors", "pytorch_model.bin", "README.md"]) == set(names)


def test_the_process_imports_no_torch_and_obeys_offline_mode():
    program = (
        "import sys; from infill_completion.engine.checkpoints.pull.__main__ import main;"
        "code = main(['acme/coder-hf']);"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules; sys.exit(code)"
    )
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, env={"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert "HF_HUB_OFFLINE is set" in line
