"""The way to a remote server: redirects, proxies, certificates, authentication, compression, lost connections."""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
import os
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from infill_completion.api import CompletionRequest, EngineState, EngineUnavailableError, FinishReason, Health
from infill_completion.client.http import ProtocolError
from infill_completion.client.remote.address import server_address
from infill_completion.client.remote.engine import RemoteEngine
from infill_completion.client.remote.transport.failures import LostConnectionError, RedirectedError
from infill_completion.client.remote.transport.transport import Transport
from infill_completion.settings import EngineSettings, Settings, merge
from tests.client.remote.certificates import needs_openssl, server_context
from tests.client.remote.scripted_server import (
    DEADLINE_S,
    OPEN,
    Heard,
    Reply,
    ScriptedServer,
    events,
    reply,
    scripted_server,
)

REQUEST = CompletionRequest("a = ", "\n", is_invoked=True)
DONE = "[DONE]"
TEXT = {"choices": [{"index": 0, "text": "x", "finish_reason": "stop"}]}
GOOD = events(TEXT, DONE)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as running:
        running.says("/v1/models", reply({"data": [{"id": "codellama"}]}))
        running.says("/v1/completions", GOOD)
        yield running


async def text_of(url: str, **settings: Any) -> str:
    engine = RemoteEngine(EngineSettings(url=url, **settings))
    try:
        return "".join([chunk.text async for chunk in engine.complete(REQUEST)])
    finally:
        await engine.aclose()


async def told(url: str, **settings: Any) -> str:
    with pytest.raises(EngineUnavailableError) as raised:
        await text_of(url, **settings)
    return str(raised.value)


def transport(server: ScriptedServer, **options: Any) -> Transport:
    return Transport(server_address(server.url, "openai"), {"Authorization": "Bearer k"}, **options)


async def body_of(way: Transport, method: str = "POST", path: str = "/v1/completions", body: bytes = b"{}") -> bytes:
    response = await way.ask(method, path, body)
    try:
        return b"".join([part async for part in response.parts()])
    finally:
        await response.aclose()


