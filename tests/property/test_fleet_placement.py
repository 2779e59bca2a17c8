"""Selectors: a rule more never selects a cluster more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.fleet.model import Cluster
from reconciler.fleet.placement import selects

words = st.sampled_from(["a", "b", "c"])
clusters = st.builds(
    lambda name, labels: Cluster(name=name, path="x.yaml", line=1, labels=labels), words, st.dictionaries(words, words)
)
rules = st.builds(
    lambda key, operator, values: {"key": key, "operator": operator, "values": values},
    words,
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    st.lists(words, min_size=1),
)
selectors = st.fixed_dictionaries(
    {},
    optional={
        "names": st.lists(words),
        "matchLabels": st.dictionaries(words, words),
        "matchExpressions": st.lists(rules, max_size=3),
    },
)
OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}


@given(selectors, rules, clusters)
def test_one_more_rule_narrows(selector, rule, cluster):
    narrower = {**selector, "matchExpressions": [*selector.get("matchExpressions", []), rule]}

    assert not selects(narrower, cluster) or selects(selector, cluster)


@given(rules, clusters)
def test_a_rule_and_its_opposite_part_all_clusters(rule, cluster):
    opposite = {**rule, "operator": OPPOSITE[rule["operator"]]}

    assert selects({"matchExpressions": [rule]}, cluster) != selects({"matchExpressions": [opposite]}, cluster)


@given(st.dictionaries(words, words), clusters)
def test_match_labels_are_in_rules_of_one_value(labels, cluster):
    rules = [{"key": key, "operator": "In", "values": [value]} for key, value in labels.items()]

    assert selects({"matchLabels": labels}, cluster) == selects({"matchExpressions": rules}, cluster)
