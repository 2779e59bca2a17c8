"""Status says what is, in kstatus' terms, and the same state gives the same bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from reconciler.agent.status import AppReport, ObjectFailure, Report, conditions, status_of
from reconciler.plan.model import Health
from reconciler.problems import Problem

COMMIT = "c" * 40


def app(name: str, **fields: Any) -> AppReport:
    defaults: dict[str, Any] = {
        "kind": "App",
        "version": "v",
        "artifact": "Verified",
        "objects": 3,
        "health": Health.CURRENT,
    }
    return AppReport(name=name, **{**defaults, **fields})


GOOD = Report(
    cluster="eu",
    generation=2,
    handled_request="",
    commit_seen=COMMIT,
    commit_applied=COMMIT,
    source_error="",
    commit_refused=False,
    syncing=False,
    stalled="",
    suspended="",
    apps=(app("cart"), app("pay")),
    problems=(),
    failures=(),
)


def state(report: Report) -> dict[str, tuple[str, str]]:
    return {condition.type: (condition.status, condition.reason) for condition in conditions(report)}


def test_a_healthy_fleet_is_ready_and_has_no_abnormal_conditions() -> None:
    found = state(GOOD)
    assert found["Ready"] == ("True", "Synced")
    assert {"Reconciling", "Stalled"}.isdisjoint(found)


def test_git_being_away_does_not_make_a_running_fleet_unready() -> None:
    found = state(replace(GOOD, source_error="git.example did not answer"))
    assert found["SourceReady"] == ("False", "FetchFailed")
    assert found["Ready"] == ("True", "Synced")


def test_a_refused_commit_names_its_first_error_and_what_stays() -> None:
    problem = Problem(path="fleet.yaml", line=3, column=1, code="fleet.unknown-kind", message="kind Flet is not known")
    report = replace(GOOD, commit_seen="d" * 40, commit_refused=True, problems=(problem,))
    valid = next(condition for condition in conditions(report) if condition.type == "Valid")
    assert valid.reason == "CommitRefused"
    assert "fleet.yaml:3:1" in valid.message
    assert COMMIT[:12] in valid.message
    assert state(report)["Ready"][0] == "False"


def test_before_anything_was_read_nothing_is_called_ready() -> None:
    found = state(replace(GOOD, loaded=False, apps=(), source_error="git.example did not answer"))
    assert found["Ready"] == ("False", "NotSynced")


def test_an_unverified_artifact_makes_verified_false_and_names_the_app() -> None:
    report = replace(GOOD, apps=(app("cart"), app("pay", artifact="Refused", held="digest differs")))
    verified = next(condition for condition in conditions(report) if condition.type == "Verified")
    assert (verified.status, verified.reason) == ("False", "Refused")
    assert "pay: digest differs" in verified.message


def test_a_failed_object_is_told_with_its_reason() -> None:
    failure = ObjectFailure(
        owner="cart", object="Deployment shop/cart", code="object.foreign", message="exists and is not ours"
    )
    report = replace(GOOD, failures=(failure,))
    ready = conditions(report)[0]
    assert (ready.type, ready.status) == ("Ready", "False")
    assert "Deployment shop/cart: exists and is not ours" in ready.message
    assert status_of(report, {}, "t")["problems"][0]["object"] == "Deployment shop/cart"


def test_progress_is_unknown_not_false() -> None:
    found = state(replace(GOOD, apps=(app("cart", health=Health.PROGRESSING, message="1 of 2 replicas"),)))
    assert found["Healthy"] == ("Unknown", "Progressing")
    assert found["Ready"][0] == "Unknown"


def test_transition_times_move_only_when_a_condition_changes() -> None:
    first = status_of(GOOD, {}, "2026-01-01T00:00:00Z")
    again = status_of(GOOD, first, "2026-02-02T00:00:00Z")
    assert json.dumps(again) == json.dumps(first)
    sick = status_of(replace(GOOD, apps=(app("cart", health=Health.FAILED),)), first, "2026-02-02T00:00:00Z")
    times = {condition["type"]: condition["lastTransitionTime"] for condition in sick["conditions"]}
    assert times["Healthy"] == "2026-02-02T00:00:00Z"
    assert times["SourceReady"] == "2026-01-01T00:00:00Z"


def test_lists_are_bounded_and_counts_are_not() -> None:
    many = tuple(app(f"app-{number:04}") for number in range(5000))
    sick = app("zz", health=Health.FAILED, message="x" * 5000)
    status = status_of(replace(GOOD, apps=(*many, sick)), {}, "t")
    assert status["counts"]["apps"] == 5001
    assert len(status["apps"]) == 200
    assert status["apps"][0]["name"] == "zz"
    assert len(status["apps"][0]["message"]) <= 1024
    assert len(json.dumps(status)) < 200_000


def test_an_app_says_by_which_code_its_artifact_is_not_verified() -> None:
    refused = app("fake", artifact="Refused", code="artifact.not-wasm", held="not WebAssembly")
    listed = {each["name"]: each for each in status_of(replace(GOOD, apps=(app("cart"), refused)), {}, "now")["apps"]}
    assert (listed["fake"]["artifact"], listed["fake"]["code"]) == ("Refused", "artifact.not-wasm")
    assert "code" not in listed["cart"]


def test_what_was_told_of_apps_stands_while_nothing_is_known_of_them() -> None:
    told = status_of(GOOD, {}, "2026-11-25T12:00:00Z")
    suspended = replace(GOOD, loaded=False, apps=(), suspended="spec.suspend is true")
    found = status_of(suspended, told, "2026-11-25T12:01:00Z")
    assert found["apps"] == told["apps"]
    assert found["counts"] == told["counts"]
    assert [each["status"] for each in found["conditions"] if each["type"] == "Ready"] == ["Unknown"]

    elsewhere = status_of(replace(suspended, cluster="us"), told, "2026-11-25T12:01:00Z")
    assert (elsewhere["apps"], elsewhere["counts"]["apps"]) == ([], 0)
    ending = status_of(replace(suspended, ending="2 objects are left"), told, "2026-11-25T12:01:00Z")
    assert ending["apps"] == []
