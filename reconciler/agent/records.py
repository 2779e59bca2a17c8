"""The release records of one FleetSync: read whole at the start, written before a release's first object.

These requests are the agent's own, as those for the FleetSync are: a fleet repository reaches them on no way.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.cluster.answers import CONFLICT, NOT_FOUND
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.patch import merge_patch
from reconciler.cluster.read import get
from reconciler.errors import ClusterError, InputError, UnavailableError
from reconciler.fleet.model import API_VERSION
from reconciler.plan.model import ObjectKey
from reconciler.problems import Problem, Severity
from reconciler.rollout.records import SHARDS, Record, from_text, shard_name, shard_of, to_text

logger = logging.getLogger(__name__)

CONFIG_MAPS = Resource(
    group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True, verbs=frozenset({"get"})
)
_TRIES = 3
#: ConfigMaps asked for or written at a time: each request in flight has a connection, and each connection takes a quarter of a megabyte.
_AT_ONCE = 8


@dataclass(kw_only=True, slots=True)
class RecordStore:
    """Records by app. `uid` is the FleetSync's: the ConfigMaps go with it."""

    connection: Connection
    namespace: str
    name: str
    uid: str
    problems: tuple[Problem, ...] = ()
    _records: dict[str, Record] = field(default_factory=dict)
    _versions: dict[int, str] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def read(self) -> None:
        """Read all of them. Raises ClusterError and UnavailableError: without its records an agent must not release anything."""
        shards = await asyncio.gather(*(self._shard(shard) for shard in range(SHARDS)))
        self._records.clear()
        problems: list[Problem] = []
        for shard, live in enumerate(shards):
            self._take(shard, live, problems)
        self.problems = tuple(problems)

    async def _shard(self, shard: int) -> Mapping[str, Any] | None:
        name = shard_name(self.name, shard)
        try:
            async with self._slots:
                return await get(self.connection, CONFIG_MAPS, namespace=self.namespace, name=name)
        except ClusterError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def _take(self, shard: int, live: Mapping[str, Any] | None, problems: list[Problem]) -> None:
        """Take what a ConfigMap says. A text that can't be one of ours is told and passed over."""
        self._versions.pop(shard, None)
        if live is None:
            return
        self._versions[shard] = live["metadata"]["resourceVersion"]
        for app, text in sorted((live.get("data") or {}).items()):
            try:
                if shard_of(app) != shard:
                    raise InputError(f"the release record of {app!r} stands in the wrong ConfigMap", hint="remove it")
                self._records[app] = from_text(app, text)
            except InputError as error:
                where = str(ObjectKey("", "ConfigMap", self.namespace, shard_name(self.name, shard)))
                problems.append(
                    Problem(
                        path="", code="release.corrupt-record", severity=Severity.WARNING,
                        message=f"{where}: {error.message}", hint=error.hint,
                    )
                )  # fmt: skip

    def get(self, app: str) -> Record | None:
        """Give an app's record; None where it was never released here."""
        return self._records.get(app)

    def apps(self) -> frozenset[str]:
        """Give every app that has a record."""
        return frozenset(self._records)

    def commits(self) -> frozenset[str]:
        """Give the commits from which last releases are rendered."""
        return frozenset(record.last.commit for record in self._records.values())

    async def write(self, records: Iterable[Record]) -> None:
        """Write records; those that stand there already cost nothing. Raises ClusterError and UnavailableError."""
        await self._change({record.app: record for record in records if self._records.get(record.app) != record})

    async def drop(self, apps: Iterable[str]) -> None:
        """Remove the records of apps that are no more."""
        await self._change(dict.fromkeys(app for app in apps if app in self._records))

    async def mark_current(self, apps: Iterable[str]) -> None:
        """Note that all objects of apps' last releases were current: what a cluster once saw healthy it may go back to."""
        now = timestamp()
        found = [self._records[app] for app in apps if app in self._records]
        await self.write(
            replace(record, last=replace(record.last, current=now)) for record in found if not record.last.current
        )

    async def _change(self, changes: Mapping[str, Record | None]) -> None:
        by_shard: dict[int, dict[str, Record | None]] = {}
        for app, record in changes.items():
            by_shard.setdefault(shard_of(app), {})[app] = record
        done = await asyncio.gather(*(self._write(*each) for each in by_shard.items()), return_exceptions=True)
        if wrong := next((each for each in done if isinstance(each, BaseException)), None):
            raise wrong

    async def _write(self, shard: int, changes: Mapping[str, Record | None]) -> None:
        """Write one ConfigMap, with a precondition: two agents never overwrite each other's records unseen."""
        texts = {app: to_text(record) if record is not None else None for app, record in changes.items()}
        for attempt in range(_TRIES):
            try:
                async with self._slots:
                    live = await self._patch(shard, texts)
            except ClusterError as error:
                if error.status not in {CONFLICT, NOT_FOUND} or attempt == _TRIES - 1:
                    raise
                self._take(shard, await self._shard(shard), [])
            else:
                self._versions[shard] = live["metadata"]["resourceVersion"]
                break
        for app, record in changes.items():
            if record is None:
                self._records.pop(app, None)
            else:
                self._records[app] = record

    async def _patch(self, shard: int, texts: Mapping[str, str | None]) -> Mapping[str, Any]:
        version, name = self._versions.get(shard), shard_name(self.name, shard)
        if version is not None:
            change = {"metadata": {"resourceVersion": version}, "data": texts}
            return await merge_patch(self.connection, CONFIG_MAPS, change, namespace=self.namespace, name=name)
        path = CONFIG_MAPS.path(self.namespace)
        body = (await self.connection.request("POST", path, body=self._config_map(name, texts))).body
        if body.get("kind") != "ConfigMap":
            raise UnavailableError(f"POST {path}: the answer is of kind {body.get('kind')}")
        return body

    def _config_map(self, name: str, texts: Mapping[str, str | None]) -> dict[str, Any]:
        owner = {"apiVersion": API_VERSION, "kind": "FleetSync", "name": self.name, "uid": self.uid}
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "labels": {
                    "app.kubernetes.io/managed-by": "spinfleet",
                    "app.kubernetes.io/component": "release-records",
                },
                "ownerReferences": [owner],
            },
            "data": {app: text for app, text in texts.items() if text is not None},
        }


def timestamp() -> str:
    """Give the time as records have it: RFC 3339 in UTC, to the second."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
