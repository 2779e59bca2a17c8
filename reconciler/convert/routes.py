"""An Ingress or HTTPRoute that leads to one app alone, and is named as the app, becomes the App's `routes`, where they can say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.convert.app_document import literal, said_of
from reconciler.convert.autoscaling import Unsayable

WAYS_IN = frozenset({("networking.k8s.io", "Ingress"), ("gateway.networking.k8s.io", "HTTPRoute")})
_MATCHES = {"PathPrefix": "Prefix", "Exact": "Exact"}
_SERVICE_PORT = 80
_GATEWAY_FIELDS = frozenset({"name", "namespace", "sectionName"})


def routes_of(app: str, obj: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the entries of an App's `routes`. Raises Unsayable where this is no such way in; whether they say the same is judged by rendering."""
    try:
        found = list(_ingress(app, obj) if obj["kind"] == "Ingress" else _http_route(app, obj))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Unsayable("it leads elsewhere as well, or says more than routes do") from error
    return [literal({**each, **said_of(obj)}) for each in found]


def _ingress(app: str, obj: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    spec = obj["spec"]
    secrets = {host: each["secretName"] for each in spec.get("tls") or () for host in each["hosts"]}
    for rule in spec["rules"]:
        for path in rule["http"]["paths"]:
            if path["backend"] != {"service": {"name": app, "port": {"number": _SERVICE_PORT}}}:
                raise KeyError(app)
            found = {"host": rule["host"], "path": path.get("path", "/"), "match": path["pathType"]}
            if "ingressClassName" in spec:
                found["ingressClass"] = spec["ingressClassName"]
            if rule["host"] in secrets:
                found["tls"] = secrets[rule["host"]]
            yield found


def _http_route(app: str, obj: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    spec = obj["spec"]
    (parent,), (host,), (rule,) = spec["parentRefs"], spec["hostnames"], spec["rules"]
    (backend,) = rule["backendRefs"]  # several make a ValueError
    if (backend["name"], backend["port"]) != (app, _SERVICE_PORT):
        raise KeyError(app)
    gateway = {name: value for name, value in parent.items() if name in _GATEWAY_FIELDS}
    for match in rule["matches"]:
        yield {
            "host": host,
            "path": match["path"]["value"],
            "match": _MATCHES[match["path"]["type"]],
            "gateway": gateway,
        }
