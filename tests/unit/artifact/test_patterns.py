"""File patterns find what Rust's glob crate finds, in time that a hostile pattern can't stretch."""

from __future__ import annotations

import pytest

from reconciler.artifact.patterns import matches_path, matching

FILES = [
    "a.txt",
    "b.md",
    "assets/.hidden",
    "assets/css/x.css",
    "assets/css/deep/y.css",
    "assets/logo.png",
    "[odd]/c.txt",
]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a.txt", "b.md"]),
        ("*.txt", ["a.txt"]),
        ("./*.txt", ["a.txt"]),
        ("?.md", ["b.md"]),
        ("assets/*", ["assets/.hidden", "assets/logo.png"]),
        ("assets/**/*", ["assets/.hidden", "assets/css/x.css", "assets/css/deep/y.css", "assets/logo.png"]),
        ("**/*.css", ["assets/css/x.css", "assets/css/deep/y.css"]),
        ("**/**/*.css", ["assets/css/x.css", "assets/css/deep/y.css"]),
        ("assets/**", []),
        ("assets/css/[w-y].css", ["assets/css/x.css"]),
        ("assets/css/[!x].css", []),
        ("[[]odd]/*", ["[odd]/c.txt"]),
        ("../*", []),
        ("nothing/*", []),
    ],
)
def test_patterns_of_files(pattern: str, found: list[str]) -> None:
    assert matching(pattern, FILES) == found


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", "a/b/c", True),
        ("assets/*", "assets/css/x.css", True),
        ("**/x.css", "x.css", True),
        ("**/x.css", "a/b/x.css", True),
        ("**/x.css", "a/yx.css", False),
        ("a/**", "a/b/c", True),
        ("a/**", "ab/c", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/**/z", "a/bz", False),
        ("*.css", "x.css.map", False),
        ("[a-c]?", "b1", True),
        ("[a-]", "-", True),
        ("", "", True),
    ],
)
def test_exclusions_cross_folders(pattern: str, path: str, matches: bool) -> None:
    assert matches_path(pattern, path) is matches


def test_a_hostile_pattern_costs_no_more_than_its_length() -> None:
    # One that is tried in every way would still be at it when the machine is taken down.
    assert not matches_path("a*" * 60 + "b", "a" * 4_000)
