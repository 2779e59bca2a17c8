"""Signatures as Fleet and FleetSync ask for them: keys in the repository, keys in the FleetSync, and a signature that comes late."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from reconciler.agent.install import NAMESPACE
from tests.agent.conftest import World
from tests.artifacts import signer
from tests.artifacts.storage import Repository

pytestmark = pytest.mark.cluster


def sign(world: World, reference: str, *keys: signer.Key) -> None:
    rest, _, digest = reference.partition("@")
    repository = Repository(name=rest.partition("/")[2])
    for key in keys:
        signer.legacy(repository, digest, key)
    repository.push(world.registry)


def signed_fleet(world: World, key: signer.Key, **artifacts: Any) -> dict[str, str]:
    """A Fleet that wants what this world pushes to be signed with a key of the repository."""
    rule = {"match": f"{world.registry}/{world.id}/**", "keys": [{"name": "release", "file": "keys/release.pub"}]}
    return {**world.fleet(artifacts={"signatures": [rule], **artifacts}), "keys/release.pub": key.pem}


def test_an_app_waits_for_its_signature_and_says_which_key_signed(world: World) -> None:
    key = signer.Key("release")
    unsigned, good = world.push("late"), world.push("good")
    sign(world, good, key)
    commit = world.commit(
        signed_fleet(world, key), world.app("good", reference=good), world.app("late", reference=unsigned)
    )
    world.create()
    world.start()
    world.until(lambda: world.app_status("late").get("artifact") == "Refused", "the unsigned one is held")
    world.until(lambda: world.app_status("good").get("health") == "current", "the signed one goes on")
    assert "not signed" in world.app_status("late")["message"]
    assert world.spinapp("late") is None

    sign(world, unsigned, key)
    world.until_ready(commit)
    assert world.app_status("late")["signers"] == ["key release"]
    assert world.condition("Verified")[:2] == ("True", "RepositoryKeysOnly")


def test_the_fleetsyncs_keys_are_a_floor_that_a_key_in_the_repository_does_not_lower(world: World) -> None:
    own, floor = signer.Key("own"), signer.Key("floor")
    both, alone = world.push("both"), world.push("alone")
    sign(world, both, own, floor)
    sign(world, alone, own)
    world.commit(signed_fleet(world, own), world.app("both", reference=both), world.app("alone", reference=alone))
    name = f"keys-{world.id}"
    world.plane.request(
        "POST", f"/api/v1/namespaces/{NAMESPACE}/secrets",
        {"metadata": {"name": name}, "data": {"floor.pub": base64.b64encode(floor.pem.encode()).decode()}},
    )  # fmt: skip
    rule = {
        "match": f"{world.registry}/**",
        "keys": [{"name": "floor", "secretKeyRef": {"name": name, "key": "floor.pub"}}],
    }
    registries = [{"prefix": world.registry, "plainHTTP": True}]
    world.create(policy={"namespaces": ["*"], "kinds": ["*"], "registries": registries, "signatures": [rule]})
    world.start()
    world.until(lambda: world.app_status("alone").get("artifact") == "Refused", "the one without the floor's is held")
    world.until(lambda: world.app_status("both").get("health") == "current", "the other goes on")
    assert "none of the rule's keys made it (floor)" in world.app_status("alone")["message"]
    assert world.app_status("both")["signers"] == ["key release", "key floor"]

    # The administrator exchanges the key: what it no longer vouches for is refused at the next look.
    change = {"data": {"floor.pub": base64.b64encode(own.pem.encode()).decode()}}
    world.plane.request(
        "PATCH", f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}", change, "application/merge-patch+json"
    )
    world.until(lambda: world.app_status("alone").get("artifact") == "Verified", "the new key counts")
    assert world.condition("Verified")[:2] == ("True", "Verified")


def test_a_key_that_is_not_there_is_told_in_the_fleetsync_and_nothing_runs(world: World) -> None:
    world.commit(world.fleet(), world.app("app"))
    rule = {"match": "**", "keys": [{"name": "floor", "configMapKeyRef": {"name": "no-such-keys", "key": "floor.pub"}}]}
    world.create(policy={"namespaces": ["*"], "kinds": ["*"], "signatures": [rule]})
    world.start()
    world.until(lambda: world.condition("Stalled")[0] == "True", "it says that it can't go on")
    assert "there is no ConfigMap" in world.condition("Stalled")[2]
    assert world.spinapp("app") is None
