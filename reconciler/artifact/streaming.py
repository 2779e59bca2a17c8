"""A blob on its way to disk: counted as it comes, hashed and written in a thread, gone on with after a break."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import IO, Any

import aiohttp

from reconciler.artifact.reference import hasher_of
from reconciler.errors import ArtifactError, UnavailableError

_PORTION = 1024 * 1024
_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(?:\d{1,18}|\*)", re.ASCII)


@dataclass(kw_only=True, slots=True)
class Sink:
    """Takes the bytes of one blob into a file. `read` counts those that came, over all answers."""

    into: IO[bytes]
    digest: str
    size: int
    read: int = 0
    _hashed: Any = field(init=False)
    _waiting: list[bytes] = field(default_factory=list)
    _waiting_bytes: int = 0

    def __post_init__(self) -> None:
        self._hashed = hasher_of(self.digest)

    def begin(self, response: aiohttp.ClientResponse) -> None:
        """Take an answer's head: a part goes on where the last one ended; a whole one begins anew. Raises ArtifactError."""
        part = _RANGE.fullmatch(response.headers.get("Content-Range", "")) if response.status == 206 else None
        if self.read and (part is None or int(part[1]) != self.read):
            self._begin_anew()
        if response.status == 206 and part is None:
            raise self._broken("a part was sent that does not say which")
        if part is not None and int(part[1]) != self.read:
            raise self._broken("another part was sent than was asked for")
        if (response.content_length or 0) > self.size - self.read:
            raise self._too_long()

    def _begin_anew(self) -> None:
        self.into.seek(0)
        self.into.truncate()
        self._hashed, self.read = hasher_of(self.digest), 0
        self._waiting, self._waiting_bytes = [], 0

    async def take(self, chunk: bytes) -> None:
        """Take some bytes. Raises ArtifactError where there are more than the descriptor says."""
        self.read += len(chunk)
        if self.read > self.size:
            raise self._too_long()
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        if self._waiting_bytes >= _PORTION:
            await self.flush()

    async def flush(self) -> None:
        """Hash and write what waits."""
        data, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
        await asyncio.to_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        self._hashed.update(data)
        self.into.write(data)

    def end(self) -> None:
        """Hold what came against the descriptor. Raises UnavailableError where something is missing, ArtifactError where it is other."""
        if self.read < self.size:
            raise self._broken("the answer ended")
        if f"{self._hashed.name}:{self._hashed.hexdigest()}" != self.digest:
            raise ArtifactError(
                "artifact.digest", f"blob {self.digest} has other content than its digest says",
                hint="find out whether the registry is broken, or something between changes its answers",
            )  # fmt: skip
        self.into.flush()

    def _too_long(self) -> ArtifactError:
        return ArtifactError(
            "artifact.size", f"blob {self.digest} has more than the {self.size} bytes its descriptor says",
            hint="push the artifact again",
        )  # fmt: skip

    def _broken(self, what: str) -> UnavailableError:
        return UnavailableError(
            f"blob {self.digest}: {what} after {self.read} of {self.size} bytes", code="artifact.truncated"
        )
