"""The engine's HTTP interface as any client of OpenAI's completions sees it, with a scripted model."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infill_completion.api import CompletionRequest, PastEdit, Rewrite
from infill_completion.engine.http.requests import BadRequestError, parse_request
from tests.engine.http.requests import client_of, wait_ready
from tests.scripted_engine import Reply, ScriptedEngine


def events(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_a_whole_answer_has_openais_format(engine: ScriptedEngine, http: httpx.Client) -> None:
    engine.says("a + b")
    answer = http.post("/v1/completions", json={"prompt": "return ", "suffix": "\n", "max_tokens": 9}).json()
    assert answer["object"] == "text_completion"
    assert answer["model"] == "scripted"
    choice = answer["choices"][0]
    assert (choice["index"], choice["text"], choice["finish_reason"], choice["logprobs"]) == (0, "a + b", "stop", None)
    assert answer["usage"]["completion_tokens"] == 5
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + 5
    assert set(answer["timings"]) >= {"prefill_ms", "decode_ms", "ttft_ms", "tokens_per_s"}


def test_a_streamed_answer_has_a_chunk_per_token_and_the_last_carries_usage_and_timings(
    engine: ScriptedEngine, http: httpx.Client
) -> None:
    engine.says("a\u2028b\n")
    response = http.post("/v1/completions", json={"prompt": "x", "stream": True, "stream_options": {"x": 1}})
    assert response.headers["content-type"].startswith("text/event-stream")
    chunks = events(response.text)
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == "a\u2028b\n"
    assert len(chunks) > 3
    assert [chunk for chunk in chunks if "usage" in chunk] == [chunks[-1]]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert "timings" in chunks[-1]
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_every_documented_field_reaches_the_model(engine: ScriptedEngine, http: httpx.Client) -> None:
    body = {
        "model": "whatever", "prompt": ["p"], "suffix": "s", "max_tokens": 7, "temperature": 0, "top_p": 1, "n": 2,
        "seed": 3, "stop": "\n", "logprobs": 1, "echo": False, "stream": False, "deadline_ms": 60_000, "explain": True,
        "one_line": True, "ends_with_line": True, "is_invoked": True, "ahead": True,
        "next_characters": 5,
        "context": [{"path": "a.py", "text": "A = 1"}], "best_of": 1, "user": "me", "unheard_of": {"of": "it"},
    }  # fmt: skip
    http.post("/v1/completions", json=body).raise_for_status()
    asked = engine.requests[0]
    assert (asked.prefix, asked.suffix, asked.max_tokens, asked.n, asked.seed) == ("p", "s", 7, 2, 3)
    assert (asked.temperature, asked.top_p, asked.stop, asked.logprobs) == (0.0, 1.0, ("\n",), 1)
    assert (asked.context[0].path, asked.context[0].text, asked.explain) == ("a.py", "A = 1", True)
    assert asked.one_line
    assert asked.ends_with_line
    assert asked.is_invoked
    assert (asked.ahead, asked.next_characters) == (True, 5)
    assert asked.deadline_ms is not None
    assert 0 < asked.deadline_ms <= 60_000


def test_null_means_the_default(engine: ScriptedEngine, http: httpx.Client) -> None:
    nulls = dict.fromkeys(["suffix", "max_tokens", "temperature", "top_p", "n", "seed", "stop", "logprobs", "context"])
    http.post("/v1/completions", json={"prompt": "p", **nulls}).raise_for_status()
    asked = engine.requests[0]
    assert (asked.suffix, asked.max_tokens, asked.temperature, asked.n, asked.stop) == (None, 128, 0.1, 1, ())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", 3), ("prompt", ["a", "b"]), ("prompt", None), ("suffix", 1), ("max_tokens", "9"), ("max_tokens", 0),
        ("max_tokens", True), ("temperature", -0.1), ("temperature", "hot"), ("top_p", 1.5), ("n", 0), ("n", 2.5),
        ("seed", "x"), ("stop", [1]), ("stop", 1), ("logprobs", 99), ("echo", "yes"), ("stream", 1),
        ("context", "a"), ("context", [{"path": "a"}]), ("context", [{"path": "a", "text": 1}]), ("deadline_ms", 0),
        ("ahead", "yes"), ("ends_with_line", 1), ("next_characters", -1), ("next_characters", 33),
        ("rewrite", "a"), ("rewrite", []), ("rewrite", {"text": 1}), ("rewrite", {"text": "a", "edits": "b"}),
        ("rewrite", {"text": "a", "edits": [1]}), ("rewrite", {"text": "a", "edits": [{"before": 1}]}),
    ],
)  # fmt: skip
def test_an_ill_typed_field_is_refused_in_one_sentence_that_names_it(
    http: httpx.Client, engine: ScriptedEngine, field: str, value: object
) -> None:
    response = http.post("/v1/completions", json={"prompt": "p", field: value})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"].split(".")[0] == field
    assert f"`{field}" in error["message"]
    assert error["message"].endswith(".")
    assert engine.requests == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_not_a_json_object_is_refused(http: httpx.Client, body: bytes) -> None:
    response = http.post("/v1/completions", content=body)
    assert response.status_code == 400
    assert "JSON" in response.json()["error"]["message"]


def test_a_lone_surrogate_becomes_a_replacement_character_of_the_same_length(
    engine: ScriptedEngine, http: httpx.Client
) -> None:
    http.post("/v1/completions", content=b'{"prompt": "a\\ud800b"}').raise_for_status()
    assert engine.requests[0].prefix == "a\ufffdb"


_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
_FIELDS = [item.name for item in fields(CompletionRequest)] + ["prompt", "stream_options", "best_of"]


def refusal(body: dict[str, Any]) -> BadRequestError | None:
    try:
        request = parse_request(json.dumps({"prompt": "p", **body}).encode())
    except BadRequestError as error:
        return error
    request.prefix.encode()
    assert 1 <= request.n <= 32
    assert request.max_tokens >= 1
    assert 0 <= request.temperature <= 2
    assert 0 <= request.top_p <= 1
    assert all(isinstance(stop, str) and stop for stop in request.stop)
    return None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON_VALUES))
def test_any_json_object_is_a_request_in_range_or_refused_by_name(body: dict[str, Any]) -> None:
    error = refusal(body)
    if error is not None:
        assert error.param is not None
        assert f"`{error.param}`" in str(error)


def test_lines_to_rewrite_arrive_as_they_were_sent(engine: ScriptedEngine, http: httpx.Client) -> None:
    edits = (PastEdit("b.py", 3, "x", "y\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace")),)
    sent = CompletionRequest("", rewrite=Rewrite("Sweep", "a.py", "a\n", "b", "c", 1, "d", edits), ahead=True)
    http.post("/v1/completions", json=sent.to_json()).raise_for_status()
    assert engine.requests[0].rewrite == sent.rewrite


@pytest.mark.parametrize(("field", "value"), [("cursor", 9), ("cursor", "1"), ("line", 0)])
def test_a_number_out_of_range_in_lines_to_rewrite_is_refused(http: httpx.Client, field: str, value: object) -> None:
    rewrite = {"text": "a", "edits": [{field: value}]} if field == "line" else {"text": "a", field: value}
    response = http.post("/v1/completions", json={"rewrite": rewrite})
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith(f"`{field}` must be a whole number")


def test_unknown_paths_and_methods_have_openais_error_format(http: httpx.Client) -> None:
    assert http.get("/nowhere").status_code == 404
    assert "error" in http.get("/nowhere").json()
    assert http.get("/v1/completions").status_code == 405


def test_logprobs_are_parallel_lists(engine: ScriptedEngine, http: httpx.Client) -> None:
    engine.says(Reply(["ab", "c"], logprob=-0.5))
    answer = http.post("/v1/completions", json={"prompt": "p", "logprobs": 1}).json()
    logprobs = answer["choices"][0]["logprobs"]
    assert logprobs["tokens"] == ["ab", "c"]
    assert logprobs["token_logprobs"] == [-0.5, -0.5]
    assert logprobs["text_offset"] == [0, 2]


def test_choices_are_in_order(engine: ScriptedEngine, http: httpx.Client) -> None:
    engine.says("one", "two", "three")
    answer = http.post("/v1/completions", json={"prompt": "p", "n": 3}).json()
    assert [(choice["index"], choice["text"]) for choice in answer["choices"]] == [(0, "one"), (1, "two"), (2, "three")]


def test_a_failure_in_the_model_is_an_error_without_buffer_text_and_the_next_request_is_answered(
    engine: ScriptedEngine, http: httpx.Client
) -> None:
    engine.says(Reply([], error=RuntimeError("bad text: SECRET")), "fine")
    failed = http.post("/v1/completions", json={"prompt": "SECRET"})
    assert failed.status_code == 500
    assert "RuntimeError" in failed.json()["error"]["message"]
    assert "SECRET" not in failed.text
    assert http.post("/v1/completions", json={"prompt": "p"}).json()["choices"][0]["text"] == "fine"


def test_a_failure_after_the_first_token_ends_the_stream_with_an_error(
    engine: ScriptedEngine, http: httpx.Client
) -> None:
    engine.says(Reply(["a"], error=RuntimeError()))
    chunks = events(http.post("/v1/completions", json={"prompt": "p", "stream": True}).text)
    assert chunks[0]["choices"][0]["text"] == "a"
    assert chunks[-1]["error"]["type"] == "server_error"


def test_closing_a_streamed_answer_stops_the_decode_before_the_next_token(engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.says(Reply(["first ", gate, "second ", "third"]))
    with client_of(engine) as http:
        with http.stream("POST", "/v1/completions", json={"prompt": "p", "stream": True}) as response:
            next(response.iter_raw())
        engine.wait_for_cancellation(engine.wait_for_request())
        gate.set()
        http.post("/v1/completions", json={"prompt": "next"}).raise_for_status()
    assert engine.tokens_said == 1


def test_disconnecting_from_a_whole_answer_stops_the_decode_before_the_next_token(engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.says(Reply(["first ", gate, "second ", "third"]))
    with client_of(engine) as http:
        with pytest.raises(httpx.ReadTimeout):
            http.post("/v1/completions", json={"prompt": "p"}, timeout=0.2)
        engine.wait_for_cancellation(engine.wait_for_request())
        gate.set()
        http.post("/v1/completions", json={"prompt": "next"}).raise_for_status()
    assert engine.tokens_said == 1


def test_the_newest_request_goes_first_and_one_whose_client_disconnected_never_starts(engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.says(Reply([gate, "x"]))
    answers: list[str] = []

    def ask(prompt: str) -> None:
        with client_of(engine) as http:
            http.post("/v1/completions", json={"prompt": prompt}).raise_for_status()
            answers.append(prompt)

    def waiting(count: int) -> None:
        with client_of(engine) as http:
            while http.get("/health").json()["details"]["waiting"] != count:
                pass

    threads = [threading.Thread(target=ask, args=(prompt,)) for prompt in ("running", "older", "newer")]
    threads[0].start()
    engine.wait_for_request()
    threads[1].start()
    waiting(1)
    with client_of(engine) as http, pytest.raises(httpx.ReadTimeout):
        http.post("/v1/completions", json={"prompt": "left"}, timeout=0.2)
    threads[2].start()
    waiting(3)
    gate.set()
    for thread in threads:
        thread.join(20)
    assert [request.prefix for request in engine.requests] == ["running", "newer", "older"]
    assert sorted(answers) == ["newer", "older", "running"]


def test_the_time_in_the_queue_counts_toward_the_deadline(engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.says(Reply([gate, "x"]))
    with client_of(engine) as first, client_of(engine) as second:
        running = threading.Thread(target=lambda: first.post("/v1/completions", json={"prompt": "running"}))
        running.start()
        engine.wait_for_request()
        late: list[Any] = []
        asking = threading.Thread(
            target=lambda: late.append(second.post("/v1/completions", json={"prompt": "late", "deadline_ms": 1}).json())
        )
        asking.start()
        with client_of(engine) as http:
            while http.get("/health").json()["details"]["waiting"] != 1:
                pass
        gate.set()
        running.join(20)
        asking.join(20)
    assert late[0]["choices"][0]["finish_reason"] == "deadline"
    assert [request.prefix for request in engine.requests] == ["running"]


def test_models_and_metrics_describe_the_engine(engine: ScriptedEngine, http: httpx.Client) -> None:
    engine.says("a b")
    http.post("/v1/completions", json={"prompt": "p"}).raise_for_status()
    assert [model["id"] for model in http.get("/v1/models").json()["data"]] == ["scripted"]
    metrics = http.get("/metrics").text
    assert 'infill_requests_total{outcome="stop"} 1' in metrics
    assert 'infill_tokens_total{kind="completion"} 3' in metrics
    assert 'infill_engine_state{state="ready"} 1' in metrics
    assert "infill_request_seconds_count 1" in metrics


def test_while_the_model_loads_health_answers_and_completions_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    hold = threading.Event()
    with ScriptedEngine(hold_load=hold) as engine, client_of(engine) as http:
        while (health := http.get("/health").json())["progress"] != 0.5:
            pass
        assert (health["state"], health["reason"]) == ("loading", "Reading weights")
        refused = http.post("/v1/completions", json={"prompt": "p"})
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["health"]["state"] == "loading"
        hold.set()
        wait_ready(engine)
        http.post("/v1/completions", json={"prompt": "p"}).raise_for_status()
    assert [request.prefix for request in engine.requests] == ["p"]


def test_a_failed_load_reports_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    reason = "There is no model at nowhere; correct engine.model."
    with ScriptedEngine(load_error=reason) as engine, client_of(engine) as http:
        while (health := http.get("/health").json())["state"] in {"starting", "loading"}:
            pass
        assert (health["state"], health["reason"]) == ("failed", reason)
        refused = http.post("/v1/completions", json={"prompt": "p"})
        assert (refused.status_code, refused.json()["error"]["message"]) == (503, reason)


class TestTcp:
    @pytest.fixture
    def tcp(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        with ScriptedEngine(tcp="127.0.0.1:0") as engine:
            info = json.loads(engine.paths.connection_file.read_text())
            yield f"http://127.0.0.1:{info['port']}", info["token"]

    def test_a_holder_of_the_token_is_served(self, tcp: tuple[str, str]) -> None:
        url, token = tcp
        assert httpx.get(f"{url}/health", headers={"Authorization": f"Bearer {token}"}).status_code == 200

    @pytest.mark.parametrize("path", ["/health", "/v1/models", "/metrics", "/nowhere"])
    @pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic {token}"}])
    def test_other_clients_are_refused(self, tcp: tuple[str, str], path: str, header: dict[str, str]) -> None:
        url, token = tcp
        headers = {name: value.format(token=token) for name, value in header.items()}
        assert httpx.get(url + path, headers=headers).status_code == 401

    @pytest.mark.parametrize("header", [{"Origin": "https://example.org"}, {"Origin": "null"}, {"Host": "evil.test"}])
    def test_a_web_page_is_refused_even_with_the_token(self, tcp: tuple[str, str], header: dict[str, str]) -> None:
        url, token = tcp
        headers = {"Authorization": f"Bearer {token}", **header}
        assert httpx.get(f"{url}/health", headers=headers).status_code == 403


def test_null_in_lines_to_rewrite_is_the_default(engine: ScriptedEngine, http: httpx.Client) -> None:
    rewrite = {"text": "a", "form": None, "cursor": None, "edits": [{"before": "b", "after": None, "line": None}]}
    http.post("/v1/completions", json={"rewrite": rewrite}).raise_for_status()
    assert engine.requests[0].rewrite == Rewrite("", "", "", "a", "", 0, "", (PastEdit("", 1, "b", ""),))
