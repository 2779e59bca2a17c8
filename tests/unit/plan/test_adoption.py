"""What may be taken over, in order of precedence, and what becomes of earlier appliers' fields."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan.adoption import ADOPTION_ANNOTATION, Terms, is_ours, refusal, taken_over, without_adoption
from reconciler.plan.membership import PART_OF_LABEL

MANAGER = "spinfleet-0123456789abcdef"
OTHER_FLEETSYNC = "spinfleet-fedcba9876543210"
APPLYSET = "applyset-ours-v1"
ANNOTATED = {"f:metadata": {"f:annotations": {".": {}, f"f:{ADOPTION_ANNOTATION}": {}}}}


def entry(
    manager: str, fields: Any, operation: str = "Apply", version: str = "v1", subresource: str = ""
) -> dict[str, Any]:
    made = {
        "manager": manager,
        "operation": operation,
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return made | ({"subresource": subresource} if subresource else {})


def live(*entries: dict[str, Any], annotation: str = "", holder: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "c", "namespace": "n", "managedFields": list(entries)}
    if annotation:
        metadata["annotations"] = {ADOPTION_ANNOTATION: annotation}
    if holder:
        metadata["labels"] = {PART_OF_LABEL: holder}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1", "b": "2"}}


DESIRED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": {"a": "1"}}


@pytest.mark.parametrize(
    ("annotation", "holder", "policy", "git", "why"),
    [
        ("", "", "Never", "", "spec.policy.adoption: Adopt"),
        ("", "", "Never", "Adopt", "spec.policy.adoption: Adopt"),
        ("", "", "Adopt", "", ""),
        ("", "", "Adopt", "Adopt", ""),
        ("", "", "Adopt", "Never", "Git says adoption: Never"),
        ("Adopt", "", "Never", "", ""),
        ("Adopt", "", "Never", "Never", ""),
        ("Never", "", "Adopt", "Adopt", "keeps it from being taken over"),
        ("adopt", "", "Adopt", "Adopt", "adopt keeps it from being taken over"),
        ("", "applyset-other-v1", "Adopt", "Adopt", "it is in the ApplySet applyset-other-v1"),
        ("Adopt", "applyset-other-v1", "Never", "", ""),
    ],
)
def test_who_says_what_of_taking_over_counts_in_order(
    annotation: str, holder: str, policy: str, git: str, why: str
) -> None:
    obj = live(entry("kubectl", {"f:data": {"f:a": {}}}), annotation=annotation, holder=holder)
    found = refusal(obj, Terms(policy=policy, git=git), manager=MANAGER, applyset=APPLYSET)
    assert (why in found) if why else found == ""
    assert not found or "written by kubectl" in found


def test_a_consent_that_another_fleetsync_is_using_up_is_none_for_us() -> None:
    obj = live(entry(OTHER_FLEETSYNC, ANNOTATED), annotation="Adopt", holder="applyset-third-v1")
    terms = Terms(policy="Never", git="")
    assert refusal(obj, terms, manager=MANAGER, applyset=APPLYSET)
    assert refusal(obj, terms, manager=OTHER_FLEETSYNC, applyset=APPLYSET) == ""


def test_earlier_appliers_fields_become_ours_and_others_stay_theirs() -> None:
    controller = entry("cainjector", {"f:data": {"f:ca": {}}})
    status = entry("kubectl", {"f:status": {"f:x": {}}}, subresource="status")
    label = entry("kubectl-label", {"f:metadata": {"f:labels": {"f:team": {}}}}, "Update")
    obj = live(
        entry("kubectl-client-side-apply", {"f:data": {"f:a": {}}}, "Update"),
        entry("deploy-bot", {"f:data": {"f:a": {}, "f:b": {}}}),
        controller,
        status,
        label,
    )
    fields = taken_over(obj, MANAGER, DESIRED)
    assert fields is not None
    assert fields[:-1] == [controller, status, label]
    assert fields[-1]["manager"] == MANAGER
    assert fields[-1]["operation"] == "Apply"
    assert fields[-1]["fieldsV1"] == {"f:data": {"f:a": {}, "f:b": {}}}


def test_nothing_is_taken_where_nobody_applied_before() -> None:
    obj = live(entry("manager", {"f:data": {"f:a": {}}}, "Update"), entry(MANAGER, {"f:data": {"f:a": {}}}))
    assert taken_over(obj, MANAGER, DESIRED) is None


def test_entries_of_another_version_are_taken_first_and_in_their_own() -> None:
    old, new = {"f:data": {"f:b": {}}}, {"f:data": {"f:a": {}}}
    obj = live(entry("kubectl", new), entry("helm", old, "Update", "v1beta1"))
    first = taken_over(obj, MANAGER, DESIRED)
    assert first is not None
    assert [(each["manager"], each["apiVersion"], each["fieldsV1"]) for each in first] == [
        ("kubectl", "v1", new),
        (MANAGER, "v1beta1", old),
    ]
    obj["metadata"]["managedFields"] = [first[0], entry(MANAGER, new)]
    second = taken_over(obj, MANAGER, DESIRED)
    assert second is not None
    assert [each["manager"] for each in second] == [MANAGER]


def test_the_annotation_that_gave_an_object_away_is_used_up() -> None:
    others = {"f:metadata": {"f:annotations": {f"f:{ADOPTION_ANNOTATION}": {}, "f:note": {}}}}
    obj = live(entry("kubectl-annotate", others, "Update"), annotation="Adopt")
    fields = taken_over(obj, MANAGER, DESIRED)
    assert fields is not None
    assert [(each["manager"], each["fieldsV1"]) for each in fields] == [
        ("kubectl-annotate", {"f:metadata": {"f:annotations": {"f:note": {}}}}),
        (MANAGER, {"f:metadata": {"f:annotations": {f"f:{ADOPTION_ANNOTATION}": {}}}}),
    ]
    obj["metadata"]["managedFields"] = fields
    assert taken_over(obj, MANAGER, DESIRED) is None


def test_an_object_with_our_fields_is_ours_unless_another_applyset_has_it() -> None:
    ours = entry(MANAGER, {"f:data": {"f:a": {}}}, version="v1beta1")
    assert is_ours(live(ours), MANAGER, APPLYSET)
    assert is_ours(live(ours, holder=APPLYSET), MANAGER, APPLYSET)
    assert not is_ours(live(ours, holder="applyset-other-v1"), MANAGER, APPLYSET)
    assert not is_ours(live(entry("kubectl", {"f:data": {}}), holder=APPLYSET), MANAGER, APPLYSET)


def test_what_git_says_of_adoption_is_not_sent() -> None:
    obj = {"metadata": {"name": "c", "annotations": {ADOPTION_ANNOTATION: "Adopt", "a": "b"}}}
    assert without_adoption(obj)["metadata"]["annotations"] == {"a": "b"}
