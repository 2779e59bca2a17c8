"""From a FleetSync to a Fleet: fetch, snapshot, load; and the Secrets that fetching and verifying need."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.agent.fleetsync import FleetSync, Policy, RegistryPolicy
from reconciler.agent.parent import secret_text
from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.docker_config import login_of
from reconciler.artifact.sources import CommitFiles
from reconciler.cluster.answers import NOT_FOUND
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.read import get
from reconciler.errors import ClusterError, InputError, SpinfleetError, UnavailableError
from reconciler.fleet import LoadCache, load
from reconciler.fleet.earlier import Earlier
from reconciler.fleet.model import Loaded
from reconciler.fleet.patterns import identity_fault
from reconciler.fleet.signature_rules import SignatureRule, SigningKey, rule_of
from reconciler.git.fetch import Fetched, fetch, fetch_kept, fetched_commit, has_commit, is_ancestor, let_go
from reconciler.git.signers import Signer
from reconciler.git.snapshot import Snapshot, TreeCache
from reconciler.git.source import Credentials, Source
from reconciler.git.verify import signer_of
from reconciler.public_keys import load_public_key

logger = logging.getLogger(__name__)

#: Commits of held releases whose documents are kept at hand.
_MOST_EARLIER = 4
#: Seconds until a commit that the server did not give is asked for again.
_LOOK_AGAIN = 60.0
_SECRETS = Resource(group="", version="v1", kind="Secret", plural="secrets", namespaced=True, verbs=frozenset({"get"}))
_CONFIG_MAPS = Resource(
    group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True, verbs=frozenset({"get"})
)


@dataclass(kw_only=True, slots=True)
class Kept:
    """What was read of a repository, by content: good for whatever is read of it next, by whoever follows it then."""

    trees: TreeCache = field(default_factory=TreeCache)
    documents: LoadCache = field(default_factory=LoadCache)
    digests: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class FleetSource:
    """Follows one repository. `folder` keeps the bare repository; it may be lost at any time.

    `signers` are those one of whom must have signed what is followed; empty where nobody need.
    """

    connection: Connection
    folder: Path
    allow_local: bool
    signers: tuple[Signer, ...] = ()
    kept: Kept = field(default_factory=Kept)
    _earlier: dict[tuple[str, str], tuple[Earlier, CommitFiles]] = field(default_factory=dict)
    _missing: dict[str, float] = field(default_factory=dict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def repository(self) -> Path:
        """The bare repository."""
        return self.folder / "fleet.git"

    def last(self) -> str:
        """Give the commit of the last fetch that is still on disk, or an empty string."""
        return fetched_commit(self.repository)

    async def fetch(self, sync: FleetSync) -> Fetched:
        """Fetch what the FleetSync follows. Raises InputError and UnavailableError."""
        return await fetch(await self._source(sync), self.repository, local=self.allow_local)

    async def _source(self, sync: FleetSync) -> Source:
        credentials = Credentials()
        if sync.source.secret:
            secret = await secret_of(self.connection, sync.namespace, sync.source.secret)
            credentials = Credentials(
                username=secret_text(secret, "username"),
                password=secret_text(secret, "password"),
                identity=secret_text(secret, "identity"),
                known_hosts=secret_text(secret, "known_hosts"),
            )
        return Source(
            url=sync.source.url,
            branch=sync.source.branch,
            tag=sync.source.tag,
            commit=sync.source.commit,
            credentials=credentials,
        )

    async def earlier(self, sync: FleetSync, commit: str, path: str) -> tuple[Earlier, CommitFiles] | None:
        """Give the documents and the files of a commit that this cluster has recorded as released; None where it can't be had now.

        A commit that the store lacks (it is new, and the branch was rewritten) is fetched by its id, where the server serves it.
        """
        async with self._reading:
            found = self._earlier.get((commit, path))
            if found is None and await self._have(sync, commit):
                if len(self._earlier) >= _MOST_EARLIER:
                    self._earlier.clear()
                try:
                    found = self._earlier[commit, path] = await asyncio.to_thread(self._read_earlier, commit, path)
                except SpinfleetError as error:
                    logger.warning("commit %s of a release: %s", commit[:12], error.message)
            return found

    async def _have(self, sync: FleetSync, commit: str) -> bool:
        if has_commit(self.repository, commit):
            return True
        if time.monotonic() < self._missing.get(commit, 0.0):
            return False
        try:
            await fetch_kept(await self._source(sync), commit, self.repository, local=self.allow_local)
        except SpinfleetError as error:
            logger.warning("commit %s of a release: %s", commit[:12], error.message)
            self._missing[commit] = time.monotonic() + _LOOK_AGAIN
            return False
        return True

    def _read_earlier(self, commit: str, path: str) -> tuple[Earlier, CommitFiles]:
        snapshot = Snapshot(self.repository, commit, path=path, cache=self.kept.trees.fork())
        return Earlier(snapshot, self.kept.documents), CommitFiles(snapshot, self.kept.digests)

    def is_ancestor(self, commit: str, tip: str) -> bool:
        """Tell whether a commit is in the history of another."""
        return is_ancestor(self.repository, commit, tip)

    def let_go(self) -> None:
        """Give up the histories that were replaced: no release is rendered from them any more."""
        let_go(self.repository)

    async def signer(self, sync: FleetSync, commit: str) -> tuple[str, str]:
        """Give who has signed a commit of those who may, and why nobody has; both empty where nobody need."""
        if not self.signers:
            return "", ""
        try:
            return await asyncio.to_thread(signer_of, self.repository, commit, self.signers, tag=sync.source.tag), ""
        except (InputError, UnavailableError) as error:
            return "", f"{error.message}; {error.hint}" if error.hint else error.message

    async def policy(self, sync: FleetSync, last: Policy) -> Policy:
        """Give the policy as it is now; nothing is asked where the FleetSync itself says it all. Raises InputError and ClusterError."""
        return await policy_of(self.connection, sync) if reads_for_policy(sync.policy) else last

    async def load(self, commit: str, path: str) -> tuple[Loaded, CommitFiles]:
        """Read a fetched commit's fleet, in a thread: a first load of thousands of files would hold up everything else.

        Gives it with its files, which artifacts are compared with.

        Raises InputError where the path is not in the commit.
        """
        async with self._reading:
            self._earlier.clear()
            loading = asyncio.create_task(asyncio.to_thread(self._load, commit, path))
            try:
                return await asyncio.shield(loading)
            finally:
                # A thread can't be cancelled; whoever reads next must not find it at work.
                await asyncio.wait({loading})

    def _load(self, commit: str, path: str) -> tuple[Loaded, CommitFiles]:
        snapshot = Snapshot(self.repository, commit, path=path, cache=self.kept.trees)
        return load(snapshot, cache=self.kept.documents), CommitFiles(snapshot, self.kept.digests)


async def secret_of(connection: Connection, namespace: str, name: str) -> Mapping[str, Any]:
    """Read a Secret of the FleetSync's namespace. Raises InputError where it is not there."""
    return await _object_of(connection, _SECRETS, namespace, name)


