"""What may be taken over that exists already, and what becomes of those who applied it before.

Taking over is to make the fields that earlier appliers set ours, in metadata.managedFields: only then does a field that Git no longer
has go from the object (Kubernetes, "Transferring ownership between managers"; client-go's util/csaupgrade does it for kubectl).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.plan.fieldsets import at, contains, leaves, union, without
from reconciler.plan.membership import PART_OF_LABEL
from reconciler.plan.owned import ABSENT, is_applied_by

#: On a live object: whoever may write it says whether it may be taken over. On an object in Git: whether it may take over.
ADOPTION_ANNOTATION = "spinfleet.dev/adoption"
ADOPT, NEVER = "Adopt", "Never"

#: Those who send whole objects, and so set all that they want of one. `kubectl edit` is among them: people do with it what they
#: would have applied. Others (`kubectl label`, controllers) add to what is there, which stays.
_APPLIERS = re.compile(
    r"kubectl|kubectl-(client-side-apply|create|replace|edit)|before-first-apply"
    r"|kustomize-controller|helm-controller|helm|Helm|argocd-controller|argocd-application-controller|argocd"
    r"|fleetagent|kapp|kapp-server|kpt|tanka|pulumi-kubernetes.*|pulumi-resource-kubernetes|Terraform|terraform.*|HashiCorp"
    r"|spinfleet-[0-9a-f]{16}|spinfleet-install"
)
_FLEETSYNC = re.compile(r"spinfleet-[0-9a-f]{16}")
_ANNOTATION_PATH = ("f:metadata", "f:annotations", f"f:{ADOPTION_ANNOTATION}")
_TOLD_MANAGERS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What is said of taking over one object: by the FleetSync's policy, and in Git by its own annotation or else its App or Bundle (empty: nothing)."""

    policy: str
    git: str


def refusal(live: Mapping[str, Any], terms: Terms, *, manager: str, applyset: str) -> str:
    """Say why an object that exists may not be taken over and how to allow it; empty where it may.

    The live object's annotation decides first: whoever may write the object gives it away, or keeps it. Then the FleetSync, whose
    Never nothing in Git can lift; then what Git says. What another ApplySet has is given away by the annotation alone.
    """
    consent = _consent(live, manager)
    if consent == ADOPT:
        return ""
    holder = (live["metadata"].get("labels") or {}).get(PART_OF_LABEL, "")
    whose = f"exists already and does not belong to this FleetSync (written by {writers(live)})"
    if consent:
        return f"{whose}, and its annotation {ADOPTION_ANNOTATION}: {consent} keeps it from being taken over"
    give = f"annotate it with {ADOPTION_ANNOTATION}={ADOPT}"
    if holder and holder != applyset:
        return f"{whose}: it is in the ApplySet {holder}; take it out of that one, or {give}"
    if terms.policy != ADOPT:
        return f"{whose}; to take it over {give}, or set spec.policy.adoption: Adopt on the FleetSync; or remove it"
    if terms.git not in {"", ADOPT}:
        return f"{whose}, and Git says adoption: {terms.git} of it; say {ADOPT} there to take it over"
    return ""


def annotation_of(obj: Mapping[str, Any]) -> str:
    """Give what an object's own annotation says of adoption; empty where it says nothing."""
    return str((obj["metadata"].get("annotations") or {}).get(ADOPTION_ANNOTATION, ""))


