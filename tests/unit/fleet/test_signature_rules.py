"""Which rule is for which artifact, whom an identity covers, and what a Fleet's rules become with their keys read in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fleet.patterns import identity_fault, matches
from reconciler.fleet.signature_rules import SignatureRule, SignerIdentity, first_match

SHOP = "https://github.com/acme/shop/.github/workflows/release.yaml@refs/tags/v1"
GITHUB = "https://token.actions.githubusercontent.com"


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("ghcr.io/acme/*", "ghcr.io/acme/app", True),
        ("ghcr.io/acme/*", "ghcr.io/acme/team/app", False),
        ("ghcr.io/acme/**", "ghcr.io/acme/team/app", True),
        ("ghcr.io/acme/**", "ghcr.io/acme-evil/app", False),
        ("ghcr.io/acme", "ghcr.io/acme/app", False),
        ("acme/**", "ghcr.io/acme/app", False),
        ("**", "anything/at/all", True),
        ("*.example.com/a", "ghcr.example.com/a", True),
        ("*.example.com/a", "evil/ghcr.example.com/a", False),
        ("ghcr.io/**/app", "ghcr.io/a/b/app", True),
        ("a.b/*", "axb/c", False),
        ("", "", True),
        ("*", "", True),
    ],
)
def test_a_star_stays_in_its_segment_two_cross_and_the_whole_text_counts(
    pattern: str, text: str, expected: bool
) -> None:
    assert matches(pattern, text) is expected


@given(st.text(alphabet="ab/*", max_size=12), st.text(alphabet="ab/", max_size=12))
def test_patterns_mean_what_the_same_regular_expression_does(pattern: str, text: str) -> None:
    import re

    expression = re.sub(
        r"\*\*|\*|[^*]", lambda found: {"**": ".*", "*": "[^/]*"}.get(found[0], re.escape(found[0])), pattern
    )
    assert matches(pattern, text) is bool(re.fullmatch(expression, text))


def test_no_pattern_is_too_much_work() -> None:
    assert not matches("*a" * 256, "a" * 2048 + "/")
    assert not matches("**a" * 170, "b" * 2048)
    assert not matches("*" * 600, "a")


def test_the_first_rule_that_is_for_a_repository_counts() -> None:
    rules = [SignatureRule(match="ghcr.io/acme/dev/**"), SignatureRule(match="ghcr.io/acme/**")]
    assert first_match(rules, "ghcr.io", "acme/dev/app") is rules[0]
    assert first_match(rules, "ghcr.io", "acme/app") is rules[1]
    assert first_match(rules, "ghcr.io", "other/app") is None


@pytest.mark.parametrize("registry", ["ghcr.io", "GHCR.IO", "ghcr.io:443"])
def test_another_spelling_of_a_registry_does_not_escape_its_rule(registry: str) -> None:
    assert first_match([SignatureRule(match="ghcr.io/**")], registry, "acme/app") is not None


def test_docker_hub_is_one_registry_by_all_its_names() -> None:
    for written in ("docker.io", "index.docker.io"):
        for asked in ("docker.io", "index.docker.io", "registry-1.docker.io"):
            assert first_match([SignatureRule(match=f"{written}/acme/*")], asked, "acme/app") is not None


@pytest.mark.parametrize(
    ("issuer", "subject", "covered"),
    [
        (GITHUB, SHOP, True),
        (GITHUB + "/", SHOP, False),
        ("https://evil.example", SHOP, False),
        ("", SHOP, False),
        (GITHUB, SHOP + "/../x", False),
        (GITHUB, SHOP.replace("github.com", "github.com.evil.example"), False),
        (GITHUB, "x" + SHOP, False),
        (GITHUB, "", False),
    ],
)
def test_an_identity_is_exact_in_issuer_and_subject(issuer: str, subject: str, covered: bool) -> None:
    assert SignerIdentity(issuer=GITHUB, subject=SHOP).covers(issuer, subject) is covered
    pattern = SignerIdentity(issuer=GITHUB, subject_pattern=SHOP.replace("shop", "*").replace("v1", "*"))
    assert pattern.covers(issuer, subject) is covered


def test_an_exact_subject_with_a_star_is_no_pattern() -> None:
    assert not SignerIdentity(issuer=GITHUB, subject="https://github.com/*").covers(GITHUB, "https://github.com/acme")
    assert not SignerIdentity(issuer=GITHUB).covers(GITHUB, "a")


@pytest.mark.parametrize(
    "pattern", ["^https://a$", "https://a/.*", "a|b", "(a)", "[a]", "**/release.yaml", "**", "*", "*/*", r"a\.b"]
)
def test_patterns_of_identities_that_others_could_meet_are_faults(pattern: str) -> None:
    assert identity_fault(pattern)


@pytest.mark.parametrize("pattern", ["https://github.com/acme/**", "*@acme.example", "spiffe://a/*/b", "a+b@c.example"])
def test_patterns_that_say_how_an_identity_begins_are_fine(pattern: str) -> None:
    assert identity_fault(pattern) == ""


def test_whatever_decides_is_part_of_a_rules_digest() -> None:
    rule = SignatureRule(match="**", require=1)
    others = [
        SignatureRule(match="*"),
        SignatureRule(match="**", require=2),
        SignatureRule(match="**", log_required=True),
        SignatureRule(match="**", trust_root="{}"),
        SignatureRule(match="**", attestations=("a",)),
        SignatureRule(match="**", identities=(SignerIdentity(issuer="a", subject="b"),)),
        SignatureRule(match="**", identities=(SignerIdentity(issuer="a", subject_pattern="b"),)),
    ]
    assert len({rule.digest, *(each.digest for each in others)}) == len(others) + 1