async def _object_of(connection: Connection, kind: Resource, namespace: str, name: str) -> Mapping[str, Any]:
    try:
        return await get(connection, kind, namespace=namespace, name=name)
    except ClusterError as error:
        if error.status == NOT_FOUND:
            raise InputError(
                f"there is no {kind.kind} {namespace}/{name}", hint="make it, or correct the name in the FleetSync"
            ) from error
        raise


async def registries_of(connection: Connection, sync: FleetSync) -> tuple[RegistryAccess, ...]:
    """Give how the FleetSync's policy reaches registries, credentials read from its Secrets. Raises InputError."""
    return tuple([await _access(connection, sync.namespace, entry) for entry in sync.policy.registries or ()])


async def _access(connection: Connection, namespace: str, entry: RegistryPolicy) -> RegistryAccess:
    access = RegistryAccess(prefix=entry.prefix, plain_http=entry.plain_http, mirror=entry.mirror)
    username = password = authority = ""
    if entry.secret:
        secret = await secret_of(connection, namespace, entry.secret)
        username, password = secret_text(secret, "username"), secret_text(secret, "password")
        if not username and (config := secret_text(secret, ".dockerconfigjson")):
            username, password = login_of(config, access.host, f"Secret {entry.secret}")
    if entry.ca_secret:
        authority = secret_text(await secret_of(connection, namespace, entry.ca_secret), "ca.crt")
    return replace(access, username=username, password=password, ca=authority)


async def policy_of(connection: Connection, sync: FleetSync) -> Policy:
    """Give the FleetSync's policy with the keys and trust roots of its signature rules read in.

    Raises InputError where one of them can't be used: nothing may run under a rule that can't be kept.
    """
    floor = tuple([await _rule(connection, sync.namespace, written) for written in sync.policy.signatures])
    return replace(sync.policy, floor=floor)


def reads_for_policy(policy: Policy) -> bool:
    """Tell whether signature rules name Secrets or ConfigMaps, which may change while the FleetSync does not."""
    texts = [text for rule in policy.signatures for text in (*(rule.get("keys") or ()), rule.get("trustRoot") or {})]
    return any("secretKeyRef" in text or "configMapKeyRef" in text for text in texts)


async def _rule(connection: Connection, namespace: str, written: Mapping[str, Any]) -> SignatureRule:
    where = f"policy.signatures for {written['match']}"
    keys = []
    for key in written.get("keys") or ():
        pem = await _text(connection, namespace, key)
        try:
            load_public_key(pem)
        except InputError as error:
            raise InputError(f"{where}: key {key['name']}: {error.message}", hint=error.hint) from error
        keys.append(SigningKey(name=key["name"], pem=pem))
    for identity in written.get("identities") or ():
        if fault := identity_fault(identity.get("subjectPattern", "a")):
            raise InputError(f"{where}: {identity['subjectPattern']!r}: {fault}", hint="* and ** are all a pattern has")
    root = await _text(connection, namespace, written["trustRoot"]) if "trustRoot" in written else ""
    rule = rule_of(written, keys, root)
    if len(rule.keys) + len(rule.identities) < rule.require:
        raise InputError(f"{where}: {rule.require} signers are required and fewer are named", hint="name more of them")
    return rule


async def _text(connection: Connection, namespace: str, source: Mapping[str, Any]) -> str:
    """Give a text that stands in the FleetSync itself or in a Secret or ConfigMap beside it. Raises InputError."""
    if "value" in source:
        return str(source["value"])
    secret = source.get("secretKeyRef")
    reference = secret or source["configMapKeyRef"]
    name, key = reference["name"], reference["key"]
    found = await _object_of(connection, _SECRETS if secret else _CONFIG_MAPS, namespace, name)
    text = secret_text(found, key) if secret else str((found.get("data") or {}).get(key, ""))
    if not text:
        kind = "Secret" if secret else "ConfigMap"
        raise InputError(f"{kind} {namespace}/{name} has no key {key!r}", hint="add it, or correct the FleetSync")
    return text
