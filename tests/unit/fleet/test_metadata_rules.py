"""Labels and annotations that an App asks for: what Kubernetes would refuse, and what is not the App's to set."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.fleet.metadata_rules import metadata_faults


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        ({"podAnnotations": {"a b": "c"}}, "/podAnnotations/a b"),
        ({"serviceAnnotations": {"a/b/c": "c"}}, "/serviceAnnotations/a~1b~1c"),
        ({"serviceAccount": {"annotations": {"": "c"}}}, "/serviceAccount/annotations/"),
        ({"podLabels": {"core.spinkube.dev/app-name": "x"}}, "/podLabels/core.spinkube.dev~1app-name"),
        ({"labels": {"a b": "c"}}, "/labels/a b"),
        ({"labels": {"x" * 254 + "/a": "c"}}, f"/labels/{'x' * 254}~1a"),
        ({"labels": {"a": "b c"}}, "/labels/a"),
        ({"labels": {"a": "b-"}}, "/labels/a"),
        ({"labels": {"app.kubernetes.io/managed-by": "me"}}, "/labels/app.kubernetes.io~1managed-by"),
        ({"labels": {"applyset.kubernetes.io/part-of": "x"}}, "/labels/applyset.kubernetes.io~1part-of"),
        ({"annotations": {"spinfleet.dev/app": "x"}}, "/annotations/spinfleet.dev~1app"),
        ({"annotations": {"a": "x" * 262144}}, "/annotations"),
        ({"podAnnotations": {"spinfleet.dev/inputs": "x"}}, "/podAnnotations/spinfleet.dev~1inputs"),
        ({"namespaceLabels": {"a": "b/c"}}, "/namespaceLabels/a"),
        ({"routes": [{"host": "h"}, {"host": "i", "labels": {"a": "?"}}]}, "/routes/1/labels/a"),
        ({"routes": [{"host": "h", "annotations": {"spinfleet.dev/source": "x"}}]}, "/routes/0/annotations/spinfleet.dev~1source"),
        ({"autoscaling": {"annotations": {"?": "b"}}}, "/autoscaling/annotations/?"),
    ],
)  # fmt: skip
def test_what_can_not_be_set_is_told_at_its_key(spec: dict[str, Any], pointer: str) -> None:
    assert [each[0] for each in metadata_faults(spec)] == [pointer]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"labels": {"app.kubernetes.io/name": "mine", "example.com/team": "shop", "a": "", "A_b.c": "x_y.Z-1"}},
        {"annotations": {"note": "any text\nof lines", "x" * 253 + "/a": "", "Example.com/Team": "a"}},
        {"autoscaling": {"labels": {"a": "b"}, "annotations": {"autoscaling.keda.sh/paused": "true"}}},
    ],
)
def test_what_kubernetes_takes_is_fine(spec: dict[str, Any]) -> None:
    assert list(metadata_faults(spec)) == []
