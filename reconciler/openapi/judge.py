"""One object held against the API of a cluster: every reason for which it would be refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.openapi.definition_rules import definition_findings
from reconciler.openapi.definitions import CustomKind
from reconciler.openapi.findings import CostlyError, Finding, Findings, FullError, shown
from reconciler.openapi.kinds import Absent, Catalogue, Kind, catalogue, versions
from reconciler.openapi.names import name_fault
from reconciler.problems import Severity

#: API groups that a capability of a cluster brings: their kinds are there, and their definitions are not known here.
CAPABILITY_GROUPS = {
    "keda.sh": "keda", "eventing.keda.sh": "keda", "http.keda.sh": "keda-http", "gateway.networking.k8s.io": "gateway-api",
    "monitoring.coreos.com": "prometheus-operator", "runtime.spinkube.dev": "runtime-class-manager",
}  # fmt: skip
#: What a version of the API that is not among the shipped ones may have, or have lost.
_DIFFERS = frozenset({"bundle.unknown-field", "bundle.unknown-kind", "bundle.removed-kind", "bundle.value"})
#: The one group whose beta version is served unless told otherwise (source: instance.go of the control plane).
_BETA_BY_DEFAULT = "flowcontrol.apiserver.k8s.io"
_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """What is known of a cluster's API.

    `cluster` is its name, for messages; `built_in` what it serves of Kubernetes' own kinds, where it was asked itself; `kubernetes` is its version (`1.34`), None where nobody says; `custom` the kinds that definitions bring, by group and kind;
    `elsewhere` those of definitions that this cluster does not get, with the bundle that has each; `capabilities` what is declared
    to be installed; `trusted` API groups, or kinds as `Kind.group`, that are known to be installed by other means.
    """

    cluster: str = ""
    built_in: Catalogue | None = None
    kubernetes: str | None = None
    custom: Mapping[tuple[str, str], CustomKind] = field(default_factory=dict)
    elsewhere: Mapping[tuple[str, str], str] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()


def judge(obj: Mapping[str, Any], api: Api) -> tuple[Finding, ...]:
    """Give what is wrong with an object that has apiVersion, kind and metadata.name; warnings among it."""
    if api.built_in is not None:
        return _against(obj, api, api.built_in)
    known = versions()
    if api.kubernetes in known:
        return _with_later(obj, api, _against(obj, api, catalogue(api.kubernetes)))
    newest = _against(obj, api, catalogue(known[-1]))
    if api.kubernetes is not None:
        return _uncertain(obj, api, newest)
    if not _errors(newest):
        return newest
    for version in reversed(known[:-1]):
        if not _errors(_against(obj, api, catalogue(version))):
            hint = "say which version the cluster has in its spec.kubernetes"
            told = f"this is fine with Kubernetes {version}, and not with {known[-1]}: "
            return tuple(
                replace(each, severity=Severity.WARNING, message=told + each.message, hint=hint) for each in newest
            )
    return newest


def _with_later(obj: Mapping[str, Any], api: Api, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Say of unknown fields which later version has them."""
    unknown = {each.pointer for each in found if each.code == "bundle.unknown-field"}
    since: dict[str, str] = {}
    later = versions()[versions().index(str(api.kubernetes)) + 1 :] if unknown else ()
    for version in later:
        still = {each.pointer for each in _against(obj, api, catalogue(version)) if each.code == "bundle.unknown-field"}
        since.update({pointer: version for pointer in unknown - still if pointer not in since})
    return tuple(
        replace(each, hint=f"it comes with Kubernetes {since[each.pointer]}, and this is for {api.kubernetes}")
        if each.code == "bundle.unknown-field" and each.pointer in since
        else each
        for each in found
    )


