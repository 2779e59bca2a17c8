"""The grammar of allowed_outbound_hosts (source: spinframework/spin, crates/outbound-networking-config/src/allowed_hosts.rs)."""

from __future__ import annotations

import ipaddress
import re

_SCHEME = re.compile(r"\*|[A-Za-z]+")
_DEFAULT_PORTS = frozenset({"postgres", "mysql", "redis", "mqtt", "http", "https"})
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_LABEL = re.compile(r"[^\s/?#@:\[\]\\{}|^`<>\"]+")
_MAX_PORT = 65535


def has_template(text: str) -> bool:
    """Tell whether a text has a `{{ variable }}` in it."""
    return bool(_TEMPLATE.search(text))


def host_fault(text: str) -> str:
    """Say what is wrong with an entry (its templates already replaced), or give an empty string."""
    if text == "insecure:allow-all":
        return "'insecure:allow-all' is not allowed here; use '*://*:*' instead"
    scheme, found, rest = text.partition("://")
    if not found:
        return f"{text!r} does not contain a scheme (e.g. 'http://' or '*://')"
    if not scheme or not _SCHEME.fullmatch(scheme):
        return f"scheme {scheme!r} contains a character that is not a letter"
    rest = rest.removesuffix("/")
    if "/" in rest and not _cidr(rest):
        return f"{text!r} must not have a path"
    # Spin's URL parser lets a user name stand before the host.
    host, port, port_fault = _split(rest.rpartition("@")[2])
    if port_fault:
        return port_fault
    return _host_part(host) or _port_part(scheme, port)


def http_host_fault(text: str) -> str:
    """Say what is wrong with an entry of the older allowed_http_hosts: host or host:port, http or https, no path."""
    if text == "insecure:allow-all" or has_template(text):
        return ""
    rest = text
    if "://" in text:
        scheme, _, rest = text.partition("://")
        if scheme not in {"http", "https"}:
            return f"scheme {scheme!r}: only http and https are allowed in allowed_http_hosts"
    rest = rest.removesuffix("/")
    if "/" in rest or "?" in rest or "#" in rest:
        return f"{text!r} must be a host without a path"
    host, port, fault = _split(rest.rpartition("@")[2])
    if fault:
        return fault
    if port and not (port.isdecimal() and int(port) <= _MAX_PORT):
        return f"port {port!r} is not valid"
    return _host_part(host) if host != "self" else ""


def _cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text.rpartition(":")[0] if text.count(":") == 1 else text, strict=False)
    except ValueError:
        return False
    return True


def _split(rest: str) -> tuple[str, str, str]:
    """Split host and port; gives a fault third."""
    if rest.startswith("["):
        host, closed, port = rest.partition("]")
        if not closed:
            return "", "", f"{rest!r}: the bracket is not closed"
        return host + "]", port.removeprefix(":"), ""
    host, colon, port = rest.partition(":")
    if colon and not port:
        return host, "", "the port is empty"
    return host, port, ""


def _host_part(host: str) -> str:
    if not host:
        return "the host is empty"
    if host in {"*", "self", "self.alt"}:
        return ""
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return f"{host!r} is not an IPv6 address"
        return ""
    if "/" in host:
        return "" if _cidr(host) else f"{host!r} is not an address range"
    name = host.removeprefix("*.")
    if "*" in name:
        return f"{host!r}: a wildcard may only be the whole first label, as in '*.example.com'"
    if not name or any(not _LABEL.fullmatch(label) for label in name.split(".") if label) or name.startswith("."):
        return f"{host!r} is not a host name"
    return ""


def _port_part(scheme: str, port: str) -> str:
    if not port:
        if scheme in _DEFAULT_PORTS:
            return ""
        return f"no port was provided and scheme {scheme!r} has no default port"
    if port == "*":
        return ""
    low, dots, high = port.partition("..")
    numbers = [low, high] if dots else [low]
    if not all(each.isdecimal() and each.isascii() and int(each) <= _MAX_PORT for each in numbers):
        return f"port {port!r} is not a number, a range N..M or *"
    return ""
