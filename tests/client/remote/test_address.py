"""What users write into ``engine.url``, where the requests go, and what is shown of it."""

from __future__ import annotations

import base64

import pytest

from infill_completion.api import EngineUnavailableError
from infill_completion.client.remote.address import public_url, secrets_of, server_address

PATHS = {
    "openai": ("/v1/completions", "/v1/models"),
    "llama.cpp": ("/infill", "/v1/models"),
    "ollama": ("/api/generate", "/api/tags"),
}

OPENAI = [
    ("http://h:8000", "http://h:8000/v1/completions"),
    ("http://h:8000/", "http://h:8000/v1/completions"),
    (" http://h:8000// ", "http://h:8000/v1/completions"),
    ("HTTP://h:8000", "http://h:8000/v1/completions"),
    ("http://h:8000/v1", "http://h:8000/v1/completions"),
    ("http://h:8000/v1/", "http://h:8000/v1/completions"),
    ("http://h:8000//v1//", "http://h:8000/v1/completions"),
    ("http://h:8000/v1/completions", "http://h:8000/v1/completions"),
    ("http://h:8000/v1/completions/", "http://h:8000/v1/completions"),
    ("http://h:8000/v1/chat/completions", "http://h:8000/v1/completions"),
    ("http://h:8000/v1/models", "http://h:8000/v1/completions"),
    ("http://h:8000/completions", "http://h:8000/completions"),
    ("http://h/api/v3", "http://h/api/v3/completions"),
    ("https://h/api/v3/chat/completions", "https://h/api/v3/completions"),
    ("https://h/v3/completions", "https://h/v3/completions"),
    ("https://api.deepseek.com/beta", "https://api.deepseek.com/beta/completions"),
    ("https://api.deepseek.com/beta/completions", "https://api.deepseek.com/beta/completions"),
    ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/completions"),
    ("https://openrouter.ai/api", "https://openrouter.ai/api/v1/completions"),
    ("https://g/v1beta/openai/", "https://g/v1beta/openai/completions"),
    ("https://h/proxy/llm", "https://h/proxy/llm/v1/completions"),
    ("https://h/proxy/llm/v1/chat/completions", "https://h/proxy/llm/v1/completions"),
    ("https://h/models", "https://h/models/v1/completions"),
    ("http://h:11434/api/generate", "http://h:11434/v1/completions"),
    ("http://h/infill", "http://h/v1/completions"),
    ("https://h/x/completions?api-version=2024-02-01", "https://h/x/completions?api-version=2024-02-01"),
    ("https://h/v1?key=a%26b", "https://h/v1/completions?key=a%26b"),
    ("https://h/v1#part", "https://h/v1/completions"),
    ("http://[::1]:8000/v1", "http://[::1]:8000/v1/completions"),
    ("http://[2001:DB8::1]", "http://[2001:db8::1]/v1/completions"),
    ("http://[fe80::1%25eth0]:8000", "http://[fe80::1]:8000/v1/completions"),
    ("http://bücher.example", "http://xn--bcher-kva.example/v1/completions"),
    ("http://my_host:1", "http://my_host:1/v1/completions"),
    ("http://h/ün x/v1", "http://h/%C3%BCn%20x/v1/completions"),
    ("http://h:80", "http://h/v1/completions"),
    ("https://h:443", "https://h/v1/completions"),
    ("https://h:80", "https://h:80/v1/completions"),
    ("https://u:p@h/v1", "https://h/v1/completions"),
]
LLAMA_CPP = [
    *[
        (f"http://h:8080{end}", "http://h:8080/infill")
        for end in ("", "/", "/v1", "/v1/", "/infill", "/completion", "/v1/completions", "/v1/chat/completions")
    ],
    ("https://h/api", "https://h/api/infill"),
    ("https://h/llama/v1", "https://h/llama/infill"),
    ("https://h/llama/infill?key=1", "https://h/llama/infill?key=1"),
]
OLLAMA = [
    *[
        (f"http://h:11434{end}", "http://h:11434/api/generate")
        for end in (
            "", "/", "/v1", "/v1/", "/api", "/api/", "/api/generate", "/api/chat", "/api/tags", "/v1/completions",
            "/v1/chat/completions",
        )
    ],
    ("https://h/ollama", "https://h/ollama/api/generate"),
    ("https://h/ollama/api", "https://h/ollama/api/generate"),
    ("https://h/ollama/v1", "https://h/ollama/api/generate"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("api", "written", "asked"),
    [
        *[("openai", *row) for row in OPENAI],
        *[("llama.cpp", *row) for row in LLAMA_CPP],
        *[("ollama", *row) for row in OLLAMA],
    ],
)
def test_the_address_may_be_that_of_the_server_its_api_or_one_endpoint(api: str, written: str, asked: str) -> None:
    completions, models = PATHS[api]
    address = server_address(written, api)
    assert address.url(completions) == asked
    own = completions.removeprefix("/v1") if address.is_versioned else completions
    base, _, query = asked.partition("?")
    listing = models.removeprefix("/v1") if address.is_versioned else models
    assert address.url(models) == base.removesuffix(own) + listing + (f"?{query}" if query else "")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("http://h/v1?key=1", "http://h/props?model=m&key=1"),
        ("http://h/v1", "http://h/props?model=m"),
        ("http://h/a/v1/completions", "http://h/a/props?model=m"),
        ("http://h/api/v3", "http://h/api/props?model=m"),
    ],
)
def test_a_path_beside_the_api_keeps_its_own_query(written: str, asked: str) -> None:
    assert server_address(written, "openai").url("/props?model=m") == asked


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000", "ftp://h", "http://", "http:///v1", "h", "", "http://h:0", "http://h:99999", "http://h:x",
        "http://[::1", "http://a b", "http://h\n.example", "http://h\\v1", "unix:///run/x", "http://" + "ü" * 300,
    ],
)  # fmt: skip
def test_an_invalid_address_is_one_sentence(url: str) -> None:
    if "\n" in url:  # urlsplit removes line breaks, as browsers do
        assert server_address(url, "openai").host == "h.example"
        return
    with pytest.raises(
        EngineUnavailableError, match=r"^engine\.url .* is not an HTTP address; write http://HOST:PORT\.$"
    ):
        server_address(url, "openai")


