"""Where an app may connect to: its retained components' grants, its runtime config, its triggers' brokers, its executor's collector.

Source of the form of hosts: spinframework/spin, crates/outbound-networking-config/src/allowed_hosts.rs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.model import AppAssignment, Target
from reconciler.fleet.reads import service_name
from reconciler.manifest.templates import names, replaced
from reconciler.render.runtime_config import literal_options

_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379, "mysql": 3306, "postgres": 5432, "mqtt": 1883, "mqtts": 8883,
          "ws": 80, "wss": 443, "libsql": 443}  # fmt: skip
_IN_CLUSTER = re.compile(r".+\.svc(\.cluster\.local)?\.?")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
#: Options that hold where a store is; stores of these types are reached over HTTPS at a name of their cloud.
_ENDPOINTS = frozenset({"url", "vault_url", "address", "queue_url"})
_CLOUD_STORES = frozenset({"azure_cosmos", "aws_dynamo", "azure_key_vault"})
#: In-process: other components of the app, by chaining; and the pod itself, which no NetworkPolicy parts from itself.
_SELF = frozenset({"self", "self.alt", "localhost"})
_INTERNAL = ".spin.internal"
#: Addresses of IPv4 as IPv6 writes them.
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """One place: an address block, the pods behind a Service, or (neither) everywhere; TCP ports, 0 for all.

    `first_port` may be the name of a port of the pods. `unsayable` says why everywhere stands for something narrower.
    """

    written: str
    block: str = ""
    pods: Target | None = None
    first_port: int | str = 0
    last_port: int | str = 0
    unsayable: str = ""


def destinations(app: AppAssignment) -> Iterator[Destination]:
    """Give every place, in no particular order; one may come twice."""
    chosen = app.spec.get("components") or app.application.components
    for component in (app.application.components[name] for name in chosen):
        for host in component.allowed_outbound_hosts:
            yield from _of_text(app, host)
    yield from _of_runtime_config(app)
    settings = app.application.trigger_settings
    for trigger in app.application.triggers:
        for name in sorted(_ENDPOINTS):
            written = trigger.config.get(name) or (settings.get(trigger.type) or {}).get(name)
            if isinstance(written, str):
                yield from _of_text(app, written)
    if app.executor is not None:
        for endpoint in (app.executor.deployment.get("otel") or {}).values():
            yield from _of_text(app, str(endpoint))


def _of_runtime_config(app: AppAssignment) -> Iterator[Destination]:
    config: Mapping[str, Any] = app.spec.get("runtimeConfig") or {}
    if "loadFromSecret" in config:
        yield Destination(written="the runtime config", unsayable="it is in a Secret of the cluster")
    for _, name, text in literal_options(config):
        if name in _ENDPOINTS and text is None:
            yield Destination(written=f"runtime config option {name}", unsayable="its value is in the cluster")
        elif name in _ENDPOINTS and text is not None:
            yield from _of_text(app, text)
    for provider in config.get("providers") or ():
        for name in sorted(_ENDPOINTS & provider.keys()):
            yield from _of_text(app, str(provider[name]))
    stores = [*(config.get("keyValueStores") or {}).values(), *(config.get("providers") or ())]
    for kind in sorted({str(store.get("type")) for store in stores} & _CLOUD_STORES):
        yield _everywhere(kind, 443, 443, "its address is its cloud's to choose")


def _of_text(app: AppAssignment, written: str) -> Iterator[Destination]:
    text = written
    if "{{" in written:
        resolved = replaced(written, _values(app)) if names(written) else None
        if resolved is None:
            yield Destination(written=written, unsayable="it depends on a variable that only the cluster knows")
            return
        text = resolved
    scheme, found, rest = text.strip().partition("://")
    if not found:
        scheme, rest = "*", text.strip()
    host, port = _split(rest)
    host = host.lower()
    if host in _SELF or host.endswith(_INTERNAL):
        return
    first, last = _ports(scheme.lower(), port)
    yield from _placed(app, written, host, first, last)


def _placed(app: AppAssignment, written: str, host: str, first: int, last: int) -> Iterator[Destination]:
    if host == "*":
        yield Destination(written=written, first_port=first, last_port=last)
        return
    if (network := _network(host)) is not None:
        yield from _of_network(written, network, first, last)
        return
    service = service_name(host, app.namespace)
    target = app.services.get(service) if service is not None else None
    if target is not None:
        # The rule sees the pods' port, which a Service may map another one to; a port it does not know opens all of these pods'.
        port = target.ports.get(first, 0) if first == last else 0
        yield Destination(written=written, pods=target, first_port=port, last_port=port)
        return
    reason = "a wildcard" if "*" in host else "the name of a host"
    if _IN_CLUSTER.fullmatch(host):
        reason = "a Service that is not the fleet's, or has no selector"
    yield _everywhere(written, first, last, reason)


def _of_network(
    written: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network, first: int, last: int
) -> Iterator[Destination]:
    if network.is_loopback:
        return
    if isinstance(network, ipaddress.IPv6Network) and network.overlaps(_MAPPED):
        # A packet to ::ffff:10.0.0.1 is one to 10.0.0.1.
        mapped = network.network_address.ipv4_mapped
        if mapped is None or network.prefixlen < _MAPPED.prefixlen:
            yield _everywhere(written, first, last, "a range with addresses of IPv4 in it")
            return
        network = ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED.prefixlen))
    yield Destination(written=written, block=str(network), first_port=first, last_port=last)


def _everywhere(written: str, first: int, last: int, reason: str) -> Destination:
    return Destination(written=written, first_port=first, last_port=last, unsayable=reason)


def _split(rest: str) -> tuple[str, str]:
    """Split host and port as Spin does, at the last colon, so that a network keeps its length; a URL's user and path go."""
    if not rest.startswith("["):
        host, _, port = rest.rpartition(":")
        for whole, end in ((host, port), (rest, "")):
            if whole and _network(whole) is not None:
                return whole, end.partition("/")[0]
    rest = rest.partition("?")[0].partition("#")[0]
    user, at, after = rest.rpartition("@")
    if at and not user.startswith("/"):
        rest = after
    if rest.startswith("["):
        host, _, tail = rest[1:].partition("]")
        return host, tail.removeprefix(":").partition("/")[0] if tail.startswith(":") else ""
    host, _, port = rest.partition("/")[0].partition(":")
    return host, port


def _network(host: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Give an address or network, or None for anything else."""
    try:
        return ipaddress.ip_network(host, strict=False)
    except ValueError:
        return None


def _ports(scheme: str, port: str) -> tuple[int, int]:
    if port.isdecimal():
        return int(port), int(port)
    if (span := _RANGE.fullmatch(port)) is not None:
        # Spin leaves a range's end out; one port more than the manifest's is better than one less.
        return int(span[1]), max(int(span[1]), int(span[2]))
    number = _PORTS.get(scheme, 0) if not port else 0
    return number, number


def _values(app: AppAssignment) -> dict[str, str | None]:
    """Give the variables whose value Git knows: none where a provider may say otherwise, since Spin asks providers first."""
    if (app.spec.get("runtimeConfig") or {}).get("providers"):
        return dict.fromkeys(app.application.variables)
    given = app.spec.get("variables") or {}
    values = {name: variable.default for name, variable in app.application.variables.items()}
    return {**values, **{name: value.get("value") for name, value in given.items()}}