def moved(location: str, status: int = 308, body: bytes = b"moved") -> Reply:
    return reply([body], status, headers={"Location": location})


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    @pytest.mark.parametrize("location", ["/new?x=1", "http://127.0.0.1:{port}/new?x=1", "//127.0.0.1:{port}/new?x=1"])
    async def test_the_same_host_gets_the_same_request(
        self, server: ScriptedServer, status: int, location: str
    ) -> None:
        server.says("/v1/completions", moved(location.format(port=server.port), status))
        server.says("/new?x=1", reply(b"here"))
        assert await body_of(transport(server), body=b'{"prompt": "p"}') == b"here"
        [heard] = server.asked("/new?x=1")
        assert (heard.method, heard.json) == ("POST", {"prompt": "p"})
        assert heard.headers["authorization"] == "Bearer k"
        assert server.opened == 1

    async def test_see_other_is_fetched(self, server: ScriptedServer) -> None:
        server.says("/v1/completions", moved("/result", 303))
        server.says("/result", reply(b"here"))
        assert await body_of(transport(server)) == b"here"
        [heard] = server.asked("/result")
        assert (heard.method, heard.body) == ("GET", b"")

    @pytest.mark.parametrize(("status", "times"), [(301, 1), (308, 1), (302, 2), (307, 2)])
    async def test_only_permanent_ones_are_remembered(self, server: ScriptedServer, status: int, times: int) -> None:
        server.says("/v1/completions", moved("/new", status))
        server.says("/new", reply(b"here"))
        way = transport(server)
        await body_of(way)
        await body_of(way)
        assert len(server.asked("/v1/completions")) == times

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize(
        "location",
        ["http://localhost:{other}/v1", "http://127.0.0.1:{other}/v1", "//127.0.0.1:{other}/v1", "ftp://127.0.0.1/v1"],
    )
    async def test_another_host_or_port_gets_nothing_and_is_named(
        self, server: ScriptedServer, status: int, location: str
    ) -> None:
        async with scripted_server() as other:
            target = location.format(other=other.port)
            server.says("/v1/completions", moved(target, status))
            message = await told(server.url.replace("//", "//me:hunter2@"))
            assert (
                f"redirects to {'http:' if target.startswith('//') else ''}{target}, where nothing is sent" in message
            )
            assert (other.opened, other.heard) == (0, [])

    async def test_a_sign_in_page_is_named_without_its_query(self, server: ScriptedServer) -> None:
        server.says("/v1/models", moved("https://u:hunter2@sso.example.org/login?next=hunter2", 302))
        message = await told(server.url)
        assert "redirects to https://sso.example.org/login, where" in message
        assert "hunter2" not in message

    async def test_circles_end(self, server: ScriptedServer) -> None:
        server.says("/v1/completions", moved("/v1/completions"))
        assert "redirects in circles" in await told(server.url)
        assert len(server.asked("/v1/completions")) < 10

    @pytest.mark.parametrize("location", ["http://[::1", "http://127.0.0.1:x/", "https://\xff", "javascript:x", "//"])
    async def test_an_invalid_location_is_told(self, server: ScriptedServer, location: str) -> None:
        server.says("/v1/completions", moved(location))
        with pytest.raises(RedirectedError):
            await body_of(transport(server))

    async def test_a_location_with_other_letters_is_followed(self, server: ScriptedServer) -> None:
        server.says("/v1/completions", moved("/\xfc x"))
        server.says("/%FC%20x", reply(b"here"))
        assert await body_of(transport(server)) == b"here"

    @needs_openssl
    async def test_tls_on_the_same_host_is_followed_and_never_left(
        self, server: ScriptedServer, tmp_path: Path
    ) -> None:
        context, authority = await asyncio.to_thread(server_context, tmp_path, "127.0.0.1")
        async with scripted_server(context) as secure:
            secure.says("/v1/models", reply({"data": [{"id": "codellama"}]}))
            secure.says("/v1/completions", GOOD)
            for path in ("/v1/models", "/v1/completions"):
                server.says(path, moved(f"https://127.0.0.1:{secure.port}{path}", 301))
            assert await text_of(server.url, ca_file=str(authority)) == "x"
            assert secure.heard[-1].headers["host"] == f"127.0.0.1:{secure.port}"
            secure.says("/v1/completions", moved(f"{server.url}/v1/completions"))
            url = f"https://127.0.0.1:{secure.port}"
            assert f"redirects to {server.url}/v1/completions" in await told(url, ca_file=str(authority))


