"""Which proxy a request takes: from the setting, or from the environment as other tools read it."""

from __future__ import annotations

import pytest

from infill_completion.api import EngineUnavailableError
from infill_completion.client.remote.address import server_address
from infill_completion.client.remote.transport.proxies import is_exempt, proxy_for

HTTP, HTTPS = "http://gpu.example.org:8000", "https://gpu.example.org"


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        (HTTP, {}, None),
        (HTTP, {"HTTP_PROXY": "http://p:3128"}, "http://p:3128"),
        (HTTP, {"http_proxy": "http://p:3128"}, "http://p:3128"),
        (HTTP, {"http_proxy": "http://a:1", "HTTP_PROXY": "http://b:1"}, "http://a:1"),
        (HTTP, {"http_proxy": "", "HTTP_PROXY": "http://b:1"}, None),
        (HTTP, {"HTTPS_PROXY": "http://p:3128"}, None),
        (HTTPS, {"HTTPS_PROXY": "http://p:3128"}, "http://p:3128"),
        (HTTPS, {"https_proxy": "p:3128"}, "http://p:3128"),
        (HTTPS, {"HTTP_PROXY": "http://p:3128"}, None),
        (HTTPS, {"ALL_PROXY": "socks5://p"}, "socks5://p:1080"),
        (HTTP, {"all_proxy": "socks5h://p:9"}, "socks5h://p:9"),
        (HTTPS, {"HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:1"}, "http://a:1"),
        (HTTPS, {"HTTPS_PROXY": "https://p"}, "https://p:443"),
        (HTTPS, {"HTTPS_PROXY": "http://u:p@[::1]:3128/"}, "http://[::1]:3128"),
        (HTTP, {"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, None),
        (HTTP, {"HTTP_PROXY": "http://p:1", "NO_PROXY": "example.org"}, None),
        (HTTP, {"HTTP_PROXY": "http://p:1", "no_proxy": "other", "NO_PROXY": "*"}, "http://p:1"),
        *[
            (f"http://{host}:8000", {"HTTP_PROXY": "http://p:1", "ALL_PROXY": "http://p:1"}, None)
            for host in (
                "localhost", "LOCALHOST", "localhost.", "app.localhost", "127.0.0.1", "127.8.9.1", "[::1]", "127.1",
                "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "0x7f000001", "2130706433",
            )
        ],
        ("http://localhost.example.org", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("http://10.0.0.1", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
    ],
)  # fmt: skip
def test_the_environment_names_the_proxy(url: str, environment: dict[str, str], proxy: str | None) -> None:
    found = proxy_for(server_address(url, "openai"), None, environment)
    assert (None if found is None else str(found)) == proxy


@pytest.mark.parametrize("written", ["none", "None", "off", "direct", " none "])
def test_the_setting_switches_proxies_off(written: str) -> None:
    assert proxy_for(server_address(HTTP, "openai"), written, {"HTTP_PROXY": "http://p:1"}) is None


@pytest.mark.parametrize("url", [HTTP, HTTPS, "http://127.0.0.1:8000"])
def test_the_setting_names_a_proxy_for_every_host(url: str) -> None:
    found = proxy_for(server_address(url, "openai"), "http://q:2", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "*"})
    assert str(found) == "http://q:2"


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_direct"),
    [
        (HTTP, "*", True),
        (HTTP, "a,*", True),
        (HTTP, "gpu.example.org", True),
        (HTTP, "GPU.Example.ORG", True),
        (HTTP, "example.org", True),
        (HTTP, ".example.org", True),
        (HTTP, "*.example.org", True),
        (HTTP, "a b example.org", True),
        (HTTP, " a , example.org ,", True),
        (HTTP, "ample.org", False),
        (HTTP, "org.example", False),
        (HTTP, "x.gpu.example.org", False),
        (HTTP, "example.org:8000", True),
        (HTTP, "example.org:80", False),
        (HTTPS, "example.org:443", True),
        (HTTP, "", False),
        (HTTP, ",", False),
        (HTTP, ".", False),
        (HTTP, "http://gpu.example.org", True),
        (HTTP, "example.org:99999999999999999999", False),
        ("http://10.1.2.3:8000", "10.0.0.0/8", True),
        ("http://10.1.2.3:8000", "10.1.2.4/8", True),
        ("http://11.1.2.3:8000", "10.0.0.0/8", False),
        ("http://10.1.2.3:8000", "10.1.2.3", True),
        ("http://10.1.2.3:8000", "10.1.2.3:8000", True),
        ("http://10.1.2.3:8000", "10.1.2.3:80", False),
        ("http://10.1.2.3:8000", "2.3", False),
        ("http://10.1.2.3:8000", "10.0.0.0/99", False),
        ("http://[2001:db8::1]:8000", "2001:db8::/32", True),
        ("http://[2001:db8::1]:8000", "2001:db8::1", True),
        ("http://[2001:db8::1]:8000", "[2001:db8::1]", True),
        ("http://[2001:db8::1]:8000", "[2001:DB8:0::1]:8000", True),
        ("http://[2001:db8::1]:8000", "[2001:db8::1]:80", False),
        ("http://[2001:db9::1]:8000", "2001:db8::/32", False),
        ("http://[::ffff:10.1.2.3]:8000", "10.0.0.0/8", True),
        ("http://10.1.2.3.example.org", "10.0.0.0/8", False),
    ],
)
def test_no_proxy_has_names_addresses_networks_and_ports(url: str, no_proxy: str, is_direct: bool) -> None:
    assert is_exempt(server_address(url, "openai"), no_proxy) is is_direct


@pytest.mark.parametrize("written", ["http://", "ftp://p", "http://p:x", "://", "http://a b", "http://u:hunter2@:1"])
def test_an_invalid_proxy_is_one_sentence_that_names_its_origin(written: str) -> None:
    for setting, environment, origin in ((written, {}, "engine.proxy"), (None, {"ALL_PROXY": written}, "ALL_PROXY")):
        with pytest.raises(EngineUnavailableError, match=f"^{origin} .* is not the address of a proxy; ") as raised:
            proxy_for(server_address(HTTP, "openai"), setting, environment)
        assert "hunter2" not in str(raised.value)


def test_the_password_of_a_proxy_is_not_shown() -> None:
    found = proxy_for(server_address(HTTP, "openai"), "http://me:hunter2%40@p:1", {})
    assert found is not None
    assert found.user == (b"me", b"hunter2@")
    assert "hunter2" not in repr(found) + str(found)
