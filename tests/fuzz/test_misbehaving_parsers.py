"""The fuzzer finds what it looks for: each way to fail is told, with the input that shows it."""

from __future__ import annotations

import pytest

from tests.fuzz.bounded import fuzz

MODULE = "tests.fuzz.misbehaving"


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("raises", "raised KeyError"),
        ("loops", "s of CPU time"),
        ("holds", "the child ended with -24"),
        ("grows", "more than 200 MB"),
        ("dies", "the child ended with -11"),
    ],
)
def test_a_parser_that_misbehaves_is_told_with_the_input(target: str, what: str) -> None:
    [fault] = fuzz(MODULE, [f"{target}/1"])
    assert what in fault.what
    assert (fault.target, fault.seed) == (target, "1")
    assert f"--show {target} 1" in str(fault)


def test_a_parser_that_keeps_what_it_read_is_told() -> None:
    [fault] = fuzz(MODULE, [f"keeps/{seed}" for seed in range(8)])
    assert "kept" in fault.what


def test_the_rest_goes_on_after_a_death() -> None:
    faults = list(fuzz(MODULE, ["dies/1", "refuses/1", "raises/1", "dies/2"]))
    assert [fault.target for fault in faults] == ["dies", "raises", "dies"]


def test_a_refusal_is_no_fault() -> None:
    assert list(fuzz(MODULE, ["refuses/1"])) == []
