"""From commit to commit only what changed is assigned anew, and the result is that of a fresh start."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.agent.assigning import Assigning
from reconciler.errors import InputError
from reconciler.fleet import LoadCache, load
from reconciler.fleet.brought import Bearing
from reconciler.fleet.model import Fleet, Withheld
from reconciler.tree import File

HEAD = "apiVersion: spinfleet.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
SPIN = 'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'


class Tree:
    """Files given as text."""

    commit, problems = "c" * 40, ()

    def __init__(self, files: dict[str, str]) -> None:
        self._text = dict(sorted(files.items()))
        self.files = {
            path: File(path, hashlib.sha256(text.encode()).hexdigest()[:40], len(text))
            for path, text in self._text.items()
        }

    def read(self, path: str) -> bytes:
        return self._text[path].encode()


def app(name: str, host: str = "", **spec: Any) -> dict[str, str]:
    routes = f", routes: [{{host: {host}}}]" if host else ""
    more = "".join(f", {key}: {value}" for key, value in spec.items())
    text = f"{{artifact: 'ghcr.io/acme/{name}@sha256:{'a' * 64}'{routes}{more}}}"
    return {
        f"{name}/app.yaml": HEAD.format(kind="App", name=name, spec=text),
        f"{name}/spin.toml": SPIN,
    }


def bundle(name: str, value: str, *, patched: bool = False, placement: str = "{}") -> dict[str, str]:
    """A Bundle of a ConfigMap and a Service, which its patch gives another label to choose by."""
    patch = "[{target: {kind: Service}, patch: {spec: {selector: {app: patched}}}}]"
    spec = f"{{path: ./objects, namespace: shop, placement: {placement}{f', patches: {patch}' if patched else ''}}}"
    objects = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: {value}}}\n---\n"
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {value}}}, ports: [{{port: 80}}]}}\n"
    )
    return {
        f"{name}/bundle.yaml": HEAD.format(kind="Bundle", name=name, spec=spec),
        f"{name}/objects/all.yaml": objects,
    }


BASE = {
    "fleet.yaml": HEAD.format(kind="Fleet", name="f", spec="{}"),
    "eu.yaml": HEAD.format(kind="Cluster", name="eu", spec="{spin: '3.6'}"),
}


class Following:
    """One cluster that follows commit after commit."""

    def __init__(self) -> None:
        self.cache, self.assigning = LoadCache(), Assigning(cluster="eu")

    def fleet(self, files: dict[str, str]) -> Fleet:
        fleet = load(Tree({**BASE, **files}), cache=self.cache).fleet
        assert fleet is not None
        return fleet

    def take(self, *files: dict[str, str]) -> frozenset[str]:
        return self.assigning.take(self.fleet({path: text for each in files for path, text in each.items()}))

    @property
    def units(self) -> dict[str, Any]:
        assert self.assigning.assignment is not None
        return dict(self.assigning.assignment.units)


def test_a_commit_that_changes_one_app_touches_that_one_alone() -> None:
    follower = Following()
    assert follower.take(app("a"), app("b"), app("c")) == {"a", "b", "c"}
    before = follower.units
    assert follower.take(app("a"), app("b", replicas=3), app("c")) == {"b"}
    assert follower.units["a"] is before["a"]
    assert follower.units["b"].spec["replicas"] == 3
    assert follower.take(app("a"), app("c")) == {"b"}
    assert set(follower.units) == {"a", "c"}


EXECUTOR = """\
apiVersion: core.spinkube.dev/v1alpha1
kind: SpinAppExecutor
metadata: {name: traced, namespace: default}
spec:
  createDeployment: true
  deploymentConfig:
    runtimeClassName: wasmtime-spin-v2
    otel: {exporter_otlp_endpoint: "http://collector.default.svc:80"}