def _uncertain(obj: Mapping[str, Any], api: Api, newest: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Of a version that is not known here: hold against the nearest, and only warn of what may differ."""
    known = versions()
    older = _number(str(api.kubernetes)) < _number(known[0])
    nearest = known[0] if older else known[-1]
    found = _against(obj, api, catalogue(nearest)) if older else newest
    told = f" (Kubernetes {api.kubernetes} is not known here: held against {nearest})"
    return tuple(
        replace(each, severity=Severity.WARNING, message=each.message + told) if each.code in _DIFFERS else each
        for each in found
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _errors(findings: tuple[Finding, ...]) -> bool:
    return any(each.severity is Severity.ERROR for each in findings)


def _against(obj: Mapping[str, Any], api: Api, built_in: Catalogue) -> tuple[Finding, ...]:
    findings = Findings(secret=obj["kind"] == "Secret" and obj["apiVersion"] == "v1")
    try:
        _look(obj, api, built_in, findings)
    except FullError:
        pass
    except CostlyError:
        message = "holding this against its schema takes too long: the rest of it was not checked"
        findings.found.append(
            Finding(pointer="", code="bundle.not-checked", message=message, severity=Severity.WARNING)
        )
    return tuple(findings.found)


def _look(obj: Mapping[str, Any], api: Api, built_in: Catalogue, findings: Findings) -> None:
    group, _, version = str(obj["apiVersion"]).rpartition("/")
    found = built_in.find(obj["apiVersion"], obj["kind"])
    if isinstance(found, Absent):
        if group in api.trusted or f"{obj['kind']}.{group}" in api.trusted:
            return
        findings.add(
            (None, "apiVersion" if found.code == "removed-kind" else "kind"), found.code, found.message, found.hint
        )
    elif found is not None:
        if api.built_in is None and group not in api.trusted and f"{obj['kind']}.{group}" not in api.trusted:
            _preview(obj, group, version, findings)
        _built_in(obj, found, group, built_in, findings)
    elif (custom := api.custom.get((group, obj["kind"]))) is not None:
        _custom(obj, custom, version, built_in, findings)
    else:
        _elsewhere(obj, group, api, findings)


def _built_in(obj: Mapping[str, Any], kind: Kind, group: str, built_in: Catalogue, findings: Findings) -> None:
    if not kind.applied:
        message = f"{kind.name} is a question to the API server: it can't be applied"
        findings.add((None, "kind"), "unknown-kind", message, "remove it")
        return
    kind.check(obj, None, findings)
    _identity(obj, group, built_in, namespaced=kind.namespaced, findings=findings)
    if (group, kind.name) == _CRD:
        definition_findings(obj, findings)


def _preview(obj: Mapping[str, Any], group: str, version: str, findings: Findings) -> None:
    """Say of an alpha or beta version that servers leave it out unless told otherwise."""
    if group != _BETA_BY_DEFAULT and ("alpha" in version or "beta" in version):
        message = f"{obj['kind']} of {obj['apiVersion']} is served only where the API server is told to"
        hint = f"see its --runtime-config; list {group} in the Fleet's spec.customKinds where it is served"
        findings.warn((None, "apiVersion"), "preview-kind", message, hint)


def _custom(obj: Mapping[str, Any], kind: CustomKind, version: str, built_in: Catalogue, findings: Findings) -> None:
    if version not in kind.versions:
        served = ", ".join(sorted(kind.versions)) or "none"
        message = f"version {version} of {kind.name} is not served by its definition"
        findings.add((None, "apiVersion"), "removed-kind", message, f"served: {served}")
        return
    check = kind.versions[version]
    built_in.metadata(obj.get("metadata") or {}, (None, "metadata"), findings)
    if check is not None:
        # A server keeps the status to itself: what is written there is ignored.
        check({name: each for name, each in obj.items() if name != "status"}, None, findings)
    _identity(obj, kind.group, built_in, namespaced=kind.namespaced, findings=findings)


def _identity(obj: Mapping[str, Any], group: str, built_in: Catalogue, *, namespaced: bool, findings: Findings) -> None:
    metadata = obj.get("metadata")
    # A patch may have taken it away, which is told where the bundle is assigned.
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        return
    wanted = name_fault(group, obj["kind"], metadata["name"], _number(built_in.version))
    if wanted:
        message = f"{shown(metadata['name'])} can't be the name of a {obj['kind']}"
        findings.add(((None, "metadata"), "name"), "name", message, wanted)
    if metadata.get("namespace") and not namespaced:
        # A server drops the namespace in silence, and then the object is another one than it says.
        message = f"a {obj['kind']} is in no namespace"
        findings.add(((None, "metadata"), "namespace"), "namespace", message, "remove metadata.namespace")


def _elsewhere(obj: Mapping[str, Any], group: str, api: Api, findings: Findings) -> None:
    """Of a kind that nothing here defines: it may have been installed by other means, so that only a warning is due."""
    kind = f"{obj['kind']}.{group}"
    capability = CAPABILITY_GROUPS.get(group)
    cluster = f"cluster {api.cluster!r}" if api.cluster else "a cluster"
    if group in api.trusted or kind in api.trusted or capability in api.capabilities:
        return
    bundle = api.elsewhere.get((group, obj["kind"]))
    if bundle is not None:
        message = f"the definition of {kind} is in bundle {bundle!r}, which {cluster} does not get"
        hint = f"place {bundle!r} there too; or list {group} in the Fleet's spec.customKinds, where it is there by other means"
    elif capability is not None:
        message = f"{kind} needs capability {capability!r}, which {cluster} does not declare"
        hint = f"add {capability} to spec.capabilities of the Cluster, or its definitions to a Bundle"
    else:
        message = f"nothing in the fleet defines {kind}: it was not checked, and a cluster without it refuses it"
        hint = f"add its CustomResourceDefinition to a Bundle, or list {group} in the Fleet's spec.customKinds"
    findings.warn((None, "kind"), "unknown-kind", message, hint)
