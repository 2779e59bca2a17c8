"""A FleetSync object as a frozen value. The API server has checked its shape against the CRD."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import InputError
from reconciler.fleet.signature_rules import SignatureRule

#: Asks for a sync now: any value that differs from status.lastHandledRequest counts once.
REQUEST_ANNOTATION = "spinfleet.dev/requested-at"
#: Names apps and bundles, by commas, that this cluster leaves alone: neither released nor healed nor pruned.
SUSPENDED_ANNOTATION = "spinfleet.dev/suspended-apps"
#: Holds a FleetSync fast until its objects are released or deleted.
FINALIZER = "spinfleet.dev/members"

#: How signature rules name what they take from beside the FleetSync.
_REFERENCES = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}

_DURATION_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHORTEST_INTERVAL = 1.0


def duration_seconds(text: str) -> float:
    """Give the seconds of a duration as Go writes it (`90s`, `1m30s`, `500ms`). Raises InputError for anything else."""
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InputError(f"{text!r} is not a duration", hint="write it as in 30s, 5m or 1h30m")
    return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSpec:
    """Where the fleet comes from. Exactly one of branch, tag and commit is set; `interval` is in seconds."""

    url: str
    branch: str = ""
    tag: str = ""
    commit: str = ""
    path: str = "."
    interval: float = 60.0
    secret: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryPolicy:
    """One entry of policy.registries; `secret` and `ca_secret` name Secrets in the FleetSync's namespace."""

    prefix: str
    secret: str = ""
    ca_secret: str = ""
    plain_http: bool = False
    mirror: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The floor. None means not set: namespaces are then the FleetSync's own, kinds the harmless namespaced ones, registries any.

    `signatures` are rules as written; `floor` the same with keys and trust roots read in, once the agent has done so.
    """

    namespaces: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    adoption: str = "Never"
    require_digest: bool = True
    unsigned: str = ""
    registries: tuple[RegistryPolicy, ...] | None = None
    signatures: tuple[Mapping[str, Any], ...] = ()
    floor: tuple[SignatureRule, ...] = ()
    prune_max_fraction: float | None = None
    prune_max_objects: int | None = None
    quota_objects: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetSync:
    """What the agent follows, for which cluster, as whom, and within which bounds.

    `decryption_secret` names the Secret with age keys in the FleetSync's namespace. `unsupported` names fields that this version can't honour; with any of them nothing is synced.
    """

    name: str
    namespace: str
    uid: str
    resource_version: str
    generation: int
    cluster: str
    source: SourceSpec
    suspend: bool
    prune: bool
    delete_members: bool
    service_account: str
    decryption_secret: str
    policy: Policy
    annotations: Mapping[str, str]
    labels: Mapping[str, str]
    finalizers: tuple[str, ...]
    deleting: bool
    status: Mapping[str, Any]
    unsupported: tuple[str, ...]

    @property
    def request(self) -> str:
        """The latest asked-for sync, or an empty string."""
        return self.annotations.get(REQUEST_ANNOTATION, "")

    @property
    def reads(self) -> frozenset[tuple[str, str]]:
        """The Secrets and ConfigMaps of its own namespace, as (kind, name), from which the agent takes its credentials, keys and trust."""
        secrets = {self.source.secret, self.decryption_secret}
        for entry in self.policy.registries or ():
            secrets |= {entry.secret, entry.ca_secret}
        named = {("Secret", name) for name in secrets if name}
        return frozenset(named | set(_referenced(self.policy.signatures)))

    @property
    def suspended_apps(self) -> frozenset[str]:
        """The apps and bundles that are suspended in this cluster alone."""
        return suspended_apps(self.annotations)


def _referenced(written: Any) -> Iterator[tuple[str, str]]:
    """Give the Secrets and ConfigMaps that stand anywhere in a part of the spec, by how they are referred to."""
    if isinstance(written, Mapping):
        for field, kind in _REFERENCES.items():
            if isinstance(reference := written.get(field), Mapping):
                yield kind, str(reference.get("name"))
    if isinstance(written, (Mapping, list, tuple)):
        for below in written.values() if isinstance(written, Mapping) else written:
            yield from _referenced(below)


def suspended_apps(annotations: Mapping[str, str]) -> frozenset[str]:
    """Give the apps and bundles that a FleetSync's annotations suspend."""
    names = annotations.get(SUSPENDED_ANNOTATION, "").split(",")
    return frozenset(stripped for name in names if (stripped := name.strip()))


def parse(obj: Mapping[str, Any]) -> FleetSync:
    """Give the value of a FleetSync object. Raises InputError where a field can't be used."""
    metadata, spec = obj["metadata"], obj["spec"]
    return FleetSync(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        generation=metadata.get("generation", 0),
        cluster=spec["cluster"],
        source=_source(spec["source"]),
        suspend=spec.get("suspend", False),
        prune=spec.get("prune", True),
        delete_members=spec.get("deletionPolicy", "Orphan") == "Delete",
        service_account=spec.get("serviceAccountName", ""),
        decryption_secret=((spec.get("decryption") or {}).get("secretRef") or {}).get("name", ""),
        policy=_policy(spec.get("policy") or {}),
        annotations=metadata.get("annotations") or {},
        labels=metadata.get("labels") or {},
        finalizers=tuple(metadata.get("finalizers") or ()),
        deleting="deletionTimestamp" in metadata,
        status=obj.get("status") or {},
        unsupported=_unsupported(spec),
    )


def _unsupported(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the fields that ask for what this version does not do: to pass over them would be to promise it."""
    asked = {
        "status.publish": bool((spec.get("status") or {}).get("publish")),
    }
    return tuple(name for name, present in asked.items() if present)


def _source(spec: Mapping[str, Any]) -> SourceSpec:
    named = {key: spec.get(key, "") for key in ("branch", "tag", "commit")}
    if not any(named.values()):
        named["branch"] = "main"
    return SourceSpec(
        url=spec["url"],
        **named,
        path=spec.get("path", "."),
        interval=max(_SHORTEST_INTERVAL, duration_seconds(spec.get("interval", "1m"))),
        secret=(spec.get("secretRef") or {}).get("name", ""),
        keys=tuple((spec.get("verify") or {}).get("keys", ())),
    )


def _policy(spec: Mapping[str, Any]) -> Policy:
    prune = spec.get("prune") or {}
    return Policy(
        namespaces=_names(spec.get("namespaces")),
        kinds=_names(spec.get("kinds")),
        adoption=spec.get("adoption", "Never"),
        require_digest=spec.get("requireDigest", True),
        unsigned=spec.get("unsigned", ""),
        registries=tuple(_registry(entry) for entry in spec["registries"])
        if spec.get("registries") is not None
        else None,
        signatures=tuple(spec.get("signatures") or ()),
        prune_max_fraction=prune.get("maxFraction"),
        prune_max_objects=prune.get("maxObjects"),
        quota_objects=(spec.get("quota") or {}).get("objects"),
    )


def _names(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _registry(entry: Mapping[str, Any]) -> RegistryPolicy:
    return RegistryPolicy(
        prefix=entry["prefix"],
        secret=(entry.get("secretRef") or {}).get("name", ""),
        ca_secret=(entry.get("caSecretRef") or {}).get("name", ""),
        plain_http=entry.get("plainHTTP", False),
        mirror=entry.get("mirror", ""),
    )
