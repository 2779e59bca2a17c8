"""Only public addresses are connected to, unless the administrator named the server."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver

from reconciler.artifact.access import Hosts, RegistryAccess
from reconciler.artifact.addresses import ForbiddenAddressError, GuardedResolver, check_literal, public


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("140.82.121.34", True), ("2606:50c0:8000::154", True), ("127.0.0.1", False), ("127.8.8.8", False), ("::1", False),
        ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False), ("fe80::1", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("0.0.0.0", False), ("::", False), ("100.64.0.1", False), ("224.0.0.1", False),  # noqa: S104 - an address to refuse
        ("255.255.255.255", False), ("198.18.0.1", False), ("::ffff:127.0.0.1", False), ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False), ("2002:a9fe:a9fe::", False), ("64:ff9b::a9fe:a9fe", False), ("fec0::1", False),
    ],
)  # fmt: skip
def test_an_address_is_public_or_not(address: str, is_public: bool) -> None:
    assert public(address) is is_public


class Answers(AbstractResolver):
    """A resolver that says what it is told to."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
        return [{"hostname": host, "host": each, "port": port, "family": family, "proto": 0, "flags": 0} for each in self.addresses]  # fmt: skip

    async def close(self) -> None:
        """Nothing to end."""


NAMED = Hosts.of(
    [RegistryAccess(prefix="registry.corp/acme"), RegistryAccess(prefix="plain.corp:5000", plain_http=True)]
)


async def test_a_name_that_leads_inside_is_refused_even_with_a_public_address_beside_it() -> None:
    resolver = GuardedResolver(NAMED, Answers("140.82.121.34", "169.254.169.254"))
    with pytest.raises(ForbiddenAddressError, match=r"169\.254\.169\.254"):
        await resolver.resolve("innocent.example", 443)


async def test_a_server_that_was_named_may_be_inside_and_another_port_of_it_may_not() -> None:
    resolver = GuardedResolver(NAMED, Answers("10.0.0.5"))
    assert await resolver.resolve("registry.corp", 443)
    assert await resolver.resolve("plain.corp", 5000)
    for host, port in (("registry.corp", 6443), ("plain.corp", 443), ("other.corp", 443)):
        with pytest.raises(ForbiddenAddressError):
            await resolver.resolve(host, port)


def test_an_address_in_place_of_a_name_is_looked_at_as_well() -> None:
    named = Hosts.of([RegistryAccess(prefix="10.0.0.5:5000", plain_http=True)])
    check_literal("10.0.0.5", "10.0.0.5:5000", named)
    check_literal("a.name", "a.name:443", named)
    with pytest.raises(ForbiddenAddressError):
        check_literal("169.254.169.254", "169.254.169.254:80", named)
    with pytest.raises(ForbiddenAddressError):
        check_literal("::1", "[::1]:443", named)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://anywhere.example/token", ""), ("http://plain.corp:5000/x", ""),
        ("http://anywhere.example/x", "not https"), ("http://registry.corp/x", "not https"), ("https://plain.corp:5000/x", "not https"),
        ("file:///etc/passwd", "host"), ("//", "host"), ("https://", "host"), ("http://[", "not a URL"), ("https://a:b@registry.corp/", "plain URL"),
        ("https://registry.corp\\@evil.example/", "plain URL"), ("https://registry.corp:99999/", "not a URL"), ("gopher://x/", "not https"), ("", "host"),
    ],
)  # fmt: skip
def test_an_address_that_a_registry_gives_is_followed_only_over_https_or_as_configured(url: str, words: str) -> None:
    fault = NAMED.fault(url)
    assert words in fault
    assert bool(fault) is bool(words)
