"""The commands that talk to a cluster, beside a running agent: diff, status, suspend, resume, sync."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.agent.install import NAMESPACE
from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def spinfleet(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    place = ["--fleetsync", f"{NAMESPACE}/f-{world.id}", "--kubeconfig", str(world.plane.kubeconfig)]
    command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", *arguments, *place]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _clone(world: World) -> Path:
    folder = world.folder / "clone"
    subprocess.run(["git", "clone", "-q", world.url, str(folder)], check=True)
    return folder


def test_diff_shows_what_a_change_would_do_and_nothing_where_nothing_would(world: World) -> None:
    secret = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: {world.namespace}}}\ndata: {{token: c2VjcmV0}}\n"
    bundle = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: extra}\nspec: {path: ./extra}\n"
    commit = world.commit(
        world.fleet(), world.app("one"), world.app("two"), {"bundle.yaml": bundle, "extra/s.yaml": secret}
    )
    world.create()
    world.start()
    world.until_ready(commit)
    folder = _clone(world)
    same = spinfleet(world, "diff", "--cluster", "here", "--path", str(folder))
    assert (same.returncode, same.stdout) == (0, ""), same.stderr

    app = folder / "apps" / "one" / "app.yaml"
    app.write_text(app.read_text().replace("replicas: 1", "replicas: 3"))
    (folder / "apps" / "two" / "app.yaml").unlink()
    (folder / "extra" / "s.yaml").write_text(secret.replace("c2VjcmV0", "b3RoZXI="))
    changed = spinfleet(world, "diff", "--cluster", "here", "--path", str(folder))
    assert changed.returncode == 1
    assert f"~ SpinApp.core.spinkube.dev {world.namespace}/one" in changed.stdout
    assert "/spec/replicas: 1 → 3" in changed.stdout
    assert f"- SpinApp.core.spinkube.dev {world.namespace}/two" in changed.stdout
    assert "c2VjcmV0" not in changed.stdout
    assert "b3RoZXI=" not in changed.stdout
    steps = json.loads(spinfleet(world, "diff", "--cluster", "here", "--path", str(folder), "-o", "json").stdout)
    assert {step["action"] for step in steps} == {"configure", "prune"}


def test_status_suspend_resume_and_sync(world: World) -> None:
    commit = world.commit(world.fleet(), world.app("one"))
    world.create()
    world.start()
    world.until_ready(commit)
    shown = spinfleet(world, "status")
    assert shown.returncode == 0
    assert commit[:12] in shown.stdout
    assert json.loads(spinfleet(world, "status", "-o", "json").stdout)["commit"]["applied"] == commit
    every = spinfleet(world, "status", "-A").stdout.splitlines()
    (row,) = [line.split() for line in every if line.startswith(f"{NAMESPACE}/f-{world.id} ")]
    assert row[1:] == ["here", "True", commit[:12], "1"]

    assert spinfleet(world, "suspend").returncode == 0
    world.until(lambda: world.condition("Ready")[1] == "Suspended", "the agent is suspended")
    world.plane.kubectl(
        "patch", "spinapp", "one", "-n", world.namespace, "--type=merge", "-p", '{"spec":{"replicas":4}}'
    )
    later = world.commit(world.app("one", replicas=2))
    assert spinfleet(world, "status").returncode == 1
    assert (world.spinapp("one") or {})["spec"]["replicas"] == 4

    assert spinfleet(world, "resume").returncode == 0
    world.until_ready(later)
    assert (world.spinapp("one") or {})["spec"]["replicas"] == 2
    assert spinfleet(world, "sync").returncode == 0
    world.until(lambda: world.status()["lastHandledRequest"], "the request is handled")


def test_history_and_the_tree_of_an_app_and_suspending_it(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one"), world.app("two"))
    world.create()
    world.start()
    world.until_ready(first)
    second = world.commit(world.app("one", replicas=2))
    world.until_ready(second)

    every = spinfleet(world, "history")
    assert every.returncode == 0, every.stderr
    assert [line.split()[0] for line in every.stdout.splitlines()] == ["APP", "one", "two"]
    one = json.loads(spinfleet(world, "history", "one", "-o", "json").stdout)
    assert [release["commit"] for release in one[0]["releases"]] == [second, first]
    assert one[0]["releases"][0]["digest"].startswith("sha256:")
    text = spinfleet(world, "history", "one").stdout
    assert [line.split()[1] for line in text.splitlines()] == ["COMMIT", second[:12], first[:12]]
    unknown = spinfleet(world, "history", "three")
    assert unknown.returncode == 2
    assert "no release record of 'three'" in unknown.stderr

    tree = spinfleet(world, "status", "one")
    assert tree.returncode == 0, tree.stderr
    line = next(line for line in tree.stdout.splitlines() if f"SpinApp.core.spinkube.dev {world.namespace}/one" in line)
    assert "current" in line
    assert "by spinfleet-" in line
    assert "two" not in tree.stdout
    live = json.loads(spinfleet(world, "status", "one", "-o", "json").stdout)
    assert live[0]["released"] == live[0]["version"]
    assert live[0]["live"][0]["health"] == "current"

    assert spinfleet(world, "suspend", "one", "two").returncode == 0
    world.until(lambda: world.app_status("two").get("reason") == "Suspended", "both are suspended")
    held = spinfleet(world, "status", "one")
    assert held.returncode == 1
    assert "Suspended: suspended by the FleetSync" in held.stdout
    assert "suspended here now: two" in spinfleet(world, "resume", "one").stderr
    assert spinfleet(world, "resume", "two").returncode == 0
    world.until_ready(second)


def test_sync_waits_for_the_newest_commit_and_the_log_says_what_was_done(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one"))
    nowhere = spinfleet(world, "sync", "--wait")
    assert (nowhere.returncode, f"there is no FleetSync {NAMESPACE}/f-{world.id}" in nowhere.stderr) == (2, True)
    world.create(source={"url": world.url, "interval": "1h"})
    world.start()
    world.until_ready(first)
    later = world.commit(world.app("one", replicas=2))
    done = spinfleet(world, "sync", "--wait")
    assert done.returncode == 0, done.stderr
    assert f"commit {later[:12]}" in done.stdout
    assert (world.spinapp("one") or {})["spec"]["replicas"] == 2

    patch = ("patch", "spinapp", "one", "-n", world.namespace, "--type=merge", "-p", '{"spec":{"replicas":4}}')
    world.plane.kubectl(*patch)
    world.until(lambda: (world.spinapp("one") or {})["spec"]["replicas"] == 2, "drift is healed")
    about = {"app": "one", "object": f"SpinApp.core.spinkube.dev {world.namespace}/one", "logger": "agent.writing"}
    wanted = [
        {**about, "commit": first, "message": "created"},
        {**about, "commit": later, "message": "configured"},
        {**about, "commit": later, "message": "configured, after drift"},
    ]

    def told() -> list[dict[str, str]]:
        lines = [json.loads(line) for line in world.log.read_text().splitlines()]
        return [{name: line[name] for name in wanted[0]} for line in lines if about.items() <= line.items()]

    world.until(lambda: all(each in told() for each in wanted), "the log says so")

    assert "not placed on this cluster; did you mean 'one'?" in spinfleet(world, "status", "onne").stdout
    mistyped = spinfleet(world, "suspend", "onne")
    assert "no app or bundle 'onne' is placed on this cluster; did you mean 'one'?" in mistyped.stderr
    assert spinfleet(world, "suspend").returncode == 0
    assert "nothing goes on before spinfleet resume" in spinfleet(world, "resume", "one").stderr
    held = spinfleet(world, "sync", "--wait")
    assert (held.returncode, "Suspended" in held.stdout) == (1, True)
    assert "still suspended by name: onne" in spinfleet(world, "resume").stderr
