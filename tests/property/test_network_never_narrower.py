"""`egress: fromManifest` lets through whatever Spin would: each host of a manifest comes with connections that Spin allows by it."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.fleet import assign, load
from reconciler.problems import has_errors
from reconciler.render import render
from reconciler.tree import File

_HEAD = {"apiVersion": "spinfleet.dev/v1alpha1"}
_DEFAULTS = {"http": 80, "https": 443, "redis": 6379, "mysql": 3306, "postgres": 5432, "mqtt": 1883}
_SPIN = '[[trigger.http]]\nroute = "/..."\ncomponent = "web"\n[component.web]\nsource = "w.wasm"\n'
_ANYWHERE = ["203.0.113.9", "10.1.2.3", "2001:db8::7"]
#: A pod of the cluster: namespace, labels, and its ports by name.
_ORDERS = ("shop", {"app": "orders"}, {"web": 9090})
_OTHER = ("apps", {"core.spinkube.dev/app-name": "other"}, {"http-app": 80})
_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "orders", "namespace": "shop"},
    "spec": {"selector": {"app": "orders"}, "ports": [{"port": 8080, "targetPort": "web"}, {"port": 81, "targetPort": 9091}]},
}  # fmt: skip


class _Tree:
    commit = None
    problems = ()

    def __init__(self, files: dict[str, str]) -> None:
        self._data = {path: text.encode() for path, text in sorted(files.items())}
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data)) for path, data in self._data.items()
        }

    def read(self, path: str) -> bytes:
        return self._data[path]


def _ports(scheme: str, written: str) -> list[int]:
    """Give ports that Spin allows by a scheme and what is written of a port."""
    if written == "*":
        return [1, 443, 65535]
    if ".." in written:
        low, _, high = written.partition("..")
        return [int(low), max(int(low), int(high) - 1)]
    return [int(written)] if written else [_DEFAULTS[scheme]]


@st.composite
def _hosts(draw: st.DrawFn) -> tuple[str, list[tuple[Any, int]]]:
    """Give a host as a manifest has it, and connections (an address or a pod, and a port) that Spin allows by it."""
    port = draw(st.one_of(st.integers(1, 65535).map(str), st.sampled_from(["", "*", "80..90", "9000..9001"])))
    scheme = draw(st.sampled_from(sorted(_DEFAULTS))) if not port else draw(st.sampled_from(["*", *_DEFAULTS]))
    kind = draw(
        st.sampled_from(["v4", "v6", "v4net", "mapped", "name", "wildcard", "any", "unknown service", "variable"])
    )
    address = draw(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address))
    wide = draw(st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address))
    match kind:
        case "v4":
            host, places = str(address), [str(address)]
        case "v6":
            host, places = f"[{wide}]", [str(wide.ipv4_mapped or wide)]
            port = port or "80"
        case "v4net":
            length = draw(st.integers(0, 32))
            network = ipaddress.IPv4Network((address, length), strict=False)
            host, places = f"{address}/{length}", [str(network[0]), str(network[-1])]
        case "mapped":
            host, places = f"[::ffff:{address}]", [str(address)]
            port = port or "80"
        case "name":
            host, places = draw(st.sampled_from(["api.example.com", "db", "a.b"])), _ANYWHERE
        case "wildcard":
            host, places = "*.example.com", _ANYWHERE
        case "any":
            host, places = "*", _ANYWHERE
        case "unknown service":
            host, places = "nobody.shop.svc.cluster.local", _ANYWHERE
        case _:
            host, places = "{{ hidden }}", _ANYWHERE
    text = f"{scheme}://{host}" + (f":{port}" if port else "")
    return text, [(place, each) for place in places for each in _ports(scheme, port)]


_SERVICES = st.sampled_from(
    [
        ("http://orders.shop.svc.cluster.local:8080", [(_ORDERS, 9090)]),
        ("http://orders.shop:81", [(_ORDERS, 9091)]),
        ("*://orders.shop.svc:*", [(_ORDERS, 9090), (_ORDERS, 9091)]),
        ("http://other", [(_OTHER, 80)]),
        ("http://other.apps.svc", [(_OTHER, 80)]),
    ]
)


def _network(hosts: list[str], unsayable: str) -> Any:
    manifest = (
        'spin_manifest_version = 2\n[application]\nname = "a"\n[variables]\nhidden = { required = true }\n' + _SPIN
    )
    reach = {
        "artifact": f"ghcr.io/acme/a@sha256:{'a' * 64}", "namespace": "apps", "network": {"egress": "fromManifest", "unsayable": unsayable},
        "variables": {"hidden": {"secretKeyRef": {"name": "s", "key": "k"}}},
    }  # fmt: skip
    other = {"artifact": reach["artifact"], "namespace": "apps"}
    files = {
        "fleet.yaml": json.dumps({**_HEAD, "kind": "Fleet", "metadata": {"name": "f"}}),
        "eu.yaml": json.dumps({**_HEAD, "kind": "Cluster", "metadata": {"name": "eu"}}),
        "reach/app.yaml": json.dumps({**_HEAD, "kind": "App", "metadata": {"name": "reach"}, "spec": reach}),
        "reach/spin.toml": f"{manifest}allowed_outbound_hosts = {json.dumps(hosts)}\n",
        "other/app.yaml": json.dumps({**_HEAD, "kind": "App", "metadata": {"name": "other"}, "spec": other}),
        "other/spin.toml": f'spin_manifest_version = 2\n[application]\nname = "a"\n{_SPIN}',
        "b.yaml": json.dumps({**_HEAD, "kind": "Bundle", "metadata": {"name": "b"}, "spec": {"path": "b"}}),
        "b/service.yaml": json.dumps(_SERVICE),
    }
    loaded = load(_Tree(files))
    assert loaded.fleet is not None
    assert loaded.valid, [str(each) for each in loaded.problems]
    return render(assign(loaded.fleet, "eu"))["reach"]


def _lets_through(rule: Any, place: Any, port: int) -> bool:
    """Tell as the API of NetworkPolicies has it: an absent list lets everything through."""
    return ("to" not in rule or any(_is_peer(peer, place) for peer in rule["to"])) and (
        "ports" not in rule or any(_is_port(each, place, port) for each in rule["ports"])
    )


def _is_peer(peer: Any, place: Any) -> bool:
    if "ipBlock" in peer:
        return isinstance(place, str) and ipaddress.ip_address(place) in ipaddress.ip_network(peer["ipBlock"]["cidr"])
    if isinstance(place, str):
        return False
    namespace, labels, _ = place
    wanted = peer["namespaceSelector"]["matchLabels"]
    return (
        wanted == {"kubernetes.io/metadata.name": namespace}
        and peer["podSelector"]["matchLabels"].items() <= labels.items()
    )


def _is_port(entry: Any, place: Any, port: int) -> bool:
    if entry.get("protocol") != "TCP":
        return False
    if isinstance(entry["port"], str):
        return not isinstance(place, str) and place[2].get(entry["port"]) == port
    return entry["port"] <= port <= entry.get("endPort", entry["port"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(_hosts(), _SERVICES), min_size=1, max_size=4))
def test_a_policy_from_the_manifest_is_never_narrower_than_the_manifest(hosts: list[Any]) -> None:
    rendered = _network([text for text, _ in hosts], "Open")
    (policy,) = [each for each in rendered.objects if each["kind"] == "NetworkPolicy"]
    for text, connections in hosts:
        for place, port in connections:
            if isinstance(place, str) and ipaddress.ip_address(place).is_loopback:
                continue
            assert any(_lets_through(rule, place, port) for rule in policy["spec"]["egress"]), (text, place, port)


@settings(max_examples=60, deadline=None)
@given(st.lists(_hosts(), min_size=1, max_size=3))
def test_what_opens_more_than_the_manifest_is_told_by_name_or_refused(hosts: list[Any]) -> None:
    texts = [text for text, _ in hosts]
    opened, refused = _network(texts, "Open"), _network(texts, "Refuse")
    said = " ".join(problem.message for problem in opened.problems)
    vague = [text for text in texts if any(part in text for part in ("example.com", "{{", "nobody", "://db", "://a.b"))]
    assert all(repr(text) in said for text in vague)
    assert has_errors(refused.problems) is bool(opened.problems)
