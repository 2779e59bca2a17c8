"""What watch events mean: drift only where a field of ours differs, nothing while a write is on its way, nothing lost."""

from __future__ import annotations

import copy
from typing import Any

from reconciler.agent.desired import Desired, DesiredSet, desired
from reconciler.agent.identity import Identity
from reconciler.agent.members import Members
from reconciler.agent.observing import Observer
from reconciler.plan.health import health
from reconciler.plan.model import ObjectKey
from reconciler.plan.prepare import prepare

MANAGER = "spinfleet-0123456789abcdef"
IDENTITY = Identity(applyset="applyset-x-v1", manager=MANAGER, user="system:serviceaccount:ns:deployer")
KEY = ObjectKey("", "ConfigMap", "shop", "settings")


class World:
    def __init__(self) -> None:
        self.desired, self.members = DesiredSet(), Members()
        self.drifted: list[str] = []
        self.changed: list[str] = []
        self.observer = Observer(
            identity=IDENTITY,
            desired=self.desired,
            members=self.members,
            health_of=health,
            drifted=self.drifted.append,
            changed=self.changed.append,
        )

    def want(self, **data: str) -> Desired:
        obj = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": "shop", "annotations": {"spinfleet.dev/app": "app"}},
            "data": data,
        }
        wanted = desired(prepare(obj, IDENTITY.applyset), "app")
        self.desired.replace("app", (wanted,))
        return wanted


def live(wanted: Desired, version: int, **changes: Any) -> dict[str, Any]:
    """The object as a server would return it after our apply, with its data changed by others afterwards."""
    obj = wanted.object()
    fields = {
        "f:metadata": {
            "f:labels": {f"f:{key}": {} for key in obj["metadata"]["labels"]},
            "f:annotations": {"f:spinfleet.dev/app": {}},
        },
        "f:data": {f"f:{key}": {} for key in obj["data"]},
    }
    obj["metadata"] |= {
        "uid": "u1",
        "resourceVersion": str(version),
        "managedFields": [{"manager": MANAGER, "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}],
    }
    obj["data"] |= changes
    return obj


def test_an_object_found_at_start_that_is_as_wanted_needs_no_write() -> None:
    world = World()
    wanted = world.want(mode="fast")
    world.observer.saw(live(wanted, 5))
    member = world.members.get(KEY)
    assert member is not None
    assert member.content == wanted.content
    assert world.drifted == []


def test_an_object_found_at_start_that_differs_is_looked_at() -> None:
    world = World()
    world.observer.saw(live(world.want(mode="fast"), 5, mode="slow"))
    assert world.drifted == ["app"]


def test_a_change_of_our_field_is_drift_and_a_foreign_field_is_not() -> None:
    world = World()
    wanted = world.want(mode="fast")
    world.observer.record(live(wanted, 5), owner="app", content=wanted.content)
    world.observer.saw(live(wanted, 6, theirs="x"))
    assert world.drifted == []
    world.observer.saw(live(wanted, 7, mode="slow"))
    assert world.drifted == ["app"]
    member = world.members.get(KEY)
    assert member is not None
    assert member.content is None


def test_a_field_taken_over_by_another_manager_is_drift_even_with_an_equal_value() -> None:
    world = World()
    wanted = world.want(mode="fast")
    world.observer.record(live(wanted, 5), owner="app", content=wanted.content)
    taken = live(wanted, 6)
    taken["metadata"]["managedFields"][0]["fieldsV1"].pop("f:data")
    world.observer.saw(taken)
    assert world.drifted == ["app"]


def test_an_event_older_than_our_answer_is_ignored() -> None:
    world = World()
    wanted = world.want(mode="fast")
    world.observer.record(live(wanted, 9), owner="app", content=wanted.content)
    world.observer.saw(live(wanted, 8, mode="old"))
    assert world.drifted == []


def test_events_during_a_write_are_judged_after_its_answer() -> None:
    world = World()
    wanted = world.want(mode="fast")
    world.observer.begin(KEY)
    world.observer.saw(live(wanted, 5))
    assert world.members.get(KEY) is None
    world.observer.record(live(wanted, 5), owner="app", content=wanted.content)
    world.observer.end(KEY)
    assert world.drifted == []

    world.observer.begin(KEY)
    world.observer.saw(live(wanted, 7, mode="theirs"))
    world.observer.record(live(wanted, 6), owner="app", content=wanted.content)
    world.observer.end(KEY)
    assert world.drifted == ["app"]


def test_a_deletion_during_a_write_is_not_lost() -> None:
    world = World()
    wanted = world.want(mode="fast")
    world.observer.begin(KEY)
    world.observer.record(live(wanted, 5), owner="app", content=wanted.content)
    world.observer.missed(KEY, "u1")
    world.observer.end(KEY)
    member = world.members.get(KEY)
    assert member is not None
    assert member.gone
    assert world.drifted == ["app"]


def test_the_deletion_of_an_earlier_object_of_the_name_means_nothing() -> None:
    world = World()
    wanted = world.want(mode="fast")
    world.observer.record(live(wanted, 5), owner="app", content=wanted.content)
    world.observer.missed(KEY, "another-uid")
    member = world.members.get(KEY)
    assert member is not None
    assert not member.gone


def test_a_copied_label_makes_no_member() -> None:
    world = World()
    stranger = live(world.want(mode="fast"), 5)
    stranger["metadata"]["managedFields"] = []
    world.observer.saw(stranger)
    assert world.members.get(KEY) is None


def test_a_controlled_object_is_a_member_that_is_never_pruned() -> None:
    world = World()
    wanted = world.want(mode="fast")
    owned = copy.deepcopy(live(wanted, 5))
    owned["metadata"]["ownerReferences"] = [{"controller": True, "uid": "parent"}]
    world.observer.saw(owned)
    member = world.members.get(KEY)
    assert member is not None
    assert not member.prunable


def test_whether_a_member_may_be_pruned_follows_what_is_live_and_is_told_where_nobody_wants_it() -> None:
    world = World()
    news: list[str] = []
    world.observer.surplus = lambda: news.append("surplus")
    wanted = world.want(mode="fast")
    world.observer.record(live(wanted, 5), owner="app", content=wanted.content)
    world.desired.forget("app")

    def seen(version: int, **metadata: Any) -> tuple[bool, bool]:
        obj = live(wanted, version)
        obj["metadata"] |= metadata
        world.observer.saw(obj)
        member = world.members.get(KEY)
        assert member is not None
        return member.prunable, member.kept

    annotated = {**wanted.object()["metadata"]["annotations"], "spinfleet.dev/prune": "Disabled"}
    assert seen(6, ownerReferences=[{"controller": True, "uid": "parent"}]) == (False, False)
    assert seen(7, annotations=annotated) == (True, True)
    assert seen(8) == (True, False)
    assert news == ["surplus"] * 3
    assert seen(9) == (True, False)
    assert len(news) == 3


def test_an_object_that_we_wrote_in_another_version_of_its_kind_is_a_member_that_is_looked_at() -> None:
    world = World()
    earlier = live(world.want(mode="fast"), 5)
    earlier["metadata"]["managedFields"][0]["apiVersion"] = "v1beta1"
    world.observer.saw(earlier)
    member = world.members.get(KEY)
    assert member is not None
    assert member.prunable
    assert (member.content, world.drifted) == (None, ["app"])
