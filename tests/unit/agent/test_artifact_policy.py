"""What artifacts must be: the Fleet and the FleetSync both must allow, and what can't be checked is not fine."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.agent.artifact_policy import Wanted, unsigned, wanted
from reconciler.agent.fleetsync import Policy
from reconciler.artifact.reference import parse_reference
from reconciler.errors import ArtifactError
from reconciler.fleet.signature_rules import SignatureRule, SignerIdentity

APP = parse_reference("ghcr.io/acme/app@sha256:" + "a" * 64)
OPEN: dict[str, Any] = {"unsigned": "Allow"}


RULE = SignatureRule(match="ghcr.io/acme/*", identities=(SignerIdentity(issuer="i", subject="a"),))
FLOOR = SignatureRule(match="ghcr.io/acme/*", identities=(SignerIdentity(issuer="i", subject="b"),))
ELSEWHERE = SignatureRule(match="ghcr.io/other/*", identities=(SignerIdentity(issuer="i", subject="b"),))


def policy(*floor: SignatureRule, **more: Any) -> Policy:
    return Policy(signatures=tuple({"match": rule.match} for rule in floor), floor=floor, **more)


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


@pytest.mark.parametrize("artifacts", [{}, {"unsigned": "Deny"}])
def test_where_unsigned_artifacts_are_denied_one_without_a_rule_is_refused(artifacts: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match="no rule for signatures is for") as caught:
        wanted(APP, artifacts, (ELSEWHERE,), Policy())
    assert caught.value.code == "artifact.unsigned"


@pytest.mark.parametrize("level", ["Deny", "Warn", "Allow"])
def test_a_rule_that_is_for_an_artifact_must_be_kept_whatever_unsigned_says(level: str) -> None:
    assert wanted(APP, {"unsigned": level}, (ELSEWHERE, RULE), Policy()) == Wanted(signatures=(RULE,))


def test_both_rules_must_be_kept_where_both_have_one() -> None:
    assert wanted(APP, {}, (RULE,), policy(FLOOR)).signatures == (RULE, FLOOR)


def test_a_rule_of_the_fleetsync_is_enough_for_a_fleet_without_one() -> None:
    assert wanted(APP, {}, (), policy(FLOOR)).signatures == (FLOOR,)


def test_keys_of_the_repository_count_only_where_the_fleetsync_names_none() -> None:
    assert wanted(APP, {}, (RULE,), Policy(unsigned="Deny")).signatures == (RULE,)
    with pytest.raises(ArtifactError, match="no rule of the FleetSync"):
        wanted(APP, {}, (RULE,), policy(ELSEWHERE))
    with pytest.raises(ArtifactError, match="no rule of the FleetSync"):
        wanted(APP, OPEN, (), policy(ELSEWHERE))


def test_a_fleetsync_may_leave_what_its_rules_are_not_for_to_the_fleet() -> None:
    assert wanted(APP, {}, (RULE,), policy(ELSEWHERE, unsigned="Allow")).signatures == (RULE,)
    assert wanted(APP, {}, (RULE,), policy(ELSEWHERE, unsigned="Warn")).warnings


def test_rules_of_a_fleetsync_that_were_not_read_in_let_nothing_pass() -> None:
    with pytest.raises(ArtifactError, match="have not been read") as caught:
        wanted(APP, OPEN, (), Policy(signatures=({"match": "**"},)))
    assert caught.value.code == "artifact.signature-policy"


def test_a_warning_is_given_where_it_is_asked_for() -> None:
    assert wanted(APP, {"unsigned": "Warn"}, (), Policy()).warnings
    assert wanted(APP, OPEN, (), Policy()) == Wanted()


def test_registries_of_the_fleet_are_the_only_ones() -> None:
    assert wanted(APP, {**OPEN, "registries": ["ghcr.io/acme"]}, (), Policy()) == Wanted()
    with pytest.raises(ArtifactError, match="not under the Fleet's") as caught:
        wanted(APP, {**OPEN, "registries": ["ghcr.io/other"]}, (), Policy())
    assert caught.value.code == "artifact.registry"
    with pytest.raises(ArtifactError, match="not under the Fleet's"):
        wanted(APP, {**OPEN, "registries": []}, (), Policy())


def test_a_tag_alone_passes_only_where_both_say_so() -> None:
    tagged = parse_reference("ghcr.io/acme/app:v1")
    with pytest.raises(ArtifactError, match="a digest is required") as caught:
        wanted(tagged, {**OPEN, "requireDigest": False}, (), Policy())
    assert caught.value.code == "artifact.no-digest"
    assert wanted(tagged, {**OPEN, "requireDigest": False}, (), Policy(require_digest=False)) == Wanted()
