"""Which members go (design, invariant 2): only with full knowledge of what the app wants, or that the app is gone."""

from __future__ import annotations

from typing import Any, cast

from reconciler.agent.desired import DesiredSet, desired
from reconciler.agent.members import Member
from reconciler.agent.pruning import surplus
from reconciler.fleet.model import Assignment, Cluster, Fleet
from reconciler.plan.model import Health, HealthResult, ObjectKey
from reconciler.render.model import SHARED


def member(name: str, owner: str, **fields: Any) -> Member:
    defaults: dict[str, Any] = {
        "api_version": "v1", "uid": "u", "resource_version": 1, "owned_hash": b"h", "content": None, "health": HealthResult(Health.CURRENT),
    }  # fmt: skip
    return Member(key=ObjectKey("", "ConfigMap", "shop", name), owner=owner, **{**defaults, **fields})


class World:
    """Apps of a commit, and which of them were released with which objects."""

    def __init__(self, *apps: str) -> None:
        cluster = Cluster(name="eu", path="c.yaml", line=1)
        fleet = Fleet(name="f", path="f.yaml", line=1, commit=None, spec={}, clusters={}, apps={}, bundles={})
        units = cast("dict[str, Any]", dict.fromkeys(apps))
        self.assignment = Assignment(cluster=cluster, commit=None, fleet=fleet, units=units)
        self.desired = DesiredSet()

    def released(self, app: str, *names: str) -> None:
        objects = (
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}} for name in names
        )
        self.desired.replace(app, tuple(desired(obj, app) for obj in objects))

    def going(self, *members: Member) -> set[str]:
        return {each.key.name for each in surplus(members, self.desired, self.assignment)}


def test_the_objects_of_an_app_that_left_the_commit_go() -> None:
    assert World().going(member("a", "gone")) == {"a"}


def test_an_object_that_a_released_app_no_longer_renders_goes_and_the_others_stay() -> None:
    world = World("app")
    world.released("app", "kept")
    assert world.going(member("kept", "app"), member("dropped", "app")) == {"dropped"}


def test_an_app_that_rendered_in_no_release_known_here_keeps_all_it_has() -> None:
    assert World("held").going(member("a", "held"), member("b", "held")) == set()


def test_an_object_that_moved_to_another_app_stays() -> None:
    world = World("new")
    world.released("new", "moved")
    assert world.going(member("moved", "old")) == set()


def test_what_is_shared_stays_while_any_app_is_unknown() -> None:
    world = World("app", "held")
    world.released("app", "a")
    world.released(SHARED)
    assert world.going(member("executor", SHARED)) == set()
    world.released("held", "b")
    assert world.going(member("executor", SHARED)) == {"executor"}


def test_what_is_controlled_by_others_or_already_gone_is_left() -> None:
    assert World().going(member("controlled", "gone", prunable=False), member("left", "gone", gone=True)) == set()
