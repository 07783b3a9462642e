"""Message framing, and the protection of standard output."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_server.lsp.transport import Framer, FramingError, Reader


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 40))
def test_bodies_are_complete_however_the_bytes_are_split(bodies: list[bytes], step: int) -> None:
    stream = b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies)
    framer = Framer()
    pieces = [stream[start : start + step] for start in range(0, len(stream), step)]
    assert [body for piece in pieces for body in framer.feed(piece)] == bodies


def test_other_headers_and_any_case_are_accepted() -> None:
    stream = b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length:2\r\n\r\n{}"
    assert list(Framer().feed(stream)) == [b"{}"]


@pytest.mark.parametrize("stream", [b"GET / HTTP/1.1\r\n\r\n", b"Content-Length: -5\r\n\r\n", b"x" * 20_000])
def test_bytes_that_are_not_lsp_are_rejected(stream: bytes) -> None:
    with pytest.raises(FramingError):
        list(Framer().feed(stream))


async def test_a_request_sees_the_document_before_later_messages_do() -> None:
    sent = [b"open", b"ask", b"change", b"ask", b"close"]
    have_come, document, seen = threading.Event(), [b"nothing"], []

    def chunks() -> Iterator[bytes]:
        yield b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in sent)
        have_come.set()  # all of them wait for the loop, which is busy
        yield b""

    async def answer() -> None:
        seen.append(document[0])

    source, tasks = chunks(), []
    async for body in Reader(lambda _size: next(source)):
        have_come.wait()
        if body == b"ask":
            tasks.append(asyncio.ensure_future(answer()))
        else:
            document[0] = body
    await asyncio.gather(*tasks)
    assert seen == [b"open", b"change"]


def test_standard_output_belongs_to_the_protocol() -> None:
    program = """
import os, subprocess
from infill_server.commands.serve import _claim_stdout
descriptor = _claim_stdout()
print("stray", flush=True)
subprocess.run(["echo", "child"])
os.write(descriptor, b"protocol")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"protocol"
    assert done.stderr.split() == [b"stray", b"child"]


def test_after_startup_the_heavy_libraries_are_not_loaded() -> None:
    program = """
import sys
from infill_server.commands.serve import create_server
create_server()
import infill_completion.client.connect, infill_completion.suggest.completer
import infill_completion.client.shutdown, infill_server.configuration
print(*sorted({"torch", "transformers", "tokenizers", "numpy", "safetensors", "bitsandbytes"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == []
