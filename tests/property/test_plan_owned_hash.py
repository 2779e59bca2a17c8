"""Laws of the hash over what we own: only what is ours counts, and all of it does."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.plan.diff import diff
from reconciler.plan.owned import covers_exactly, owned_hash

_MANAGER = "spinfleet-0123456789abcdef"
_NAMES = st.text("abcdef", min_size=1, max_size=4)
_SCALARS = st.one_of(st.booleans(), st.integers(-5, 5), st.text(max_size=5))
_ITEMS = st.dictionaries(_NAMES, _SCALARS, max_size=3)
_KEYED = st.dictionaries(_NAMES, _ITEMS, min_size=1, max_size=3).map(
    lambda items: [{"name": name, **{k: v for k, v in item.items() if k != "name"}} for name, item in items.items()]
)
_VALUES = st.recursive(
    st.one_of(_SCALARS, _KEYED, st.lists(_SCALARS, min_size=1, max_size=3)),
    lambda below: st.dictionaries(_NAMES, below, min_size=1, max_size=3),
    max_leaves=8,
)
_SPECS = st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=4)


def _fields(value: Any) -> Any:
    """Give the field set that an apply of a value leaves, as the API server writes it."""
    if isinstance(value, dict) and value:
        return {f"f:{name}": _fields(below) for name, below in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {f'k:{{"name":"{item["name"]}"}}': {".": {}, **_fields(item)} for item in value}
    return {}


def _desired(spec: Any) -> dict[str, Any]:
    return {"apiVersion": "e/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec}


def _live(spec: Any) -> dict[str, Any]:
    entry = {"manager": _MANAGER, "operation": "Apply", "apiVersion": "e/v1", "fieldsV1": _fields({"spec": spec})}
    live = copy.deepcopy(_desired(spec))
    live["metadata"]["managedFields"] = [entry]
    return live


@given(_SPECS)
def test_what_was_just_applied_is_covered_and_shows_no_difference(spec: Any) -> None:
    assert covers_exactly(_live(spec), _MANAGER, _desired(spec))
    assert diff(_live(spec), _desired(spec), _MANAGER) == ()


@given(_SPECS, _VALUES)
def test_fields_of_others_never_change_the_hash(spec: Any, value: Any) -> None:
    live = _live(spec)
    before = owned_hash(live, _MANAGER)
    live["status"] = value
    live["spec"]["zz-theirs"] = value
    live["metadata"]["resourceVersion"] = "9"
    assert owned_hash(live, _MANAGER) == before


@given(_SPECS, st.data())
def test_another_value_at_any_field_of_ours_changes_the_hash_and_is_not_covered(spec: Any, data: Any) -> None:
    live = _live(spec)
    before = owned_hash(live, _MANAGER)
    name = data.draw(st.sampled_from(sorted(spec)))
    other = data.draw(_SCALARS)
    assume(other != spec[name])
    live["spec"][name] = other
    assert owned_hash(live, _MANAGER) != before
    assert not covers_exactly(live, _MANAGER, _desired(spec))


@given(_SPECS, st.data())
def test_a_field_taken_out_of_our_set_changes_the_hash(spec: Any, data: Any) -> None:
    live = _live(spec)
    before = owned_hash(live, _MANAGER)
    name = data.draw(st.sampled_from(sorted(spec)))
    del live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"][f"f:{name}"]
    assert owned_hash(live, _MANAGER) != before


@given(_SPECS)
def test_the_order_of_keys_does_not_matter(spec: Any) -> None:
    turned = _live(dict(reversed(list(spec.items()))))
    assert owned_hash(_live(spec), _MANAGER) == owned_hash(turned, _MANAGER)
