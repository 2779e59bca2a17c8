"""What the demo shows: steps with their progress, then a live table, then what to try. Plain lines where there is no terminal."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from reconciler.agent.install import FLEETSYNC, NAMESPACE
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.read import get

if TYPE_CHECKING:
    from reconciler.local.demo import DemoCluster, DemoOptions

_FLEETSYNCS = Resource(
    group="spinfleet.dev",
    version="v1alpha1",
    kind="FleetSync",
    plural="fleetsyncs",
    namespaced=True,
    verbs=frozenset({"get"}),
)
_EVERY = 0.5
_COLOURS = {
    "current": "green",
    "progressing": "yellow",
    "failed": "red",
    "Verified": "green",
    "Refused": "red",
    "Incomplete": "yellow",
}

Tell = Callable[[str, float], None]


class Steps(Protocol):
    """Shows steps as they are taken."""

    def step(self, title: str) -> Any:
        """Show a step while the context is open; gives a function that tells what it is doing and the share done, 0 to 1."""

    def close(self) -> None:
        """Say that no step follows."""


@dataclass(slots=True)
class PlainSteps:
    """A line when a step begins, one for its longer parts, and one when it is done."""

    def close(self) -> None:
        """Nothing to end."""

    @contextmanager
    def step(self, title: str) -> Iterator[Tell]:
        """See Steps."""
        began = told = time.monotonic()

        def tell(text: str, share: float) -> None:
            nonlocal told
            if time.monotonic() - told > 15:
                told = time.monotonic()
                _line(f"  {title}: {text} ({share:.0%})")

        yield tell
        _line(f"✓ {title} ({time.monotonic() - began:.1f} s)")


@dataclass(slots=True)
class RichSteps:
    """A line with a bar for each step."""

    progress: Progress

    def close(self) -> None:
        """Leave the bars as they are."""
        self.progress.stop()

    @contextmanager
    def step(self, title: str) -> Iterator[Tell]:
        """See Steps."""
        task: TaskID = self.progress.add_task(title, total=1.0, detail="")

        def tell(text: str, share: float) -> None:
            self.progress.update(task, completed=share, detail=text[:48])

        yield tell
        self.progress.update(task, completed=1.0, detail="")


@contextmanager
def steps_for() -> Iterator[Steps]:
    """Give what fits the terminal, or the lack of one."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainSteps()
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"), BarColumn(bar_width=20),
        TimeElapsedColumn(), TextColumn("[dim]{task.fields[detail]}"),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        yield RichSteps(progress)


@dataclass(kw_only=True, slots=True)
class View:
    """The fleet as its agents report it."""

    clusters: Sequence[DemoCluster]
    hints: str
    console: Console
    _lines: set[str] = field(default_factory=set)

    async def follow(self, *, until_healthy: float | None) -> str:
        """Show the fleet until interrupted. With `until_healthy` (seconds), end when it is; gives why it did not get so, or nothing."""
        async with AsyncExitStack() as stack:
            connections = [
                (cluster.name, await stack.enter_async_context(await Connection.open(cluster.admin, cluster.context)))
                for cluster in self.clusters
            ]
            if self.console.is_terminal and until_healthy is None:
                await self._live(connections)
                return ""
            return await self._plain(connections, until_healthy)

    async def _live(self, connections: Sequence[tuple[str, Connection]]) -> None:
        self.console.print(self.hints, highlight=False)
        with Live(console=self.console, refresh_per_second=4) as live:
            while True:
                live.update(_table(await _statuses(connections)))
                await asyncio.sleep(_EVERY)

    async def _plain(self, connections: Sequence[tuple[str, Connection]], seconds: float | None) -> str:
        end = None if seconds is None else time.monotonic() + seconds
        shown = False
        while True:
            statuses = await _statuses(connections)
            for line in _changes(statuses):
                if line not in self._lines:
                    self._lines.add(line)
                    _line(line)
            if all(_ready(status) for _, status in statuses):
                if not shown:
                    shown = True
                    self.console.print(_table(statuses))
                if end is not None:
                    return ""
                if len(self._lines) and shown and self.hints:
                    self.console.print(self.hints, highlight=False, soft_wrap=True)
                    self.hints = ""
            if end is not None and time.monotonic() > end:
                return "; ".join(f"{name}: {_why(status)}" for name, status in statuses if not _ready(status))
            await asyncio.sleep(_EVERY)

    def failed(self, reason: str) -> None:
        """Say why the fleet did not get healthy."""
        Console(stderr=True).print(f"error: the fleet is not healthy: {reason}", highlight=False, markup=False)


