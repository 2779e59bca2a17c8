"""`spec.ignore` leaves out what Git would leave out, told by git itself; and no pattern holds a check up."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.fleet.ignore import Ignore, pattern_fault

NAMES = ["a", "b", "ab", "a.yaml", "é", "a b", "a ", "-", "]", "!a", "#a", "a\\b", "A", ".a", "[a]", "1", "*"]
PATHS = ["/".join(parts) for parts in [(x,) for x in NAMES] + [(x, y) for x in NAMES[:9] for y in NAMES[:9]]]
PATHS += ["a/b/a", "a/b/ab/a.yaml", "b/a/a/a", "ab/a/b/b/a", "a/a/a/a/b", "é/a/b"]
TOKENS = st.sampled_from(
    ["a", "b", "ab", "/", "*", "**", "***", "?", "!", "#", " ", "\\", "\\ ", "\\*", "[ab]", "[!a]", "[^b]", "[a-c]", "[]a]", "[a-]", "[\\]]", "[b-a]",
     "[[:alpha:]]", "[[:digit:]a]", "[+-0]", "[", "]", "-", ".yaml", "é", "/**/", "**/", "/**", "[a", "[!-.]", "[[:foo:]]", "[:a]", "[[:a]", "{a,b}", "\\\\"]
)  # fmt: skip
LINES = st.lists(TOKENS, min_size=1, max_size=6).map("".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an empty repository whose only ignore file is .gitignore."""
    folder = tmp_path_factory.mktemp("ignore")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "config", "core.ignoreCase", "false"], check=True)
    return folder


def ignored_by_git(repository: Path, lines: list[str]) -> set[str]:
    (repository / ".gitignore").write_bytes("\n".join(lines).encode() + b"\n")
    given_paths = "\0".join(PATHS).encode() + b"\0"
    answer = subprocess.run(
        ["git", "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin", "-z"],
        cwd=repository,
        input=given_paths,
        capture_output=True,
        check=False,
    )
    assert answer.returncode in {0, 1}, answer.stderr
    return {path.decode() for path in answer.stdout.split(b"\0") if path}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, min_size=1, max_size=3))
@example(["[[:alpha:]]"])
@example(["[z-a]"])
@example(["a/", "!a/b"])
@example(["a\\ ", "b  "])
@example(["**/b", "!b/**/a"])
def test_what_is_ignored_is_what_git_ignores(repository: Path, lines: list[str]) -> None:
    # Git passes over what it can't match, and so may we once it has been told.
    ours = Ignore([line for line in lines if not pattern_fault(line)])
    assert {path for path in PATHS if ours(path)} == ignored_by_git(repository, lines), lines


@pytest.mark.parametrize("line", ["a\\", "!", "/", "//", "[a", "[[:foo:]]", "a\0b", "a" * 257])
def test_a_pattern_that_can_match_nothing_is_told(repository: Path, line: str) -> None:
    assert pattern_fault(line)
    if "\0" not in line:
        assert ignored_by_git(repository, [line]) == set()


@pytest.mark.parametrize(
    "pattern",
    [
        "/".join(["**/*a*b"] * 32),
        "**/*a*/**/*a*/**/*a*/**/*a*/b",
        "*a" * 128,
        "?" * 256,
        "[!b]" * 64,
        "/".join(["**"] * 80),
    ],
)
def test_hostile_patterns_cost_no_more_than_others(pattern: str) -> None:
    path = "/".join(["a" * 255] * 32)
    begun = time.process_time()
    if not pattern_fault(pattern):
        ignore = Ignore([pattern] * 256)
        ignore(path)
    assert time.process_time() - begun < 10, "what explodes takes minutes"
