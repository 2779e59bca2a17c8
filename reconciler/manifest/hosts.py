"""allowed_outbound_hosts and the older allowed_http_hosts.

Source: spinframework/spin, crates/outbound-networking-config/src/allowed_hosts.rs and crates/manifest/src/compat/allowed_http_hosts.rs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from reconciler.manifest import url_hosts
from reconciler.remembered import remembered

ALLOW_ALL = "insecure:allow-all"
#: Version 1 components without allowed_outbound_hosts may reach these.
IMPLICIT_V1 = ("redis://*:*", "mysql://*:*", "postgres://*:*")
_DEFAULT_PORTS = frozenset({"postgres", "mysql", "redis", "mqtt", "http", "https"})
_PORT = re.compile(r"\+?[0-9]{1,40}")
_MAX_PORT = 65535
_CHAINING = ".spin.internal"


@remembered
def host_fault(text: str) -> str:
    """Say what is wrong with an entry of allowed_outbound_hosts (its templates already replaced), or give an empty string."""
    url = text.strip()
    scheme, found, rest = url.partition("://")
    if not found:
        if url == ALLOW_ALL:
            return f"{ALLOW_ALL!r} is not allowed here; use '*://*:*' if all outbound traffic is to be allowed"
        return f"{url!r} does not contain a scheme (e.g. 'http://' or '*://')"
    host, port = _split(rest)
    port, slash, path = port.partition("/")
    if slash and path:
        return f"{url!r} has a path but is not allowed to"
    return _port_fault(port, scheme) or _scheme_fault(scheme) or _host_fault(host)


@remembered
def chained_component(text: str) -> str:
    """Give the id of the component that an entry chains to (`*` for any), or an empty string."""
    host = _split(text.strip().partition("://")[2])[0].strip().rstrip("/")
    return host.removesuffix(_CHAINING) if host.endswith(_CHAINING) else ""


def http_host_fault(text: str) -> str:
    """Say what is wrong with an entry of allowed_http_hosts (host or host:port, http or https, no path), or give an empty string."""
    fault = _http_host(text)[2]
    return f"{text!r} isn't a valid host or host:port: {fault}" if fault else ""


def outbound_of_http(hosts: Sequence[str]) -> tuple[str, ...]:
    """Give valid allowed_http_hosts as entries of allowed_outbound_hosts."""
    if ALLOW_ALL in hosts:
        return ("http://*:*", "https://*:*", "http://self")
    found: list[str] = []
    for text in hosts:
        host, port, _ = _http_host(text)
        found += ["http://self"] if host == "self" else [f"http://{host}{port}", f"https://{host}{port}"]
    return tuple(found)


def _http_host(text: str) -> tuple[str, str, str]:
    host, port, fault = url_hosts.http_url_fault(text if "//" in text else f"http://{text}")
    default = {"http": ":80", "https": ":443"}.get(text.partition("://")[0].lower(), ":80")
    return host, "" if port == default else port, fault


def _split(rest: str) -> tuple[str, str]:
    """Split at the last colon, as Spin does: an IPv6 address needs its port."""
    host, colon, port = rest.rpartition(":")
    return (host, port) if colon else (rest, "")


def _port_fault(port: str, scheme: str) -> str:
    if not port:
        return "" if scheme in _DEFAULT_PORTS else f"no port was provided and scheme {scheme!r} has no default port"
    if port == "*":
        return ""
    if port.startswith("{"):
        return "port lists are not supported"
    low, dots, high = port.partition("..")
    if port.endswith("]"):
        return "an IPv6 address needs a port after its bracket, as in 'http://[::1]:80'"
    for each in (low, high) if dots else (low,):
        if not _PORT.fullmatch(each) or int(each) > _MAX_PORT:
            return f"port {port!r} is not a number up to 65535, a range N..M or *"
    return ""


def _scheme_fault(scheme: str) -> str:
    if scheme == "*":
        return ""
    if scheme.startswith("{"):
        return "scheme lists are not supported"
    return "" if all(each.isalpha() for each in scheme) else f"scheme {scheme!r}: only letters are allowed"


def _host_fault(host: str) -> str:
    host = host.strip()
    if host in {"*", "self", "self.alt"} or _is_range(host):
        return ""
    if host.startswith("{"):
        return "host lists are not supported"
    host = host.rstrip("/")
    if "/" in host:
        return f"host {host!r} must not include a path"
    if host.startswith("*."):
        return f"host {host!r}: wildcards are allowed only as the whole first label" if "*" in host[2:] else ""
    if "*" in host:
        return f"host {host!r}: wildcards are allowed only as a subdomain, as in '*.example.com'"
    fault = url_hosts.host_fault(host)
    return f"host {host!r}: {fault}" if fault else ""


def _is_range(host: str) -> bool:
    """Tell whether a host is an address range such as 10.0.0.0/8; bits beyond the prefix may be set."""
    address, slash, prefix = host.partition("/")
    if not slash or not re.fullmatch(r"\+?[0-9]{1,20}", prefix) or "%" in address:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return int(prefix) <= parsed.max_prefixlen
