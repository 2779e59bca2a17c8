"""What steps found, kept on disk: an artifact is fetched and looked at once, and a restart asks no registry.

One folder of files, each written whole (a temporary file, fsync, rename) and holding a digest of itself: whatever is not exactly
what was written counts as absent. Bounded in files and bytes; the longest unused go first. A full disk costs only the memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

_HASHED = hashlib.sha256
_HEAD = 64
_SUFFIX = ".finding"
#: The time of last use is written at most this often.
_TOUCH_EVERY = 3600.0


@dataclass(slots=True)
class Findings:
    """Findings by step and key. Safe to use from many tasks; disk work is done in threads.

    `most_files` and `most_bytes` bound the folder, `in_memory` (bytes) what is held of it in memory as well.
    """

    folder: Path
    most_files: int = 50_000
    most_bytes: int = 512 * 1024 * 1024
    in_memory: int = 8 * 1024 * 1024
    clock: Callable[[], float] = time.time
    hits: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    _held: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _held_bytes: int = 0
    _sizes: OrderedDict[str, int] | None = None
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def get(self, step: str, *key: str) -> Mapping[str, Any] | None:
        """Give what a step found for a key; None where nothing usable is there, or its time has passed."""
        data = await self._read(step, key)
        try:
            found = json.loads(data) if data is not None else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not _fresh(found.pop("holds", None), self.clock()):
            self.misses[step] += 1
            return None
        self.hits[step] += 1
        return found

    async def put(self, step: str, *key: str, value: Mapping[str, Any], lasts: float | None = None) -> None:
        """Keep a finding, for `lasts` seconds or (None) for good. Values are JSON; `holds` is no key of theirs."""
        now = self.clock()
        timed = {**value, "holds": [now, now + lasts]} if lasts is not None else value
        await self._write(step, key, json.dumps(timed, separators=(",", ":")).encode())

    async def blob(self, digest: str) -> bytes | None:
        """Give a small blob that was proven to be what this digest (`sha256:…`) says."""
        data = await self._read("bytes", (digest,))
        (self.hits if data is not None else self.misses)["bytes"] += 1
        return data

    async def keep_blob(self, digest: str, data: bytes) -> None:
        """Keep a small blob whose digest was checked."""
        await self._write("bytes", (digest,), data)

    async def _read(self, step: str, key: tuple[str, ...]) -> bytes | None:
        name = _name(step, key)
        held = self._held.get(name)
        if held is not None:
            self._held.move_to_end(name)
            return held
        data = await asyncio.to_thread(self._load, name)
        if data is not None:
            self._hold(name, data)
        return data

    async def _write(self, step: str, key: tuple[str, ...], data: bytes) -> None:
        name = _name(step, key)
        self._hold(name, data)
        await asyncio.to_thread(self._store, name, data)

    def _hold(self, name: str, data: bytes) -> None:
        """Keep in memory what is small beside the bound."""
        self._held_bytes -= len(self._held.pop(name, b""))
        if len(data) > self.in_memory // 16:
            return
        self._held[name] = data
        self._held_bytes += len(data)
        while self._held_bytes > self.in_memory:
            self._held_bytes -= len(self._held.popitem(last=False)[1])

    def _load(self, name: str) -> bytes | None:
        path = self.folder / name
        try:
            raw = path.read_bytes()
            if raw[:_HEAD] != _HASHED(name.encode() + raw[_HEAD:]).hexdigest().encode():
                path.unlink(missing_ok=True)
                return None
            used = self.clock()
            if used - path.stat().st_mtime > _TOUCH_EVERY:
                os.utime(path, (used, used))
        except OSError:
            return None
        with self._lock:
            if self._sizes is not None and name in self._sizes:
                self._sizes.move_to_end(name)
        return raw[_HEAD:]

    def _store(self, name: str, data: bytes) -> None:
        temporary = ""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".tmp", delete=False) as handle:
                temporary = handle.name
                handle.write(_HASHED(name.encode() + data).hexdigest().encode() + data)
                handle.flush()
                os.fsync(handle.fileno())
            with self._lock:
                Path(temporary).replace(self.folder / name)
                self._count(name, _HEAD + len(data))
        except OSError as error:
            # The finding is true all the same; it will be found again after a restart.
            logger.warning("a finding could not be kept on disk: %s", error)
            with suppress(OSError):
                if temporary:
                    Path(temporary).unlink(missing_ok=True)

    def _count(self, name: str, size: int) -> None:
        """Account for a file just written and let the longest unused go; the first time, count what is there."""
        if self._sizes is None:
            self._sizes = self._listed()
            self._bytes = sum(self._sizes.values())
        else:
            self._bytes += size - self._sizes.pop(name, 0)
            self._sizes[name] = size
        while len(self._sizes) > self.most_files or self._bytes > self.most_bytes:
            oldest, freed = self._sizes.popitem(last=False)
            self._bytes -= freed
            (self.folder / oldest).unlink(missing_ok=True)

    def _listed(self) -> OrderedDict[str, int]:
        """List the folder's findings, longest unused first; what a crash left half-written is taken away."""
        found: list[tuple[float, str, int]] = []
        for path in self.folder.iterdir():
            if path.suffix == _SUFFIX:
                status = path.stat()
                found.append((status.st_mtime, path.name, status.st_size))
            elif path.is_file() and self.clock() - path.stat().st_mtime > _TOUCH_EVERY:
                path.unlink(missing_ok=True)
        return OrderedDict((name, size) for _, name, size in sorted(found))


def _fresh(holds: Any, now: float) -> bool:
    """Tell whether now is within [from, until]; a clock that was put back makes a finding no longer hold, not hold longer."""
    if holds is None:
        return True
    numbers = isinstance(holds, list) and len(holds) == 2 and all(isinstance(each, (int, float)) for each in holds)
    return numbers and holds[0] <= now < holds[1]


def _name(step: str, key: tuple[str, ...]) -> str:
    return _HASHED(json.dumps([step, *key]).encode()).hexdigest() + _SUFFIX
