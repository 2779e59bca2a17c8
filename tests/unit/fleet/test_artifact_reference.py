"""References to artifacts: written in full, with a digest, from an allowed registry."""

from __future__ import annotations

import pytest

from reconciler.fleet.artifact_reference import Reference, allowed, read, reference_fault

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    "reference",
    [
        f"ghcr.io/acme/shop@{DIGEST}",
        f"localhost:5000/shop:v1@{DIGEST}",
        f"127.0.0.1:5000/a/b/c@{DIGEST}",
        f"[::1]:5000/a@{DIGEST}",
        f"r.example/a__b/c-d.e@{DIGEST}",
    ],
)
def test_a_full_reference_is_taken(reference):
    assert reference_fault(reference, {}) is None


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("ghcr.io/acme/shop", "app.no-digest"), ("ghcr.io/acme/shop:v1", "app.no-digest"),
        (f"acme/shop@{DIGEST}", "app.artifact"), (f"shop@{DIGEST}", "app.artifact"),
        ("ghcr.io/acme/shop@sha256:abc", "app.artifact"), ("ghcr.io/acme/shop@sha512:" + "a" * 64, "app.artifact"),
        (f"https://ghcr.io/acme/shop@{DIGEST}", "app.artifact"), (f"user:pass@ghcr.io/shop@{DIGEST}", "app.artifact"),
        (f"ghcr.io/../shop@{DIGEST}", "app.artifact"), ("a" * 1100, "app.artifact"), (f"ghcr.io/a b@{DIGEST}", "app.artifact"),
    ],
)  # fmt: skip
def test_what_is_no_full_reference_is_told(reference, code):
    fault = reference_fault(reference, {})

    assert fault is not None
    assert fault.code == code
    assert fault.hint


def test_a_tag_alone_is_taken_where_the_fleet_allows_it():
    assert reference_fault("ghcr.io/acme/shop:v1", {"requireDigest": False}) is None


@pytest.mark.parametrize(
    ("prefix", "reference", "has"),
    [
        ("ghcr.io/acme", "ghcr.io/acme/shop", True), ("ghcr.io/acme", "ghcr.io/acmeevil/shop", False),
        ("ghcr.io/acme/", "ghcr.io/acme/shop", True), ("ghcr.io/acme/shop", f"ghcr.io/acme/shop@{DIGEST}", True),
        ("ghcr.io/acme/shop", "ghcr.io/acme/shop:v1", True), ("ghcr.io", "ghcr.io.evil.example/a", False),
    ],
)  # fmt: skip
def test_a_prefix_ends_on_a_boundary(prefix, reference, has):
    found = read(reference)

    assert isinstance(found, Reference)
    assert allowed(found, [prefix]) is has
