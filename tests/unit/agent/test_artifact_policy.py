"""What artifacts must be: the Fleet and the FleetSync both must allow, and what can't be checked is not fine."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.agent.artifact_policy import check, unsigned
from reconciler.agent.fleetsync import Policy
from reconciler.artifact.reference import parse_reference
from reconciler.errors import ArtifactError

APP = parse_reference("ghcr.io/acme/app@sha256:" + "a" * 64)
OPEN: dict[str, Any] = {"unsigned": "Allow"}


@pytest.mark.parametrize(
    ("fleet", "sync", "level"),
    [
        ("Allow", "", "Allow"),
        ("Allow", "Deny", "Deny"),
        ("Deny", "Allow", "Deny"),
        ("Warn", "Allow", "Warn"),
        ("Allow", "Warn", "Warn"),
        (None, "Allow", "Deny"),
    ],
)
def test_the_stricter_of_the_two_wins_and_the_default_denies(fleet: str | None, sync: str, level: str) -> None:
    artifacts = {} if fleet is None else {"unsigned": fleet}
    assert unsigned(artifacts, Policy(unsigned=sync)) == level


@pytest.mark.parametrize(
    "artifacts", [{}, {"unsigned": "Deny"}, {"unsigned": "Allow", "signatures": [{"match": "ghcr.io/**"}]}]
)
def test_where_a_signature_is_wanted_nothing_runs_because_none_can_be_verified(artifacts: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match="no signature was verified"):
        check(APP, artifacts, Policy())


def test_a_fleetsync_that_wants_signatures_can_not_be_outvoted() -> None:
    with pytest.raises(ArtifactError, match="no signature was verified"):
        check(APP, OPEN, Policy(signatures=({"match": "**"},)))


def test_a_warning_is_given_where_it_is_asked_for() -> None:
    assert check(APP, {"unsigned": "Warn"}, Policy()) == ("no signature was verified",)
    assert check(APP, OPEN, Policy()) == ()


def test_registries_of_the_fleet_are_the_only_ones() -> None:
    assert check(APP, {**OPEN, "registries": ["ghcr.io/acme"]}, Policy()) == ()
    with pytest.raises(ArtifactError, match="not under the Fleet's"):
        check(APP, {**OPEN, "registries": ["ghcr.io/other"]}, Policy())
    with pytest.raises(ArtifactError, match="not under the Fleet's"):
        check(APP, {**OPEN, "registries": []}, Policy())


def test_a_tag_alone_passes_only_where_both_say_so() -> None:
    tagged = parse_reference("ghcr.io/acme/app:v1")
    with pytest.raises(ArtifactError, match="a digest is required"):
        check(tagged, {**OPEN, "requireDigest": False}, Policy())
    assert check(tagged, {**OPEN, "requireDigest": False}, Policy(require_digest=False)) == ()
