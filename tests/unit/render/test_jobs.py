from __future__ import annotations

from typing import Any

from reconciler.fleet.model import Executor
from tests.unit.render.conftest import PODLESS


def test_a_job_stands_in_place_of_the_spinapp(rendered: Any) -> None:
    assert [each["kind"] for each in rendered({"job": {}}, trigger="command").objects] == ["Job"]


def test_another_version_is_another_job_because_pods_of_a_job_cannot_change(of_kind: Any) -> None:
    one = of_kind("Job", {"job": {}}, trigger="command")
    two = of_kind("Job", {"job": {}, "artifact": "r/shop@sha256:" + "b" * 64}, trigger="command")
    assert one["metadata"]["name"] != two["metadata"]["name"]


def test_a_schedule_makes_a_cronjob_under_the_apps_name(of_kind: Any) -> None:
    found = of_kind("CronJob", {"job": {"schedule": "@daily", "ttl": "1h30m"}}, trigger="command")
    assert found["metadata"]["name"] == "shop"
    assert found["spec"]["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] == 5400


def test_a_job_deleted_after_its_ttl_would_run_again_so_it_is_refused(rendered: Any) -> None:
    assert [problem.code for problem in rendered({"job": {"ttl": "1h"}}, trigger="command").problems] == ["render.job"]


def test_a_trigger_that_never_ends_is_no_job(rendered: Any) -> None:
    assert [problem.code for problem in rendered({"job": {}}).problems] == ["render.job"]


def test_a_job_trusts_the_authorities_of_its_executor(of_kind: Any) -> None:
    spec = {"createDeployment": True, "deploymentConfig": {"runtimeClassName": "w", "installDefaultCACerts": True}}
    pod = of_kind("Job", {"job": {}}, trigger="command", executor=Executor(name="e", spec=spec))["spec"]["template"][
        "spec"
    ]
    assert pod["volumes"][0]["secret"]["secretName"] == "spin-ca"
    assert pod["containers"][0]["volumeMounts"][0]["mountPath"] == "/etc/ssl/certs/ca-certificates.crt"


def test_an_executor_without_a_runtime_class_runs_no_job(rendered: Any) -> None:
    assert [problem.code for problem in rendered({"job": {}}, trigger="command", executor=PODLESS).problems] == [
        "render.job"
    ]


def test_fields_that_a_job_has_no_use_for_are_told_and_make_nothing(rendered: Any) -> None:
    result = rendered(
        {"job": {}, "disruption": {"minAvailable": 1}, "checks": {"liveness": {"path": "/"}}}, trigger="command"
    )
    assert [problem.message for problem in result.problems] == [
        "a job has no use for checks", "a job has no use for disruption",
    ]  # fmt: skip
    assert [each["kind"] for each in result.objects] == ["Job"]


def test_a_schedule_or_time_zone_that_kubernetes_refuses_is_an_error(rendered: Any) -> None:
    for job in ({"schedule": "every night"}, {"timezone": "Europe/Berlin"}):
        assert [problem.code for problem in rendered({"job": job}, trigger="command").problems] == ["render.job"]
