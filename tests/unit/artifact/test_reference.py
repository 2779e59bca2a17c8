"""References are parsed by the OCI grammar; the registry must be named and a prefix ends on a boundary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.artifact.access import RegistryAccess, access_for
from reconciler.artifact.reference import Reference, parse_reference, prefix_matches
from reconciler.errors import ArtifactError

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"ghcr.io/acme/app@{DIGEST}", ("ghcr.io", "acme/app", "", DIGEST)),
        (f"ghcr.io/acme/app:v1@{DIGEST}", ("ghcr.io", "acme/app", "v1", DIGEST)),
        ("localhost:5000/app:v1", ("localhost:5000", "app", "v1", "")),
        ("localhost/app:v1", ("localhost", "app", "v1", "")),
        ("[::1]:5000/a/b_c/d-e.f:V1_x", ("[::1]:5000", "a/b_c/d-e.f", "V1_x", "")),
    ],
)
def test_valid_references_are_taken_apart_and_put_together_again(text: str, parts: tuple[str, str, str, str]) -> None:
    reference = parse_reference(text)
    assert (reference.registry, reference.repository, reference.tag, reference.digest) == parts
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "app:v1", "acme/app:v1", "ghcr.io/acme/app", "ghcr.io/Acme/app:v1", "ghcr.io//app:v1", "ghcr.io/app:", "ghcr.io/app@sha256:12",
        f"ghcr.io/app@{DIGEST.upper()}", f"ghcr.io/app@md5:{'a' * 32}", "ghcr.io/../app:v1", "ghcr.io/app:v1\n", "https://ghcr.io/app:v1",
        "user@ghcr.io/app:v1", "ghcr.io/app:v1/x", "ghcr.io/" + "a" * 2000 + ":v1", "-ghcr.io/app:v1",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ArtifactError, match="is not an artifact reference") as caught:
        parse_reference(text)
    assert caught.value.code == "artifact.reference"


@given(st.text(max_size=200))
def test_no_text_crashes_the_parser(text: str) -> None:
    try:
        reference = parse_reference(text)
    except ArtifactError:
        return
    assert str(reference) == text


@pytest.mark.parametrize(
    ("prefix", "matches"),
    [
        ("ghcr.io", True),
        ("ghcr.io/acme", True),
        ("ghcr.io/acme/", True),
        ("ghcr.io/acme/app", True),
        ("ghcr.io/ac", False),
        ("ghcr.io/acme/ap", False),
        ("ghcr", False),
    ],
)
def test_a_prefix_ends_on_a_boundary(prefix: str, matches: bool) -> None:
    assert prefix_matches(prefix, parse_reference(f"ghcr.io/acme/app@{DIGEST}")) is matches


def test_the_longest_matching_entry_decides_and_without_one_nothing_is_asked() -> None:
    entries = [RegistryAccess(prefix="ghcr.io"), RegistryAccess(prefix="ghcr.io/acme", mirror="cache:5000")]
    reference = Reference(registry="ghcr.io", repository="acme/app", digest=DIGEST)
    assert access_for(reference, entries) is entries[1]
    assert access_for(Reference(registry="evil.example", repository="a", tag="v"), entries) is None
    assert access_for(reference, []) is not None


def test_another_port_of_a_configured_host_is_another_server() -> None:
    entries = [RegistryAccess(prefix="registry.example", username="robot", password="secret")]
    assert access_for(Reference(registry="registry.example:5000", repository="a", tag="v"), entries) is None


def test_credentials_are_not_shown() -> None:
    shown = repr(RegistryAccess(prefix="ghcr.io", username="me", password="hunter2"))
    assert "hunter2" not in shown
