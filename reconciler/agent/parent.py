"""The FleetSync object in the cluster: read, watched, its membership annotations and its status written.

These requests are the agent's own: everything else is done as the FleetSync's service account.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler import __version__
from reconciler.agent.fleetsync import FINALIZER, FleetSync, parse
from reconciler.agent.status import Report, status_of
from reconciler.cluster.answers import CONFLICT
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.patch import merge_patch
from reconciler.cluster.read import get
from reconciler.errors import ClusterError, UnavailableError
from reconciler.plan.guard import APPROVAL_ANNOTATION, with_used
from reconciler.plan.membership import ID_LABEL, Extent, annotations_of, recorded_extent

logger = logging.getLogger(__name__)
_TRIES = 5


@dataclass(kw_only=True, slots=True)
class Parent:
    """One FleetSync as the parent of its ApplySet."""

    connection: Connection
    resource: Resource
    namespace: str
    name: str
    _written: str = ""
    _status: dict[str, Any] = field(default_factory=dict)

    async def read(self) -> FleetSync:
        """Read it. Raises ClusterError (404 where it is not there) and InputError (a field can't be used)."""
        sync = parse(await get(self.connection, self.resource, namespace=self.namespace, name=self.name))
        self._status = dict(sync.status)
        return sync

    async def record(self, extent: Extent, applyset: str) -> None:
        """Write where members may be, and hold the FleetSync fast until these are dealt with (agent.ending).

        The precondition on resourceVersion keeps two writers apart. Raises ClusterError where it is refused, InputError where another
        tool's set stands there, and UnavailableError where the FleetSync is being deleted: nothing new is written then.
        """

        def change(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
            annotations, held = metadata.get("annotations") or {}, list(metadata.get("finalizers") or ())
            labelled = (metadata.get("labels") or {}).get(ID_LABEL) == applyset
            if recorded_extent(annotations) == extent and labelled and FINALIZER in held:
                return None
            if "deletionTimestamp" in metadata:
                raise UnavailableError("the FleetSync is being deleted")
            return {
                "labels": {ID_LABEL: applyset},
                "annotations": annotations_of(extent, __version__),
                "finalizers": held if FINALIZER in held else [*held, FINALIZER],
            }

        await self._change(change)

    async def use_approvals(self, text: str) -> bool:
        """Take the approvals of `text` off, so that they never count again. False where others stand there: nothing was changed then.

        Raises ClusterError and UnavailableError.
        """

        def change(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
            annotations = metadata.get("annotations") or {}
            return {"annotations": with_used(annotations)} if annotations.get(APPROVAL_ANNOTATION) == text else None

        return await self._change(change)

    async def let_go(self, finalizer: str) -> None:
        """Take a finalizer off: the FleetSync goes once none is left. Raises ClusterError and UnavailableError."""

        def change(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
            held = list(metadata.get("finalizers") or ())
            return {"finalizers": [each for each in held if each != finalizer]} if finalizer in held else None

        await self._change(change)

    async def _change(self, change: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]) -> bool:
        """Change the metadata as it is read, and only as it was read. False where there is nothing to be changed."""
        for attempt in range(_TRIES):
            live = await get(self.connection, self.resource, namespace=self.namespace, name=self.name)
            if (found := change(live["metadata"])) is None:
                return False
            guarded = {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"], **found}}
            try:
                await merge_patch(self.connection, self.resource, guarded, namespace=self.namespace, name=self.name)
            except ClusterError as error:
                if error.status != CONFLICT or attempt == _TRIES - 1:
                    raise
            else:
                return True
        return False

    async def report(self, report: Report) -> bool:
        """Write the status where it differs from the one written last; tells whether it did."""
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = status_of(report, self._status, now)
        text = json.dumps(status, sort_keys=True)
        if text == self._written:
            return False
        # A merge patch keeps what it does not name: conditions and problems that are no more must be named as gone.
        gone = {name: None for name in self._status if name not in status}
        await merge_patch(
            self.connection,
            self.resource,
            {"status": {**gone, **status}},
            namespace=self.namespace,
            name=self.name,
            subresource="status",
        )
        self._written, self._status = text, status
        return True


def known_extent(sync: FleetSync) -> Extent:
    """Give the extent that the FleetSync has recorded. Raises InputError where another tool's set stands there."""
    return recorded_extent(sync.annotations)


def secret_text(secret: Mapping[str, Any], key: str) -> str:
    """Give a value of a Secret as text; empty where the key is missing."""
    import base64

    return base64.b64decode((secret.get("data") or {}).get(key, "")).decode("utf-8", "replace")
