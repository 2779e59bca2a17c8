"""Cycles: a name is in one exactly if it can reach itself."""

from __future__ import annotations

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from reconciler.fleet.cycles import cycles

names = st.sampled_from("abcdefg")
graphs = st.dictionaries(names, st.lists(names, max_size=4))


def reachable(graph, start):
    seen, level = set(), [start]
    while level:
        for each in graph.get(level.pop(), ()):
            if each in graph and each not in seen:
                seen.add(each)
                level.append(each)
    return seen


@given(graphs)
def test_the_names_found_are_those_that_reach_themselves(graph):
    found = cycles(graph)
    told = [name for component, _ in found for name in component]

    assert len(told) == len(set(told))
    assert set(told) == {name for name in graph if name in reachable(graph, name)}


@given(graphs)
def test_each_way_leads_back_along_written_dependencies(graph):
    for component, way in cycles(graph):
        assert way[0] == way[-1] == component[0]
        assert all(after in graph[before] for before, after in itertools.pairwise(way))


def test_long_chains_and_rings_take_little_time():
    count = 20_000
    chain = {f"n{number}": [f"n{number + 1}"] for number in range(count)}
    ring = {**chain, f"n{count}": ["n0"]}
    begun = time.process_time()

    assert cycles(chain) == ()
    [(component, way)] = cycles(ring)
    assert (len(component), len(way)) == (count + 1, count + 2)
    assert time.process_time() - begun < 10, "what explodes takes minutes"
