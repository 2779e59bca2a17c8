from __future__ import annotations

from typing import Any

import pytest

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


def test_a_service_of_the_cluster_opens_its_namespace_on_every_port(app: Any) -> None:
    found = _one(app, "http://orders.shop.svc.cluster.local:8080")
    assert (found.namespace, found.first_port, found.unsayable) == ("shop", 0, "")


@pytest.mark.parametrize(
    ("host", "port"), [("https://api.example.com", 443), ("postgres://*.example.com:6000", 6000), ("mysql://db", 3306)]
)
def test_a_name_opens_its_port_to_everywhere_and_says_so(app: Any, host: str, port: int) -> None:
    found = _one(app, host)
    assert (found.block, found.namespace, found.first_port) == ("", "", port)
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
