"""What is taken off an object that is let go of: all that says that it is ours, and nothing else."""

from __future__ import annotations

from typing import Any

from reconciler.agent.releasing import released

OURS, THEIRS = "spinfleet-0123456789abcdef", "kubectl"


def live(*managers: str) -> dict[str, Any]:
    entries = [{"manager": name, "operation": "Apply", "fieldsV1": {"f:data": {}}} for name in managers]
    metadata = {"resourceVersion": "7", "labels": {"theirs": "stays"}, "managedFields": entries}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def test_label_annotation_and_entry_go_by_a_patch_that_holds_for_the_object_as_it_was_read() -> None:
    assert released(live(OURS, THEIRS), OURS)["metadata"] == {
        "resourceVersion": "7",
        "labels": {"applyset.kubernetes.io/part-of": None},
        "annotations": {"spinfleet.dev/app": None},
        "managedFields": live(THEIRS)["metadata"]["managedFields"],
    }


def test_where_nobody_else_manages_a_field_an_empty_entry_says_that_none_is_left() -> None:
    assert released(live(OURS), OURS)["metadata"]["managedFields"] == [{}]
