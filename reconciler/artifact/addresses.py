"""Which addresses may be connected to: public ones, and those of servers that the administrator named.

What a repository or a registry says can name any host, so every resolved address is looked at, just before it is connected to.
"""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from reconciler.artifact.access import Hosts

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class ForbiddenAddressError(OSError):
    """A host is at an address that only the administrator could allow."""


def public(text: str) -> bool:
    """Tell whether an address is a public one (source: the IANA special-purpose registries, as ipaddress has them).

    Addresses that carry an IPv4 address inside (mapped, 6to4, Teredo, NAT64) are judged by it too.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_site_local:
            return False
        inside = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inside.append(ipaddress.IPv4Address(address.packed[12:]))
        if address.ipv4_mapped is not None:
            return public(str(address.ipv4_mapped))
        if any(each is not None and not public(str(each)) for each in inside):
            return False
    return address.is_global and not address.is_multicast


def check_literal(url_host: str, server: str, hosts: Hosts) -> None:
    """Check a host that is written as an address: no resolver sees it. Raises ForbiddenAddressError."""
    try:
        allowed = server in hosts.named or public(url_host.strip("[]"))
    except ValueError:
        return  # a name
    if not allowed:
        raise _forbidden(url_host, url_host)


class GuardedResolver(AbstractResolver):
    """Resolves names and refuses those that lead to private addresses, unless the server was named."""

    def __init__(self, hosts: Hosts, inner: AbstractResolver | None = None) -> None:
        self._hosts, self._inner = hosts, inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Give a name's addresses. Raises ForbiddenAddressError where any of them is not allowed."""
        found = await self._inner.resolve(host, port, family)
        if f"{host}:{port}" not in self._hosts.named:
            for each in found:
                if not public(each["host"]):
                    raise _forbidden(host, each["host"])
        return found

    async def close(self) -> None:
        """End the resolver within."""
        await self._inner.close()


def _forbidden(host: str, address: str) -> ForbiddenAddressError:
    return ForbiddenAddressError(f"{host[:200]} is at {address}, which is not a public address")