def view_for(clusters: Sequence[DemoCluster], url: str, kubectl: str, options: DemoOptions) -> View:
    """Give the view of a running demo, with the exact commands of this run."""
    return View(
        clusters=clusters, hints=_hints(clusters[0], url, kubectl) if not options.once else "", console=Console()
    )


def _hints(cluster: DemoCluster, url: str, kubectl: str) -> str:
    reach = " ".join(
        [
            kubectl,
            *([f"--kubeconfig {cluster.admin}"] if cluster.admin else []),
            *([f"--context {cluster.context}"] if cluster.context else []),
        ]
    )
    return f"""
[bold]Try[/bold], in another terminal (Ctrl-C here ends everything):

  git clone -c user.name=me -c user.email=me@example.com {url} spinfleet-demo && cd spinfleet-demo
  [dim]# change something: every app gets another pod[/dim]
  sed -i 's/replicas: 2/replicas: 3/' fleet.yaml && git commit -qam 'More replicas' && git push -q
  [dim]# break something: it is refused with file and line, and what runs keeps running[/dim]
  sed -i 's/artifact:/artefact:/' apps/hello/app.yaml && git commit -qam 'Oops' && git push -q
  git revert --no-edit HEAD && git push -q
  [dim]# change an object behind Git's back: it is put right at once[/dim]
  {reach} -n shop patch spinapp hello --type merge -p '{{"spec":{{"replicas":9}}}}'
  {reach} -n shop get spinapps,deployments
"""


async def _statuses(connections: Sequence[tuple[str, Connection]]) -> list[tuple[str, dict[str, Any]]]:
    found = await asyncio.gather(
        *(get(connection, _FLEETSYNCS, namespace=NAMESPACE, name=FLEETSYNC) for _, connection in connections)
    )
    return [(name, dict(live.get("status") or {})) for (name, _), live in zip(connections, found, strict=True)]


def _table(statuses: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    table = Table("cluster", "app", "version", "artifact", "objects", "health", "why", title="fleet acme")
    for name, status in statuses:
        commit = (status.get("commit") or {}).get("applied", "")[:12]
        apps = status.get("apps") or ()
        if not apps:
            table.add_row(name, "-", "", "", "", "", escape(_why(status)))
        for number, app in enumerate(apps):
            artifact, health = app.get("artifact") or "-", app["health"]
            table.add_row(
                f"{name} {commit}" if number == 0 else "", app["name"], app.get("version") or "-", _coloured(artifact),
                str(app.get("objects", 0)), _coloured(health), escape(app.get("message", "")),
            )  # fmt: skip
        for problem in (status.get("problems") or ())[:5]:
            table.add_row(
                "",
                "",
                "",
                "",
                "",
                "[red]problem",
                escape(f"{problem.get('path') or problem.get('object', '')}: {problem['message']}"),
            )
    return table


def _coloured(text: str) -> str:
    return f"[{_COLOURS[text]}]{text}[/]" if text in _COLOURS else text


def _changes(statuses: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    for name, status in statuses:
        commit = (status.get("commit") or {}).get("applied", "")[:12]
        for app in status.get("apps") or ():
            yield f"{name} {commit} {app['name']}: {app.get('artifact') or 'no artifact'}, {app['health']} {app.get('message', '')}".rstrip()


def _ready(status: dict[str, Any]) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in status.get("conditions") or ()
    )


def _why(status: dict[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if condition["type"] == "Ready":
            return str(condition["message"])
    return "its agent has not reported yet"


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the command's own word
