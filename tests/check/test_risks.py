"""Risks that a change brings, and the policy that judges them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reconciler.check.change_findings import findings
from reconciler.check.review import DEFAULTS, Level, Review
from tests.check.changes import CHANGES, CHECKOUT, WEB
from tests.check.conftest import Change, Files, edit, reported

KEYS = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + letter * 43 for letter in "AB"]
PEMS = [
    Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
    for number in (1, 2)
]


def both(*changes: Change) -> Change:
    def change(fleet: Files) -> None:
        for each in changes:
            each(fleet)

    return change


def policy(text: str) -> Change:
    return edit("fleet.yaml", "  prune:", f"  review: {text}\n  prune:")


def _cluster_role(fleet: Files) -> None:
    fleet["platform/web/role.yaml"] = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}\n"
        "rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]\n"
    )


def _no_rollout(fleet: Files) -> None:
    head, _, _ = fleet["fleet.yaml"].partition("---\n")
    fleet["fleet.yaml"] = head.replace(", rollout: by-region", "")


def signed(fleet: Files) -> None:
    fleet["keys/release.pub"] = PEMS[0]
    edit(
        "fleet.yaml",
        "unsigned: Allow}",
        "unsigned: Allow, signatures: [{match: ghcr.io/acme/**, keys: [{name: release, file: keys/release.pub}]}]}",
    )(fleet)


def status_key(key: str) -> Change:
    return edit("clusters.yaml", "{domain: us-1.acme.example}", f"{{domain: us-1.acme.example}}, statusKey: {key}")


WILDCARD = edit("apps/checkout/spin.toml", "https://rates.example.com", "https://*:443")
RISKS: dict[str, tuple[Change | None, Change]] = {
    "wildcard-egress": (None, WILDCARD),
    "cluster-scoped": (None, _cluster_role),
    "replicas-to-zero": (None, edit(WEB, "  replicas: 1\n", "  replicas: 0\n")),
    "removed-route": (None, CHANGES["route"]),
    "prune-guard": (None, CHANGES["app-gone"]),
    "all-at-once": (None, CHANGES["image"]),
    "unpinned-tag": (
        edit("fleet.yaml", "unsigned: Allow", "unsigned: Allow, requireDigest: false"),
        edit(CHECKOUT, "@sha256:" + "a" * 64, ":v2"),
    ),
    "rollout": (None, _no_rollout),
    "signing": (signed, edit("keys/release.pub", PEMS[0], PEMS[1])),
    "status-key": (status_key(KEYS[0]), edit("clusters.yaml", KEYS[0], KEYS[1])),
    "review-policy": (policy("{signing: error}"), edit("fleet.yaml", "  review: {signing: error}\n", "")),
}


@pytest.mark.parametrize("code", sorted(RISKS))
def test_a_risk_is_told_with_its_reason(code: str) -> None:
    before, change = RISKS[code]
    found = [each for each in reported(change, before=before).risks if each.code == code]
    assert found, code
    assert all(each.reason and each.subject for each in found)
    assert found[0].level is DEFAULTS[code]


def test_every_risk_has_an_example() -> None:
    assert RISKS.keys() == DEFAULTS.keys()


def test_a_policy_turns_a_risk_into_an_error_that_fails_the_check() -> None:
    report = reported(WILDCARD, before=policy("{wildcard-egress: error}"))
    assert report.result == "error"
    (problem,) = [each for each in findings(report).problems if each.code == "risk.wildcard-egress"]
    assert problem.path == CHECKOUT


def test_a_change_that_lowers_the_policy_is_judged_by_the_old_one() -> None:
    lowered = edit("fleet.yaml", "{wildcard-egress: error}", "{wildcard-egress: note}")
    report = reported(both(WILDCARD, lowered), before=policy("{wildcard-egress: error}"))
    levels = {each.code: (each.level, each.judged_by) for each in report.risks}
    assert levels["wildcard-egress"] == (Level.ERROR, "base")
    assert "review-policy" in levels


def test_a_change_that_raises_the_policy_is_judged_by_the_new_one() -> None:
    report = reported(both(WILDCARD, policy("{wildcard-egress: error}")))
    levels = {each.code: (each.level, each.judged_by) for each in report.risks}
    assert levels == {"wildcard-egress": (Level.ERROR, "head")}


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ({}, {}, (Level.WARNING, "default")),
        ({"signing": "note"}, {}, (Level.WARNING, "default")),
        ({"signing": "note"}, {"signing": "note"}, (Level.NOTE, "both")),
        ({"signing": "error"}, {}, (Level.ERROR, "base")),
        ({}, {"signing": "error"}, (Level.ERROR, "head")),
    ],
)
def test_the_stricter_policy_counts(base: dict[str, str], head: dict[str, str], expected: tuple[Level, str]) -> None:
    assert Review(base, head).level("signing") == expected


def test_a_new_key_for_signing_names_the_key() -> None:
    report = reported(RISKS["signing"][1], before=signed)
    (risk,) = report.risks
    assert "key 'release' is added or replaced" in risk.reason