class TestAuthentication:
    async def test_user_and_password_are_sent_and_never_shown(
        self, server: ScriptedServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        url = server.url.replace("//", "//me:hunter2%40@") + "/v1?key=sesame"
        server.says("/v1/models?key=sesame", reply({"data": [{"id": "codellama"}]}))
        said = {"error": {"message": "wrong password hunter2@ (hunter2%40) or key=sesame"}}
        server.says("/v1/completions?key=sesame", reply(said, 500), reply(said), reply(said, 404), reply(said, 401))
        with caplog.at_level(logging.DEBUG):
            messages = [await told(url) for _ in range(4)]
        basic = "Basic " + base64.b64encode(b"me:hunter2@").decode()
        assert {heard.headers["authorization"] for heard in server.heard} == {basic}
        assert all(server.url in message for message in messages)
        for secret in ("hunter2", "sesame", basic):
            assert secret not in " ".join(messages)
            assert secret not in "".join(
                record.getMessage() for record in caplog.records if "httpcore" not in record.name
            )

    async def test_a_key_takes_the_place_of_the_password(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MY_KEY", "k-1")
        await text_of(server.url.replace("//", "//me:hunter2@"), api_key_env="MY_KEY")
        assert server.heard[-1].headers["authorization"] == "Bearer k-1"

    def test_a_problem_with_another_setting_does_not_show_the_password(self) -> None:
        settings, problems = merge(Settings(), {"engine": {"url": "http://me:hunter2@h"}}, origin="x")
        settings, more = merge(settings, {"engine": {"url": 5, "proxy": 5, "api": "x"}}, origin="x")
        settings, last = merge(settings, {"engine": {"proxy": "http://me:hunter2@p"}}, origin="x")
        settings, again = merge(settings, {"engine": {"proxy": 5}}, origin="x")
        assert more
        assert again
        assert "hunter2" not in " ".join([*problems, *more, *last, *again, repr(settings)])

    @pytest.mark.parametrize("key", ["url", "proxy", "ca_file"])
    def test_a_workspace_does_not_choose_where_code_is_sent(self, key: str) -> None:
        settings, problems = merge(Settings(), {"engine": {key: "http://evil"}}, origin="x", trusted=False)
        assert settings == Settings()
        assert "never from a workspace" in problems[0]


class TestProxies:
    HOST = "http://gpu.invalid:8000"

    async def test_http_goes_through_the_proxy_of_the_environment(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.says(f"{self.HOST}/v1/models", reply({"data": [{"id": "codellama"}]}))
        server.says(f"{self.HOST}/v1/completions", GOOD)
        monkeypatch.setenv("HTTP_PROXY", server.url.replace("//", "//me:hunter2@"))
        assert await text_of(self.HOST) == "x"
        heard = server.heard[-1]
        assert heard.headers["host"] == "gpu.invalid:8000"
        assert heard.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"me:hunter2").decode()
        monkeypatch.setenv("NO_PROXY", "invalid")
        assert "host of http://gpu.invalid:8000 is unknown" in await told(self.HOST)

    async def test_this_machine_needs_no_proxy_unless_the_setting_names_one(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with scripted_server() as proxy:
            monkeypatch.setenv("ALL_PROXY", proxy.url)
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            assert await text_of(server.url) == "x"
            assert proxy.opened == 0
            await told(server.url, proxy=proxy.url)
            assert proxy.heard[0].target == f"{server.url}/v1/models"

    async def test_the_setting_switches_the_proxy_off(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        await told(self.HOST, proxy="none")
        assert server.opened == 0

    @needs_openssl
    async def test_https_goes_through_a_tunnel(
        self, server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        context, authority = await asyncio.to_thread(server_context, tmp_path, "gpu.invalid")
        async with scripted_server(context) as secure:
            secure.says("/v1/models", reply({"data": [{"id": "codellama"}]}))
            secure.says("/v1/completions", GOOD)
            monkeypatch.setenv("https_proxy", server.url.replace("//", "//me:hunter2@"))
            url = f"https://user:sesame@gpu.invalid:{secure.port}"
            assert await text_of(url, ca_file=str(authority)) == "x"
            connect = server.heard[0]
            assert (connect.method, connect.target) == ("CONNECT", f"gpu.invalid:{secure.port}")
            assert connect.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"me:hunter2").decode()
            assert "authorization" not in connect.headers
            assert "proxy-authorization" not in secure.heard[-1].headers
            assert secure.heard[-1].headers["authorization"].startswith("Basic ")
            assert "is not trusted" in await told(url)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize(
        ("status", "user", "reason"),
        [
            (407, "", "wants a user and a password"),
            (407, "me:hunter2@", "wants another user and password"),
            (503, "", "503"),
        ],
    )
    async def test_a_proxy_that_refuses_is_named(
        self, server: ScriptedServer, scheme: str, status: int, user: str, reason: str
    ) -> None:
        refusal = reply(b"no", status, headers={"Proxy-Authenticate": "Basic"})
        server.says("CONNECT", refusal)
        server.default = lambda _heard: refusal
        message = await told(f"{scheme}://gpu.invalid", proxy=server.url.replace("//", f"//{user}"))
        assert reason in message
        assert "hunter2" not in message
        if status == 407:
            assert message.startswith(f"The proxy {server.url} (engine.proxy) {reason}; correct engine.proxy")

    async def test_a_proxy_that_is_not_there_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALL_PROXY", "http://me:hunter2@127.0.0.1:9")
        message = await told("http://gpu.invalid")
        assert message == (
            "The proxy http://127.0.0.1:9 (ALL_PROXY) does not answer; correct ALL_PROXY, or set engine.proxy to none."
        )

    async def test_socks_without_its_package_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
        message = await told("http://gpu.invalid", proxy="socks5://127.0.0.1:9")
        assert "run `pip install socksio`, or set engine.proxy to none" in message


@needs_openssl
class TestCertificates:
    @pytest.fixture
    async def secure(self, tmp_path: Path) -> AsyncIterator[ScriptedServer]:
        context, _ = await asyncio.to_thread(server_context, tmp_path, "localhost")
        async with scripted_server(context) as running:
            running.says("/v1/models", reply({"data": [{"id": "codellama"}]}))
            running.says("/v1/completions", GOOD)
            yield running

    async def test_an_authority_of_ones_own_is_a_setting(self, secure: ScriptedServer, tmp_path: Path) -> None:
        url = f"https://localhost:{secure.port}"
        assert "set SSL_CERT_FILE or engine.ca_file to its authority's certificate" in await told(url)
        assert await text_of(url, ca_file=str(tmp_path / "cert.pem")) == "x"

    async def test_openssls_own_variables_are_heeded(
        self, secure: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        assert await text_of(f"https://localhost:{secure.port}") == "x"

    async def test_a_certificate_for_another_host_is_not_trusted(self, secure: ScriptedServer, tmp_path: Path) -> None:
        message = await told(f"https://127.0.0.1:{secure.port}", ca_file=str(tmp_path / "cert.pem"))
        assert "is not trusted" in message
        assert "mismatch" in message
        assert secure.heard == []

    @pytest.mark.parametrize("name", ["missing.pem", "key.pem", "empty.pem", "noise.pem"])
    async def test_a_file_without_certificates_is_told(self, secure: ScriptedServer, tmp_path: Path, name: str) -> None:
        (tmp_path / "empty.pem").write_bytes(b"")
        (tmp_path / "noise.pem").write_bytes(os.urandom(99))
        message = await told(f"https://localhost:{secure.port}", ca_file=str(tmp_path / name))
        assert message.startswith(f"engine.ca_file {tmp_path / name} ")
        assert message.endswith("; correct it.")

    @pytest.mark.parametrize("name", ["~nobody-of-this-name/ca.pem", "ca\0.pem"])
    async def test_a_name_that_no_file_can_have_is_told(self, secure: ScriptedServer, name: str) -> None:
        message = await told(f"https://localhost:{secure.port}", ca_file=name)
        assert message.startswith(f"engine.ca_file {name} ")
        assert message.endswith("; correct it.")


PAGE = b'data: {"choices": [{"index": 0, "text": "x", "finish_reason": "stop"}]}\n\n' * 300


def _deflate(data: bytes, window_bits: int) -> bytes:
    packer = zlib.compressobj(wbits=window_bits)
    return packer.compress(data) + packer.flush()


class TestCompression:
    async def test_it_is_not_asked_for(self, server: ScriptedServer) -> None:
        await text_of(server.url)
        assert {heard.headers["accept-encoding"] for heard in server.heard} == {"identity"}
        assert server.heard[0].headers["user-agent"].startswith("infill-ls/")

    @pytest.mark.parametrize(
        ("coding", "data"),
        [
            ("gzip", gzip.compress(PAGE)),
            ("x-gzip", gzip.compress(PAGE)),
            ("GZIP", gzip.compress(PAGE[:99]) + gzip.compress(PAGE[99:])),
            ("gzip", gzip.compress(PAGE) + b"\0\0\0"),
            ("deflate", zlib.compress(PAGE)),
            ("deflate", _deflate(PAGE, -15)),
            ("deflate, gzip", gzip.compress(zlib.compress(PAGE))),
            ("identity", PAGE),
            ("", PAGE),
        ],
    )
    @pytest.mark.parametrize("step", [1, 7, 100_000])
    async def test_it_is_decoded_however_it_arrives(
        self, server: ScriptedServer, coding: str, data: bytes, step: int
    ) -> None:
        parts: list[bytes | asyncio.Event] = [data[at : at + step] for at in range(0, len(data), step)]
        server.says("/v1/completions", reply(parts, headers={"Content-Encoding": coding}, framing="chunked"))
        assert await body_of(transport(server)) == PAGE

    async def test_a_token_is_read_before_the_next_one_is_written(self, server: ScriptedServer) -> None:
        packer = zlib.compressobj(wbits=31)
        first = packer.compress(PAGE[:75]) + packer.flush(zlib.Z_SYNC_FLUSH)
        server.says(
            "/v1/completions",
            reply([first, asyncio.Event()], headers={"Content-Encoding": "gzip"}, framing="chunked"),
        )
        response = await transport(server).ask("POST", "/v1/completions", b"{}")
        async with asyncio.timeout(DEADLINE_S):
            assert await anext(response.parts()) == PAGE[:75]
            await response.aclose()
            await server.left.wait()

    async def test_a_bomb_is_bounded(self, server: ScriptedServer) -> None:
        bomb = gzip.compress(b"\0" * (40 << 20))
        server.says("/v1/completions", reply([bomb], headers={"Content-Encoding": "gzip"}))
        assert "does not speak `openai`" in await told(server.url)

    @pytest.mark.parametrize(
        ("coding", "data"),
        [("gzip", gzip.compress(PAGE)[:-9]), ("gzip", b"noise"), ("deflate", b"noise"), ("br", PAGE), ("zstd", PAGE)],
    )
    async def test_what_cannot_be_decoded_is_told(self, server: ScriptedServer, coding: str, data: bytes) -> None:
        server.says("/v1/completions", reply([data], headers={"Content-Encoding": coding}))
        with pytest.raises(ProtocolError):
            await body_of(transport(server))


class TestLostConnections:
    async def test_connections_are_reused(self, server: ScriptedServer) -> None:
        way = transport(server)
        for _ in range(5):
            await body_of(way)
        assert server.opened == 1

    @pytest.mark.parametrize("way", ["closed", "reset", "silently"])
    async def test_an_idle_connection_that_the_server_closed_costs_no_suggestion(
        self, server: ScriptedServer, way: str
    ) -> None:
        engine = RemoteEngine(EngineSettings(url=server.url))
        # The last bytes of the script are the end of the connection, before or after the next request has been sent.
        ends = {"closed": Reply([], closes=True), "reset": Reply([], resets=True)}
        if way == "silently":
            await engine.health()
            server.writers[0].transport.abort()
        else:
            server.says("/v1/completions", ends[way], GOOD)
        assert [chunk.text async for chunk in engine.complete(REQUEST)] == ["x"]
        assert engine.last_health.state is EngineState.READY
        await engine.aclose()

    @pytest.mark.parametrize("first", [b": ping\n\n", b""])
    async def test_an_answer_that_breaks_before_its_first_event_is_asked_for_again(
        self, server: ScriptedServer, first: bytes
    ) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n%s\r\n" % (len(first), first) if first else b""
        server.says("/v1/completions", Reply([head + chunk], closes=True), GOOD)
        assert await text_of(server.url) == "x"

    @pytest.mark.parametrize("reason", [None, "stop"])
    async def test_an_answer_that_breaks_after_some_text_is_used_and_not_asked_for_again(
        self, server: ScriptedServer, reason: str | None
    ) -> None:
        cut = events({"choices": [{"index": 0, "text": "x = 1", "finish_reason": reason}]})
        server.says("/v1/completions", Reply(cut.parts[:-1], closes=True), GOOD)
        told: list[Health] = []
        engine = RemoteEngine(EngineSettings(url=server.url), told.append)
        chunks = [chunk async for chunk in engine.complete(REQUEST)]
        assert "".join(chunk.text for chunk in chunks) == "x = 1"
        reasons = [chunk.finish_reason for chunk in chunks if chunk.finish_reason]
        assert reasons == [FinishReason.STOP if reason else FinishReason.DEADLINE]
        assert {health.state for health in told} == {EngineState.READY}
        assert len(server.asked("/v1/completions")) == 1
        await engine.aclose()

    async def test_an_answer_that_breaks_before_any_text_is_told(self, server: ScriptedServer) -> None:
        cut = events({"choices": [{"index": 0, "text": ""}]})
        server.says("/v1/completions", Reply(cut.parts[:-1], closes=True))
        assert "closed the connection" in await told(server.url)

    @pytest.mark.parametrize("coding", ["br", "zstd"])
    async def test_a_list_in_an_unknown_coding_is_no_reason_to_stop(self, server: ScriptedServer, coding: str) -> None:
        server.says("/v1/models", reply([b"?"], headers={"Content-Encoding": coding}))
        assert await text_of(server.url) == "x"

    async def test_a_sign_in_page_is_never_reported_as_ready(self, server: ScriptedServer) -> None:
        page = reply([b"<html><title>Sign in</title></html>"])
        server.says("/v1/models", page)
        server.says("/v1/completions", page)
        states: list[Health] = []
        engine = RemoteEngine(EngineSettings(url=server.url), states.append)
        await engine.start()
        assert {health.state for health in states} == {EngineState.FAILED}
        assert "a web page (Sign in)" in engine.last_health.reason
        await engine.aclose()

    @pytest.mark.parametrize("status", [401, 403])
    async def test_what_a_server_refuses_is_named_as_it_was_sent(self, server: ScriptedServer, status: int) -> None:
        server.says("/v1/completions", reply({"error": "no"}, status))
        assert f"wants an API key (HTTP {status}); name its variable in engine.api_key_env." in await told(server.url)
        with_user = await told(server.url.replace("//", "//me:pass-word@"))
        assert f"refuses the user and the password of engine.url (HTTP {status})" in with_user
        assert "pass-word" not in with_user

    async def test_a_server_that_always_hangs_up_is_told(self, server: ScriptedServer) -> None:
        server.says("/v1/completions", Reply([], closes=True))
        assert "closed the connection" in await told(server.url)
        assert len(server.asked("/v1/completions")) <= 4

    async def test_all_idle_ones_are_dropped_after_one_died(self, server: ScriptedServer) -> None:
        way, held = transport(server), asyncio.Event()
        server.says("/slow", reply([b"a", held, b"b"]))
        slow = [asyncio.create_task(body_of(way, "GET", "/slow", b"")) for _ in range(3)]
        async with asyncio.timeout(DEADLINE_S):
            while len(server.asked("/slow")) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0)
            held.set()
            await asyncio.gather(*slow)
        assert server.opened == 3
        server.says("/v1/completions", Reply([], closes=True), GOOD)
        await body_of(way)
        await body_of(way)
        assert server.opened == 4
        assert {heard.connection for heard in server.asked("/v1/completions")[1:]} == {4}

    async def test_an_answer_in_progress_outlives_the_death_of_another(self, server: ScriptedServer) -> None:
        way, held = transport(server), asyncio.Event()
        server.says("/slow", reply([b"a", held, b"b"]))
        slow = await way.ask("GET", "/slow")
        parts = slow.parts()
        assert await anext(parts) == b"a"
        server.says("/v1/completions", Reply([], closes=True), GOOD)
        await body_of(way)
        held.set()
        assert await anext(parts) == b"b"
        await slow.aclose()
        await way.aclose()

    @pytest.mark.parametrize("later_s", [51, 601, 7 * 86400, -3600])
    async def test_old_connections_are_not_used(self, server: ScriptedServer, later_s: float) -> None:
        now = [1e9]
        way = transport(server, clock=lambda: now[0])
        await body_of(way)
        now[0] += 10
        await body_of(way)
        assert server.opened == 1
        now[0] += later_s
        await body_of(way)
        assert server.opened == 2

    async def test_a_connection_that_is_always_in_use_ages_too(self, server: ScriptedServer) -> None:
        now = [1e9]
        way = transport(server, clock=lambda: now[0])
        for _ in range(31):
            now[0] += 20
            await body_of(way)
        assert server.opened == 2

    async def test_giving_up_a_silent_answer_drops_the_idle_ones(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("infill_completion.client.remote.transport.transport._SILENT_S", 0.0)
        way = transport(server)
        server.says("/silent", Reply([asyncio.Event()]))
        first = asyncio.create_task(body_of(way, "GET", "/silent", b""))
        async with asyncio.timeout(DEADLINE_S):
            while not server.asked("/silent"):  # noqa: ASYNC110
                await asyncio.sleep(0)
            await body_of(way)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await server.left.wait()
        await body_of(way)
        assert [heard.connection for heard in server.asked("/v1/completions")] == [2, 3]

    async def test_hundreds_of_cancels_at_any_moment_leak_nothing(self, server: ScriptedServer) -> None:
        token = {"choices": [{"index": 0, "text": "x", "finish_reason": None}]}
        held = asyncio.Event()
        streamed = events(*[token] * 20)
        streamed.parts.insert(5, held)
        server.says("/v1/completions", streamed)
        engine = RemoteEngine(EngineSettings(url=server.url))
        await engine.health()
        before, tasks = psutil.Process().num_fds(), len(asyncio.all_tasks())

        async def read() -> None:
            async for _ in engine.complete(REQUEST):
                pass

        for moment in range(400):
            task = asyncio.create_task(read())
            for _ in range(moment % 80):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await engine.aclose()
        await server.settled()
        assert psutil.Process().num_fds() <= before
        assert len(asyncio.all_tasks()) <= tasks

    async def test_closing_the_stream_hangs_up_before_the_next_token(self, server: ScriptedServer) -> None:
        token = {"choices": [{"index": 0, "text": "x", "finish_reason": None}]}
        streamed = events(token)
        streamed.parts.insert(2, asyncio.Event())
        server.says("/v1/completions", streamed)
        engine = RemoteEngine(EngineSettings(url=server.url))
        stream = engine.complete(REQUEST)
        assert (await anext(stream)).text == "x"
        await stream.aclose()
        await asyncio.wait_for(server.left.wait(), DEADLINE_S)
        await engine.aclose()


async def test_an_answer_that_is_not_http_is_told(server: ScriptedServer) -> None:
    server.says("/v1/completions", Reply([b"SSH-2.0-OpenSSH_9.9\r\n\r\n"], closes=True))
    assert "does not speak `openai`" in await told(server.url)
    server.says("/v1/completions", Reply([], closes=True))
    with pytest.raises(LostConnectionError):
        await body_of(transport(server))


class TestChoices:
    """Several choices of a server that writes one at a time."""

    async def test_all_but_the_first_are_asked_for_at_once(self, server: ScriptedServer) -> None:
        all_asked = asyncio.Event()

        def answer(_: Heard) -> Reply:
            if len(server.asked("/infill")) == 3:
                all_asked.set()
            one = events({"content": "x", "stop": False}, {"content": "", "stop": True})
            one.parts.insert(2, all_asked)  # No answer ends before the last one is asked for.
            return one

        del server.replies["/v1/completions"]
        server.default = lambda heard: answer(heard) if heard.target == "/infill" else reply(b"", 404)
        engine = RemoteEngine(EngineSettings(url=server.url, api="llama.cpp"))
        async with asyncio.timeout(DEADLINE_S):
            chunks = [chunk async for chunk in engine.complete(replace(REQUEST, n=3))]
        await engine.aclose()
        assert sorted((chunk.index, chunk.text) for chunk in chunks if chunk.text) == [(0, "x"), (1, "x"), (2, "x")]
        assert {chunk.index for chunk in chunks if chunk.finish_reason} == {0, 1, 2}

    async def test_what_the_first_was_refused_the_others_leave_out(self, server: ScriptedServer) -> None:
        def answer(heard: Heard) -> Reply:
            if "seed" in heard.json:
                return reply({"error": {"message": "unknown field: seed"}}, 400)
            return events({"content": "x", "stop": True})

        server.default = lambda heard: answer(heard) if heard.target == "/infill" else reply(b"", 404)
        engine = RemoteEngine(EngineSettings(url=server.url, api="llama.cpp"))
        chunks = [chunk async for chunk in engine.complete(replace(REQUEST, n=3, seed=1))]
        await engine.aclose()
        assert sorted(chunk.index for chunk in chunks if chunk.text) == [0, 1, 2]
        assert ["seed" in heard.json for heard in server.asked("/infill")] == [True, False, False, False]

    async def test_leaving_hangs_up_on_all_of_them(self, server: ScriptedServer) -> None:
        asked: set[int] = set()
        all_asked = asyncio.Event()

        def answer(heard: Heard) -> Reply:
            asked.add(heard.connection)
            if len(asked) == 3:
                all_asked.set()
            one = events({"content": "x", "stop": False}, {"content": "", "stop": True})
            one.parts.insert(2, OPEN)
            return one

        server.default = lambda heard: answer(heard) if heard.target == "/infill" else reply(b"", 404)
        engine = RemoteEngine(EngineSettings(url=server.url, api="llama.cpp"))
        stream = engine.complete(replace(REQUEST, n=3))
        assert (await anext(stream)).text == "x"
        reading = asyncio.ensure_future(anext(stream))
        async with asyncio.timeout(DEADLINE_S):
            await all_asked.wait()
            await reading
        await stream.aclose()
        await engine.aclose()
        await server.settled()

    async def test_one_that_is_refused_ends_all(self, server: ScriptedServer) -> None:
        good = events({"content": "x", "stop": True})
        server.says("/infill", good, good, reply({"error": {"message": "out of memory"}}, 500))
        engine = RemoteEngine(EngineSettings(url=server.url, api="llama.cpp"))
        with pytest.raises(EngineUnavailableError, match="out of memory"):
            async for _ in engine.complete(replace(REQUEST, n=3)):
                pass
        await engine.aclose()
        await server.settled()


class TestSurvey:
    """What a server that says little, or only to others, is asked."""

    @pytest.mark.parametrize("api", ["openai", "llama.cpp", "ollama"])
    @pytest.mark.parametrize("status", [401, 403])
    async def test_who_may_not_see_the_models_asks_for_nothing_else(
        self, server: ScriptedServer, api: str, status: int
    ) -> None:
        server.default = lambda _: reply({"error": "no"}, status)
        server.replies.clear()
        engine = RemoteEngine(EngineSettings(url=server.url, api=api, model="codellama"))
        with pytest.raises(EngineUnavailableError):
            async for _ in engine.complete(REQUEST):
                pass
        await engine.aclose()
        assert not [heard.target for heard in server.heard if heard.method == "GET"][1:]
        assert not server.asked("/api/show")

    @pytest.mark.parametrize("names", [["*"], ["openai/*", "anthropic/*"]])
    async def test_patterns_alone_name_no_model(self, server: ScriptedServer, names: list[str]) -> None:
        server.says("/v1/models", reply({"data": [{"id": name, "owned_by": "openai"} for name in names]}))
        healths: list[Health] = []
        engine = RemoteEngine(EngineSettings(url=server.url), healths.append)
        await engine.start()
        await engine.aclose()
        assert engine.last_health.state is EngineState.FAILED
        assert f"lists only {', '.join(names)}; set engine.model" in engine.last_health.reason
        assert EngineState.READY not in [health.state for health in healths]

    async def test_a_model_beside_the_patterns_is_used(self, server: ScriptedServer) -> None:
        server.says("/v1/models", reply({"data": [{"id": "openai/*"}, {"id": "qwen2.5-coder"}]}))
        assert await text_of(server.url) == "x"

    @pytest.mark.parametrize("body", [b"404 page not found", {"error": {"code": 404, "message": "File Not Found"}}])
    async def test_a_llama_cpp_without_infill_gets_the_prompt_as_text(
        self, server: ScriptedServer, body: object
    ) -> None:
        server.says("/infill", reply(body, 404))
        server.says("/completion", events({"content": "y", "stop": True}))
        assert await text_of(server.url, api="llama.cpp") == "y"
        assert "<PRE>" in server.asked("/completion")[-1].json["prompt"]

    async def test_a_server_with_neither_path_does_not_speak_the_protocol(self, server: ScriptedServer) -> None:
        assert "does not speak `llama.cpp`" in await told(server.url, api="llama.cpp")
