from __future__ import annotations

from typing import Any

from reconciler.plan.drift import DriftPolicy, marked
from reconciler.plan.model import Action, FieldChange, Foreseen, key_of
from reconciler.plan.plan import Wish, plan
from reconciler.plan.prepare import prepare

_SET = "applyset-x-v1"


def _object(kind: str, name: str, app: str = "shop", api: str = "v1") -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "annotations": {"spinfleet.dev/app": app}}}


def _actions(desired: list[Any], live: list[Any], **more: Any) -> list[tuple[Action, str]]:
    found = plan(
        [prepare(each, _SET) for each in desired], {key_of(each): each for each in live}, applyset=_SET, **more
    )
    return [(step.action, step.key.name) for step in found.steps]


def _member(*parts: str) -> dict[str, Any]:
    return prepare(_object(*parts), _SET)


def test_what_is_absent_is_created_in_the_order_of_need() -> None:
    objects = [
        _object("SpinApp", "app", api="core.spinkube.dev/v1alpha1"),
        _object("Namespace", "ns"),
        _object("Secret", "s"),
    ]
    assert _actions(objects, []) == [(Action.CREATE, "ns"), (Action.CREATE, "s"), (Action.CREATE, "app")]


def test_what_is_as_desired_is_unchanged() -> None:
    assert _actions([_object("ConfigMap", "c")], [_member("ConfigMap", "c")]) == [(Action.UNCHANGED, "c")]


def test_what_is_not_ours_is_not_taken_over() -> None:
    assert _actions([_object("ConfigMap", "c")], [_object("ConfigMap", "c")]) == [(Action.BLOCKED, "c")]


def test_what_may_be_taken_over_is_changed_and_says_from_whom() -> None:
    found = plan(
        [prepare(_object("ConfigMap", "c"), _SET)],
        {key_of(_object("ConfigMap", "c")): _object("ConfigMap", "c")},
        applyset=_SET,
        adoption="Adopt",
    )
    assert found.steps[0].action is Action.CONFIGURE
    assert "taken over from somebody unknown" in found.steps[0].reason


def test_drift_that_is_only_reported_is_shown_and_what_is_new_in_git_is_a_change() -> None:
    desired = prepare({**_object("ConfigMap", "c"), "data": {"mode": "ours"}}, _SET)
    policy = DriftPolicy(report=True)
    key = key_of(desired)
    live = {**marked(desired, policy)[0], "data": {"mode": "theirs"}}
    wishes = {key: Wish(drift=policy)}
    drifted = plan([desired], {key: live}, applyset=_SET, wishes=wishes).steps[0]
    assert (drifted.action, [change.pointer for change in drifted.diff]) == (Action.BLOCKED, ["/data/mode"])
    assert "only reported" in drifted.reason
    newer = {**desired, "data": {"mode": "newer"}}
    assert plan([newer], {key: live}, applyset=_SET, wishes=wishes).steps[0].action is Action.CONFIGURE


def test_an_object_that_is_left_alone_is_no_change() -> None:
    live = {**_member("ConfigMap", "c"), "data": {"mode": "theirs"}}
    live["metadata"] = {**live["metadata"], "annotations": {"spinfleet.dev/reconcile": "Disabled"}}
    step = plan([_member("ConfigMap", "c")], {key_of(live): live}, applyset=_SET).steps[0]
    assert (step.action, "left alone" in step.reason) == (Action.UNCHANGED, True)


def test_members_that_are_not_desired_go_in_reverse_order() -> None:
    live = [_member("Namespace", "ns"), _member("Secret", "s"), _member("Ingress", "i", "shop", "networking.k8s.io/v1")]
    assert _actions([], live) == [(Action.PRUNE, "i"), (Action.PRUNE, "s"), (Action.PRUNE, "ns")]


def test_a_foreign_object_is_never_pruned() -> None:
    assert _actions([], [_object("ConfigMap", "theirs")]) == []


def test_members_of_a_withheld_app_are_kept() -> None:
    live = [_member("ConfigMap", "kept"), _member("ConfigMap", "gone", "other")]
    found = _actions([], live, withheld=frozenset({"shop"}))
    assert sorted(found) == [(Action.PRUNE, "gone"), (Action.UNCHANGED, "kept")]


def test_an_object_with_a_controller_is_never_pruned() -> None:
    child = _member("EndpointSlice", "copied-labels")
    child["metadata"]["ownerReferences"] = [{"controller": True, "kind": "Service"}]
    assert _actions([], [child]) == [(Action.UNCHANGED, "copied-labels")]


def test_an_object_none_of_whose_fields_are_ours_is_never_pruned(manager: str) -> None:
    assert _actions([], [_member("ConfigMap", "copied-label")], manager=manager) == [(Action.UNCHANGED, "copied-label")]


def test_a_field_that_is_not_desired_any_more_is_a_change(config_map: Any, manager: str) -> None:
    live = config_map({"a": "1", "gone": "2"}, labels={"applyset.kubernetes.io/part-of": _SET})
    desired = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": {"a": "1"}}
    assert _actions([desired], [live], manager=manager) == [(Action.CONFIGURE, "c")]


def test_an_object_that_its_annotation_keeps_stays_and_what_is_protected_says_that_it_waits() -> None:
    kept, protected, free = _member("ConfigMap", "kept"), _member("Namespace", "ns"), _member("ConfigMap", "free")
    kept["metadata"]["annotations"] |= {"spinfleet.dev/prune": "Disabled"}
    found = plan([], {key_of(obj): obj for obj in (kept, protected, free)}, applyset=_SET)
    assert {step.key.name: (step.action, step.reason) for step in found.steps} == {
        "kept": (Action.UNCHANGED, "its annotation spinfleet.dev/prune keeps it"),
        "ns": (Action.PRUNE, "not in the fleet any more, and goes only by an approval"),
        "free": (Action.PRUNE, "not in the fleet any more"),
    }


def test_what_the_server_said_counts_over_what_is_compared_here() -> None:
    wanted = prepare({**_object("ConfigMap", "c"), "data": {"cpu": "0.5"}}, _SET)
    live = {**wanted, "data": {"cpu": "500m"}}
    key = key_of(wanted)

    def step(**foreseen: Any) -> tuple[Action, str]:
        found = plan([wanted], {key: live}, applyset=_SET, foreseen={key: Foreseen(**foreseen)}).steps[0]
        return found.action, found.reason

    assert step() == (Action.UNCHANGED, "as desired")
    assert step(refused="no room") == (Action.BLOCKED, "no room")
    assert step(unknown="no answer") == (Action.UNKNOWN, "no answer")
    change = FieldChange("/data/cpu", "500m", "0.5")
    assert step(changes=(change,), note="made anew") == (Action.CONFIGURE, "1 field differs; made anew")


def test_what_is_shared_serves_as_somebody_else_keeps_it() -> None:
    theirs = _object("Namespace", "ns")
    wishes = {key_of(theirs): Wish(shared=True)}
    assert _actions([theirs], [theirs], wishes=wishes) == [(Action.UNCHANGED, "ns")]


def test_nothing_is_pruned_where_the_fleetsync_does_not_prune() -> None:
    assert _actions([], [_member("ConfigMap", "gone")], prunes=False) == [(Action.UNCHANGED, "gone")]
