"""Leadership by a Lease (coordination.k8s.io/v1): of several agents one works, the others stand by.

The rules are client-go's (tools/leaderelection): a holder renews; a lease unchanged for its whole duration is free. Time is
measured on our own monotonic clock from when a change was seen, so clocks that differ or jump do no harm. Every write has the
resourceVersion that was read, so of two that try at once one fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reconciler.cluster.answers import CONFLICT, NOT_FOUND
from reconciler.cluster.connection import Connection, segment
from reconciler.errors import ClusterError, SpinfleetError, UnavailableError

logger = logging.getLogger(__name__)

_RELEASE_SECONDS = 3.0


@dataclass(kw_only=True, slots=True)
class Lease:
    """One candidate (`identity`: a pod's name, say) for one Lease. Times in seconds.

    `duration`: after so long without renewal others may take it. `deadline`: after so long without renewal we stop, which
    is sooner, so that two never work at once. `renewal`: how often it is renewed. `retry`: between tries that failed.
    """

    connection: Connection
    namespace: str
    name: str
    identity: str
    duration: int = 10
    deadline: float = 6.0
    renewal: float = 2.0
    retry: float = 1.0
    _live: Mapping[str, Any] | None = None
    _seen: tuple[str, str] = ("", "")
    _seen_at: float = field(default=float("-inf"))
    _valid_until: float = field(default=float("-inf"))
    _confirming: asyncio.Task[bool] | None = None

    @property
    def held(self) -> bool:
        """Whether we lead, as far as we know without asking."""
        return _now() < self._valid_until

    async def confirm(self) -> bool:
        """Ask the API server whether we lead: to be done before what cannot be undone. Raises ClusterError, UnavailableError.

        Who ask at the same time share one answer: of a thousand deletions not each has to ask.
        """
        if self._confirming is None or self._confirming.done():
            self._confirming = asyncio.create_task(self._confirm())
        return await asyncio.shield(self._confirming)

    async def _confirm(self) -> bool:
        return _holder(await self._read()) == self.identity and self.held

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Stand by until the lease is ours, then do the work; return when it does.

        Where the lease is lost the work is cancelled, and done anew once it is ours again. It is given back at the end,
        so that another need not wait it out. An error of the work ends this too.
        """
        try:
            while not await self._work(work):
                logger.warning("the lease %s/%s is lost; standing by", self.namespace, self.name)
        finally:
            await self._release()

    async def _work(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Give True when the work is done, False when the lease was lost before."""
        await self._acquire()
        logger.info("holding the lease %s/%s as %s", self.namespace, self.name, self.identity)
        working, renewing = asyncio.ensure_future(work()), asyncio.ensure_future(self._renew())
        try:
            await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, renewing):
                task.cancel()
            await asyncio.wait({working, renewing})
        if not renewing.cancelled():
            renewing.result()  # a fault of our own would show here
        if working.cancelled():
            return False
        working.result()
        return True

    async def _acquire(self) -> None:
        while True:
            try:
                if await self._take():
                    return
            except UnavailableError as error:
                logger.warning("the lease %s/%s cannot be asked for: %s", self.namespace, self.name, error.message)
            await asyncio.sleep(self.retry)

    async def _take(self) -> bool:
        """Read the lease and take it if it is free, expired or ours. Gives whether it is ours now."""
        live = await self._read()
        if live is None:
            return await self._write(None)
        spec = live.get("spec") or {}
        seen = (_holder(live), str(spec.get("renewTime")))
        if seen != self._seen:
            self._seen, self._seen_at = seen, _now()
        expires = self._seen_at + float(spec.get("leaseDurationSeconds") or self.duration)
        if _holder(live) in {"", self.identity} or _now() >= expires:
            return await self._write(live)
        return False

    async def _renew(self) -> None:
        """Renew until the lease is lost: taken by another, or not renewed before the deadline."""
        pause = self.renewal
        while True:
            await asyncio.sleep(min(pause, max(self._valid_until - _now(), 0.0)))
            pause = self.retry
            try:
                async with asyncio.timeout_at(self._valid_until):
                    # A conflict: somebody else has written it. Whether it is still ours is told by reading it.
                    if await self._write(self._live) or await self._take():
                        pause = self.renewal
                    else:
                        self._valid_until = float("-inf")
            except (SpinfleetError, TimeoutError) as error:
                logger.warning("the lease %s/%s was not renewed: %s", self.namespace, self.name, _told(error))
            if not self.held:
                return

    async def _write(self, live: Mapping[str, Any] | None, *, holder: str | None = None) -> bool:
        """Write ourselves (or `holder`) into the lease as it was read. Gives False where another was faster."""
        began, now = _now(), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = dict((live or {}).get("spec") or {})
        holder = self.identity if holder is None else holder
        if spec.get("holderIdentity") != holder:
            taken = {
                "acquireTime": now,
                "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (live is not None),
            }
            spec |= taken | {"holderIdentity": holder}
        spec |= {"renewTime": now, "leaseDurationSeconds": self.duration if holder else 1}
        metadata = (live or {}).get("metadata") or {"name": self.name, "namespace": self.namespace}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        method, path = ("POST", self._path()) if live is None else ("PUT", self._path(self.name))
        try:
            answer = await self.connection.request(method, path, body=body, timeout=self.deadline)
        except ClusterError as error:
            if error.status in {CONFLICT, NOT_FOUND}:
                return False
            raise
        self._live = answer.body
        self._valid_until = began + self.deadline if holder == self.identity else float("-inf")
        return True

    async def _read(self) -> Mapping[str, Any] | None:
        try:
            answer = await self.connection.request("GET", self._path(self.name), timeout=self.deadline)
        except ClusterError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        if answer.body.get("kind") != "Lease":
            raise UnavailableError(f"GET {self._path(self.name)}: the answer is of kind {answer.body.get('kind')}")
        return answer.body

    async def _release(self) -> None:
        if not self.held or self._live is None:
            return
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._write(self._live, holder="")
        except (SpinfleetError, TimeoutError) as error:
            logger.warning("the lease %s/%s was not given back: %s", self.namespace, self.name, _told(error))

    def _path(self, name: str = "") -> str:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{segment(self.namespace)}/leases"
        return f"{path}/{segment(name)}" if name else path


def _told(error: Exception) -> str:
    return str(error) or "no answer"


def _holder(live: Mapping[str, Any] | None) -> str:
    return str(((live or {}).get("spec") or {}).get("holderIdentity") or "")


def _now() -> float:
    return asyncio.get_running_loop().time()
