"""An Ingress or HTTPRoute to an app becomes its routes where those render it back; any other stays as it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

BACKEND = {"service": {"name": "shop", "port": {"number": 80}}}


def ingress(name: str = "shop", **spec: Any) -> dict[str, Any]:
    path = {"path": "/", "pathType": "Prefix", "backend": BACKEND}
    fields = {"rules": [{"host": "shop.example.com", "http": {"paths": [path]}}], **spec}
    metadata = {"name": name, "namespace": "apps"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": fields}


def http_route(**spec: Any) -> dict[str, Any]:
    """As an API server gives it, with its defaults."""
    gateway = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public", "namespace": "gateways"}
    backend = {"group": "", "kind": "Service", "name": "shop", "port": 80, "weight": 1}
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/a"}}], "backendRefs": [backend]}
    fields = {"parentRefs": [gateway], "hostnames": ["shop.example.com"], "rules": [rule], **spec}
    metadata = {"name": "shop", "namespace": "apps"}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": fields}


def path(**fields: Any) -> dict[str, Any]:
    return {"path": "/", "pathType": "Prefix", "backend": BACKEND, **fields}


def rules(*paths: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"host": "shop.example.com", "http": {"paths": list(paths)}}]


def annotated() -> dict[str, Any]:
    obj = ingress()
    obj["metadata"]["annotations"] = {"nginx.ingress.kubernetes.io/proxy-body-size": "1m"}
    return obj


SAID = {
    "a host": ingress(),
    "class and TLS": ingress(ingressClassName="nginx", tls=[{"hosts": ["shop.example.com"], "secretName": "cert"}]),
    "paths": ingress(rules=rules(path(path="/a", pathType="Exact"), path(path="/b"))),
    "annotations": annotated(),
    "a gateway": http_route(),
}


@pytest.mark.parametrize("name", SAID)
def test_what_routes_can_say_becomes_routes(make, name):
    given = SAID[name]
    found = make.converted(make.spinapp(), copy.deepcopy(given))

    assert set(make.became(found).values()) == {"app"}, [note for entry in found.entries for note in entry.notes]
    assert "routes:" in found.files["apps/shop/app.yaml"]
    assert make.lost(given, found) == make.lost(make.spinapp(), found) == []


UNSAID = {
    "another name": ingress("front"),
    "another service": ingress(rules=rules(path(), path(path="/b", backend={"service": {"name": "web", "port": {"number": 80}}}))),
    "another port": ingress(rules=rules(path(backend={"service": {"name": "shop", "port": {"name": "http"}}}))),
    "how the class likes": ingress(rules=rules(path(pathType="ImplementationSpecific"))),
    "no host": ingress(rules=[{"http": {"paths": [path()]}}]),
    "a default": ingress(defaultBackend=BACKEND),
    "two hosts": http_route(hostnames=["a.example.com", "b.example.com"]),
    "a filter": http_route(rules=[{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": "shop", "port": 80}], "filters": [{"type": "URLRewrite"}]}]),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSAID)
def test_what_they_can_not_say_stays_and_the_app_is_one_all_the_same(make, name):
    given = UNSAID[name]
    found = make.converted(make.spinapp(), copy.deepcopy(given))

    assert list(make.became(found).values()) == ["app", "bundle"]
    assert make.lost(given, found) == make.lost(make.spinapp(), found) == []
