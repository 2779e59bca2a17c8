from __future__ import annotations

import pytest

from reconciler.plan.guard import PROTECTED, held, list_digest
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
