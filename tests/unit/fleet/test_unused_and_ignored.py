"""YAML that nothing reads is told, unless it is ignored."""

from __future__ import annotations

import pytest

from reconciler.fleet.ignore import pattern_fault

PATTERNS = ["docs/**", "*.tmp.yaml", "/build", "!docs/keep.yaml", "**/x", "a?b[cd]/e", "docs/"]


def test_yaml_that_nothing_reads_is_a_warning(make, codes):
    loaded = make.load({"values.yaml": "a: 1\n", "m/a.yaml": "a: 1\n", ".github/workflows/ci.yml": "on: push\n"})

    assert codes(loaded.problems) == ["fleet.unused-file", "fleet.unused-file"]
    assert [problem.path for problem in loaded.problems] == ["m/a.yaml", "values.yaml"]
    assert loaded.valid


def test_ignored_files_hold_no_documents_and_no_problems(make):
    fleet = make.document("Fleet", "acme", "ignore: [docs/**, '*.tmp.yaml']")
    broken = "apiVersion: spinfleet.dev/v1alpha1\nkind: [\n"
    loaded = make.load({"fleet.yaml": fleet, "docs/app.yaml": make.app("doc"), "x.tmp.yaml": broken})

    assert loaded.problems == ()
    assert not loaded.fleet.apps


def test_a_later_pattern_takes_a_file_back(make):
    fleet = make.document("Fleet", "acme", "ignore: ['docs/*', '!docs/keep.yaml']")
    loaded = make.load(
        {"fleet.yaml": fleet, "docs/a.yaml": "a: 1\n", "docs/keep.yaml": make.app("doc", "manifest: ../shop/spin.toml")}
    )

    assert set(loaded.fleet.apps) == {"doc"}
    assert loaded.problems == ()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_ordinary_patterns_are_taken(pattern):
    assert pattern_fault(pattern) == ""


@pytest.mark.parametrize("pattern", ["docs/[a-z", "docs\\", "[[:letters:]]*", "!"])
def test_patterns_that_can_match_nothing_are_told(make, codes, pattern):
    fleet = make.document("Fleet", "acme", f"ignore: ['{pattern}']")
    loaded = make.load({"fleet.yaml": fleet, "a.yaml": "a: 1\n"})

    assert "fleet.ignore" in codes(loaded.commit_problems)
