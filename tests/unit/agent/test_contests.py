"""Two writers of one field: we stop after a few rounds, say who the other is, and go on once one of the two lets go."""

from __future__ import annotations

from reconciler.agent.contests import Contests
from reconciler.agent.news import Newsroom
from reconciler.plan.drift import SCALE
from reconciler.plan.model import ObjectKey

KEY = ObjectKey("", "ConfigMap", "shop", "settings")
APPLIED = {("flux", "Apply"): ("/data/mode",)}
UPDATED = {("operator", "Update"): ("/data/mode",)}
SCALED = {("kube-controller-manager", SCALE): ("/spec/replicas",)}
SCALED_BY_HAND = {("kubectl", SCALE): ("/spec/replicas",)}
WANTED, OTHER = b"wanted", b"other"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _contests() -> tuple[Contests, Clock]:
    clock = Clock()
    return Contests(newsroom=Newsroom(), clock=clock), clock


def test_an_applier_that_takes_a_field_twice_in_ten_minutes_stops_us_and_is_named() -> None:
    contests, clock = _contests()
    contests.lost(KEY, APPLIED, WANTED)
    assert contests.stopped(KEY, WANTED) == ""
    clock.now += 599
    contests.lost(KEY, APPLIED, WANTED)
    assert "flux takes /data/mode" in contests.stopped(KEY, WANTED)
    assert [news.reason for news in contests.newsroom.take()] == ["Contested"]


def test_twice_in_more_than_ten_minutes_is_no_fight() -> None:
    contests, clock = _contests()
    contests.lost(KEY, APPLIED, WANTED)
    clock.now += 601
    contests.lost(KEY, APPLIED, WANTED)
    assert contests.stopped(KEY, WANTED) == ""


def test_a_writer_that_does_not_apply_is_given_more_rounds() -> None:
    contests, clock = _contests()
    for _ in range(9):
        contests.lost(KEY, UPDATED, WANTED)
        clock.now += 15
    assert contests.stopped(KEY, WANTED) == ""
    contests.lost(KEY, UPDATED, WANTED)
    assert "operator" in contests.stopped(KEY, WANTED)


def test_an_autoscaler_is_left_to_after_two_rounds_and_it_is_said_what_to_do() -> None:
    contests, clock = _contests()
    contests.lost(KEY, SCALED, WANTED)
    assert contests.stopped(KEY, WANTED) == ""
    clock.now += 15
    contests.lost(KEY, SCALED, WANTED)
    reason = contests.stopped(KEY, WANTED)
    assert "an autoscaler that is not in Git sets /spec/replicas" in reason
    assert "kubectl get hpa -n shop" in reason


def test_who_scales_by_hand_is_no_autoscaler() -> None:
    contests, _ = _contests()
    for _ in range(9):
        contests.lost(KEY, SCALED_BY_HAND, WANTED)
    assert contests.stopped(KEY, WANTED) == ""


def test_after_the_pause_it_is_tried_again_and_the_next_pause_is_longer() -> None:
    contests, clock = _contests()
    contests.lost(KEY, APPLIED, WANTED)
    contests.lost(KEY, APPLIED, WANTED)
    clock.now += 601
    assert contests.stopped(KEY, WANTED) == ""
    contests.lost(KEY, APPLIED, WANTED)
    contests.lost(KEY, APPLIED, WANTED)
    clock.now += 601
    assert contests.stopped(KEY, WANTED)
    clock.now += 600
    assert contests.stopped(KEY, WANTED) == ""


def test_it_ends_when_the_other_lets_go_or_something_else_is_wanted() -> None:
    contests, _ = _contests()
    contests.lost(KEY, APPLIED, WANTED)
    contests.lost(KEY, APPLIED, WANTED)
    assert contests.stopped(KEY, OTHER) == ""
    assert contests.stopped(KEY, WANTED)
    contests.lost(KEY, {}, WANTED)
    assert contests.stopped(KEY, WANTED) == ""


def test_contests_long_past_are_forgotten() -> None:
    contests, clock = _contests()
    for number in range(300):
        contests.lost(KEY._replace(name=f"n{number}"), APPLIED, WANTED)
        clock.now += 60
    clock.now += 7200
    contests.lost(KEY, APPLIED, WANTED)
    assert len(contests._contests) < 256
