"""The engine's HTTP server, asked with requests that arrive in any pieces and framings."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import h11
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from infill_completion.api import CompletionRequest
from infill_completion.client.events import EventReader
from infill_completion.client.wire import chunks_from_json
from infill_completion.engine.http.requests import BadRequestError, parse_request
from tests.client.streams import CUTS, pieces
from tests.properties import tries
from tests.scripted_engine import DEADLINE_S, Reply, ScriptedEngine

PROMPTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedEngine]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with ScriptedEngine(default=lambda request: Reply([request.prefix, request.suffix or ""])) as running:
        running.wait_for(lambda: running.loads or None)
        yield running


def exchange(engine: ScriptedEngine, sent: list[bytes]) -> tuple[int, bytes]:
    """Send these pieces over one connection, and return what h11 reads from it."""
    assert engine.paths.socket is not None
    parser, status, body = h11.Connection(h11.CLIENT), 0, b""
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    parser.send(h11.EndOfMessage())
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_S)
        connection.connect(str(engine.paths.socket))
        for piece in sent:
            connection.sendall(piece)
        while not isinstance(event := parser.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                parser.receive_data(connection.recv(1 << 16))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
    return status, body


def request_bytes(body: bytes, cuts: list[int], *, is_chunked: bool) -> bytes:
    """Return a request in one of the two framings that HTTP/1.1 has for requests."""
    head = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    if not is_chunked:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    chunks = [b"%X;x=y\r\n%s\r\n" % (len(one), one) for one in pieces(body, cuts) if one]
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks) + b"0\r\nX-A: b\r\n\r\n"


@tries(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PROMPTS, st.none() | PROMPTS, st.booleans(), st.booleans(), CUTS, CUTS)
def test_a_request_means_the_same_however_it_arrives(
    engine: ScriptedEngine,
    prompt: str,
    suffix: str | None,
    stream: bool,
    is_chunked: bool,
    cuts: list[int],
    more: list[int],
) -> None:
    body = json.dumps({"prompt": prompt, "suffix": suffix, "stream": stream, "max_tokens": 9}).encode()
    status, answer = exchange(engine, pieces(request_bytes(body, more, is_chunked=is_chunked), cuts))
    assert status == 200
    asked = engine.requests[-1]
    assert (asked.prefix, asked.suffix, asked.max_tokens) == (prompt, suffix, 9)
    bodies = [event.data for event in EventReader().feed(answer)] if stream else [answer]
    chunks = [chunk for one in bodies if one != b"[DONE]" for chunk in chunks_from_json(json.loads(one))]
    assert "".join(chunk.text for chunk in chunks) == prompt + (suffix or "")
    assert not stream or bodies[-1] == b"[DONE]"


@tries(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40), st.booleans(), CUTS)
def test_a_body_that_is_no_request_is_refused_in_openais_words(
    engine: ScriptedEngine, body: bytes, is_chunked: bool, cuts: list[int]
) -> None:
    status, answer = exchange(engine, pieces(request_bytes(body, cuts, is_chunked=is_chunked), cuts))
    assert status == 400
    assert json.loads(answer)["error"]["message"].endswith(".")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_request_or_refused(body: bytes) -> None:
    with pytest.raises(BadRequestError) as refused:
        parse_request(body)
    assert str(refused.value).endswith(".")


REQUESTS = st.builds(
    CompletionRequest,
    prefix=PROMPTS,
    suffix=st.none() | PROMPTS,
    max_tokens=st.integers(1, 4096),
    temperature=st.floats(0, 2),
    top_p=st.floats(0, 1),
    n=st.integers(1, 10),
    seed=st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
    stop=st.lists(PROMPTS.filter(bool), max_size=3).map(tuple),
    deadline_ms=st.none() | st.integers(1, 10_000),
    logprobs=st.none() | st.integers(0, 5),
    echo=st.booleans(),
    stream=st.booleans(),
    explain=st.booleans(),
    ahead=st.booleans(),
    next_characters=st.integers(0, 32),
)


@tries(300)
@given(REQUESTS)
def test_what_the_client_writes_is_what_the_engine_reads(request_: CompletionRequest) -> None:
    assert parse_request(json.dumps(request_.to_json()).encode()) == request_
