"""Release records: what is written is read again, bounded, and what is corrupt is told as such."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import InputError
from reconciler.rollout.records import (
    MOST_PREVIOUS,
    SHARDS,
    Record,
    Released,
    advanced,
    from_text,
    shard_name,
    shard_of,
    to_text,
)

hexadecimal = st.text("0123456789abcdef", min_size=64, max_size=64)
releases = st.builds(
    Released,
    version=hexadecimal,
    commit=hexadecimal.map(lambda text: text[:40]),
    digest=st.one_of(st.just(""), hexadecimal.map("sha256:{}".format)),
    path=st.sampled_from([".", "fleets/eu"]),
    at=st.just("2026-01-02T03:04:05Z"),
    current=st.sampled_from(["", "2026-01-02T03:05:00Z"]),
)


def released(version: str, commit: str = "c") -> Released:
    return Released(version=version * 64, commit=commit * 40, at="2026-01-02T03:04:05Z")


@given(st.builds(Record, app=st.just("shop"), last=releases, previous=st.lists(releases, max_size=4).map(tuple)))
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert from_text("shop", to_text(record)) == record


def test_a_record_keeps_a_bounded_history_newest_first() -> None:
    record = None
    for version in "0123456789":
        record = advanced(record, "shop", released(version))
    assert record is not None
    assert [each.version[0] for each in record.releases] == list("98765432"[: MOST_PREVIOUS + 1])


def test_the_same_version_from_another_commit_is_no_new_release() -> None:
    first = advanced(None, "shop", released("1", "a"))
    moved = advanced(first, "shop", Released(version="1" * 64, commit="b" * 40))
    assert (moved.last.commit, moved.last.at, moved.previous) == ("b" * 40, first.last.at, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 5000,
        json.dumps({"version": "1" * 64}),
        json.dumps({"version": "1" * 63, "commit": "c" * 40}),
        json.dumps({"version": "1" * 64, "commit": "main"}),
        json.dumps({"version": "1" * 64, "commit": "c" * 40, "digest": "latest"}),
        json.dumps({"version": "1" * 64, "commit": "c" * 40, "at": "yesterday"}),
        json.dumps({"version": "1" * 64, "commit": "c" * 40, "path": 3}),
        json.dumps({"version": "1" * 64, "commit": "c" * 40, "previous": "x"}),
        json.dumps({"version": "1" * 64, "commit": "c" * 40, "previous": [3]}),
        json.dumps({"version": "1" * 64, "commit": "c" * 40, "pad": "x" * 20_000}),
    ],
)
def test_a_corrupt_record_is_told_and_names_the_app(text: str) -> None:
    with pytest.raises(InputError, match="'shop'"):
        from_text("shop", text)


def test_apps_spread_over_all_config_maps() -> None:
    assert {shard_of(f"app-{number}") for number in range(1000)} == set(range(SHARDS))
    assert shard_name("fleet", 63) == "fleet-releases-3f"
