from __future__ import annotations

from typing import Any


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
