"""What watch events mean: drift only where a field of ours differs, nothing while a write is on its way, nothing lost."""

from __future__ import annotations

import copy
from typing import Any

from reconciler.agent.desired import Desired, DesiredSet, desired
from reconciler.agent.identity import Identity
from reconciler.agent.members import Members
from reconciler.agent.observing import Observer
from reconciler.plan.drift import HEAL, DriftPolicy
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

    def want(self, drift: DriftPolicy = HEAL, **data: str) -> Desired:
        obj = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": "shop", "annotations": {"spinfleet.dev/app": "app"}},
            "data": data,
        }
        wanted = desired(prepare(obj, IDENTITY.applyset), "app", drift=drift)
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


def _with(obj: dict[str, Any], annotation: str, value: str) -> dict[str, Any]:
    changed = copy.deepcopy(obj)
    changed["metadata"]["annotations"] = {**changed["metadata"].get("annotations", {}), annotation: value}
    return changed


def test_an_object_that_is_annotated_to_be_left_alone_is_no_drift_until_it_is_not() -> None:
    world = World()
    wanted = world.want(mode="fast")
    world.observer.record(live(wanted, 5), owner="app", content=wanted.content)
    world.observer.saw(_with(live(wanted, 6), "spinfleet.dev/reconcile", "Disabled"))
    world.observer.saw(_with(live(wanted, 7, mode="slow"), "spinfleet.dev/reconcile", "Disabled"))
    member = world.members.get(KEY)
    assert member is not None
    assert (member.left_alone, member.kept, world.drifted) == (True, True, [])
    assert world.members.left_alone == {KEY}
    world.observer.saw(live(wanted, 8, mode="slow"))
    assert world.drifted == ["app"]
    assert world.members.left_alone == set()


def _taken(obj: dict[str, Any], manager: str, operation: str = "Apply") -> dict[str, Any]:
    """The object after somebody else took data.mode."""
    changed = copy.deepcopy(obj)
    fields = changed["metadata"]["managedFields"][0]["fieldsV1"]
    kept = {key: value for key, value in fields.pop("f:data").items() if key != "f:mode"}
    if kept:
        fields["f:data"] = kept
    entry = {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": {"f:data": {"f:mode": {}}}}
    changed["metadata"]["managedFields"].append(entry)
    return changed


def test_a_field_that_may_differ_is_no_drift_once_somebody_else_has_it() -> None:
    world = World()
    wanted = world.want(mode="fast", level="1", drift=DriftPolicy(pointers=("/data/mode",)))
    world.observer.record(live(wanted, 5), owner="app", content=wanted.content)
    world.observer.saw(_taken(live(wanted, 6, mode="slow"), "tuner", "Update"))
    member = world.members.get(KEY)
    assert member is not None
    assert (member.content, world.drifted) == (wanted.content, [])
    world.observer.saw(_taken(live(wanted, 7, mode="slow", level="2"), "tuner", "Update"))
    assert world.drifted == ["app"]


def test_a_fight_ends_as_soon_as_the_other_lets_go() -> None:
    world = World()
    wanted = world.want(mode="fast")
    for version in (5, 7):
        world.observer.record(live(wanted, version), owner="app", content=wanted.content)
        world.observer.saw(_taken(live(wanted, version + 1, mode="slow"), "rival"))
    contests = world.observer.contests
    assert "rival" in contests.stopped(KEY, wanted.content)
    let_go = _taken(live(wanted, 9, mode="slow"), "rival")
    del let_go["metadata"]["managedFields"][1]
    world.observer.saw(let_go)
    assert contests.stopped(KEY, wanted.content) == ""
    assert world.drifted == ["app", "app", "app"]
