"""What is sent of an object whose fields others have taken: exactly what they have not, and all of it where nothing may differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.plan.drift import HEAL, DriftPolicy, lost, without_yielded

MANAGER = "spinfleet-0123456789abcdef"
_NAMES = st.text("ab/~c", min_size=1, max_size=3)
_VALUES = st.recursive(
    st.integers(0, 3), lambda below: st.dictionaries(_NAMES, below, min_size=1, max_size=3), max_leaves=8
)
_SPECS = st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=4)


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if not isinstance(value, dict):
        yield path
        return
    for name, below in value.items():
        yield from _leaves(below, (*path, name))


def _fields(paths: list[tuple[str, ...]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in paths:
        at = found
        for name in path:
            at = at.setdefault(f"f:{name}", {})
    return found


def _pointer(path: tuple[str, ...]) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_SPECS, st.data())
def test_what_is_sent_is_what_nobody_else_has_taken(spec: dict[str, Any], data: st.DataObject) -> None:
    desired = {"apiVersion": "e/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec}
    paths = [("spec", *path) for path in _leaves(spec)]
    taken = data.draw(st.lists(st.sampled_from(paths), unique=True))
    kept = [path for path in paths if path not in taken]
    entries = [
        {"manager": MANAGER, "operation": "Apply", "apiVersion": "e/v1", "fieldsV1": _fields(kept)},
        {"manager": "other", "operation": "Update", "apiVersion": "e/v1", "fieldsV1": _fields(taken)},
    ]
    live = {**desired, "metadata": {"name": "x", "managedFields": entries}}

    for policy in (DriftPolicy(pointers=tuple(map(_pointer, paths))), DriftPolicy(managers=frozenset({"other"}))):
        sent = without_yielded(desired, live, MANAGER, policy)
        assert sorted(_leaves(sent.get("spec", {}))) == sorted(path[1:] for path in kept) or (
            not kept and "spec" not in sent
        )
        assert sent["metadata"] == {"name": "x"}
    assert without_yielded(desired, live, MANAGER, HEAL) is desired
    told = lost(live, MANAGER, desired)
    assert sorted(told.get(("other", "Update"), ())) == sorted(map(_pointer, taken))
