from __future__ import annotations

from typing import Any

import pytest

from reconciler.fleet.model import Executor, Target
from reconciler.manifest.model import Variable
from reconciler.render.destinations import Destination, destinations


def _one(app: Any, host: str, **more: Any) -> Destination:
    (found,) = destinations(app(hosts=(host,), **more))
    return found


@pytest.mark.parametrize(
    ("host", "block", "first", "last"),
    [
        ("http://10.1.2.3", "10.1.2.3/32", 80, 80),
        ("https://10.1.2.3:8443", "10.1.2.3/32", 8443, 8443),
        ("*://10.0.0.0/8:5432", "10.0.0.0/8", 5432, 5432),
        ("*://10.0.0.9/8:*", "10.0.0.0/8", 0, 0),
        ("redis://[fd00::1]:6379", "fd00::1/128", 6379, 6379),
        ("*://10.1.2.3:80..90", "10.1.2.3/32", 80, 90),
    ],
)
def test_an_address_is_said_as_a_block(app: Any, host: str, block: str, first: int, last: int) -> None:
    found = _one(app, host)
    assert (found.block, found.first_port, found.last_port, found.unsayable) == (block, first, last, "")


_ORDERS = Target(namespace="shop", labels={"app": "orders"}, ports={80: "http", 8080: 9090})


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("http://orders.shop.svc.cluster.local:8080", 9090),
        ("http://orders.shop.svc:80", "http"),
        ("http://orders.shop", "http"),
        ("http://Orders.Shop.svc", "http"),
        ("*://orders.shop.svc:*", 0),
        ("http://orders.shop.svc:81", 0),
    ],
)
def test_a_service_of_the_fleet_is_said_by_its_pods_and_their_port(app: Any, host: str, port: Any) -> None:
    found = _one(app, host, services={("shop", "orders"): _ORDERS})
    assert (found.pods, found.first_port, found.last_port, found.unsayable) == (_ORDERS, port, port, "")


def test_a_short_name_is_a_service_of_the_apps_own_namespace(app: Any) -> None:
    assert _one(app, "http://orders", services={("apps", "orders"): _ORDERS}).pods == _ORDERS
    assert _one(app, "http://orders", services={("shop", "orders"): _ORDERS}).pods is None


def test_a_service_that_is_not_the_fleets_opens_its_port_and_says_so(app: Any) -> None:
    found = _one(app, "http://orders.shop.svc.cluster.local:8080")
    assert (found.pods, found.first_port) == (None, 8080)
    assert "not the fleet's" in found.unsayable


@pytest.mark.parametrize(
    "host", ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000", "*://127.0.0.0/8:*"]
)
def test_the_pod_itself_needs_no_rule(app: Any, host: str) -> None:
    assert list(destinations(app(hosts=(host,)))) == []


def test_an_address_of_ipv4_as_ipv6_writes_it_is_one_of_ipv4(app: Any) -> None:
    assert _one(app, "http://[::ffff:10.1.2.3]:80").block == "10.1.2.3/32"


def test_the_executors_collector_is_a_place(app: Any) -> None:
    otel = {"exporter_otlp_endpoint": "http://10.0.0.5:4318"}
    executor = Executor(name="e", spec={"createDeployment": True, "deploymentConfig": {"otel": otel}})
    (found,) = destinations(app(executor=executor))
    assert (found.block, found.first_port) == ("10.0.0.5/32", 4318)


def test_a_provider_may_say_otherwise_than_the_app_so_its_variables_are_not_known(app: Any) -> None:
    spec = {"variables": {"host": {"value": "10.0.0.1"}}, "runtimeConfig": {"providers": [{"type": "env"}]}}
    found = _one(app, "https://{{ host }}", spec=spec, variables={"host": Variable(name="host", default="10.0.0.1")})
    assert (found.block, bool(found.unsayable)) == ("", True)


@pytest.mark.parametrize(
    ("host", "port"), [("https://api.example.com", 443), ("postgres://*.example.com:6000", 6000), ("mysql://db", 3306)]
)
def test_a_name_opens_its_port_to_everywhere_and_says_so(app: Any, host: str, port: int) -> None:
    found = _one(app, host)
    assert (found.block, found.pods, found.first_port) == ("", None, port)
    assert found.unsayable


def test_everything_is_sayable(app: Any) -> None:
    assert _one(app, "*://*:*") == Destination(written="*://*:*")


@pytest.mark.parametrize("host", ["http://self", "https://self:443", "http://other.spin.internal"])
def test_what_stays_in_the_process_needs_no_rule(app: Any, host: str) -> None:
    assert list(destinations(app(hosts=(host,)))) == []


def test_a_template_is_replaced_where_git_knows_the_value(app: Any) -> None:
    variables = {"db": Variable(name="db", default="postgres://10.0.0.1:5432")}
    assert _one(app, "{{ db }}", variables=variables).block == "10.0.0.1/32"


def test_a_template_that_only_the_cluster_knows_opens_every_port(app: Any) -> None:
    found = _one(app, "https://{{ host }}", variables={"host": Variable(name="host", required=True)})
    assert (found.first_port, bool(found.unsayable)) == (0, True)


def test_a_dropped_components_hosts_do_not_count(app: Any) -> None:
    assert len(list(destinations(app({"components": ["c0"]}, hosts=("http://10.0.0.1",), routes=["/a", "/b"])))) == 1


def test_stores_count_by_their_url(app: Any) -> None:
    config = {"keyValueStores": {"default": {"type": "redis", "options": {"url": "redis://user:pw@10.9.9.9:6380/2"}}}}
    (found,) = destinations(app({"runtimeConfig": config}))
    assert (found.block, found.first_port) == ("10.9.9.9/32", 6380)
