from __future__ import annotations

from typing import Any


def test_a_fleet_renders_the_expected_objects(case: Any, as_text: Any) -> None:
    objects, _ = case.rendered()
    assert as_text(objects) == case.expected(".yaml", as_text(objects))


def test_a_fleet_gives_the_expected_problems(case: Any) -> None:
    _, problems = case.rendered()
    text = "".join(f"{problem}\n" for problem in problems)
    assert text == case.expected(".problems.txt", text)


def test_rendering_twice_gives_the_same_bytes(case: Any, as_text: Any) -> None:
    assert as_text(case.rendered()[0]) == as_text(case.rendered()[0])
