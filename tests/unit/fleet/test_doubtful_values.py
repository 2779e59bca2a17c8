"""Values that are allowed and that nobody means: told at their place, as warnings that refuse nothing."""

from __future__ import annotations

import hashlib

import pytest

from reconciler.check.fleet import FleetCheck
from reconciler.problems import Severity
from reconciler.tree import File

HEAD = "apiVersion: spinfleet.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEQvVgyj4vVnO7Pc2DcjnN0tEq2JmxhLPjCcJHyQf1Vd"
FILES = {
    "app.yaml": HEAD.format("App", "shop") + f"  artifact: ghcr.io/acme/shop@sha256:{'a' * 64}\n",
    "bundle.yaml": HEAD.format("Bundle", "work") + "  path: m\n",
    "eu.yaml": HEAD.format("Cluster", "eu") + '  kubernetes: "1.36"\n',
    "fleet.yaml": HEAD.format("Fleet", "acme") + "  artifacts: {requireDigest: true}\n",
    "m/objects.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: a}\n",
    "rollout.yaml": HEAD.format("Rollout", "waves") + "  stages: [{name: all, clusters: {}}]\n",
    "spin.toml": """spin_manifest_version = 2
application = {name = "shop"}
[[trigger.http]]
route = "/..."
component = "web"
[component.web]
source = "web.wasm"
""",
    "sync.yaml": HEAD.format("FleetSync", "fleet")
    + "  source: {url: https://git.example/f.git, branch: main}\n  cluster: eu\n",
}


class Folder:
    commit = None
    problems = ()

    def __init__(self, files):
        self._data = {path: text.encode() for path, text in sorted(files.items())}
        self.files = {path: File(path, hashlib.sha1(data).hexdigest(), len(data)) for path, data in self._data.items()}  # noqa: S324 - Git's

    def read(self, path):
        return self._data[path]


def told(path: str, line: str, **others: str) -> list[tuple[str, str, str]]:
    files = {**FILES, **others}
    files[path] += f"  {line}\n"
    report = FleetCheck().check(Folder(files))
    assert report.valid
    assert all(each.severity is Severity.WARNING for each in report.problems)
    return [(each.path, each.code, each.pointer) for each in report.problems]


def test_a_fleet_without_such_values_has_no_warning():
    assert told("eu.yaml", f"statusKey: {KEY}") == []
    assert told("app.yaml", "progressDeadline: 1h30m") == []


@pytest.mark.parametrize(
    ("path", "line", "code", "pointer"),
    [
        ("app.yaml", "components: [web, web]", "fleet.twice", "/components/1"),
        ("app.yaml", "placement: {names: [eu, eu]}", "fleet.twice", "/placement/names/1"),
        ("app.yaml", "imagePullSecrets: [a, b, a]", "fleet.twice", "/imagePullSecrets/2"),
        ("app.yaml", "overrides: [{clusters: {names: [eu, eu]}, spec: {replicas: 2}}]", "fleet.twice", "/overrides/0/clusters/names/1"),
        ("app.yaml", "drift: {ignore: [{pointers: [/a, /a]}]}", "fleet.twice", "/drift/ignore/0/pointers/1"),
        ("app.yaml", "drift: {ignore: [{kind: SpinApp}]}", "fleet.drift-ignore", "/drift/ignore/0"),
        ("app.yaml", "drift: {ignore: [{kind: '', pointers: [/a]}]}", "fleet.drift-ignore", "/drift/ignore/0/kind"),
        ("bundle.yaml", "drift: {ignore: [{managers: ['']}]}", "fleet.drift-ignore", "/drift/ignore/0/managers/0"),
        ("app.yaml", "progressDeadline: 0s", "fleet.duration", "/progressDeadline"),
        ("bundle.yaml", "progressDeadline: 999ms", "fleet.duration", "/progressDeadline"),
        ("app.yaml", "overrides: [{clusters: {names: [eu]}, spec: {}}]", "fleet.no-change", "/overrides/0/spec"),
        ("app.yaml", "resources: {limits: {memory: 0}}", "app.quantity", "/resources/limits/memory"),
        ("app.yaml", "invocationLimits: {memory: '0'}", "app.quantity", "/invocationLimits/memory"),
        ("eu.yaml", "capabilities: [keda, keda]", "fleet.twice", "/capabilities/1"),
        ("eu.yaml", "variables: {name: us}", "cluster.variable", "/variables/name"),
        ("eu.yaml", "statusKey: ssh-ed25519 AAAA", "cluster.status-key", "/statusKey"),
        ("eu.yaml", f"statusKey: {KEY.split()[1]}", "cluster.status-key", "/statusKey"),
        ("fleet.yaml", "ignore: [docs/**, docs/**]", "fleet.twice", "/ignore/1"),
        ("fleet.yaml", "defaults: {progressDeadline: 0m}", "fleet.duration", "/defaults/progressDeadline"),
        ("rollout.yaml", "windows: [{days: [Mon, Mon], from: '09:00', to: '17:00'}]", "fleet.twice", "/windows/0/days/1"),
    ],
)  # fmt: skip
def test_a_value_that_nobody_means_is_told_at_its_place(path, line, code, pointer):
    spin = {"eu.yaml": FILES["eu.yaml"] + '  spin: "3.6"\n'}

    assert told(path, line, **spin) == [(path, code, f"/spec{pointer}")]


def test_an_interval_below_a_second_is_told():
    sync = FILES["sync.yaml"].replace("branch: main", "branch: main, interval: 10ms")

    assert told("app.yaml", "replicas: 1", **{"sync.yaml": sync}) == [
        ("sync.yaml", "fleet.duration", "/spec/source/interval")
    ]


def test_a_registry_written_as_a_url_is_told_where_it_is_written():
    fleet = FILES["fleet.yaml"].replace("requireDigest: true", "registries: [ghcr.io/acme, 'https://ghcr.io/other']")

    assert told("app.yaml", "replicas: 1", **{"fleet.yaml": fleet}) == [
        ("fleet.yaml", "fleet.registry", "/spec/artifacts/registries/1")
    ]


def test_a_fleetsync_of_no_cluster_is_told_with_the_name_that_was_meant():
    files = {**FILES, "sync.yaml": FILES["sync.yaml"].replace("cluster: eu", "cluster: ue1")}
    files["eu.yaml"] = files["eu.yaml"].replace("{name: eu}", "{name: eu1}")
    (problem,) = FleetCheck().check(Folder(files)).problems

    assert (problem.code, problem.pointer, problem.hint) == (
        "fleet.unknown-reference",
        "/spec/cluster",
        "did you mean 'eu1'?",
    )


def test_a_cluster_that_does_not_say_its_spin_is_told_where_an_app_needs_one():
    assert told("app.yaml", "components: [web]") == [("app.yaml", "target.no-spin", "/spec/components")]
    assert told("app.yaml", "components: [web]", **{"eu.yaml": FILES["eu.yaml"] + '  spin: "3.6"\n'}) == []


def test_a_fleet_document_that_its_own_patterns_leave_out_is_told_so():
    files = {**FILES, "fleet.yaml": FILES["fleet.yaml"] + "  ignore: ['*.yaml']\n"}
    (problem,) = FleetCheck().check(Folder(files)).problems

    assert problem.hint == "its own spec.ignore leaves it out: look at *.yaml"
