"""Whatever happens, in any order, ends in the state that a fresh agent would bring about.

Commits (good, invalid, in part refused by the server), drift, deletions, replaced objects, a lost namespace, suspended times,
restarts, lost caches, and definitions that come and go. `SPINFLEET_HISTORIES=40` tries so many histories, other ones each time.
"""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from reconciler.errors import UnavailableError
from reconciler.plan.membership import PART_OF_LABEL
from tests.agent.conftest import World
from tests.agent.test_definitions_come_and_go import GONE, define, gadget
from tests.agent.test_last_releases import bundle, namespace, record, value
from tests.agent.test_prune_approvals import ALL
from tests.agent.test_rights import _account

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

NAMES = ("one", "two", "three")
#: An object that no API server takes.
REFUSED = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}-refused, namespace: {}}}\ndata: {{'not a key!': x}}\n"
KINDS = (
    "commit", "break", "refuse", "remove", "drift", "delete", "unlabel", "replace", "vanish", "suspend", "suspend app", "kill", "forget",
    "gadget", "no gadget", "define", "undefine",
)  # fmt: skip
#: What a commit says of a bundle.
COMMITS = {"commit": "value-{}", "break": "broken", "refuse": "refused-{}", "remove": None}
#: How many histories are tried; more of them, and other ones each time, where it is asked for.
HISTORIES = int(os.environ.get("SPINFLEET_HISTORIES", "0"))
#: One history that has everything that can happen to a bundle.
EVERYTHING = [
    ("refuse", "one"), ("replace", "two"), ("suspend", "two"), ("vanish", "one"), ("suspend app", "three"), ("remove", "three"), ("replace", "one"),
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
        self.wait(self.commit(self.files(changes)))

    def files(self, changes: dict[str, str | None]) -> dict[str, str | bytes | None]:
        """Give the files of a change, which is what ought to be from now on."""
        files: dict[str, str | bytes | None] = {}
        for name, content in changes.items():
            if content is None:
                self.git.pop(name, None)
                self.live.pop(name, None)
                files |= {f"{name}{each}": None for each in (".yaml", "/objects.yaml", "/refused.yaml")}
                continue
            self.git[name] = content
            if content != "broken":
                self.live[name] = content
            files |= bundle(self.world, name, data=content, broken=content == "broken")
            files[f"{name}/refused.yaml"] = (
                REFUSED.format(name, self.world.namespace) if content.startswith("refused") else ""
            )
        return files

    def commit(self, files: dict[str, str | bytes | None]) -> str:
        self.commits += 1
        return self.world.commit({**files, "count.txt": str(self.commits)})

    def wait(self, commit: str) -> None:
        """Wait until the agent has taken a commit."""
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

    def step(self, kind: str, name: str) -> None:
        """Do one thing."""
        world = self.world
        if kind == "gadget":
            self.size = self.commits
            self.wait(self.commit(gadget(world, "v1", self.size)))
        elif kind == "no gadget" and self.size is not None:
            self.size = None
            self.wait(self.commit(dict(GONE)))
        elif kind == "define":
            self.defined = True
            define(world, v1=True)
        elif kind == "undefine":
            self.defined = False
            world.plane.kubectl("delete", "crd", f"gadgets.w{world.id}.example.com", "--ignore-not-found")
        else:
            self.step_of(kind, name)

    def step_of(self, kind: str, name: str) -> None:
        """Do one thing to one of the bundles, or to the agent."""
        world = self.world
        if kind in {"drift", "unlabel", "replace"} and name in self.live:
            world.until(lambda: value(world, name) is not None, f"{name} is there", seconds=SECONDS)
        if kind in COMMITS:
            content = COMMITS[kind]
            self.push({name: content.format(self.commits) if content is not None else None})
        elif kind == "drift":
            self.drift(name)
        elif kind == "delete" and name in self.live:
            world.plane.kubectl("delete", "configmap", name, "-n", world.namespace, "--ignore-not-found")
        elif kind == "unlabel" and name in self.live:
            label = "applyset.kubernetes.io/part-of-"
            world.plane.kubectl("label", "configmap", name, "-n", world.namespace, label)
        elif kind == "replace" and name in self.live:
            self.replace(name)
        elif kind == "vanish":
            world.plane.kubectl("delete", "namespace", world.namespace)
        elif kind.startswith("suspend"):
            self.suspend(name, whole=kind == "suspend")
        elif kind in {"kill", "forget"}:
            world.stop(signal.SIGKILL)
            if kind == "forget":
                shutil.rmtree(world.folder / "cache", ignore_errors=True)
            world.start()

    def drift(self, name: str) -> None:
        """Have a person change an object."""
        if name in self.live:
            patch = '{"data":{"value":"drifted"}}'
            self.world.plane.kubectl(
                "patch", "configmap", name, "-n", self.world.namespace, "--type=merge", "-p", patch
            )

    def replace(self, name: str) -> None:
        """Have a person put an object of their own in the place of one, while no agent runs: the policy allows to take it over."""
        place = ("configmap", name, "-n", self.world.namespace)
        self.world.stop(signal.SIGKILL)
        self.world.plane.kubectl("delete", *place, "--ignore-not-found")
        self.world.plane.kubectl("create", *place, "--from-literal=value=theirs", "--from-literal=more=theirs")
        self.world.start()

    def suspend(self, name: str, *, whole: bool) -> None:
        """Suspend the FleetSync, or a bundle alone, and commit and drift meanwhile; nothing may come of either before it goes on."""
        world = self.world
        world.until(self.converged, "nothing is under way that would be cut off", seconds=SECONDS)
        annotations = {"spinfleet.dev/suspended-apps": None if whole else name}
        self.change({"metadata": {"annotations": annotations}, "spec": {"suspend": whole}})
        if whole:
            world.until(lambda: world.condition("Ready")[1] == "Suspended", "the FleetSync is suspended")
        elif name in self.git:
            world.until(lambda: world.app_status(name).get("reason") == "Suspended", f"{name} is suspended")
        self.drift(name)
        drifted = value(world, name)
        commit = self.commit(self.files({name: f"after-{self.commits}"}))
        if not whole:
            applied = lambda: (world.status().get("commit") or {}).get("applied") == commit  # noqa: E731
            world.until(applied, "the commit is taken but for what is suspended", seconds=SECONDS)
        assert value(world, name) == drifted
        self.change({"metadata": {"annotations": {"spinfleet.dev/suspended-apps": None}}, "spec": {"suspend": False}})
        self.wait(commit)

    def change(self, patch: dict[str, Any]) -> None:
        self.world.plane.request("PATCH", self.world.path, patch, "application/merge-patch+json")


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


histories = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(NAMES)), min_size=4, max_size=7)


@pytest.mark.timeout(1200 + 300 * HISTORIES)
def test_every_way_ends_where_a_fresh_agent_would(world: World) -> None:
    world.commit(world.fleet(prune={"maxFraction": 1.0}), namespace(world))
    _account(world, ALL)
    world.create(serviceAccountName=f"rights-{world.id}", policy=world.policy(adoption="Adopt"))
    world.start()
    model = Model(world)

    @settings(
        max_examples=HISTORIES or 3, deadline=None, derandomize=not HISTORIES, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @example(EVERYTHING)
    @given(histories)
    def run(history: list[tuple[str, str]]) -> None:
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
