"""Which keys a rule covers, and which patterns are refused since matching them could take for ever."""

from __future__ import annotations

import pytest

from reconciler.sops.rules import RuleError, rule_of


@pytest.mark.parametrize(
    ("metadata", "keys", "covered"),
    [
        ({}, ["data", "token"], True),
        ({}, ["data", "token_unencrypted"], False),
        ({}, ["all_unencrypted", "token"], False),
        ({"encrypted_suffix": "_secret"}, ["a_secret", "b"], True),
        ({"encrypted_suffix": "_secret"}, ["a", "b"], False),
        ({"unencrypted_suffix": "_plain"}, ["a_plain"], False),
        ({"encrypted_regex": "^(data|stringData)$"}, ["data", "x"], True),
        ({"encrypted_regex": "^(data|stringData)$"}, ["metadata", "x"], False),
        ({"unencrypted_regex": "name"}, ["metadata", "names"], False),
        ({"encrypted_regex": r"^pass.*[0-9]{2}$"}, ["password22"], True),
    ],
)
def test_a_rule_goes_by_every_key_above_a_value(metadata, keys, covered):
    assert rule_of(metadata).covers(keys) is covered


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*b",
        "(.*)*",
        ".*.*.*x",
        "a{2}{3}b+c+",
        "(?i)a",
        "(?=a)",
        "[[:alpha:]]",
        "(",
        "a" * 300,
        r"\pL",
        r"(a)\1",
    ],
)
def test_patterns_that_may_cost_too_much_or_mean_another_thing_are_refused(pattern):
    with pytest.raises(RuleError):
        rule_of({"encrypted_regex": pattern})


def test_the_costliest_pattern_that_is_taken_ends():
    assert not rule_of({"encrypted_regex": "a.*a.*b$"}).covers(["a" * 1024])


def test_two_rules_exclude_one_another():
    with pytest.raises(RuleError, match="exclude"):
        rule_of({"encrypted_regex": "a", "unencrypted_suffix": "b"})
