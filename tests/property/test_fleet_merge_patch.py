"""Laws of merge patches (RFC 7396) and of origins."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.fleet.merge_patch import merge_patch
from reconciler.fleet.overrides import Layer, Origins, leaves, merged, written

scalars = st.one_of(st.booleans(), st.integers(), st.text(max_size=5))
keys = st.text(alphabet="abc/~", min_size=1, max_size=2)
values = st.recursive(
    scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3), max_leaves=8
)
patches = st.recursive(
    scalars | st.none(),
    lambda below: st.lists(scalars, max_size=2) | st.dictionaries(keys, below, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(keys, values, max_size=4)
object_patches = st.dictionaries(keys, patches, max_size=4)


def reference(target: Any, patch: Any) -> Any:
    """The RFC's own pseudocode."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = reference(target.get(name), value)
    return target


@given(objects, patches)
def test_it_is_what_the_rfc_says(target, patch):
    assert merge_patch(target, patch) == reference(target, patch)


@given(objects, object_patches)
def test_applying_a_patch_twice_is_applying_it_once(target, patch):
    once = merge_patch(target, patch)

    assert merge_patch(once, patch) == once


@given(objects)
def test_an_empty_patch_changes_nothing_and_a_value_patches_itself_into_being(target):
    assert merge_patch(target, {}) == target
    assert merge_patch({}, target) == target


@given(objects, object_patches)
def test_neither_side_is_changed_in_place(target, patch):
    before, asked = repr(target), repr(patch)
    merge_patch(target, patch)

    assert (repr(target), repr(patch)) == (before, asked)


@given(objects, st.lists(object_patches, min_size=1, max_size=4))
def test_each_leaf_comes_from_the_last_layer_that_wrote_it(base, later):
    names = ["document", *(f"override {number}" for number, _ in enumerate(later, 1))]
    layers = tuple(
        Layer(name, "x.yaml", None, "/spec", patch) for name, patch in zip(names, [base, *later], strict=True)
    )
    spec = merged(layers)
    origins = Origins(layers, spec)

    assert len(origins) == len(list(origins)) == len(list(leaves(spec)))
    for pointer, _ in leaves(spec):
        if pointer:
            last = next((layer.via for layer in reversed(layers) if written(layer.patch, pointer)), None)
            assert last is not None
            assert origins[pointer].via == last
