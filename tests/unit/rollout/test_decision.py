"""The table that says which version a cluster runs: its laws, and that the documentation draws the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.rollout.decision import TABLE, Last, Move, Newest, decide, diagram

HOLDING = [newest for newest in Newest if newest not in {Newest.CLEAR, Newest.EQUAL}]


def test_every_case_is_in_the_table() -> None:
    assert {last: set(row) for last, row in TABLE.items()} == {last: set(Newest) for last in Last}


@pytest.mark.parametrize("newest", HOLDING)
def test_nothing_is_released_while_anything_holds_it_back(newest: Newest) -> None:
    assert Move.ADVANCE not in {decide(last, newest) for last in Last}


@pytest.mark.parametrize("newest", Newest)
def test_nothing_runs_that_was_never_released_unless_it_advances(newest: Newest) -> None:
    assert decide(Last.NONE, newest) in {Move.ADVANCE, Move.WAIT}


@pytest.mark.parametrize("newest", [Newest.REFUSED, Newest.INCOMPLETE, Newest.WAITING, Newest.GATED])
def test_what_can_not_be_verified_again_or_waits_is_still_healed_where_it_runs(newest: Newest) -> None:
    assert decide(Last.SAME, newest) is Move.STAY


def test_policy_alone_ends_a_release_that_runs() -> None:
    assert decide(Last.SAME, Newest.DENIED) is Move.LEAVE
    assert decide(Last.OTHER, Newest.DENIED) is Move.KEEP
    assert {decide(Last.DENIED, newest) for newest in HOLDING} == {Move.LEAVE}


@pytest.mark.parametrize("last", [Last.SAME, Last.OTHER, Last.DENIED, Last.LOST])
def test_a_suspended_app_is_not_touched(last: Last) -> None:
    assert decide(last, Newest.SUSPENDED) is Move.LEAVE


def test_the_documentation_has_the_table_as_it_is() -> None:
    page = Path(__file__).parents[3] / "docs" / "releases.md"
    assert diagram() in page.read_text(encoding="utf-8")