"""
DECLARED = "{executors: {traced: {otel: {exporter_otlp_endpoint: 'http://collector.default.svc:80'}}}}"


@pytest.mark.parametrize(
    "executor",
    [
        {"p.yaml": HEAD.format(kind="Bundle", name="p", spec="{path: p}"), "p/executor.yaml": EXECUTOR},
        {"fleet.yaml": HEAD.format(kind="Fleet", name="f", spec=DECLARED)},
        {"eu.yaml": HEAD.format(kind="Cluster", name="eu", spec=DECLARED.replace("{", "{spin: '3.6', ", 1))},
    ],
    ids=["of a bundle", "of the fleet", "of the cluster"],
)
def test_where_the_collector_of_an_executor_runs_bears_on_the_apps_with_a_network_policy(
    executor: dict[str, str],
) -> None:
    network = app("a", executor="traced", network="{egress: fromManifest}")
    follower = Following()
    follower.take(executor, network, app("b", executor="traced"), app("collector"))
    assert [*follower.units["a"].services] == [("default", "collector")]
    moved = app("collector", namespace="elsewhere")
    assert follower.take(executor, network, app("b", executor="traced"), moved) == {"a", "collector"}
    assert follower.units["a"].services == {}


def test_the_second_of_two_that_want_a_route_is_withheld_until_the_first_lets_go() -> None:
    follower = Following()
    follower.take(app("b", "x.example"))
    assert not isinstance(follower.units["b"], Withheld)
    assert follower.take(app("a", "x.example"), app("b", "x.example")) == {"a", "b"}
    assert isinstance(follower.units["b"], Withheld)
    assert [problem.code for problem in follower.units["b"].problems] == ["render.route-clash"]
    assert follower.take(app("a", "y.example"), app("b", "x.example")) == {"a", "b"}
    assert not isinstance(follower.units["b"], Withheld)


def test_a_fleet_without_this_cluster_leaves_the_assignment_as_it_was() -> None:
    follower = Following()
    follower.take(app("a"))
    with pytest.raises(InputError, match="no cluster 'eu'"):
        follower.take(app("b"), {"eu.yaml": BASE["eu.yaml"].replace("name: eu", "name: us")})
    assert set(follower.units) == {"a"}
    assert follower.take(app("b")) == {"a", "b"}


def test_what_a_bundle_brings_is_looked_up_again_only_where_the_bundle_is_another() -> None:
    follower = Following()
    before = Bearing(follower.fleet({**bundle("a", "one"), **bundle("b", "one")}))
    after = Bearing(follower.fleet({**bundle("a", "one"), **bundle("b", "two")}), before)
    assert after.own["a"] is before.own["a"]
    assert after.own["b"] is not before.own["b"]


brought = st.dictionaries(
    st.sampled_from("abc"),
    st.builds(
        lambda value, patched, placement: {"value": value, "patched": patched, "placement": placement},
        st.sampled_from(["one", "two"]),
        st.booleans(),
        st.sampled_from(["{}", "{clusters: {names: [eu]}}", "{clusters: {names: [us]}}"]),
    ),
    max_size=3,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(brought, min_size=1, max_size=4))
def test_what_bundles_bring_is_that_of_a_fresh_start_whatever_came_before(
    history: list[dict[str, dict[str, Any]]],
) -> None:
    follower, fresh = Following(), Following()
    for commit in history:
        follower.take(*(bundle(name, **which) for name, which in commit.items()))
    fresh.take(*(bundle(name, **which) for name, which in history[-1].items()))
    assert follower.assigning.place == fresh.assigning.place
    assert follower.units == fresh.units


commits = st.lists(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.tuples(st.sampled_from(["", "x.example", "y.example"]), st.integers(1, 2)),
        max_size=4,
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(commits)
def test_the_result_is_that_of_a_fresh_start_whatever_came_before(
    history: list[dict[str, tuple[str, int]]],
) -> None:
    follower, fresh = Following(), Following()
    for commit in history:
        follower.take(*(app(name, host, replicas=count) for name, (host, count) in commit.items()))
    fresh.take(*(app(name, host, replicas=count) for name, (host, count) in history[-1].items()))
    assert follower.units == fresh.units
    assert list(follower.units) == list(fresh.units)
