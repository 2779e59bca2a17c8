"""Golden SpinApps against every rule of SpinKube's webhooks, with the executors of the same cluster."""

from __future__ import annotations

from typing import Any

from tests.webhooks import executors_of, refusals


def test_no_golden_spinapp_is_refused_by_the_webhooks(case: Any) -> None:
    objects, _ = case.rendered()
    # Said to be in the cluster already (`create: false`): no object of ours.
    there = {("other", "handmade"): {"createDeployment": True, "deploymentConfig": {}}}
    executors = {**executors_of(objects), **there}
    apps = [obj for obj in objects if obj["kind"] == "SpinApp"]
    assert {app["metadata"]["name"]: list(refusals(app, executors)) for app in apps} == {
        app["metadata"]["name"]: [] for app in apps
    }
