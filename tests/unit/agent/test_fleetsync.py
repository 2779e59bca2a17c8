"""A FleetSync object becomes a value with its defaults."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.agent.fleetsync import duration_seconds, parse
from reconciler.errors import InputError


def obj(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "fleet", "namespace": "ns", "uid": "u", "resourceVersion": "7", "generation": 3},
        "spec": {"source": {"url": "https://git.example/fleet"}, "cluster": "eu", **spec},
    }


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25)])
def test_durations_are_read_as_go_writes_them(text: str, seconds: float) -> None:
    assert duration_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "1m 30s", "1d", "-5s", "5sx"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a duration"):
        duration_seconds(text)


def test_the_branch_defaults_to_main_only_where_nothing_is_named() -> None:
    assert parse(obj()).source.branch == "main"
    assert parse(obj(source={"url": "u", "tag": "v1"})).source.branch == ""


def test_an_interval_is_never_shorter_than_a_second() -> None:
    assert parse(obj(source={"url": "u", "interval": "10ms"})).source.interval == 1.0


def test_members_are_orphaned_unless_deletion_is_asked_for() -> None:
    assert not parse(obj()).delete_members
    assert parse(obj(deletionPolicy="Delete")).delete_members


def test_policy_keeps_unset_apart_from_empty() -> None:
    assert parse(obj()).policy.namespaces is None
    assert parse(obj(policy={"namespaces": []})).policy.namespaces == ()


def test_registries_carry_their_secrets_names_and_mirror() -> None:
    entry = {"prefix": "ghcr.io/acme", "secretRef": {"name": "pull"}, "plainHTTP": True, "mirror": "cache:5000"}
    registry = parse(obj(policy={"registries": [entry]})).policy.registries[0]
    assert (registry.prefix, registry.secret, registry.plain_http, registry.mirror) == (
        "ghcr.io/acme",
        "pull",
        True,
        "cache:5000",
    )
