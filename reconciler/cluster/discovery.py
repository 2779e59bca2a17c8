"""What the API server serves: kinds, scope and verbs, in two requests (aggregated discovery)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.cluster.connection import Connection, segment
from reconciler.errors import UnavailableError

_ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One resource as served: `version` and `group` as in apiVersion (group empty for core), `plural` as in paths."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]

    @property
    def api_version(self) -> str:
        """The apiVersion of objects of this resource."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Give the request path of an object, or of a list where `name` is empty; no namespace: all of them."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = ["namespaces", segment(namespace)] if namespace and self.namespaced else []
        parts += [self.plural, *([segment(name)] if name else []), *([subresource] if subresource else [])]
        return "/".join([root, *parts])


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovery:
    """All resources by group, kind and version. `failed` are groups the server could not tell about: unknown, not absent."""

    resources: Mapping[tuple[str, str], tuple[Resource, ...]]
    failed: frozenset[str]

    @property
    def complete(self) -> bool:
        """True where every group answered, so that a kind not found is known not to be served."""
        return not self.failed

    def absent(self, group: str, kind: str) -> bool:
        """Tell whether a kind is known not to be served: its group answered, and has no such kind."""
        return (group, kind) not in self.resources and group not in self.failed

    def find(self, group: str, kind: str, api_version: str = "") -> Resource | None:
        """Give the resource of a kind, of `api_version` where it is named, else of the server's preferred version."""
        for resource in self.resources.get((group, kind), ()):
            if not api_version or resource.api_version == api_version:
                return resource
        return None

    def is_namespaced(self, group: str, kind: str, api_version: str) -> bool | None:
        """Tell whether objects of a kind have a namespace; None where it is not served."""
        resource = self.find(group, kind, api_version)
        return resource.namespaced if resource is not None else None


@dataclass(kw_only=True, slots=True)
class Served:
    """What an API server serves, for everybody who works with it: asked for once, and anew when one of them has to know."""

    connection: Connection
    discovery: Discovery
    _renewed: float = 0.0
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def ask(cls, connection: Connection) -> Served:
        """Ask for the first time. Raises as `discover` does."""
        return cls(connection=connection, discovery=await discover(connection))

    async def renew(self) -> None:
        """Have the discovery be no older than this call; who ask at the same time share one answer. Raises as `discover` does."""
        clock = asyncio.get_running_loop().time
        wanted = clock()
        async with self._renewing:
            if self._renewed < wanted:
                began = clock()
                self.discovery = await discover(self.connection)
                self._renewed = began


async def discover(connection: Connection) -> Discovery:
    """Ask the API server what it serves. Raises UnavailableError where it does not answer in the aggregated form."""
    found: dict[tuple[str, str], list[Resource]] = {}
    failed: set[str] = set()
    for root in ("/api", "/apis"):
        answer = await connection.request("GET", root, accept=_ACCEPT)
        if answer.body.get("kind") != "APIGroupDiscoveryList":
            raise UnavailableError(
                f"GET {root}: no aggregated discovery", hint="Spinfleet needs Kubernetes 1.30 or newer"
            )
        try:
            served, stale = _groups(answer.body.get("items") or ())
        except (LookupError, TypeError, AttributeError) as error:
            raise UnavailableError(f"GET {root}: a malformed discovery document") from error
        failed |= stale
        for resource in served:
            found.setdefault((resource.group, resource.kind), []).append(resource)
    return Discovery(resources={key: tuple(values) for key, values in found.items()}, failed=frozenset(failed))


def _groups(items: Iterable[Mapping[str, Any]]) -> tuple[list[Resource], set[str]]:
    """Give the resources of the groups, and the groups of which a version's server does not answer (aggregated APIs)."""
    served: list[Resource] = []
    stale: set[str] = set()
    for group in items:
        name = group["metadata"].get("name", "")
        for version in group.get("versions") or ():
            if version.get("freshness") == "Stale":
                stale.add(name)
            served += _resources(name, version)
    return served, stale


def _resources(group: str, version: Mapping[str, Any]) -> list[Resource]:
    served = []
    for entry in version.get("resources") or ():
        kind = entry.get("responseKind") or {}
        verbs = frozenset(entry.get("verbs") or ())
        if "list" not in verbs and "create" not in verbs and "get" not in verbs:
            continue
        served.append(
            Resource(
                group=group,
                version=version["version"],
                kind=kind.get("kind", ""),
                plural=entry["resource"],
                namespaced=entry.get("scope") == "Namespaced",
                verbs=verbs,
            )
        )
    return served
