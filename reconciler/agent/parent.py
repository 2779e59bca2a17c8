"""The FleetSync object in the cluster: read, watched, its membership annotations and its status written.

These requests are the agent's own: everything else is done as the FleetSync's service account.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler import __version__
from reconciler.agent.fleetsync import FleetSync, parse
from reconciler.agent.status import Report, status_of
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.patch import merge_patch
from reconciler.cluster.read import get
from reconciler.errors import ClusterError
from reconciler.plan.membership import ID_LABEL, Extent, annotations_of, recorded_extent

logger = logging.getLogger(__name__)
_CONFLICT = 409
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

    async def record(self, extent: Extent, applyset: str, *, finalizers: tuple[str, ...] | None = None) -> None:
        """Write where members may be. The precondition on resourceVersion keeps two writers apart.

        Raises ClusterError where it is refused, InputError where another tool's set stands there.
        """
        for attempt in range(_TRIES):
            live = await get(self.connection, self.resource, namespace=self.namespace, name=self.name)
            metadata = live["metadata"]
            if (
                recorded_extent(metadata.get("annotations") or {}) == extent
                and (metadata.get("labels") or {}).get(ID_LABEL) == applyset
            ):
                return
            change: dict[str, Any] = {
                "metadata": {
                    "resourceVersion": metadata["resourceVersion"],
                    "labels": {ID_LABEL: applyset},
                    "annotations": annotations_of(extent, __version__),
                    **({} if finalizers is None else {"finalizers": list(finalizers)}),
                }
            }
            try:
                await merge_patch(self.connection, self.resource, change, namespace=self.namespace, name=self.name)
            except ClusterError as error:
                if error.status != _CONFLICT or attempt == _TRIES - 1:
                    raise
            else:
                return

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
