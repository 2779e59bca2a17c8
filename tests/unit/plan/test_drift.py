"""Which fields may differ, which were taken from us, and how a reported object says what was last applied."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.plan.drift import HEAL, SCALE, DriftPolicy, applied_digest, drift_policy, lost, marked, without_yielded
from reconciler.plan.model import ObjectKey

MANAGER = "spinfleet-0123456789abcdef"
KEY = ObjectKey("apps", "Deployment", "shop", "web")
DESIRED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "template": {
            "spec": {"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1", "args": ["x"]}]}
        },
    },
}
_CONTAINER_A = {".": {}, "f:name": {}, "f:image": {}}
_CONTAINER_B = {".": {}, "f:name": {}, "f:image": {}, "f:args": {}}


def _fields(*, replicas: bool = True, image: bool = True) -> dict[str, Any]:
    """Our field set, with or without what others took."""
    first = {key: value for key, value in _CONTAINER_A.items() if image or key != "f:image"}
    containers = {'k:{"name":"a"}': first, 'k:{"name":"b"}': _CONTAINER_B}
    spec: dict[str, Any] = {"f:template": {"f:spec": {"f:containers": containers}}}
    if replicas:
        spec["f:replicas"] = {}
    return {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": spec}


def _live(ours: dict[str, Any], *others: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    entries = [(MANAGER, "Apply", ours), *others]
    fields = [
        {"manager": name, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": each}
        for name, operation, each in entries
    ]
    return {**DESIRED, "metadata": {**DESIRED["metadata"], "managedFields": fields}}


_SCALED = ("scaler", "Update", {"f:spec": {"f:replicas": {}}})
_IMAGE_PATH = {"f:template": {"f:spec": {"f:containers": {'k:{"name":"a"}': {"f:image": {}}}}}}
_IMAGED = ("bot", "Apply", {"f:spec": _IMAGE_PATH})


def test_a_field_that_may_differ_is_ours_until_somebody_takes_it() -> None:
    policy = DriftPolicy(pointers=("/spec/replicas",))
    assert without_yielded(DESIRED, _live(_fields()), MANAGER, policy) is DESIRED
    assert without_yielded(DESIRED, None, MANAGER, policy) is DESIRED
    taken = without_yielded(DESIRED, _live(_fields(replicas=False), _SCALED), MANAGER, policy)
    assert "replicas" not in taken["spec"]
    assert taken["spec"]["template"] == DESIRED["spec"]["template"]
    assert DESIRED["spec"]["replicas"] == 2


def test_a_field_that_may_not_differ_stays_ours_whoever_took_it() -> None:
    live = _live(_fields(replicas=False, image=False), _SCALED, _IMAGED)
    assert without_yielded(DESIRED, live, MANAGER, DriftPolicy(pointers=("/spec/paused",))) is DESIRED
    assert without_yielded(DESIRED, live, MANAGER, HEAL) is DESIRED


@pytest.mark.parametrize(
    "policy",
    [
        DriftPolicy(pointers=("/spec/template/spec/containers/0/image",)),
        DriftPolicy(pointers=("/spec/template/spec/containers/a/image",)),
        DriftPolicy(managers=frozenset({"bot"})),
    ],
    ids=["by index", "by name", "by manager"],
)
def test_fields_of_list_items_are_named_by_index_name_or_manager(policy: DriftPolicy) -> None:
    live = _live(_fields(replicas=False, image=False), _SCALED, _IMAGED)
    kept = without_yielded(DESIRED, live, MANAGER, policy)
    assert kept["spec"]["template"]["spec"]["containers"] == [
        {"name": "a"},
        {"name": "b", "image": "b:1", "args": ["x"]},
    ]
    assert kept["spec"]["replicas"] == 2


def test_part_of_a_list_that_is_owned_as_a_whole_can_not_be_left_to_others() -> None:
    policy = DriftPolicy(pointers=("/spec/template/spec/containers/1/args/0",))
    args = {"f:template": {"f:spec": {"f:containers": {'k:{"name":"b"}': {"f:args": {}}}}}}
    ours = _fields()
    del ours["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"b"}']["f:args"]
    assert without_yielded(DESIRED, _live(ours, ("bot", "Apply", {"f:spec": args})), MANAGER, policy) is DESIRED


def test_what_is_empty_without_a_yielded_field_is_not_sent() -> None:
    ours = {key: value for key, value in _fields().items() if key != "f:metadata"}
    live = _live(ours, ("kubectl-label", "Update", {"f:metadata": {"f:labels": {"f:app": {}}}}))
    kept = without_yielded(DESIRED, live, MANAGER, DriftPolicy(pointers=("/metadata/labels/app",)))
    assert kept["metadata"] == {"name": "web", "namespace": "shop"}


def test_fields_taken_from_us_are_told_by_manager() -> None:
    live = _live(_fields(replicas=False, image=False), _SCALED, _IMAGED, ("other", "Update", {"f:status": {"f:x": {}}}))
    assert lost(live, MANAGER, DESIRED) == {
        ("scaler", "Update"): ("/spec/replicas",),
        ("bot", "Apply"): ("/spec/template/spec/containers/a/image",),
    }
    live["metadata"]["managedFields"][1]["subresource"] = "scale"
    assert lost(live, MANAGER, DESIRED)["scaler", SCALE] == ("/spec/replicas",)
    assert lost(_live(_fields(), _SCALED), MANAGER, DESIRED) == {}


def test_rules_count_for_the_objects_whose_kind_and_name_fit() -> None:
    rules = [
        {"kind": "Deployment", "pointers": ["/spec/replicas"]},
        {"name": "web", "managers": ["bot"]},
        {"kind": "Service", "pointers": ["/spec/ports"]},
    ]
    found = drift_policy({"drift": {"ignore": rules}}, KEY)
    assert found == DriftPolicy(pointers=("/spec/replicas",), managers=frozenset({"bot"}))
    assert drift_policy({"drift": {"mode": "Report"}}, KEY) == DriftPolicy(report=True)
    assert drift_policy({"drift": {"mode": "Heal", "ignore": rules[2:]}}, KEY) is HEAL
    assert drift_policy({}, KEY) is HEAL


def test_an_object_whose_drift_is_only_reported_says_what_was_last_applied() -> None:
    obj, body, digest = marked(DESIRED, DriftPolicy(report=True))
    assert json.loads(body) == obj
    assert applied_digest(obj) == digest
    same, _, healed = marked(DESIRED, HEAL)
    assert same is DESIRED
    assert applied_digest(same) is None
    assert healed != digest
