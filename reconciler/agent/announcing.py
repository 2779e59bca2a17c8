"""Telling what became of artifacts, as Events of the FleetSync: for whoever describes it, and for what watches Events.

Other news of an agent is told the same way: `Announcer.tell`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.identity import PARENT_KIND
from reconciler.agent.news import News, Newsroom
from reconciler.agent.releases import Releases
from reconciler.artifact.model import Verdict, VerdictStatus
from reconciler.cluster.events import Recorder
from reconciler.fleet.model import API_VERSION

#: Events of one round that name a single app; what goes beyond is told as a number. A first sync may have thousands to tell.
_MOST_SINGLE = 20
_MOST_NAMES = 10


def news_of(verdicts: Mapping[str, Verdict], told: Mapping[str, Verdict]) -> Iterator[News]:
    """Give what is new of the apps' verdicts: each refusal and each that could not be completed, and in one sentence those verified.

    What was verified before a restart and is known from then is no news.
    """
    changed = {
        name: verdict
        for name, verdict in sorted(verdicts.items())
        if told.get(name) is not verdict and verdict != told.get(name)
    }
    failed = [(name, verdict) for name, verdict in changed.items() if verdict.status is not VerdictStatus.VERIFIED]
    # Attempts that fail alike are one piece of news, however often they are made.
    failed = [(name, verdict) for name, verdict in failed if _cause(verdict) != _cause(told.get(name))]
    for name, verdict in failed[:_MOST_SINGLE]:
        reason = "ArtifactRefused" if verdict.status is VerdictStatus.REFUSED else "ArtifactIncomplete"
        yield News(
            sort="Warning", reason=reason, note=f"app {name}: {verdict.reference}: {verdict.code}: {verdict.message}"
        )
    if len(failed) > _MOST_SINGLE:
        rest = [name for name, _ in failed[_MOST_SINGLE:]]
        yield News(
            sort="Warning",
            reason="ArtifactsNotVerified",
            note=f"{len(rest)} more apps have no verified artifact: {_names(rest)}",
        )
    verified = [
        name
        for name, verdict in changed.items()
        if verdict.status is VerdictStatus.VERIFIED
        and not (name not in told and all(step.known for step in verdict.steps))
    ]
    if verified:
        yield News(
            sort="Normal",
            reason="ArtifactsVerified",
            note=f"artifacts of {len(verified)} apps verified: {_names(verified)}",
        )


def verdicts_of(releases: Releases) -> dict[str, Verdict]:
    """Give each app's latest verdict: of the version that is held back where one is, else of what was released."""
    found = {name: each.verdict for name, each in releases.released.items() if each.verdict is not None}
    return found | {name: each.verdict for name, each in releases.held.items() if each.verdict is not None}


def _cause(verdict: Verdict | None) -> tuple[str, ...]:
    return () if verdict is None else (str(verdict.status), verdict.code, verdict.reference)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


@dataclass(kw_only=True, slots=True)
class Announcer:
    """Tells news of one FleetSync, each once."""

    recorder: Recorder
    sync: FleetSync
    newsroom: Newsroom = field(default_factory=Newsroom)
    _told: dict[str, Verdict] = field(default_factory=dict)

    async def tell_all(self, verdicts: Mapping[str, Verdict]) -> None:
        """Tell what is new of the apps' verdicts, and the news that was collected since."""
        await self.verdicts(verdicts)
        await self.tell(self.newsroom.take())

    async def verdicts(self, verdicts: Mapping[str, Verdict]) -> None:
        """Tell what is new of the apps' verdicts. What could not be written is logged, not tried again."""
        news = tuple(news_of(verdicts, self._told))
        self._told = dict(verdicts)
        await self.tell(news)

    async def tell(self, news: Iterable[News]) -> None:
        """Write Events."""
        regarding = {
            "apiVersion": API_VERSION,
            "kind": PARENT_KIND,
            "metadata": {"name": self.sync.name, "namespace": self.sync.namespace, "uid": self.sync.uid},
        }
        for each in news:
            await self.recorder.record(regarding, each.sort, reason=each.reason, action=each.action, note=each.note)
