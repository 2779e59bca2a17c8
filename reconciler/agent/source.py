"""From a FleetSync to a Fleet: fetch, snapshot, load; and the Secrets that fetching and verifying need."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.agent.fleetsync import FleetSync, RegistryPolicy
from reconciler.agent.parent import secret_text
from reconciler.artifact.access import RegistryAccess
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.read import get
from reconciler.errors import ClusterError, InputError
from reconciler.fleet import LoadCache, load
from reconciler.fleet.model import Loaded
from reconciler.git.fetch import Fetched, fetch, fetched_commit
from reconciler.git.snapshot import Snapshot, TreeCache
from reconciler.git.source import Credentials, Source

_SECRETS = Resource(group="", version="v1", kind="Secret", plural="secrets", namespaced=True, verbs=frozenset({"get"}))


@dataclass(kw_only=True, slots=True)
class FleetSource:
    """Follows one repository. `folder` keeps the bare repository; it may be lost at any time."""

    connection: Connection
    folder: Path
    allow_local: bool
    _trees: TreeCache = field(default_factory=TreeCache)
    _documents: LoadCache = field(default_factory=LoadCache)

    @property
    def repository(self) -> Path:
        """The bare repository."""
        return self.folder / "fleet.git"

    def last(self) -> str:
        """Give the commit of the last fetch that is still on disk, or an empty string."""
        return fetched_commit(self.repository)

    async def fetch(self, sync: FleetSync) -> Fetched:
        """Fetch what the FleetSync follows. Raises InputError and UnavailableError."""
        credentials = Credentials()
        if sync.source.secret:
            secret = await secret_of(self.connection, sync.namespace, sync.source.secret)
            credentials = Credentials(
                username=secret_text(secret, "username"),
                password=secret_text(secret, "password"),
                identity=secret_text(secret, "identity"),
                known_hosts=secret_text(secret, "known_hosts"),
            )
        source = Source(
            url=sync.source.url,
            branch=sync.source.branch,
            tag=sync.source.tag,
            commit=sync.source.commit,
            credentials=credentials,
        )
        return await fetch(source, self.repository, local=self.allow_local)

    async def load(self, commit: str, path: str) -> Loaded:
        """Read a fetched commit's fleet, in a thread: a first load of thousands of files would hold up everything else.

        Raises InputError where the path is not in the commit.
        """
        return await asyncio.to_thread(self._load, commit, path)

    def _load(self, commit: str, path: str) -> Loaded:
        return load(Snapshot(self.repository, commit, path=path, cache=self._trees), cache=self._documents)


async def secret_of(connection: Connection, namespace: str, name: str) -> Mapping[str, Any]:
    """Read a Secret of the FleetSync's namespace. Raises InputError where it is not there."""
    try:
        return await get(connection, _SECRETS, namespace=namespace, name=name)
    except ClusterError as error:
        if error.status == 404:
            raise InputError(
                f"there is no Secret {namespace}/{name}", hint="make it, or correct the FleetSync's secretRef"
            ) from error
        raise


async def registries_of(connection: Connection, sync: FleetSync) -> tuple[RegistryAccess, ...]:
    """Give how the FleetSync's policy reaches registries, credentials read from its Secrets. Raises InputError."""
    return tuple([await _access(connection, sync.namespace, entry) for entry in sync.policy.registries])


async def _access(connection: Connection, namespace: str, entry: RegistryPolicy) -> RegistryAccess:
    username = password = authority = ""
    if entry.secret:
        secret = await secret_of(connection, namespace, entry.secret)
        username, password = secret_text(secret, "username"), secret_text(secret, "password")
        if not username and (config := secret_text(secret, ".dockerconfigjson")):
            username, password = _docker_login(config, entry.mirror or entry.prefix.partition("/")[0])
    if entry.ca_secret:
        authority = secret_text(await secret_of(connection, namespace, entry.ca_secret), "ca.crt")
    return RegistryAccess(
        prefix=entry.prefix,
        plain_http=entry.plain_http,
        mirror=entry.mirror,
        username=username,
        password=password,
        ca=authority,
    )


def _docker_login(config: str, host: str) -> tuple[str, str]:
    """Give the login of exactly this host from a docker config; nothing where it has none."""
    import base64

    try:
        entry = json.loads(config)["auths"].get(host) or {}
        if entry.get("auth"):
            user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
            return user, password
        return entry.get("username", ""), entry.get("password", "")
    except (ValueError, KeyError, AttributeError) as error:
        raise InputError("the registry Secret's .dockerconfigjson can't be read") from error
