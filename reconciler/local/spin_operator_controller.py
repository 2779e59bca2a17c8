"""The controller of the SpinKube stand-in: watches SpinApps, executors and what is made of them, and keeps them in step.

Like the operator it does not watch executors on behalf of apps: an app meets a changed executor at its own next event.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reconciler.agent.queue import WorkQueue
from reconciler.cluster.apply import apply
from reconciler.cluster.connection import Connection
from reconciler.cluster.delete import delete
from reconciler.cluster.discovery import Resource
from reconciler.cluster.events import Recorder
from reconciler.cluster.patch import merge_patch
from reconciler.cluster.read import get
from reconciler.cluster.watch import Changed, Complete, Removed, Selection, watch
from reconciler.errors import ClusterError, InputError, SpinfleetError
from reconciler.local.spin_operator_config import Source, runtime_config, secret, sources
from reconciler.local.spin_operator_objects import APP_NAME_LABEL, GROUP, ca_secret_name, deployment, service
from reconciler.local.spin_operator_status import status
from reconciler.plan.owned import owned_hash

logger = logging.getLogger(__name__)

MANAGER = "spin-operator"
FINALIZER = f"{GROUP}/finalizer"

_ALREADY_EXISTS = 409
_NOT_FOUND = 404
_BACKOFF = (0.1, 16.0)
_WORKERS = 4
_WATCHED = {"SpinApp": GROUP, "SpinAppExecutor": GROUP, "Deployment": "apps", "Service": ""}
#: The kinds that must be served, with their groups.
NEEDED = {**_WATCHED, "Secret": "", "ConfigMap": ""}

Key = tuple[str, str, str]


def _key(obj: Mapping[str, Any]) -> Key:
    return (obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])


def _certificates(namespace: str, name: str) -> dict[str, Any]:
    """Give the Secret of certificate authorities. The operator's holds a public bundle; no pod here ever reads it."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "annotations": {"app.kubernetes.io/managed-by": "spin-operator.spinkube.dev"},
    }
    data = {"ca-certificates.crt": base64.b64encode(b"# no authorities\n").decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


@dataclass(kw_only=True, slots=True)
class SpinOperator:
    """The controller: watched objects as last seen, and a queue of apps and executors to look at."""

    connection: Connection
    resources: Mapping[str, Resource]
    recorder: Recorder
    seen: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    queue: WorkQueue = field(default_factory=WorkQueue)
    _failures: dict[str, int] = field(default_factory=dict)
    #: Per object, what was sent and a digest of our fields as the server gave them back: equal again means nothing to do.
    _applied: dict[Key, tuple[bytes, bytes | None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Watch and reconcile until cancelled. Raises ClusterError where the API server refuses a watch."""
        complete = asyncio.Barrier(len(_WATCHED) + 1)
        async with asyncio.TaskGroup() as group:
            for kind in _WATCHED:
                group.create_task(self._watch(kind, complete))
            await complete.wait()  # before every cache is filled, an app would seem to have no Deployment
            await self.queue.work(self._look, workers=_WORKERS)

    async def _watch(self, kind: str, complete: asyncio.Barrier) -> None:
        owned = APP_NAME_LABEL if kind in {"Deployment", "Service"} else ""
        selection = Selection(resource=self.resources[kind], label_selector=owned)
        first = True
        async with aclosing(watch(self.connection, selection)) as events:
            async for event in events:
                match event:
                    case Complete(items):
                        self._replace(kind, items)
                    case Changed(obj):
                        self.seen[_key(obj)] = obj
                        self._queue(obj)
                    case Removed(obj):
                        self.seen.pop(_key(obj), None)
                        self._applied.pop(_key(obj), None)
                        self._queue(obj)
                        self._release(obj)
                if first:
                    first = False
                    await complete.wait()

    def _replace(self, kind: str, items: tuple[Mapping[str, Any], ...]) -> None:
        gone = {key: obj for key, obj in self.seen.items() if key[0] == kind}
        for obj in items:
            gone.pop(_key(obj), None)
            self.seen[_key(obj)] = obj
            self._queue(obj)
        for key, obj in gone.items():
            del self.seen[key]
            self._applied.pop(key, None)
            self._queue(obj)

    def _queue(self, obj: Mapping[str, Any]) -> None:
        """Have the object's SpinApp, or the executor itself, looked at. An executor that goes waits for its last app."""
        metadata = obj["metadata"]
        if obj["kind"] in {"SpinApp", "SpinAppExecutor"}:
            self.queue.add(f"{obj['kind']}/{metadata['namespace']}/{metadata['name']}")
            return
        for owner in metadata.get("ownerReferences") or ():
            if owner.get("controller") and owner["kind"] == "SpinApp":
                self.queue.add(f"SpinApp/{metadata['namespace']}/{owner['name']}")

    def _release(self, obj: Mapping[str, Any]) -> None:
        """Have the executor of a deleted app looked at, which may wait to go; the operator would come to it by its backoff."""
        if obj["kind"] == "SpinApp":
            self.queue.add(f"SpinAppExecutor/{obj['metadata']['namespace']}/{obj['spec']['executor']}")

    async def _look(self, item: str) -> None:
        kind, namespace, name = item.split("/")
        obj = self.seen.get((kind, namespace, name))
        if obj is None:
            self._failures.pop(item, None)
            return
        try:
            await (self._app(obj) if kind == "SpinApp" else self._executor(obj))
        except SpinfleetError as error:
            tries = self._failures[item] = self._failures.get(item, 0) + 1
            logger.warning("%s: %s", item, error.message)
            self.queue.add_later(item, min(_BACKOFF[0] * 2.0 ** (tries - 1), _BACKOFF[1]))
        else:
            self._failures.pop(item, None)

    async def _app(self, app: Mapping[str, Any]) -> None:
        metadata, spec = app["metadata"], app["spec"]
        namespace, name = metadata["namespace"], metadata["name"]
        executor = self.seen.get(("SpinAppExecutor", namespace, spec["executor"]))
        if executor is None:
            note = f"Could not find SpinAppExecutor {namespace}/{spec['executor']}"
            await self.recorder.record(app, "Warning", reason="MissingExecutor", action="Reconcile", note=note)
            raise ClusterError(note, status=_NOT_FOUND, reason="NotFound")
        makes_deployment = bool(executor["spec"]["createDeployment"])
        if makes_deployment:
            await self._write_status(app)
        if metadata.get("deletionTimestamp"):
            return  # the garbage collector takes what it owns
        if makes_deployment:
            await self._write_deployment(app, executor["spec"].get("deploymentConfig"))
        else:
            await self._remove_deployment(namespace, name)
        await self._apply(service(app))

    async def _write_status(self, app: Mapping[str, Any]) -> None:
        namespace, name = app["metadata"]["namespace"], app["metadata"]["name"]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        made = (self.seen.get((kind, namespace, name)) for kind in ("Deployment", "Service"))
        told = status(app, *made, now=now)
        if told == app.get("status"):
            return
        change = {"metadata": {"resourceVersion": app["metadata"]["resourceVersion"]}, "status": told}
        try:
            live = await merge_patch(
                self.connection,
                self.resources["SpinApp"],
                change,
                namespace=namespace,
                name=name,
                subresource="status",
                field_manager=MANAGER,
            )
        except ClusterError as error:
            # Moved on or gone: its next event brings it here again, as with the operator.
            logger.info("status of SpinApp %s/%s: %s", namespace, name, error.message)
        else:
            self.seen[_key(live)] = live

    async def _write_deployment(self, app: Mapping[str, Any], config: Mapping[str, Any] | None) -> None:
        if config is None:
            raise InputError("the executor has createDeployment and no deploymentConfig: the operator crashes on it")
        toml = runtime_config(app, await self._fetch(app))
        generated = secret(app, toml) if toml else None
        if generated is not None:
            await self._create(generated)
        if config.get("installDefaultCACerts"):
            await self._create(_certificates(app["metadata"]["namespace"], ca_secret_name(config)))
        name = generated["metadata"]["name"] if generated is not None else ""
        await self._apply(deployment(app, config, runtime_config_secret=name))

    async def _fetch(self, app: Mapping[str, Any]) -> dict[Source, Mapping[str, Any]]:
        namespace = app["metadata"]["namespace"]
        return {
            source: await get(self.connection, self.resources[source.kind], namespace=namespace, name=source.name)
            for source in sources(app)
        }

    async def _apply(self, obj: Mapping[str, Any]) -> None:
        key = _key(obj)
        body = json.dumps(obj, separators=(",", ":")).encode()
        live = self.seen.get(key)
        if live is not None and self._applied.get(key) == (body, owned_hash(live, MANAGER)):
            return
        applied = await apply(
            self.connection,
            self.resources[obj["kind"]],
            body,
            namespace=key[1],
            name=key[2],
            field_manager=MANAGER,
            force=True,
        )
        self._applied[key] = (body, owned_hash(applied.object, MANAGER))

    async def _create(self, obj: Mapping[str, Any]) -> None:
        """Create a Secret unless it is there, whatever it holds."""
        path = self.resources["Secret"].path(obj["metadata"]["namespace"])
        try:
            await self.connection.request("POST", path, params={"fieldManager": MANAGER}, body=obj)
        except ClusterError as error:
            if error.status != _ALREADY_EXISTS:
                raise

    async def _remove_deployment(self, namespace: str, name: str) -> None:
        live = self.seen.get(("Deployment", namespace, name))
        if live is not None and not live["metadata"].get("deletionTimestamp"):
            await delete(
                self.connection,
                self.resources["Deployment"],
                namespace=namespace,
                name=name,
                uid=live["metadata"]["uid"],
                propagation="Background",
            )

    async def _executor(self, executor: Mapping[str, Any]) -> None:
        """Put our finalizer on an executor; take it away once the executor is to go and no app of its namespace uses it."""
        metadata = executor["metadata"]
        held = list(metadata.get("finalizers") or ())
        if metadata.get("deletionTimestamp"):
            if self._used(metadata["namespace"], metadata["name"]):
                note = "Cannot delete SpinAppExecutor with dependent SpinApps"
                await self.recorder.record(executor, "Warning", reason="DeletionBlocked", action="Delete", note=note)
                raise ClusterError(note, status=_ALREADY_EXISTS, reason="DeletionBlocked")
            wanted = [finalizer for finalizer in held if finalizer != FINALIZER]
        else:
            wanted = held if FINALIZER in held else [*held, FINALIZER]
        if wanted != held:
            change = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": wanted}}
            await merge_patch(
                self.connection,
                self.resources["SpinAppExecutor"],
                change,
                namespace=metadata["namespace"],
                name=metadata["name"],
                field_manager=MANAGER,
            )

    def _used(self, namespace: str, executor: str) -> bool:
        return any(
            key[0] == "SpinApp" and key[1] == namespace and obj["spec"]["executor"] == executor
            for key, obj in self.seen.items()
        )
