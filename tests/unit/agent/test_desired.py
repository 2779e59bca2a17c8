"""What several apps want is held by one: who has it in the cluster, else the first by name; it passes on once that one lets go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.agent.desired import Desired, DesiredSet, desired
from reconciler.plan.model import ObjectKey


def wish(owner: str, name: str, text: str = "") -> Desired:
    return desired(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}, "data": {"k": text}},
        owner,
    )


def key(name: str) -> ObjectKey:
    return ObjectKey("", "ConfigMap", "n", name)


def names(wanted: DesiredSet, owner: str) -> list[str]:
    return [item.key.name for item in wanted.of(owner)]


def test_the_first_by_name_has_it_whoever_came_first() -> None:
    for order in (("a", "b"), ("b", "a")):
        wanted = DesiredSet()
        for owner in order:
            wanted.replace(owner, [wish(owner, "x"), wish(owner, f"own-{owner}")])
        assert names(wanted, "a") == ["own-a", "x"]
        assert names(wanted, "b") == ["own-b"]
        assert [(item.owner, holder) for item, holder in wanted.waiting()] == [("b", "a")]


def test_the_one_that_has_it_in_the_cluster_keeps_it() -> None:
    wanted = DesiredSet(holder_of=lambda _: "b")
    wanted.replace("b", [wish("b", "x")])
    assert wanted.replace("a", [wish("a", "x")]) == frozenset()
    assert names(wanted, "a") == []
    assert names(wanted, "b") == ["x"]


def test_it_passes_on_once_its_holder_lets_go() -> None:
    wanted = DesiredSet()
    wanted.replace("a", [wish("a", "x")])
    wanted.replace("b", [wish("b", "x")])
    assert wanted.replace("a", []) == {"b"}
    assert names(wanted, "b") == ["x"]
    assert wanted.waiting() == ()
    assert wanted.forget("b") == frozenset()
    assert wanted.get(key("x")) is None


def test_who_has_it_is_looked_at_again_once_the_cluster_is_seen() -> None:
    live = {"x": ""}
    wanted = DesiredSet(holder_of=lambda each: live[each.name])
    wanted.replace("a", [wish("a", "x")])
    wanted.replace("b", [wish("b", "x")])
    live["x"] = "b"
    assert wanted.settle() == {"a", "b"}
    assert names(wanted, "b") == ["x"]


def test_a_new_wish_of_the_holder_takes_the_place_of_the_old_one() -> None:
    wanted = DesiredSet()
    wanted.replace("a", [wish("a", "x")])
    wanted.replace("b", [wish("b", "x")])
    wanted.replace("a", [wish("a", "x", "new")])
    assert wanted.get(key("x")) == wish("a", "x", "new")


def test_kinds_are_those_of_what_is_wanted() -> None:
    wanted = DesiredSet()
    wanted.replace("a", [wish("a", "x"), wish("a", "y")])
    assert wanted.kinds() == (("", "ConfigMap", "v1"),)
    wanted.forget("a")
    assert wanted.kinds() == ()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.frozensets(st.sampled_from("xyz"))), max_size=12))
def test_the_end_does_not_depend_on_the_way(steps: list[tuple[str, frozenset[str]]]) -> None:
    wanted, last = DesiredSet(), dict(steps)
    for owner, wishes in steps:
        wanted.replace(owner, [wish(owner, name) for name in wishes])
    fresh = DesiredSet()
    for owner, wishes in last.items():
        fresh.replace(owner, [wish(owner, name) for name in wishes])
    assert {owner: wanted.of(owner) for owner in "abc"} == {owner: fresh.of(owner) for owner in "abc"}
    assert set(wanted.values()) == set(fresh.values())
    assert set(wanted.waiting()) == set(fresh.waiting())
    assert set(wanted.kinds()) == set(fresh.kinds())
