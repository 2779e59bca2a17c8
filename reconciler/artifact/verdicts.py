"""Findings that never change for a digest, kept on disk: an artifact is fetched and looked at once."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST = 20_000


@dataclass(frozen=True, slots=True)
class VerdictCache:
    """A bounded folder of small JSON files. `version` is part of each key: a newer verifier looks again."""

    folder: Path
    version: str

    def get(self, key: str) -> Mapping[str, Any] | None:
        """Give what was kept under a key; None where nothing usable is there."""
        try:
            value = json.loads(self._path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) and value.get("key") == key else None

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep a value whole or not at all; a full disk costs only the cache."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as handle:
                json.dump({**value, "key": key}, handle)
                handle.flush()
                os.fsync(handle.fileno())
            Path(handle.name).replace(path)
            self._bound()
        except OSError:
            return

    def _path(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(f'{self.version} {key}'.encode()).hexdigest()}.json"

    def _bound(self) -> None:
        files = list(self.folder.glob("*.json"))
        if len(files) > _MOST:
            for path in sorted(files, key=lambda each: each.stat().st_mtime)[: _MOST // 10]:
                path.unlink(missing_ok=True)
