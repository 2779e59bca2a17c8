"""A change is checked by reading what it can touch: that gives the same report as reading the whole fleet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.check.pull_request import check_change
from reconciler.check.touched import touched
from reconciler.fleet import LoadCache
from tests.check.conftest import Commit
from tests.random_fleets import HEAD, text_of

NAMES = ["a", "a-b", "orders", "web"]
NAMESPACES = ["default", "shop", "web"]
HOSTS = ["shop.${cluster.domain}", "shop.eu.acme", "a.${cluster.name}.acme", "a.us.acme", "${cluster.domain}"]
CLUSTERS = {"eu": ("prod", "eu.acme"), "us": ("prod", "us.acme"), "lab": ("test", "lab.acme")}
CALLED = ["http://orders.shop.svc", "http://a", "http://web.web", "redis://cache:6379", "https://api.example.com"]
PLACEMENTS = st.sampled_from(
    [{"clusters": {"matchLabels": {"env": "prod"}}}, {"names": ["eu"]}, {"names": ["us", "lab"]}]
)
SPIN = """\
spin_manifest_version = 2
[application]
name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
allowed_outbound_hosts = {hosts}
"""
SPECS = st.fixed_dictionaries(
    {"artifact": st.sampled_from([f"ghcr.io/acme/x@sha256:{each * 64}" for each in "ab"])},
    optional={
        "namespace": st.sampled_from(NAMESPACES),
        "placement": PLACEMENTS,
        "dependsOn": st.lists(st.sampled_from([*NAMES, "platform"]), max_size=2, unique=True),
        "routes": st.lists(st.builds(lambda host: {"host": host}, st.sampled_from(HOSTS)), min_size=1, max_size=2),
        "volumes": st.sampled_from([[{"name": "v", "secret": {"secretName": each}}] for each in ("s", "eu-s")]),
        "podAnnotations": st.sampled_from([{"x": "1"}, {"x": "2"}]),
        "network": st.just({"egress": "fromManifest"}),
        "serviceAccount": st.sampled_from([{"create": True}, {"create": True, "annotations": {"x": "1"}}]),
        "serviceAccountName": st.sampled_from(["runner", "a"]),
        "namespaceLabels": st.sampled_from([{"x": "1"}, {"x": "2"}]),
        "rollout": st.sampled_from(["all", "some"]),
        "overrides": st.just([{"clusters": {"matchLabels": {"env": "test"}}, "spec": {"replicas": 3}}]),
        "replicas": st.integers(0, 2),
        "suspend": st.booleans(),
    },
)  # fmt: skip
KINDS = [("Secret", "s"), ("Secret", "eu-s"), ("ConfigMap", "a"), ("Service", "orders"), ("Service", "cache"), ("Namespace", "shop"),
         ("ServiceAccount", "runner"), ("Ingress", "a-b")]  # fmt: skip


def written(kind: str, name: str, namespace: str, value: str) -> dict[str, Any]:
    groups = {"Ingress": "networking.k8s.io/v1"}
    extra: Mapping[str, Any] = {
        "Secret": {"stringData": {"k": value}},
        "ConfigMap": {"data": {"k": value}},
        "Service": {"spec": {"selector": {"app": value}, "ports": [{"port": 80}]}},
        "Ingress": {"spec": {"defaultBackend": {"service": {"name": value, "port": {"number": 80}}}}},
    }.get(kind, {})
    metadata = {"name": name} if kind == "Namespace" else {"name": name, "namespace": namespace}
    return {"apiVersion": groups.get(kind, "v1"), "kind": kind, "metadata": metadata, **extra}


OBJECTS = st.lists(
    st.builds(lambda each, namespace, value: written(*each, namespace, value), st.sampled_from(KINDS), st.sampled_from(NAMESPACES), st.sampled_from(["x", "y"])),
    min_size=1, max_size=3, unique_by=lambda each: (each["kind"], each["metadata"]["name"]),
)  # fmt: skip
BUNDLES = st.tuples(
    OBJECTS,
    st.fixed_dictionaries(
        {}, optional={"placement": PLACEMENTS, "dependsOn": st.sampled_from([["a"], ["platform"]]), "rollout": st.just("all")}
    ),
)  # fmt: skip
APPS = st.tuples(SPECS, st.lists(st.sampled_from(CALLED), max_size=2, unique=True))
UNITS = st.one_of(APPS.map(lambda each: ("App", each)), BUNDLES.map(lambda each: ("Bundle", each)))
FOLDERS = [*NAMES, "platform", "more"]


def document(kind: str, name: str, spec: Any, **metadata: Any) -> str:
    return text_of({**HEAD, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec})


def put(files: dict[str, str], folder: str, name: str, unit: Any) -> None:
    """Write an app or bundle into a folder, in the place of what was there; None takes it away."""
    for path in [path for path in files if path.startswith(f"{folder}/")]:
        del files[path]
    if unit is None:
        return
    kind, (first, second) = unit
    if kind == "App":
        files[f"{folder}/app.yaml"] = document("App", name, first)
        files[f"{folder}/spin.toml"] = SPIN.format(hosts=text_of(second))
    else:
        files[f"{folder}/bundle.yaml"] = document("Bundle", name, {"path": "objects", **second})
        files[f"{folder}/objects/o.yaml"] = "---\n".join(f"{text_of(each)}\n" for each in first)


@st.composite
def changes(draw: st.DrawFn) -> tuple[dict[str, str], dict[str, str]]:
    defaults = draw(st.fixed_dictionaries({}, optional={"namespace": st.just("shop"), "rollout": st.just("all")}))
    spec = {"defaults": defaults, **draw(st.sampled_from([{}, {"prune": {"maxObjects": 1}}]))}
    stage = {"name": "one", "clusters": {}}
    base = {
        "fleet.yaml": document("Fleet", "f", spec),
        **{
            f"clusters/{name}.yaml": document("Cluster", name, {"spin": "3.6", "variables": {"domain": domain}}, labels={"env": env})
            for name, (env, domain) in CLUSTERS.items()
        },
        "rollouts/all.yaml": document("Rollout", "all", {"stages": [stage]}),
        "rollouts/some.yaml": document("Rollout", "some", {"stages": [{**stage, "clusters": {"names": ["eu", "us"]}}]}),
    }  # fmt: skip
    for folder in FOLDERS:
        put(base, folder, folder, draw(st.none() | UNITS))
    head = dict(base)
    for _ in range(draw(st.integers(1, 2))):
        folder = draw(st.sampled_from(FOLDERS))
        put(head, folder, draw(st.sampled_from([folder, folder, folder, "a"])), draw(st.none() | UNITS))
    if draw(st.integers(0, 9)) == 0:
        head["rollouts/some.yaml"] = document("Rollout", "some", {"stages": [stage]})
    return base, head


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=30)
@given(changes())
def test_the_part_gives_the_report_of_the_whole(change: tuple[dict[str, str], dict[str, str]]) -> None:
    base, head = map(Commit, change)
    part, whole = check_change(base, head).to_json(), check_change(base, head, every=True).to_json()
    assert {**part, "problems": {**part["problems"], "existing": ()}} == {
        **whole, "problems": {**whole["problems"], "existing": ()}
    }  # fmt: skip


def test_of_apps_that_have_nothing_to_do_with_a_change_none_is_read() -> None:
    files = {
        "fleet.yaml": document("Fleet", "f", {}),
        "eu.yaml": document(
            "Cluster", "eu", {"spin": "3.6", "variables": {"domain": "eu.acme"}}, labels={"env": "prod"}
        ),
    }
    for number in range(20):
        spec = {
            "artifact": f"ghcr.io/acme/x@sha256:{'a' * 64}",
            "routes": [{"host": f"app-{number:02d}.${{cluster.domain}}"}],
        }
        put(files, f"app-{number:02d}", f"app-{number:02d}", ("App", (spec, [])))
    changed = dict(files)
    spec["replicas"] = 3
    put(changed, "app-19", "app-19", ("App", (spec, [])))
    parts = touched(Commit(files), Commit(changed), LoadCache())
    assert parts is not None
    assert [path for path in parts[1].files if path.endswith("app.yaml")] == ["app-19/app.yaml"]


def test_an_app_that_a_bundles_executor_reports_to_is_not_moved_without_those_that_run_under_it() -> None:
    otel = {"exporter_otlp_endpoint": "http://collector.default.svc:80"}
    config = {"runtimeClassName": "wasmtime-spin-v2", "otel": otel}
    executor = {
        "apiVersion": "core.spinkube.dev/v1alpha1", "kind": "SpinAppExecutor", "metadata": {"name": "traced", "namespace": "default"},
        "spec": {"createDeployment": True, "deploymentConfig": config},
    }  # fmt: skip
    files = {
        "fleet.yaml": document("Fleet", "f", {}),
        "eu.yaml": document("Cluster", "eu", {"spin": "3.6"}),
        **app_in_block_style("collector"),
        **app_in_block_style("web", "executor: traced", "network: {egress: fromManifest}"),
    }
    put(files, "platform", "platform", ("Bundle", ([executor], {})))
    base, head = Commit(files), Commit(files | app_in_block_style("collector", "namespace: elsewhere"))
    units = check_change(base, head).to_json()["clusters"][0]["units"]
    assert {each["name"] for each in units} - {"_shared"} == {"collector", "web"}


def test_an_app_that_comes_into_a_namespace_is_told_apart_from_those_that_are_in_it() -> None:
    files = {
        "fleet.yaml": document("Fleet", "f", {}),
        "eu.yaml": document("Cluster", "eu", {"spin": "3.6"}),
        **app_in_block_style("inside", 'namespaceLabels: {x: "1"}', "routes: [{host: a, gateway: {name: g, namespace: shop}}]"),
        **app_in_block_style("elsewhere", "namespace: shop"),
    }  # fmt: skip
    changed = files | app_in_block_style("new")
    parts = touched(Commit(files), Commit(changed), LoadCache())
    assert parts is not None
    assert [path for path in parts[1].files if path.endswith("app.yaml")] == ["inside/app.yaml", "new/app.yaml"]


def app_in_block_style(name: str, *lines: str) -> dict[str, str]:
    spec = "\n".join(f"  {each}" for each in (f"artifact: ghcr.io/acme/x@sha256:{'a' * 64}", *lines))
    return {
        f"{name}/app.yaml": f"apiVersion: spinfleet.dev/v1alpha1\nkind: App\nmetadata: {{name: {name}}}\nspec:\n{spec}\n",
        f"{name}/spin.toml": SPIN.format(hosts="[]"),
    }
