from __future__ import annotations

import pytest

from reconciler.errors import InputError
from reconciler.plan.membership import (
    Extent,
    Places,
    annotations_of,
    applyset_id,
    extent_of,
    field_manager,
    group_kind,
    recorded_extent,
)
from reconciler.plan.model import ObjectKey

_TOOLING = "applyset.kubernetes.io/tooling"


def test_the_id_is_that_of_the_keps_formula() -> None:
    # base64url of sha256("fleet.spinfleet-system.FleetSync.spinfleet.dev"), computed with openssl.
    assert (
        applyset_id("fleet", "spinfleet-system", "FleetSync", "spinfleet.dev")
        == "applyset-thIRq0POe15yYa6jrYzJd6m-hHpJdt6cbQnQZwHObIE-v1"
    )


def test_the_field_manager_has_the_first_digits_of_the_same_hash() -> None:
    assert field_manager("fleet", "spinfleet-system", "FleetSync", "spinfleet.dev") == "spinfleet-b61211ab43ce7b5e"


def test_two_fleetsyncs_have_two_field_managers() -> None:
    assert field_manager("a", "n", "FleetSync", "g") != field_manager("b", "n", "FleetSync", "g")


def test_an_extent_names_kinds_and_the_namespaces_other_than_the_parents() -> None:
    keys = [
        ObjectKey("", "Secret", "home", "s"),
        ObjectKey("apps", "Deployment", "web", "d"),
        ObjectKey("", "Namespace", "", "web"),
    ]
    expected = Extent(group_kinds=frozenset({"Secret", "Deployment.apps", "Namespace"}), namespaces=frozenset({"web"}))
    assert extent_of(keys, "home") == expected


def test_an_extent_is_read_back_as_it_was_recorded() -> None:
    extent = Extent(group_kinds=frozenset({"Secret", "Deployment.apps"}), namespaces=frozenset({"web", "shop"}))
    recorded = annotations_of(extent, "1.0")
    assert recorded["applyset.kubernetes.io/contains-group-kinds"] == "Deployment.apps,Secret"
    assert recorded_extent(recorded) == extent


def test_widening_covers_both_and_never_less() -> None:
    old, new = Extent(namespaces=frozenset({"a"})), Extent(namespaces=frozenset({"b"}), group_kinds=frozenset({"Pod"}))
    assert (old | new).covers(old)
    assert (old | new).covers(new)
    assert not old.covers(new)


def test_another_tools_set_is_refused_and_named() -> None:
    with pytest.raises(InputError, match=r"kubectl/v1\.30"):
        recorded_extent({_TOOLING: "kubectl/v1.30"})


def test_a_parent_without_annotations_has_an_empty_extent() -> None:
    assert recorded_extent({}) == Extent()


def test_a_group_kind_is_split_at_its_first_dot() -> None:
    assert group_kind("SpinApp.core.spinkube.dev") == ("core.spinkube.dev", "SpinApp")
    assert group_kind("Secret") == ("", "Secret")


def test_places_counted_as_objects_come_and_go_give_the_same_extent() -> None:
    keys = [
        ObjectKey("apps", "Deployment", "a", "x"),
        ObjectKey("", "ConfigMap", "a", "y"),
        ObjectKey("", "Namespace", "", "a"),
    ]
    places = Places()
    for key in (*keys, ObjectKey("", "Secret", "b", "z"), ObjectKey("apps", "Deployment", "own", "w")):
        places.add(key)
    places.remove(ObjectKey("", "Secret", "b", "z"))
    places.remove(ObjectKey("apps", "Deployment", "own", "w"))
    assert places.extent("own") == extent_of(keys, "own")
