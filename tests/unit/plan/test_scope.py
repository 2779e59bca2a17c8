"""What the server says of a kind decides whether an object keeps a namespace that was only a default."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan.model import ObjectKey, key_of
from reconciler.plan.scope import in_scope

WIDGET = ObjectKey("acme.example", "Widget", "shop", "w")


def _widget(namespace: str = "shop") -> dict[str, Any]:
    return {
        "apiVersion": "acme.example/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": namespace, "labels": {"a": "b"}},
    }


@pytest.mark.parametrize(
    ("served", "namespace", "told"), [(True, "shop", True), (False, "", True), (None, "shop", False)]
)
def test_a_default_namespace_stays_unless_the_kind_has_none(served: bool | None, namespace: str, told: bool) -> None:
    given = _widget()
    found, untold = in_scope([given], {WIDGET}, lambda *_: served)
    assert (key_of(found[WIDGET]).namespace, untold) == (namespace, set() if told else {WIDGET})
    assert found[WIDGET]["metadata"]["labels"] == {"a": "b"}
    assert given == _widget()


def test_a_namespace_that_was_written_is_never_taken_away() -> None:
    found, untold = in_scope([_widget()], frozenset(), lambda *_: False)
    assert (key_of(found[WIDGET]).namespace, untold) == ("shop", frozenset())
