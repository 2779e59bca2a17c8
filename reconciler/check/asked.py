"""Asking a cluster what its API takes, and keeping the answer: it is asked again only when the server says that it changed."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.check.objects import Asked
from reconciler.cluster.connection import Connection
from reconciler.cluster.openapi import documents, index
from reconciler.openapi.live import catalogue_of, custom_kinds_of, smaller

#: Written anew when what `smaller` makes changes.
_FORM = 1


async def ask(kubeconfig: Path | None, context: str | None, cache: Path) -> Asked:
    """Give what a cluster says of itself. `cache` is a folder of answers, made where it is not there.

    Raises ClusterError or UnavailableError where the cluster does not answer.
    """
    async with await Connection.open(kubeconfig, context) as connection:
        found = await index(connection)
        kept = cache / f"{found.digest[:32]}-{_FORM}.json"
        document = _read(kept)
        if document is None:
            document = smaller(found.kubernetes, await documents(connection, found))
            _keep(kept, document)
    return Asked(catalogue_of(document), custom_kinds_of(document))


def _read(path: Path) -> Any:
    """Give a kept answer, or None where there is none that can be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _keep(path: Path, document: Any) -> None:
    """Keep an answer; where that can't be, the next run asks again."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
        Path(name).replace(path)
