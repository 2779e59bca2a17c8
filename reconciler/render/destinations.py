"""Where an app may connect to: its retained components' grants, its runtime config, its triggers' brokers.

Source of the form of hosts: spinframework/spin, crates/outbound-networking-config/src/allowed_hosts.rs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.manifest.templates import names, replaced
from reconciler.render.runtime_config import literal_options

_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379, "mysql": 3306, "postgres": 5432, "mqtt": 1883, "mqtts": 8883,
          "ws": 80, "wss": 443, "libsql": 443}  # fmt: skip
_SERVICE = re.compile(r"[a-z0-9-]+\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
#: Options that hold where a store is; stores of these types are reached over HTTPS at a name of their cloud.
_ENDPOINTS = frozenset({"url", "vault_url", "address", "queue_url"})
_CLOUD_STORES = frozenset({"azure_cosmos", "aws_dynamo", "azure_key_vault"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """One place: an address block, a namespace's pods, or (both empty) everywhere; TCP ports, 0 for all.

    `unsayable` says why `everywhere` stands for something narrower.
    """

    written: str
    block: str = ""
    namespace: str = ""
    first_port: int = 0
    last_port: int = 0
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
    if names(written):
        resolved = replaced(written, _values(app))
        if resolved is None:
            yield Destination(written=written, unsayable="it depends on a variable that only the cluster knows")
            return
        text = resolved
    scheme, found, rest = text.strip().partition("://")
    if not found:
        scheme, rest = "*", text.strip()
    host, port = _split(rest)
    if host in {"self", "self.alt"} or host.endswith(".spin.internal"):
        return
    first, last = _ports(scheme, port)
    yield _placed(written, host, first, last)


def _placed(written: str, host: str, first: int, last: int) -> Destination:
    if host == "*":
        return Destination(written=written, first_port=first, last_port=last)
    if block := _block(host):
        return Destination(written=written, block=block, first_port=first, last_port=last)
    if (service := _SERVICE.fullmatch(host)) is not None:
        # The rule sees the pod's port, which a Service may map another one to: so every port of that namespace.
        return Destination(written=written, namespace=service[1])
    reason = "a wildcard" if "*" in host else "the name of a host"
    return _everywhere(written, first, last, reason)


def _everywhere(written: str, first: int, last: int, reason: str) -> Destination:
    return Destination(written=written, first_port=first, last_port=last, unsayable=reason)


def _split(rest: str) -> tuple[str, str]:
    """Split host and port as Spin does, at the last colon, so that a network keeps its length; a URL's user and path go."""
    host, _, port = rest.rpartition(":")
    if host and _block(host.strip("[]")):
        return host.strip("[]"), port.partition("/")[0]
    if _block(rest.strip("[]")):
        return rest.strip("[]"), ""
    host, _, port = rest.partition("/")[0].rpartition("@")[2].partition(":")
    return host.rstrip("/"), port


def _block(host: str) -> str:
    """Give an address or network as a block, or an empty string for anything else."""
    try:
        return str(ipaddress.ip_network(host, strict=False))
    except ValueError:
        return ""


def _ports(scheme: str, port: str) -> tuple[int, int]:
    if port.isdecimal():
        return int(port), int(port)
    if (span := _RANGE.fullmatch(port)) is not None:
        # Spin leaves a range's end out; one port more than the manifest's is better than one less.
        return int(span[1]), max(int(span[1]), int(span[2]))
    number = _PORTS.get(scheme, 0) if not port else 0
    return number, number


def _values(app: AppAssignment) -> dict[str, str | None]:
    """Give the variables whose value Git knows."""
    given = app.spec.get("variables") or {}
    values: dict[str, str | None] = {
        name: None if (app.spec.get("runtimeConfig") or {}).get("providers") else variable.default
        for name, variable in app.application.variables.items()
    }
    return {**values, **{name: value.get("value") for name, value in given.items()}}
