from __future__ import annotations

import pytest

from reconciler.plan.guard import (
    APPROVAL_ANNOTATION,
    PROTECTED,
    USED_ANNOTATION,
    approved,
    held,
    list_digest,
    waiting,
    with_used,
)
from reconciler.plan.model import ObjectKey


@pytest.mark.parametrize(
    ("going", "members", "objects", "fraction", "is_held"),
    [
        (51, 1000, 50, None, True),
        (50, 1000, 50, None, False),
        (20, 50, None, 0.2, True),
        (10, 50, None, 0.2, False),
        (9, 9, None, 0.2, False),  # a fraction counts from ten objects on: small fleets may change
        (10, 10, None, 0.2, True),
        (1000, 1000, None, None, False),
        (1, 1, 0, None, True),
    ],
)
def test_a_prune_is_held_by_number_or_by_share(
    going: int, members: int, objects: float | None, fraction: float | None, is_held: bool
) -> None:
    assert bool(held(going, members, max_objects=objects, max_fraction=fraction)) is is_held


def test_what_holds_a_prune_is_said_in_numbers() -> None:
    assert held(60, 100, max_objects=50, max_fraction=None) == "60 objects would be pruned and the guard allows 50"


def test_the_digest_of_a_list_does_not_depend_on_its_order_and_does_on_its_members() -> None:
    one, two = ObjectKey("", "Secret", "a", "s"), ObjectKey("", "Secret", "b", "s")
    assert list_digest([one, two]) == list_digest([two, one])
    assert list_digest([one, two]) != list_digest([one])


@pytest.mark.parametrize("kind", ["Namespace", "PersistentVolume", "PersistentVolumeClaim"])
def test_what_holds_other_things_is_protected(kind: str) -> None:
    assert ("", kind) in PROTECTED


ONE, TWO = ObjectKey("", "Namespace", "", "one"), ObjectKey("", "Namespace", "", "two")


def test_an_approval_names_a_list_and_nothing_but_that_list() -> None:
    lists = [waiting([TWO, ONE], "many", guarded=True)]
    assert lists[0].keys == (ONE, TWO)
    whole = {APPROVAL_ANNOTATION: f"{list_digest([ONE, TWO])}@2026-01-01T00:00:00Z"}
    assert approved(lists, whole) == {ONE, TWO}
    assert approved(lists, {APPROVAL_ANNOTATION: list_digest([ONE])}) == frozenset()
    assert approved([waiting([ONE], "less by now", guarded=True)], whole) == frozenset()


def test_what_is_protected_is_approved_one_by_one_or_all_together() -> None:
    lists = [waiting([ONE, TWO], "protected", guarded=False)]
    assert approved(lists, {APPROVAL_ANNOTATION: f"x, {list_digest([TWO])}@now"}) == {TWO}
    assert approved(lists, {APPROVAL_ANNOTATION: lists[0].digest}) == {ONE, TWO}


def test_an_approval_that_was_used_is_none_and_a_later_one_of_the_same_list_is() -> None:
    lists = [waiting([ONE], "many", guarded=True)]
    given = {APPROVAL_ANNOTATION: f"{lists[0].digest}@1", "other": "stays"}
    change = with_used(given)
    assert change == {APPROVAL_ANNOTATION: None, USED_ANNOTATION: f"{lists[0].digest}@1"}
    again = {**given, USED_ANNOTATION: str(change[USED_ANNOTATION])}
    assert approved(lists, again) == frozenset()
    assert approved(lists, {**again, APPROVAL_ANNOTATION: f"{lists[0].digest}@2"}) == {ONE}


def test_only_the_latest_used_approvals_are_remembered() -> None:
    annotations: dict[str, str] = {}
    for number in range(50):
        change = with_used({**annotations, APPROVAL_ANNOTATION: f"d@{number}"})
        annotations = {name: text for name, text in change.items() if text is not None}
    used = annotations[USED_ANNOTATION].split(",")
    assert (len(used), used[-1]) == (20, "d@49")
