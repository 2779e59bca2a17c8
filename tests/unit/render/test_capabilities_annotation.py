"""A workload says what its components may do, in few lines and always the same ones."""

from __future__ import annotations

from reconciler.manifest import parse
from reconciler.render.labels import granted
from reconciler.render.model import CAPABILITIES_ANNOTATION

HEAD = """spin_manifest_version = 2
[application]
name = "shop"
[[trigger.http]]
route = "/..."
component = "cart"
[component.cart]
source = "c.wasm"
allowed_outbound_hosts = {hosts}
key_value_stores = ["default"]
[component.pay]
source = "p.wasm"
allowed_outbound_hosts = ["https://bank.example"]
sqlite_databases = ["ledger"]
ai_models = ["llama2-chat"]
files = ["assets/**"]
"""


def application(hosts: str = "[]"):
    found = parse(HEAD.format(hosts=hosts).encode(), "spin.toml").application
    assert found is not None
    return found


def test_every_grant_of_the_selected_components_is_a_line_and_no_other():
    assert granted(application(), ["cart"])[CAPABILITIES_ANNOTATION] == "key-value default"
    assert granted(application(), None)[CAPABILITIES_ANNOTATION].splitlines() == [
        "host https://bank.example",
        "key-value default",
        "model llama2-chat",
        "sqlite ledger",
    ]


def test_the_order_of_the_manifest_does_not_matter():
    one, other = '["https://a.example", "https://b.example"]', '["https://b.example", "https://a.example"]'
    assert granted(application(one), ["cart"]) == granted(application(other), ["cart"])


def test_where_nothing_is_granted_nothing_is_said():
    assert granted(application(), []) == {}


def test_many_grants_are_cut_off_and_counted():
    hosts = "[" + ", ".join(f'"https://h{number:03}.example"' for number in range(150)) + "]"
    lines = granted(application(hosts), ["cart"])[CAPABILITIES_ANNOTATION].splitlines()
    assert len(lines) == 101
    assert lines[-1] == "and 51 more"
