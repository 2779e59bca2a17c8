"""Deleting wave by wave: what holds the next one up, for how long, and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from reconciler.agent.members import Member, Members
from reconciler.agent.removing import Removal, Remover
from reconciler.agent.waves import Waves
from reconciler.plan.model import Health, HealthResult, ObjectKey


def member(kind: str, name: str) -> Member:
    return Member(
        key=ObjectKey("", kind, "shop", name), api_version="v1", uid="u", resource_version=1, owner="app", owned_hash=b"h", content=None,
        health=HealthResult(Health.CURRENT),
    )  # fmt: skip


SERVICE, OTHER, CONFIG = member("Service", "front"), member("Service", "side"), member("ConfigMap", "back")


class Cluster:
    """Answers each removal as it is told to, and remembers the order in which they were asked for."""

    def __init__(self, **answers: Removal) -> None:
        self.answers, self.asked = answers, list[str]()
        self.members = Members()
        kinds = {("", "Service"): (), ("", "ConfigMap"): ()}
        self.workloads = SimpleNamespace(discovery=SimpleNamespace(resources=kinds))

    async def remove(self, one: Member, _unserved: Mapping[tuple[str, str], str]) -> Removal:
        self.asked.append(one.key.name)
        return self.answers.get(one.key.name, Removal.GONE)


def waves(cluster: Cluster, *present: Member, **options: Any) -> Waves:
    for each in present:
        cluster.members.put(each)
    return Waves(remover=cast("Remover", cluster), **options)


async def test_the_next_wave_waits_until_the_one_before_is_gone() -> None:
    cluster = Cluster(front=Removal.BEGUN)
    found = waves(cluster, SERVICE, CONFIG)
    assert not await found.remove([CONFIG, SERVICE])
    assert cluster.asked == ["front"]
    assert not found.over()
    cluster.members.drop(SERVICE.key)
    assert found.over()
    assert not found.over()
    assert await found.remove([CONFIG])
    assert cluster.asked == ["front", "back"]


async def test_an_object_that_is_held_fast_delays_the_others_no_longer_than_patience_lasts() -> None:
    cluster = Cluster(front=Removal.BEGUN)
    assert not await waves(cluster, SERVICE, CONFIG, patience=0.0).remove([SERVICE, CONFIG])
    assert cluster.asked == ["front", "back"]


async def test_what_can_not_be_deleted_holds_up_nothing_and_is_left_to_do() -> None:
    cluster = Cluster(front=Removal.FAILED)
    found = waves(cluster, SERVICE, CONFIG)
    assert not await found.remove([SERVICE, OTHER, CONFIG])
    assert sorted(cluster.asked) == ["back", "front", "side"]
    assert cluster.asked[-1] == "back"
    assert found.failed


async def test_no_further_wave_is_begun_where_something_else_is_under_way() -> None:
    cluster = Cluster()
    assert not await waves(cluster, SERVICE, CONFIG).remove([SERVICE, CONFIG], halted=lambda: bool(cluster.asked))
    assert cluster.asked == ["front"]
