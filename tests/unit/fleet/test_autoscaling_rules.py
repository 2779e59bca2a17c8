from __future__ import annotations

from typing import Any

import pytest

from reconciler.fleet.autoscaling_rules import autoscaling_faults

_CPU = {"resources": {"requests": {"cpu": "50m", "memory": "32Mi"}}}
_REDIS = {"type": "redis", "metadata": {"address": "r:6379", "listName": "l"}}
_CRON = {"timezone": "Europe/Berlin", "start": "0 8 * * *", "end": "0 18 * * *", "desiredReplicas": 3}


def _faults(scaling: dict[str, Any], *, is_http: bool = True, **spec: Any) -> list[tuple[str, str]]:
    found = autoscaling_faults({**_CPU, **spec, "autoscaling": {"max": 5, **scaling}}, is_http=is_http)
    return [(pointer.removeprefix("/autoscaling"), message) for pointer, message, _ in found]


@pytest.mark.parametrize(
    "scaling",
    [
        {"type": "HPA", "cpu": 60, "memory": 70, "min": 1, "behavior": {}},
        {"type": "KEDA", "min": 0, "triggers": [_REDIS]},
        {"type": "KEDA", "min": 0, "cpu": 60, "schedule": [_CRON]},
        {"type": "KEDA", "triggers": [{**_REDIS, "name": "a"}, {**_REDIS, "name": "b", "authenticationRef": {"name": "x"}}]},
        {"type": "KEDA", "triggers": [{"type": "aws-sqs-queue", "metadata": {"queueURL": "u", "awsRegion": "r"}, "authentication": {"podIdentity": {"provider": "aws"}}}]},
        {"type": "KEDA", "triggers": [{"type": "prometheus", "metadata": {"serverAddress": "p", "query": "q", "threshold": 1}}]},
        {"type": "KEDA", "triggers": [{"type": "a-scaler-of-tomorrow", "metadata": {"anything": True}}]},
        {"type": "KEDA", "triggers": [{"type": "redis", "metadata": {"listName": "l"}, "authenticationRef": {"name": "address-and-all"}}]},
        {"type": "HTTP", "min": 0, "concurrency": 10, "cooldownPeriod": 30},
    ],
)  # fmt: skip
def test_what_can_be_scaled_by_is_fine(scaling: dict[str, Any]) -> None:
    assert _faults(scaling) == []


@pytest.mark.parametrize(
    ("scaling", "pointer", "said"),
    [
        ({"type": "HPA", "cpu": 60, "min": 0}, "/min", "zero"),
        ({"type": "HPA", "cpu": 60, "min": 9}, "/min", "min is 9"),
        ({"type": "HPA"}, "", "neither cpu nor memory"),
        ({"type": "HPA", "cpu": 60, "triggers": [_REDIS]}, "/triggers", "type KEDA"),
        ({"type": "HTTP", "cpu": 60}, "/cpu", "HPA or KEDA"),
        ({"type": "HTTP", "behavior": {}}, "/behavior", "HPA or KEDA"),
        ({"type": "HTTP", "concurrency": 1, "requestRate": 1}, "/requestRate", "exclude"),
        ({"type": "KEDA", "cpu": 60, "concurrency": 1}, "/concurrency", "type HTTP"),
        ({"type": "KEDA"}, "", "needs a trigger"),
        ({"type": "KEDA", "min": 0, "cpu": 60}, "/min", "never scale to zero"),
        ({"type": "KEDA", "min": 0, "triggers": [{"type": "cpu", "metadata": {"value": "60"}}]}, "/min", "never scale to zero"),
        ({"type": "KEDA", "triggers": [{"type": "redis", "metadata": {"listName": "l"}}]}, "/triggers/0/metadata", "'address'"),
        ({"type": "KEDA", "triggers": [{"type": "redis", "metadata": {"host": "r"}}]}, "/triggers/0/metadata", "'listName'"),
        ({"type": "KEDA", "triggers": [{**_REDIS, "metdata": {}}]}, "/triggers/0/metdata", "no field 'metdata'"),
        ({"type": "KEDA", "triggers": [{**_REDIS, "metricType": "Percent"}]}, "/triggers/0/metricType", "'Percent'"),
        ({"type": "KEDA", "triggers": [{**_REDIS, "name": "a"}, {**_REDIS, "name": "a"}]}, "/triggers/1/name", "'a'"),
        ({"type": "KEDA", "triggers": [{**_REDIS, "metadata": {"listName": "l", "address": ["a"]}}]}, "/triggers/0/metadata/address", "a text"),
        ({"type": "KEDA", "triggers": [{**_REDIS, "metadata": "address"}]}, "/triggers/0/metadata", "texts by name"),
        ({"type": "KEDA", "triggers": [{**_REDIS, "authentication": {"secretRef": []}}]}, "/triggers/0/authentication/secretRef", "secretRef"),
        ({"type": "KEDA", "triggers": [{**_REDIS, "authentication": {}}]}, "/triggers/0/authentication", "spec of a TriggerAuthentication"),
        ({"type": "KEDA", "triggers": [{**_REDIS, "authentication": {"env": []}, "authenticationRef": {"name": "a"}}]}, "/triggers/0/authentication", "names another"),
        ({"type": "KEDA", "schedule": [{**_CRON, "start": "at eight"}]}, "/schedule/0/start", "cron schedule"),
        ({"type": "KEDA", "schedule": [{**_CRON, "end": "0 8 * * *"}]}, "/schedule/0/end", "the same"),
        ({"type": "KEDA", "schedule": [{"start": "0 8 * * *", "end": "0 9 * * *", "desiredReplicas": 1}]}, "/schedule/0", "'timezone'"),
    ],
)  # fmt: skip
def test_what_would_be_refused_or_never_act_is_told(scaling: dict[str, Any], pointer: str, said: str) -> None:
    ((at, message),) = _faults(scaling)
    assert at == pointer
    assert said in message


@pytest.mark.parametrize(
    "scaling",
    [
        {"type": "HPA", "memory": 60},
        {"type": "KEDA", "memory": 60},
        {"type": "KEDA", "triggers": [{"type": "memory", "metricType": "Utilization", "metadata": {"value": "60"}}]},
    ],
)
def test_a_share_of_a_request_needs_the_request_or_a_limit(scaling: dict[str, Any]) -> None:
    ((_, message),) = _faults(scaling, resources={"requests": {"cpu": "1"}})
    assert "memory request" in message
    assert _faults(scaling, resources={"limits": {"memory": "64Mi"}}) == []


def test_requests_are_counted_only_of_apps_that_answer_them() -> None:
    ((pointer, message),) = _faults({"type": "HTTP"}, is_http=False)
    assert (pointer, "no http trigger" in message) == ("/type", True)
