from __future__ import annotations

from typing import Any

from reconciler.plan.diff import changed, diff
from reconciler.plan.model import FieldChange


def test_only_desired_fields_are_compared(config_map: Any) -> None:
    live = config_map({"a": "1"}, labels={"theirs": "x"})
    assert diff(live, {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}) == ()


def test_a_changed_field_is_named_by_its_pointer(config_map: Any) -> None:
    changes = diff(config_map({"a/b~c": "1"}), {"kind": "ConfigMap", "data": {"a/b~c": "2"}})
    assert changes == (FieldChange("/data/a~1b~0c", "1", "2"),)


def test_items_of_a_list_are_matched_by_name_whatever_their_order() -> None:
    live = {"kind": "P", "env": [{"name": "b", "value": "2"}, {"name": "a", "value": "1"}, {"name": "theirs"}]}
    desired = {"kind": "P", "env": [{"name": "a", "value": "1"}, {"name": "b", "value": "3"}]}
    assert diff(live, desired) == (FieldChange("/env/b/value", "2", "3"),)


def test_values_of_a_secret_are_never_shown() -> None:
    live = {"kind": "Secret", "data": {"password": "b2xk"}}
    desired = {"kind": "Secret", "data": {"password": "bmV3"}, "stringData": {"token": "clear"}}
    text = repr(diff(live, desired))
    assert "/data/password" in text
    assert not any(secret in text for secret in ("b2xk", "bmV3", "clear"))


def test_a_new_secret_shows_no_value_either() -> None:
    assert "bmV3" not in repr(diff(None, {"kind": "Secret", "data": {"password": "bmV3"}}))


def test_a_secret_value_that_would_be_removed_is_not_shown(config_map: Any, manager: str) -> None:
    live = {**config_map({"password": "b2xk"}), "kind": "Secret"}
    changes = diff(live, {"apiVersion": "v1", "kind": "Secret", "data": {}}, manager)
    assert [change.pointer for change in changes] == ["/data/password"]
    assert "b2xk" not in repr(changes)


def test_last_applied_configuration_is_not_shown() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"password":"b2xk"}}'}
    assert "b2xk" not in repr(diff(None, {"kind": "Secret", "metadata": {"annotations": annotations}}))


def test_a_field_of_ours_that_is_not_desired_any_more_is_a_removal(config_map: Any, manager: str) -> None:
    live = config_map({"a": "1", "gone": "2"})
    desired = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}
    assert diff(live, desired, manager) == (FieldChange("/data/gone", "2", None),)


def test_a_field_of_others_is_not_a_removal(config_map: Any, manager: str) -> None:
    live = config_map({"a": "1", "theirs": "2"}, fields={"f:data": {"f:a": {}}})
    assert diff(live, {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}, manager) == ()


def test_a_key_that_the_server_defaulted_is_not_a_removal(manager: str) -> None:
    fields = {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}}
    entry = {"manager": manager, "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
    live = {
        "apiVersion": "v1",
        "kind": "S",
        "metadata": {"managedFields": [entry]},
        "ports": [{"port": 80, "protocol": "TCP"}],
    }
    assert diff(live, {"apiVersion": "v1", "kind": "S", "ports": [{"port": 80}]}, manager) == ()


def test_whole_objects_are_compared_both_ways() -> None:
    before = {"kind": "P", "spec": {"a": 1, "gone": {"x": 1}, "same": [1]}}
    after = {"kind": "P", "spec": {"a": 2, "new": {}, "same": [1]}}
    assert changed(before, after) == (
        FieldChange("/spec/a", 1, 2),
        FieldChange("/spec/new", None, {}),
        FieldChange("/spec/gone/x", 1, None),
    )


def test_items_that_share_their_key_are_compared_as_a_list() -> None:
    tcp, udp = {"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}
    assert changed({"ports": [tcp, udp]}, {"ports": [tcp, udp]}) == ()
    assert changed({"ports": [tcp]}, {"ports": [tcp, udp]}) == (FieldChange("/ports", [tcp], [tcp, udp]),)


def test_another_order_of_the_same_items_is_a_change() -> None:
    first, second = {"name": "a", "image": "x"}, {"name": "b", "image": "y"}
    assert changed({"init": [first, second]}, {"init": [second, first]}) == (
        FieldChange("/init", ["a", "b"], ["b", "a"]),
    )


def test_nothing_that_is_secret_shows_in_a_whole_comparison() -> None:
    last = "kubectl.kubernetes.io/last-applied-configuration"
    before = {"kind": "Secret", "metadata": {"annotations": {last: "b2xk"}}, "data": {"p": "b2xk"}}
    after = {"kind": "Secret", "metadata": {}, "data": {"p": "bmV3", "q": "bmV3"}, "stringData": {"t": "clear"}}
    text = repr(changed(before, after))
    assert "/data/p" in text
    assert not any(value in text for value in ("b2xk", "bmV3", "clear"))
