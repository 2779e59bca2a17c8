"""Two apps of one cluster can't have the same host and path, even where they write it differently."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.check.claims import Claim, Claims
from reconciler.fleet.variables import filled

EU = {"name": "eu", "domain": "eu.acme.example"}
US = {"name": "us", "domain": "us.acme.example"}


def claims_of(variables, **owners):
    claims = Claims(variables)
    for owner, texts in owners.items():
        claims.replace(owner, [(Claim(text, "/x"), clusters) for text, clusters in texts])
    claims.link()
    return claims


def told(claims):
    return {(clash.loser.owner, clash.winner.owner, clash.cluster) for clash in claims.clashes()}


def test_the_same_text_on_the_same_cluster_clashes():
    assert told(claims_of([EU, US], b=[("route a/", 0b11)], a=[("route a/", 0b10)])) == {("b", "a", 1)}


def test_the_same_text_on_other_clusters_does_not():
    assert told(claims_of([EU, US], a=[("route a/", 0b01)], b=[("route a/", 0b10)])) == set()


def test_a_variable_may_make_what_another_wrote_out():
    claims = claims_of([EU, US], a=[("route shop.us.acme.example", 0b11)], b=[("route shop.${cluster.domain}", 0b11)])
    assert told(claims) == {("b", "a", 1)}


def test_two_variables_may_make_the_same():
    claims = claims_of([EU], a=[("route ${cluster.name}.acme.example", 1)], b=[("route ${cluster.domain}", 1)])
    assert told(claims) == {("b", "a", 0)}


def test_a_value_that_occurs_twice_may_be_a_variable_in_one_place():
    alike = {"name": "eu", "domain": "eu"}
    claims = claims_of([alike], a=[("route ${cluster.name}.${cluster.domain}", 1)], b=[("route ${cluster.name}.eu", 1)])
    assert told(claims) == {("b", "a", 0)}


def test_what_is_shared_with_the_same_content_is_no_clash():
    claims = Claims([EU])
    for owner, content in (("a", "1"), ("b", "1"), ("c", "2")):
        claims.replace(owner, [(Claim("account apps/x", "/serviceAccount", content), 1)])
    assert told(claims) == {("c", "a", 0)}


def test_what_is_let_go_can_be_had():
    claims = claims_of([EU], a=[("route ${cluster.domain}", 1)], b=[("route eu.acme.example", 1)])
    assert told(claims)
    claims.replace("a", ())
    assert told(claims) == set()
    claims.replace("a", [(Claim("route ${cluster.domain}", "/x"), 1)])
    claims.link(claims.texts("a"))
    assert told(claims) == {("b", "a", 0)}


texts = st.sampled_from(
    ["x.eu", "x.${cluster.v}", "${cluster.w}.eu", "${cluster.w}.${cluster.v}", "x.us", "y.${cluster.v}", "x.${cluster.w}"]
)  # fmt: skip
variables = st.fixed_dictionaries({"v": st.sampled_from(["eu", "us", "x"]), "w": st.sampled_from(["x", "y", "eu"])})


@given(
    st.lists(variables, min_size=1, max_size=3),
    st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.tuples(texts, st.integers(1, 7)), max_size=3)), max_size=6),
)
def test_every_clash_is_found_after_any_changes(clusters, changes):
    claims = Claims(clusters)
    state = {}
    everything = (1 << len(clusters)) - 1
    for owner, wanted in changes:
        state[owner] = [(text, mask & everything) for text, mask in wanted if mask & everything]
        claims.replace(owner, [(Claim(text, "/x"), mask) for text, mask in state[owner]])
        claims.link(claims.texts(owner))
    expected = set()
    for index, values in enumerate(clusters):
        holders = {}
        for owner in sorted(state):
            for text in {filled(text, values) for text, mask in state[owner] if mask >> index & 1}:
                holders.setdefault(text, []).append(owner)
        expected |= {(loser, index) for owners in holders.values() for loser in owners[1:]}
    found = {(clash.loser.owner, clash.cluster) for clash in claims.clashes()}
    assert {owner for owner, _ in found} == {owner for owner, _ in expected}
