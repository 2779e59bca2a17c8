"""Which commit is followed: the newest fetched one that is signed as asked and accepted by its scope rules, else the last accepted."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from reconciler.agent.assigning import Assigning
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.logs import about
from reconciler.agent.metrics import Metrics
from reconciler.agent.records import RecordStore
from reconciler.agent.source import FleetSource
from reconciler.agent.state import State
from reconciler.artifact.sources import CommitFiles
from reconciler.errors import InputError, SpinfleetError
from reconciler.fleet.model import Loaded
from reconciler.problems import Problem

logger = logging.getLogger(__name__)

#: Problems of a refused commit that the log names; the status has them all.
_TOLD = 3


@dataclass(kw_only=True, slots=True)
class Commits:
    """Follows the repository of one FleetSync. `files` are those of the accepted commit, which artifacts are compared with."""

    sync: FleetSync
    source: FleetSource
    records: RecordStore
    assigning: Assigning
    metrics: Metrics
    state: State
    files: CommitFiles | None = None
    _touched: frozenset[str] | None = None

    async def fetch(self) -> None:
        """Fetch. Git being away stops new commits, nothing else: the last one that is on disk goes on being applied."""
        try:
            with self.metrics.sync_seconds.labels("fetch").time():
                fetched = await self.source.fetch(self.sync)
        except SpinfleetError as error:
            self.state.source_error = error.message
            if not self.state.seen and (last := await asyncio.to_thread(self.source.last)):
                await self._see(last)
            return
        self.state.source_error = ""
        if fetched.rewritten:
            logger.warning("history rewritten: %s is no ancestor of %s", fetched.previous, fetched.commit)
            self.state.rewritten = True
        await self._see(fetched.commit)

    async def _see(self, commit: str) -> None:
        """Take note of a commit that is signed as asked. With any other we stay where we are; after a restart, where we were."""
        signer, self.state.unsigned = await self.source.signer(self.sync, commit)
        if self.state.unsigned:
            logger.warning("not taken: %s", self.state.unsigned)
            known = self.state.accepted if not self.state.seen else ""
            if known and not (accepted := await self.source.signer(self.sync, known))[1]:
                self.state.seen, self.state.signer = known, accepted[0]
            return
        self.state.seen, self.state.signer = commit, signer

    async def take(self) -> frozenset[str] | None:
        """Accept the newest commit, or refuse it whole. Gives the apps that may be other ones by it; None where nothing was accepted."""
        self._touched = None
        commit = self.state.seen
        if commit and (commit != self.state.judged or self.assigning.assignment is None):
            await self._accept(commit)
            self.state.judged = commit
            if self.assigning.assignment is None:
                await self._accept_last()
        return self._touched

    async def _accept(self, commit: str) -> None:
        """Load and judge a commit by its scope rules: the Fleet and this cluster's own document must be valid (design, "three scopes")."""
        with self.metrics.sync_seconds.labels("load").time():
            loaded, files = await self.source.load(commit, self.sync.source.path)
        refusal = self._refusal(loaded) if loaded.fleet is None or self._own(loaded) else self._follow(loaded)
        self.state.problems = refusal or loaded.problems
        self.state.refused = bool(refusal)
        if not refusal:
            self.state.accepted = commit
            self.files = files
            self.metrics.commit_info.set_to_current_time()
        with about(commit=commit):
            if refusal:
                logger.warning("refused: %s", "; ".join(map(str, refusal[:_TOLD])))
            else:
                logger.info("accepted; it may change %d apps and bundles", len(self._touched or ()))

    def _own(self, loaded: Loaded) -> tuple[Problem, ...]:
        return loaded.cluster_problems.get(self.sync.cluster, ())

    def _refusal(self, loaded: Loaded) -> tuple[Problem, ...]:
        return (*loaded.commit_problems, *self._own(loaded)) or loaded.problems

    def _follow(self, loaded: Loaded) -> tuple[Problem, ...]:
        """Assign a commit's fleet to this cluster; gives why that can't be."""
        fleet = loaded.fleet
        assert fleet is not None  # noqa: S101 - the caller has looked
        try:
            with self.metrics.sync_seconds.labels("assign").time():
                names = self.assigning.take(fleet)
        except InputError as error:
            return (
                Problem(
                    path=fleet.path, line=fleet.line, code="fleet.unknown-cluster", message=error.message, hint=error.hint
                ),
            )  # fmt: skip
        self._touched = frozenset(names)
        return ()

    async def _accept_last(self) -> None:
        """After a restart onto a commit that is refused: go on with the last one that was accepted, by our own status."""
        last = self.state.accepted
        if not last or not (self.source.is_ancestor(last, self.state.seen) or last in self.records.commits()):
            return
        problems = self.state.problems
        try:
            await self._accept(last)
        except SpinfleetError as error:
            logger.warning("the last accepted commit %s: %s", last[:12], error.message)
        self.state.problems, self.state.refused = problems, True
