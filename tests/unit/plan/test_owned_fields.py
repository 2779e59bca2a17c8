from __future__ import annotations

import copy
from typing import Any

from reconciler.plan.owned import covers_exactly, owned_hash

_FIELDS = {
    "f:spec": {
        "f:replicas": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {
                        ".": {}, "f:name": {}, "f:image": {},
                        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                    }
                }
            }
        },
    },
    "f:metadata": {"f:finalizers": {'v:"example.com/hold"': {}}},
}  # fmt: skip


def _live(manager: str) -> dict[str, Any]:
    entry = {"manager": manager, "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": _FIELDS}
    port = {"containerPort": 80, "protocol": "TCP"}
    containers = [{"name": "web", "image": "a:1", "ports": [port], "imagePullPolicy": "IfNotPresent"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "finalizers": ["example.com/hold"],
            "managedFields": [entry],
            "resourceVersion": "1",
        },
        "spec": {"replicas": 2, "template": {"spec": {"containers": containers}}},
        "status": {"replicas": 1},
    }


def _desired() -> dict[str, Any]:
    container = {"name": "web", "image": "a:1", "ports": [{"containerPort": 80}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "finalizers": ["example.com/hold"]},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [container]}}},
    }


def test_what_others_own_does_not_change_the_hash(manager: str) -> None:
    live = _live(manager)
    before = owned_hash(live, manager)
    live["status"] = {"replicas": 9}
    live["metadata"]["resourceVersion"] = "77"
    live["metadata"]["labels"] = {"theirs": "x"}
    live["spec"]["template"]["spec"]["containers"].append({"name": "sidecar", "image": "b"})
    live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    assert owned_hash(live, manager) == before


def test_a_changed_value_of_ours_changes_the_hash(manager: str) -> None:
    live = _live(manager)
    before = owned_hash(live, manager)
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "evil:1"
    assert owned_hash(live, manager) != before


def test_a_field_taken_over_by_another_manager_changes_the_hash(manager: str) -> None:
    live = _live(manager)
    before = owned_hash(live, manager)
    fields = copy.deepcopy(_FIELDS)
    del fields["f:spec"]["f:replicas"]
    live["metadata"]["managedFields"][0]["fieldsV1"] = fields
    assert owned_hash(live, manager) != before


def test_a_removed_list_item_of_ours_changes_the_hash(manager: str) -> None:
    live = _live(manager)
    before = owned_hash(live, manager)
    live["metadata"]["finalizers"] = []
    assert owned_hash(live, manager) != before


def test_an_object_of_which_nothing_is_ours_has_no_hash(manager: str) -> None:
    assert owned_hash(_live(manager), "somebody-else") is None


def test_an_entry_of_another_api_version_is_not_followed(manager: str) -> None:
    live = _live(manager)
    live["metadata"]["managedFields"][0]["apiVersion"] = "apps/v1beta1"
    assert owned_hash(live, manager) is None


def test_an_update_by_our_name_is_not_an_apply(manager: str) -> None:
    live = _live(manager)
    live["metadata"]["managedFields"][0]["operation"] = "Update"
    assert owned_hash(live, manager) is None


def test_live_as_desired_with_exactly_our_fields_is_covered(manager: str) -> None:
    assert covers_exactly(_live(manager), manager, _desired())


def test_a_field_we_own_and_want_no_more_is_not_covered(manager: str) -> None:
    desired = _desired()
    del desired["spec"]["replicas"]
    assert not covers_exactly(_live(manager), manager, desired)


def test_a_field_we_want_and_do_not_own_is_not_covered(manager: str) -> None:
    desired = _desired()
    desired["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "IfNotPresent"
    assert not covers_exactly(_live(manager), manager, desired)


def test_a_live_value_other_than_desired_is_not_covered(manager: str) -> None:
    live = _live(manager)
    live["spec"]["replicas"] = 5
    assert not covers_exactly(live, manager, _desired())
