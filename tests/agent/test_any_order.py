"""Commits, drift, deletions, restarts, lost caches and definitions that come and go, in any order, end in the state that a fresh agent would bring about."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconciler.errors import UnavailableError
from reconciler.plan.membership import PART_OF_LABEL
from tests.agent.conftest import World
from tests.agent.test_definitions_come_and_go import GONE, define, gadget
from tests.agent.test_last_releases import bundle, namespace, record
from tests.agent.test_prune_approvals import ALL
from tests.agent.test_rights import _account

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

NAMES = ("one", "two", "three")
Kind = Literal[
    "commit", "break", "remove", "drift", "delete", "unlabel", "kill", "forget", "gadget", "no gadget", "define", "undefine"
]  # fmt: skip
#: A retry may be due only after a while, where a kind was not served for long.
SECONDS = 240


@dataclass
class Model:
    """What ought to be: `git` has what the newest commit says of each bundle ("broken" where it is invalid), `live` what should run.

    `size` is what Git says of an object of a custom kind, None where it has none; it should be there while its kind is `defined`.
    """

    world: World
    git: dict[str, str] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)
    commits: int = 0
    size: int | None = None
    defined: bool = False

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
        self.commit(files)

    def commit(self, files: dict[str, str | bytes | None]) -> None:
        self.commits += 1
        commit = self.world.commit({**files, "count.txt": str(self.commits)})
        self.world.until(lambda: self.taken(commit), f"commit {commit[:12]} is taken", seconds=SECONDS)

    def taken(self, commit: str) -> bool:
        """Whether the agent has decided on a commit and its releases are recorded and brought about."""
        status = self.world.status()
        if (status.get("commit") or {}).get("applied") != commit:
            return False
        return all((record(self.world, name) is not None) == (name in self.live) for name in NAMES) and self.converged()

    def converged(self) -> bool:
        """Whether the cluster has what ought to be, and all of it is a member."""
        found = {item["metadata"]["name"]: item for item in config_maps(self.world)}
        live = {name: found[name]["data"]["value"] for name in NAMES if name in found}
        labelled = all(PART_OF_LABEL in (found[name]["metadata"].get("labels") or {}) for name in live)
        return live == self.live and labelled and size_of(self.world) == (self.size if self.defined else None)

    def step(self, kind: Kind, name: str) -> None:
        """Do one thing."""
        world = self.world
        if kind == "gadget":
            self.size = self.commits
            self.commit(gadget(world, "v1", self.size))
        elif kind == "no gadget" and self.size is not None:
            self.size = None
            self.commit(dict(GONE))
        elif kind == "define":
            self.defined = True
            define(world, v1=True)
        elif kind == "undefine":
            self.defined = False
            world.plane.kubectl("delete", "crd", f"gadgets.w{world.id}.example.com", "--ignore-not-found")
        else:
            self.step_of(kind, name)

    def step_of(self, kind: Kind, name: str) -> None:
        """Do one thing to one of the bundles, or to the agent."""
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
        elif kind == "unlabel" and name in self.live:
            label = "applyset.kubernetes.io/part-of-"
            world.plane.kubectl("label", "configmap", name, "-n", world.namespace, label)
        elif kind in {"kill", "forget"}:
            world.stop(signal.SIGKILL)
            if kind == "forget":
                shutil.rmtree(world.folder / "cache", ignore_errors=True)
            world.start()


def config_maps(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.plane.request("GET", f"/api/v1/namespaces/{world.namespace}/configmaps")[
        "items"
    ]
    return found


def gadgets(world: World) -> list[dict[str, Any]]:
    path = f"/apis/w{world.id}.example.com/v1/namespaces/{world.namespace}/gadgets"
    try:
        found: list[dict[str, Any]] = world.plane.request("GET", path)["items"]
    except UnavailableError as error:
        if "not found" not in error.message:
            raise
        return []
    return found


def size_of(world: World) -> int | None:
    return next((int(each["spec"]["size"]) for each in gadgets(world)), None)


def versions(world: World) -> dict[str, str]:
    """The resourceVersion of everything: it moves with each write."""
    return {
        item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in [*config_maps(world), *gadgets(world)]
    }


steps = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "commit",
                "break",
                "remove",
                "drift",
                "delete",
                "unlabel",
                "kill",
                "forget",
                "gadget",
                "gadget",
                "no gadget",
                "define",
                "undefine",
            ]
        ),
        st.sampled_from(NAMES),
    ),
    min_size=4,
    max_size=7,
)


@pytest.mark.timeout(1200)
def test_every_way_ends_where_a_fresh_agent_would(world: World) -> None:
    world.commit(world.fleet(prune={"maxFraction": 1.0}), namespace(world))
    _account(world, ALL)
    world.create(serviceAccountName=f"rights-{world.id}")
    world.start()
    model = Model(world)

    @settings(
        max_examples=4, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(steps)
    def run(history: list[tuple[Any, str]]) -> None:
        model.step("define", "")
        model.push(dict.fromkeys(NAMES, f"start-{model.commits}"))
        for kind, name in history:
            model.step(kind, name)
        world.until(model.converged, f"everything is as it ought to be after {history}", seconds=SECONDS)
        before = versions(world)
        model.step("forget", "")
        # It is at work once it has healed something; nothing else may have been written by then.
        spoiled = next(iter(sorted(model.live)), "")
        model.step("delete", spoiled)
        world.until(model.converged, "a fresh agent is at work")
        after = versions(world)
        assert {name for name in before if before[name] != after[name]} <= {spoiled}, f"written after {history}"

    run()
