"""The other side: llama.vim and llama-server from Debian's testing release, set up as their documentation says.

Nothing else is passed to them: llama.vim gets the address of its server.
"""

from __future__ import annotations

import http
import http.client
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drivers.neovim import Neovim
from benchmarks.llama_vim.side import MARK, home
from benchmarks.llama_vim.suffix_first import suffix_first

ROOT = Path(__file__).parents[2] / ".cache" / "newer" / "root" / "usr"
LIBRARIES = ROOT / "lib" / "x86_64-linux-gnu"
NVIM = ROOT / "bin" / "nvim"
LLAMA_SERVER = ROOT / "bin" / "llama-server"
LLAMA_VIM = ROOT / "share" / "vim-llama.cpp"
PRELOADED = {"LD_LIBRARY_PATH": f"{LIBRARIES / 'llama'}:{LIBRARIES}"}
# `:help llama`: the model's whole context (1024 tokens here), and a smaller batch, three quarters of it for the text
# before the cursor and one quarter for the text after it; 512 is the smallest value that it mentions.
SERVER_OPTIONS = ("--ctx-size", "0", "--batch-size", "512", "--ubatch-size", "512", "--cache-reuse", "256")


@dataclass
class LlamaVim:
    """llama.vim and llama-server."""

    folder: Path
    port: int
    log: Path
    name: str
    environment: dict[str, str]
    asked_port: int
    _started: int = 0

    def start(self) -> Neovim:
        """Return a new editor; its server has loaded the model already."""
        self._started += 1
        workspace = self.folder / f"work{self._started}"
        workspace.mkdir()
        url = f"http://127.0.0.1:{self.asked_port}/infill"
        init = f"vim.g.llama_config = {{ endpoint_fim = {json.dumps(url)} }}\n"
        folder = home(self.folder, f"{init}vim.opt.runtimepath:prepend({json.dumps(str(LLAMA_VIM))})")
        return Neovim(workspace, None, self.environment, home=folder)

    def is_settled(self, nvim: Neovim) -> bool:
        """Return whether neither a request nor a timer for the next one is running, by the script's own variables."""
        return bool(
            nvim.lua(
                "local id = vim.fn.getscriptinfo({ name = 'autoload/llama.vim' })[1].sid"
                " local v = vim.fn.getscriptinfo({ sid = id })[1].variables"
                " return v.current_job_fim == vim.NIL and vim.tbl_isempty(vim.fn.timer_info(v.timer_fim))"
            )
        )

    def counted(self, nvim: Neovim) -> dict[str, float]:
        """Return counters of the editor's requests and of computed tokens."""
        page = _get(self.port, "/metrics")
        found = {name: int(float(value)) for name, value in re.findall(r"^llamacpp:(\w+) (\S+)$", page, re.MULTILINE)}
        asked = self.log.read_text("utf-8", "replace").count("launch_slot_:")
        return {
            "requests": asked, "model_requests": asked,
            "prompt_tokens": found["prompt_tokens_total"], "answer_tokens": found["tokens_predicted_total"],
        }  # fmt: skip


def _get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read().decode()
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise OSError(f"llama-server answers {answer.status}")
    return content


@contextmanager
def llama_vim(folder: Path, weights: Path, *, is_suffix_first: bool) -> Iterator[LlamaVim]:
    """Yield llama.vim with its own server for ``weights``, which reads the text after the cursor first or last.

    Raises:
        SystemExit: The server does not start.
    """
    runtime = folder / "run"
    runtime.mkdir(parents=True, mode=0o700)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {MARK: str(runtime)}
    log = folder / "llama-server.log"
    command = [
        str(LLAMA_SERVER),
        "-m",
        str(weights),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--metrics",
        *SERVER_OPTIONS,
    ]
    with ExitStack() as stack:
        written = stack.enter_context(log.open("wb"))
        process = subprocess.Popen(
            # It looks for the kernels of this processor in its working directory.
            command, cwd=LIBRARIES / "ggml" / "backends0", env={**os.environ, **environment, **PRELOADED},
            stdout=written, stderr=written, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(process.wait)
        stack.callback(process.kill)
        _await_server(port, process, log)
        asked = stack.enter_context(suffix_first(port)) if is_suffix_first else port
        name = f"llama.vim, {weights.stem}, suffix {'first' if is_suffix_first else 'last'}"
        yield LlamaVim(folder, port, log, name, environment, asked)


def _await_server(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError):
            _get(port, "/health")
            return
        time.sleep(0.1)
    raise SystemExit(f"llama-server does not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")