@pytest.mark.parametrize(
    ("url", "pair"),
    [
        ("http://u:p@h", "u:p"),
        ("http://u:p%40%2Fx@h", "u:p@/x"),
        ("http://u@h", "u:"),
        ("http://:p@h", ":p"),
        ("http://ü:ä@h", "ü:ä"),
        ("http://me%40work:a:b@h", "me@work:a:b"),
    ],
)
def test_user_and_password_become_basic_authentication(url: str, pair: str) -> None:
    address = server_address(url, "openai")
    assert address.basic is not None
    assert base64.b64decode(address.basic.removeprefix("Basic ")).decode() == pair
    assert address.host == "h"


@pytest.mark.parametrize("url", ["http://h", "http://@h", "http://:@h"])
def test_no_user_means_no_authentication(url: str) -> None:
    assert server_address(url, "openai").basic is None


SECRET = [
    "http://user:hunter2@h:8000/v1",
    "http://user:hunter2@h:8000/v1?key=hunter2",
    "http://h/v1?api_key=hunter2#hunter2",
    "http://user:hunter2@[::1]/",
    "http://user:hunter2@:8000",
    "http://user:hunter2@h:x",
    "http://user:hunter2#x@h",
    "http://user:hunter2?x@h/v1",
    "http://user:hunter2/x@h/v1",
    "user:hunter2@h",
    "http:user:hunter2@h",
    "ftp://user:hunter2@h",
    "http://a@b:hunter2@h",
]


@pytest.mark.parametrize("url", SECRET)
def test_a_password_is_never_shown(url: str) -> None:
    assert "hunter2" not in public_url(url)
    shown = ""
    try:
        shown = repr(server_address(url, "openai"))
    except EngineUnavailableError as error:
        shown = f"{error} {error.kind}"
    assert "hunter2" not in shown


@pytest.mark.parametrize("url", SECRET[:3])
def test_what_a_server_may_not_repeat_is_known(url: str) -> None:
    assert "hunter2" in " ".join(secrets_of(url, None))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@h:8000/v1/", "http://h:8000/v1"),
        ("https://h/v1?x=1", "https://h/v1"),
        ("http://h/@scope/v1", "http://h"),
        ("localhost:8000", "localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_rest_of_an_address_is_shown(url: str, shown: str) -> None:
    assert public_url(url) == shown
