"""Events (events.k8s.io/v1): what happened to an object, for whoever describes it. The same news is one Event with a count."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from reconciler.cluster.answers import CONFLICT, NOT_FOUND
from reconciler.cluster.connection import MERGE_PATCH, Connection, segment
from reconciler.errors import ClusterError, SpinfleetError

logger = logging.getLogger(__name__)

#: Event.note is limited to 1 KiB (k8s.io/kubernetes, pkg/apis/core/validation/events.go).
_LONGEST_NOTE = 1024
_REMEMBERED = 1024


@dataclass(kw_only=True, slots=True)
class _Told:
    name: str
    count: int
    written: float


@dataclass(kw_only=True, slots=True)
class Recorder:
    """Writes Events as `controller` (a qualified name) running as `instance` (a pod's name).

    News that comes again is counted, and the count written at most every `interval` seconds. An Event's name follows from
    its content, so a restart goes on with the same one.
    """

    connection: Connection
    controller: str
    instance: str
    interval: float = 300.0
    _told: OrderedDict[str, _Told] = field(default_factory=OrderedDict)

    async def record(
        self, regarding: Mapping[str, Any], sort: Literal["Normal", "Warning"], *, reason: str, action: str, note: str
    ) -> bool:
        """Tell about an object (anything with apiVersion, kind, metadata). `reason` and `action` are CamelCase words.

        Gives False where the Event could not be written, which is logged: news never stops the work it tells of.
        """
        note = _cut(note)
        metadata = regarding["metadata"]
        content = "\0".join((str(metadata.get("uid") or metadata["name"]), self.controller, sort, reason, action, note))
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        now = asyncio.get_running_loop().time()
        told = self._told.get(digest)
        if told is not None:
            told.count += 1
            if now - told.written < self.interval:
                return True
        else:
            told = _Told(name=f"{metadata['name'][:220]}.{digest}", count=1, written=now)
            self._told[digest] = told
            if len(self._told) > _REMEMBERED:
                self._told.popitem(last=False)
        told.written = now
        try:
            await self._write(regarding, told, {"type": sort, "reason": reason, "action": action, "note": note})
        except SpinfleetError as error:
            logger.warning("the event %s of %s could not be written: %s", reason, metadata["name"], error.message)
            return False
        return True

    async def _write(self, regarding: Mapping[str, Any], told: _Told, content: Mapping[str, str]) -> None:
        namespace = regarding["metadata"].get("namespace") or "default"
        path = f"/apis/events.k8s.io/v1/namespaces/{segment(namespace)}/events"
        if told.count > 1 and await self._count(f"{path}/{segment(told.name)}", told):
            return
        event = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": told.name, "namespace": namespace},
            "eventTime": _micro_time(),
            "reportingController": self.controller,
            "reportingInstance": self.instance,
            "regarding": _reference(regarding),
            **content,
        }
        try:
            await self.connection.request("POST", path, body=event)
        except ClusterError as error:
            if error.status != CONFLICT:
                raise
            live = (await self.connection.request("GET", f"{path}/{segment(told.name)}")).body
            told.count = int((live.get("series") or {}).get("count") or 1) + 1
            await self._count(f"{path}/{segment(told.name)}", told)

    async def _count(self, path: str, told: _Told) -> bool:
        """Write how often it happened. Gives False where the Event is gone: they live for an hour."""
        series = {"series": {"count": told.count, "lastObservedTime": _micro_time()}}
        try:
            await self.connection.request("PATCH", path, body=series, content_type=MERGE_PATCH)
        except ClusterError as error:
            if error.status == NOT_FOUND:
                return False
            raise
        return True


def _reference(obj: Mapping[str, Any]) -> dict[str, str]:
    metadata = obj["metadata"]
    reference = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": metadata["name"]}
    more = {"namespace": metadata.get("namespace"), "uid": metadata.get("uid")}
    return reference | {key: value for key, value in more.items() if value}


def _cut(note: str) -> str:
    """Shorten a note to what fits, at a character's edge."""
    raw = note.encode("utf-8", "replace")
    if len(raw) <= _LONGEST_NOTE:
        return raw.decode()
    return raw[: _LONGEST_NOTE - 3].decode("utf-8", "ignore") + "…"


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