def without_adoption(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an object of Git without its annotation: on the live object it would give the object away."""
    annotations = obj["metadata"].get("annotations") or {}
    if ADOPTION_ANNOTATION not in annotations:
        return obj
    kept = {key: value for key, value in annotations.items() if key != ADOPTION_ANNOTATION}
    return {**obj, "metadata": {**obj["metadata"], "annotations": kept}}


def is_ours(live: Mapping[str, Any], manager: str, applyset: str) -> bool:
    """Tell whether a live object is one that we wrote: it has fields of ours, and no other ApplySet has it.

    Its own label may have been taken away: that is drift.
    """
    holder = (live["metadata"].get("labels") or {}).get(PART_OF_LABEL, applyset)
    return holder == applyset and is_applied_by(live, manager)


def taken_over(live: Mapping[str, Any], manager: str, desired: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Give the managedFields in which earlier appliers' fields are ours; None where none is left to take.

    Entries of one apiVersion at a time: paths hold for theirs only. An apply then takes away what is not desired; where it leaves
    something to take, it is taken the next time. The annotation by which a live object was given away is used up with it.
    """
    entries = [dict(entry) for entry in live["metadata"].get("managedFields") or ()]
    earlier = [entry for entry in entries if _is_earlier(entry, manager, desired)]
    consent = _consenting(live, manager)
    if not earlier and not consent:
        return None
    version = _version(earlier, desired)
    taken = [entry for entry in earlier if entry.get("apiVersion") == version]
    mine = [entry for entry in entries if _is(entry, manager)]
    fields: dict[str, Any] = {}
    for entry in [*taken, *(each for each in mine if each.get("apiVersion") == version)]:
        fields = union(fields, entry.get("fieldsV1") or {})
    kept = [entry for entry in entries if entry not in taken and entry not in mine]
    if consent and version == desired["apiVersion"]:
        for entry in kept:
            if not entry.get("subresource"):
                entry["fieldsV1"] = without(entry.get("fieldsV1") or {}, _ANNOTATION_PATH)
        fields = union(fields, {"f:metadata": {"f:annotations": {_ANNOTATION_PATH[-1]: {}}}})
        kept = [entry for entry in kept if entry["fieldsV1"]]
    times = [str(entry["time"]) for entry in (*taken, *mine) if entry.get("time")]
    ours = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return [*kept, {**ours, **({"time": max(times)} if times else {})}]


def _version(earlier: list[dict[str, Any]], desired: Mapping[str, Any]) -> str:
    """Give the apiVersion whose entries are taken: another than the desired first, since its apply leaves ours in the desired one."""
    versions = sorted({str(entry.get("apiVersion")) for entry in earlier})
    wanted = str(desired["apiVersion"])
    return next((version for version in versions if version != wanted), wanted)


def _consent(live: Mapping[str, Any], manager: str) -> str:
    """Give what a live object's annotation says to us: another FleetSync that took it over a moment ago is about to use it up."""
    said = annotation_of(live)
    holders = [str(entry.get("manager")) for entry in _annotating(live)]
    used = bool(holders) and all(_FLEETSYNC.fullmatch(holder) and holder != manager for holder in holders)
    return "" if said == ADOPT and used else said


def _consenting(live: Mapping[str, Any], manager: str) -> bool:
    """Tell whether a live object's annotation gave it away, and somebody else set it."""
    if annotation_of(live) != ADOPT:
        return False
    held = _annotating(live)
    return not held or any(not _is(entry, manager) for entry in held)


def _annotating(live: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = live["metadata"].get("managedFields") or ()
    return [entry for entry in entries if contains(entry.get("fieldsV1") or {}, _ANNOTATION_PATH)]


def _is(entry: Mapping[str, Any], manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")


def _is_earlier(entry: Mapping[str, Any], manager: str, desired: Mapping[str, Any]) -> bool:
    """Tell whether an entry is that of somebody who applied the object as a whole before us.

    Known tools by their names; of others an applier that sets what we set: a controller that applies only what it adds does not.
    """
    if entry.get("subresource") or _is(entry, manager):
        return False
    if _APPLIERS.fullmatch(str(entry.get("manager") or "")):
        return True
    return entry.get("operation") == "Apply" and any(
        path[0] != "f:metadata" and at(path, desired) is not ABSENT for path in leaves(entry.get("fieldsV1") or {})
    )


def writers(live: Mapping[str, Any]) -> str:
    """Name who wrote an object, appliers first."""
    entries = [entry for entry in live["metadata"].get("managedFields") or () if not entry.get("subresource")]
    entries.sort(key=lambda entry: entry.get("operation") != "Apply")
    names = list(dict.fromkeys(str(entry.get("manager")) for entry in entries))
    more = f" and {len(names) - _TOLD_MANAGERS} more" if len(names) > _TOLD_MANAGERS else ""
    return ", ".join(names[:_TOLD_MANAGERS]) + more if names else "somebody unknown"
