from __future__ import annotations

import pytest

from reconciler.manifest.hosts import chained_component, host_fault, http_host_fault, outbound_of_http


@pytest.mark.parametrize(
    "host",
    [
        "https://example.com",
        "https://example.com/",
        "https://example.com///",
        " https://example.com ",
        "http://*.example.com:8080",
        "*://*:*",
        "*://x:80",
        "http://localhost:*",
        "tcp://x:1..65535",
        "https://x:10..1",
        "https://x:",
        "https://x:+80",
        "://x:80",
        "http://10.0.0.1",
        "http://0x7f.1",
        "http://10.0.0.1/8:80",
        "https://10.0.0.0/8",
        "http://fd00::/8:80",
        "http://[::1]:80",
        "https://self",
        "http://self.alt",
        "https://ex_ample.com",
        "https://-bad.example",
        "https://bücher.example",
        "https://xn--bcher-kva.example",
        "https://a%2Db.example",
        "http://*.spin.internal",
    ],
)
def test_a_host_that_spin_accepts_has_no_fault(host: str) -> None:
    assert host_fault(host) == ""


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("example.com", "scheme"),
        ("", "scheme"),
        ("*", "scheme"),
        ("insecure:allow-all", "not allowed here"),
        ("foo://x", "no default port"),
        ("HTTPS://x", "no default port"),
        ("https://x:80/path", "path"),
        ("https://x/path", "path"),
        ("https://x:65536", "port"),
        ("https://x:-1", "port"),
        ("https://x:{80,81}", "port lists"),
        ("{http,https}://x:80", "scheme lists"),
        ("h2c://x:80", "letters"),
        ("https://{a,b}:80", "host lists"),
        ("https://a*:80", "wildcards"),
        ("https://*.*.x", "wildcards"),
        ("https://:80", "empty"),
        ("https://a b", "domain"),
        ("https://a%20b", "domain"),
        ("https://user@x", "domain"),
        ("https://[::1]", "port"),
        ("https://[::g]:80", "IPv6"),
        ("https://1.2.3.4.5", "IPv4"),
        ("https://1.2.3.256", "IPv4"),
        ("https://a.08", "IPv4"),
        ("https://10.0.0.0/33", "path"),
        ("https://xn--a.example", "domain"),
    ],
)
def test_a_host_that_spin_refuses_says_why(host: str, words: str) -> None:
    assert words in host_fault(host)


@pytest.mark.parametrize(
    "host",
    [
        "a.example",
        "a.example:80",
        "a.example:" + "0" * 5000 + "80",
        "https://a.example",
        "http://u:p@a.example/",
        "a.example?q",
        "[::1]:80",
        "A.EXAMPLE",
        "a.example/.",
    ],
)
def test_an_older_http_host_is_read_as_a_url_without_a_path(host: str) -> None:
    assert http_host_fault(host) == ""


@pytest.mark.parametrize(
    "host", ["", "ftp://x", "a.example/b", "x:99999", "x:" + "9" * 5000, "x:y", "a b", "a//b", "https://", "{{ host }}"]
)
def test_an_older_http_host_that_is_none_says_why(host: str) -> None:
    assert repr(host) in http_host_fault(host)


def test_older_http_hosts_become_outbound_hosts_of_both_schemes() -> None:
    assert outbound_of_http(["A.example:8080", "self"]) == (
        "http://a.example:8080",
        "https://a.example:8080",
        "http://self",
    )
    assert outbound_of_http(["x", "insecure:allow-all"]) == ("http://*:*", "https://*:*", "http://self")


def test_a_host_of_another_component_names_it() -> None:
    assert chained_component("http://cart.spin.internal") == "cart"
    assert chained_component("http://*.spin.internal:80") == "*"
    assert chained_component("http://spin.internal") == ""
    assert chained_component("https://example.com") == ""
