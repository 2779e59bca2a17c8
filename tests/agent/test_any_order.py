"""Commits, drift, deletions, restarts and lost caches in any order end in the state that a fresh agent would bring about."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.agent.conftest import World
from tests.agent.test_last_releases import bundle, namespace, record, value

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

NAMES = ("one", "two", "three")
Kind = Literal["commit", "break", "remove", "drift", "delete", "kill", "forget"]


@dataclass
class Model:
    """What ought to be: `git` has what the newest commit says of each bundle ("broken" where it is invalid), `live` what should run."""

    world: World
    git: dict[str, str] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)
    commits: int = 0

    def push(self, changes: dict[str, str | None]) -> None:
        """Commit, and wait until the agent has taken it: what is released before a change counts, and only a wait makes that sure."""
        files: dict[str, str | bytes | None] = {}
        for name, content in changes.items():
            if content is None:
                self.git.pop(name, None)
                self.live.pop(name, None)
                files |= {f"{name}.yaml": None, f"{name}/objects.yaml": None}
                continue
            self.git[name] = content
            if content != "broken":
                self.live[name] = content
            files |= bundle(self.world, name, data=content, broken=content == "broken")
        self.commits += 1
        commit = self.world.commit({**files, "count.txt": str(self.commits)})
        self.world.until(lambda: self.taken(commit), f"commit {commit[:12]} is taken")

    def taken(self, commit: str) -> bool:
        """Whether the agent has decided on a commit and its releases are recorded and brought about."""
        status = self.world.status()
        if (status.get("commit") or {}).get("applied") != commit:
            return False
        return all((record(self.world, name) is not None) == (name in self.live) for name in NAMES) and self.converged()

    def converged(self) -> bool:
        """Whether the cluster has what ought to be."""
        return {name: value(self.world, name) for name in NAMES} == {name: self.live.get(name) for name in NAMES}

    def step(self, kind: Kind, name: str) -> None:
        """Do one thing."""
        world = self.world
        if kind == "commit":
            self.push({name: f"value-{self.commits}"})
        elif kind == "break":
            self.push({name: "broken"})
        elif kind == "remove":
            self.push({name: None})
        elif kind == "drift" and name in self.live:
            patch = '{"data":{"value":"drifted"}}'
            world.plane.kubectl("patch", "configmap", name, "-n", world.namespace, "--type=merge", "-p", patch)
        elif kind == "delete" and name in self.live:
            world.plane.kubectl("delete", "configmap", name, "-n", world.namespace, "--ignore-not-found")
        elif kind in {"kill", "forget"}:
            world.stop(signal.SIGKILL)
            if kind == "forget":
                shutil.rmtree(world.folder / "cache", ignore_errors=True)
            world.start()


def versions(world: World) -> dict[str, str]:
    """The resourceVersion of everything: it moves with each write."""
    listed = world.plane.request("GET", f"/api/v1/namespaces/{world.namespace}/configmaps")["items"]
    return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in listed}


steps = st.lists(
    st.tuples(
        st.sampled_from(["commit", "commit", "break", "break", "remove", "drift", "delete", "kill", "forget"]),
        st.sampled_from(NAMES),
    ),
    min_size=4,
    max_size=7,
)


def test_every_way_ends_where_a_fresh_agent_would(world: World) -> None:
    world.commit(world.fleet(prune={"maxFraction": 1.0}), namespace(world))
    world.create()
    world.start()
    model = Model(world)

    @settings(
        max_examples=4, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(steps)
    def run(history: list[tuple[Any, str]]) -> None:
        model.push(dict.fromkeys(NAMES, f"start-{model.commits}"))
        for kind, name in history:
            model.step(kind, name)
        world.until(model.converged, f"everything is as it ought to be after {history}")
        before = versions(world)
        model.step("forget", "")
        # It is at work once it has healed something; nothing else may have been written by then.
        spoiled = next(iter(sorted(model.live)), "")
        model.step("delete", spoiled)
        world.until(model.converged, "a fresh agent is at work")
        after = versions(world)
        assert {name for name in before if before[name] != after[name]} <= {spoiled}, f"written after {history}"

    run()
