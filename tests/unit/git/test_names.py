"""Which references may be asked for, and which addresses: the rules never allow what git itself refuses."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import InputError
from reconciler.git.names import odd_name, valid_ref
from reconciler.git.source import Credentials, Source, check, shown_url


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="abzAZ09_-./@{}~^:?*[\\ \n", min_size=1, max_size=12))
def test_no_reference_is_valid_that_git_refuses(name: str) -> None:
    if valid_ref(name):
        answer = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False)
        assert answer.returncode == 0, name


@pytest.mark.parametrize("name", ["main", "release/1.2", "feature_x", "v1.0.0", "a-b", "user@host"])
def test_usual_names_are_valid(name: str) -> None:
    assert valid_ref(name)


@pytest.mark.parametrize(
    "name", ["", "-x", "--upload-pack=evil", "a..b", "a b", "a.lock", "/a", "a/", "a//b", "@{u}", "a\nb", "é"]
)
def test_odd_references_are_refused(name: str) -> None:
    assert not valid_ref(name)


@given(st.text(min_size=1, max_size=20))
def test_an_accepted_entry_name_never_leads_elsewhere(name: str) -> None:
    if not odd_name(name):
        assert "/" not in name
        assert name not in {".", "..", ".git"}
        assert name.isprintable() or not any(ord(character) < 32 for character in name)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/fleet.git",
        "http://10.0.0.1/fleet",
        "ssh://git@git.example:2222/fleet",
        "git@git.example:acme/fleet.git",
    ],
)
def test_usual_addresses_are_fetched(url: str) -> None:
    check(Source(url=url, branch="main"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///etc", "local repositories"),
        ("/etc", "local repositories"),
        ("git://git.example/x", "scheme"),
        ("ext::sh -c evil", "scheme|not a Git URL"),
        ("https://user:hunter2@git.example/x", "user name or password"),
        ("https://token@git.example/x", "user name or password"),
        ("ssh://git:hunter2@git.example/x", "user name or password"),
        ("", "not a Git URL|scheme"),
        ("https://git[[.example/x", "not a Git URL"),
        ("ssh://git@[a-z]xample:22/x", "not a Git URL"),
    ],
)
def test_other_addresses_are_refused_without_showing_what_is_secret(url: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as raised:
        check(Source(url=url, branch="main"))
    assert "hunter2" not in raised.value.message
    assert "token@" not in raised.value.message


def test_a_commit_is_asked_for_by_its_full_id() -> None:
    check(Source(url="https://git.example/x", commit="a" * 40))
    with pytest.raises(InputError, match="not a full commit id"):
        check(Source(url="https://git.example/x", commit="abc123"))
    with pytest.raises(InputError, match="not a valid branch"):
        check(Source(url="https://git.example/x", branch="--upload-pack=evil"))


def test_secrets_are_not_shown() -> None:
    assert shown_url("https://me:hunter2@git.example/x") == "https://git.example/x"
    assert "hunter2" not in repr(Source(url="https://git.example/x", credentials=Credentials(password="hunter2")))
