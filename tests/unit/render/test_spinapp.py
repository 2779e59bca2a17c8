from __future__ import annotations

from typing import Any

import pytest

from tests.unit.render.conftest import PODLESS


def test_an_http_app_is_asked_for_its_health_by_default(of_kind: Any) -> None:
    assert of_kind("SpinApp")["spec"]["checks"] == {"readiness": {"httpGet": {"path": "/.well-known/spin/health"}}}


def test_an_app_without_http_is_not_asked(of_kind: Any) -> None:
    assert "checks" not in of_kind("SpinApp", trigger="redis")["spec"]


def test_a_check_can_be_turned_off(of_kind: Any) -> None:
    assert "checks" not in of_kind("SpinApp", {"checks": {"readiness": False}})["spec"]


@pytest.mark.parametrize("kind", ["HPA", "KEDA"])
def test_replicas_and_autoscaling_exclude_one_another(of_kind: Any, kind: str) -> None:
    spec = of_kind("SpinApp", {"autoscaling": {"type": kind, "max": 3, "cpu": 60}})["spec"]
    assert spec["enableAutoscaling"] is True
    assert "replicas" not in spec


@pytest.mark.parametrize("field", ["autoscaling", "disruption", "network", "monitoring"])
def test_what_acts_on_pods_is_refused_where_there_will_be_none(rendered: Any, field: str) -> None:
    values = {
        "autoscaling": {"type": "HPA", "max": 2, "cpu": 50},
        "disruption": {"minAvailable": 1},
        "network": {"egress": []},
        "monitoring": {"path": "/m"},
    }
    result = rendered({field: values[field]}, executor=PODLESS)
    assert [problem.code for problem in result.problems] == ["render.no-deployment"]


def test_every_object_names_its_app_and_the_file_it_comes_from(rendered: Any) -> None:
    for obj in rendered({"routes": [{"host": "h"}], "disruption": {"minAvailable": 1}}).objects:
        assert obj["metadata"]["annotations"]["spinfleet.dev/app"] == "shop"
        assert obj["metadata"]["annotations"]["spinfleet.dev/source"] == "shop/app.yaml"


def test_a_version_that_is_no_label_is_made_one(of_kind: Any) -> None:
    assert of_kind("SpinApp")["metadata"]["labels"]["app.kubernetes.io/version"] == "1.0.0"
