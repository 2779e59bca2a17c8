"""`source.verify`: a commit that nobody who may has signed is not taken; what runs stays, and the FleetSync says why."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from reconciler.local.gitserver import git
from tests.agent.conftest import World

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"),
]


def key(folder: Path, name: str) -> str:
    """Make an SSH key; gives its public line."""
    import subprocess

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], check=True)
    return (folder / f"{name}.pub").read_text()


def sign(world: World, name: str) -> str:
    """Put a signed commit of the same tree on top of the branch; gives its id."""
    options = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={world.folder / name}.pub")
    at = world.repository.path
    commit = git(*options, "commit-tree", "-S", "-p", "main", "-m", "Sign it", "main^{tree}", cwd=at)
    git("update-ref", "refs/heads/main", commit, cwd=at)
    return commit


def test_only_signed_commits_are_taken_and_the_last_one_that_was_stays(world: World) -> None:
    trusted = key(world.folder, "release")
    key(world.folder, "stranger")
    world.commit(world.fleet(), world.app("app"))
    world.create(source={"url": world.url, "branch": "main", "interval": "1s", "verify": {"keys": [trusted]}})
    world.start()
    world.until(lambda: world.condition("SourceReady")[1] == "NotSigned", "the unsigned commit is not taken")
    assert "nothing stays" in world.condition("SourceReady")[2]
    assert world.condition("Ready")[0] == "False"
    assert world.spinapp("app") is None

    signed = sign(world, "release")
    world.until_ready(signed)
    assert world.condition("SourceReady")[2].endswith("signed by release")

    world.commit(world.app("app", replicas=3))
    refused = sign(world, "stranger")
    world.until(lambda: refused[:12] in world.condition("SourceReady")[2], "the other's commit is not taken")
    assert "none of those named" in world.condition("SourceReady")[2]
    assert f"{signed[:12]} stays" in world.condition("SourceReady")[2]
    app = world.spinapp("app")
    assert app is not None
    assert app["spec"]["replicas"] == 1

    # What runs is healed all the same, after a restart too.
    world.stop(signal.SIGKILL)
    world.plane.kubectl("delete", "spinapp", "app", "-n", world.namespace)
    world.start()
    world.until(lambda: world.spinapp("app") is not None, "the app is made again, of the last signed commit")
    assert (world.status()["commit"])["applied"] == signed

    accepted = sign(world, "release")
    world.until_ready(accepted)
    world.until(lambda: ((world.spinapp("app") or {}).get("spec") or {}).get("replicas") == 3, "the change is taken")


def test_a_key_that_can_not_be_used_stalls_the_fleetsync(world: World) -> None:
    world.commit(world.fleet(), world.app("app"))
    world.create(source={"url": world.url, "verify": {"keys": ["ssh-dss AAAAB3NzaC1kc3M= old"]}})
    world.start()
    world.until(lambda: world.condition("Stalled")[0] == "True", "it says that it can't go on")
    assert "key 1 of source.verify" in world.condition("Stalled")[2]
