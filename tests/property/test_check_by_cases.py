"""Looking at one cluster of each case, and only at what changed, finds what looking at every app on every cluster finds."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.check.fleet import FleetCheck
from reconciler.fleet import assign, load
from reconciler.render import render
from reconciler.tree import File

HEAD = "apiVersion: spinfleet.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}{more}}}\nspec: {spec}\n"
SPIN = (
    'spin_manifest_version = 2\n[application]\nname = "a"\n[variables]\ng = {{ {variable} }}\n'
    '[[trigger.{trigger}]]\n{field} = "/x"\ncomponent = "c"\n[component.c]\nsource = "c.wasm"\nkey_value_stores = [{store}]\n'
)
regions = st.sampled_from(["eu", "us"])
clusters = st.fixed_dictionaries(
    {
        "region": regions,
        "spin": st.sampled_from(["2.6", "3.0", "3.6"]),
        "keda": st.booleans(),
        "domain": st.sampled_from([None, "a.example", "b.example", "Not_A_Host"]),
    }
)
fields = st.lists(
    st.sampled_from(
        [
            "replicas: 2", "autoscaling: {type: KEDA, max: 3, triggers: [{type: cron}]}", "variables: {g: {value: x}}",
            'routes: [{host: "${cluster.domain}"}]', 'routes: [{host: "x.${cluster.domain}", path: /x}]', "routes: [{host: a.example}]",
            "routes: [{host: x.b.example, path: /x}, {host: y.b.example, path: /x}]", "dependsOn: [a0]", "serviceAccount: {annotations: {a: '1'}}\n  serviceAccountName: s",
            "serviceAccount: {annotations: {a: '2'}}\n  serviceAccountName: s", 'namespace: "n-${cluster.region}"', "executor: other", "monitoring: {path: /metrics}",
            "namespace: n-eu", "placement: {clusters: {matchLabels: {region: eu}}}",
            "overrides: [{clusters: {matchLabels: {region: us}}, spec: {replicas: 0}}]", "checks: {readiness: {path: /}}",
            "components: [c]", "invocationLimits: {memory: 64Mi}",
        ]
    ),
    unique_by=lambda field: field.partition(":")[0],
    max_size=5,
)  # fmt: skip
manifests = st.fixed_dictionaries(
    {
        "variable": st.sampled_from(['default = "x"', "required = true"]),
        "trigger": st.sampled_from(["http", "redis"]),
        "store": st.sampled_from(["", '"default"', '"orders"']),
    }
)


class Files:
    commit = None
    problems = ()

    def __init__(self, files):
        self._data = {path: text.encode() for path, text in sorted(files.items())}
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data)) for path, data in self._data.items()
        }

    def read(self, path):
        return self._data[path]


bundles = st.fixed_dictionaries(
    {
        "objects": st.lists(st.sampled_from(["ConfigMap a n-eu", "ConfigMap b n-eu", "ConfigMap a n-us", "Ingress a1 apps"]), max_size=3, unique=True),
        "more": st.sampled_from(
            [
                "", "\n  placement: {clusters: {matchLabels: {region: us}}}", "\n  dependsOn: [a1]",
                '\n  patches: [{clusters: {matchLabels: {region: eu}}, target: {kind: ConfigMap}, patch: {data: {x: "${cluster.domain}"}}}]',
            ]
        ),
    }
)  # fmt: skip


def tree(some_clusters, apps, some_bundles=()):
    files = {"fleet.yaml": HEAD.format(kind="Fleet", name="a", more="", spec="{}")}
    for number, cluster in enumerate(some_clusters):
        spec = f"{{spin: '{cluster['spin']}', capabilities: [{'keda' if cluster['keda'] else ''}]"
        given = f"region: {cluster['region']}" + (f", domain: {cluster['domain']}" if cluster["domain"] else "")
        more = f", labels: {{region: {cluster['region']}}}"
        spec += f", variables: {{{given}}}}}"
        files[f"c{number}.yaml"] = HEAD.format(kind="Cluster", name=f"c{number}", more=more, spec=spec)
    for number, (app, manifest) in enumerate(apps):
        mine = [line for line in app if line != f"dependsOn: [a{number}]"]
        spec = "\n  " + "\n  ".join([f"artifact: ghcr.io/a/b@sha256:{'a' * 64}", *mine])
        files[f"a{number}/app.yaml"] = HEAD.format(kind="App", name=f"a{number}", more="", spec=spec)
        field = "route" if manifest["trigger"] == "http" else "channel"
        files[f"a{number}/spin.toml"] = SPIN.format(field=field, **manifest)
    for number, bundle in enumerate(some_bundles):
        spec = "\n  path: manifests" + bundle["more"]
        files[f"b{number}/bundle.yaml"] = HEAD.format(kind="Bundle", name=f"b{number}", more="", spec=spec)
        objects = [each.split() for each in bundle["objects"]] or [["ConfigMap", "c", "apps"]]
        files[f"b{number}/manifests/all.yaml"] = "---\n".join(
            f"apiVersion: {'v1' if kind == 'ConfigMap' else 'networking.k8s.io/v1'}\nkind: {kind}\n"
            f"metadata: {{name: {name}, namespace: {namespace}}}\n"
            for kind, name, namespace in objects
        )
    return Files(files)


fleets = st.builds(
    tree,
    st.lists(clusters, min_size=1, max_size=5),
    st.lists(st.tuples(fields, manifests), min_size=1, max_size=4),
    st.lists(bundles, max_size=3),
)
_COUNTED = {"render.route-clash": "route", "render.object-clash": "object", "render.account-clash": "account"}


def findings(problems):
    return {(problem.path, problem.code, problem.pointer) for problem in problems if problem.code not in _COUNTED}


@given(fleets)
@settings(max_examples=200, deadline=None)
def test_each_kind_of_problem_of_each_app_is_found(files):
    loaded = load(files)
    assert loaded.fleet is not None
    everywhere = set(loaded.problems)
    clashing = set()
    for cluster in loaded.fleet.clusters:
        assignment = assign(loaded.fleet, cluster)
        everywhere.update(problem for unit in assignment.units.values() for problem in unit.problems)
        rendered = render(assignment)
        everywhere.update(problem for each in rendered.values() for problem in each.problems)
        clashing |= {
            (name, problem.code)
            for name, each in rendered.items()
            for problem in each.problems
            if problem.code in _COUNTED
        }
    report = FleetCheck().check(files)
    assert findings(report.problems) == findings(everywhere)
    found = {(owner_of(problem), problem.code) for problem in report.problems if problem.code in _COUNTED}
    # An app that is refused for one clash is told of its others here; on a cluster it holds nothing any more.
    assert clashing <= found
    assert bool(found) == bool(clashing)


def owner_of(problem):
    return problem.path.partition("/")[0]


@given(st.lists(fleets, min_size=2, max_size=4))
@settings(max_examples=100, deadline=None)
def test_looking_only_at_what_changed_finds_what_looking_at_everything_does(versions):
    checker = FleetCheck()
    for files in versions:
        assert checker.check(files).problems == FleetCheck().check(files).problems


@given(fleets, st.data())
@settings(max_examples=150, deadline=None)
def test_changing_one_file_at_a_time_finds_what_looking_at_everything_does(files, data):
    checker = FleetCheck()
    checker.check(files)
    for _ in range(3):
        other = data.draw(fleets)
        texts = {path: files.read(path).decode() for path in files.files}
        path = data.draw(st.sampled_from(sorted(other.files)))
        texts[path] = other.read(path).decode()
        files = Files(texts)
        assert checker.check(files).problems == FleetCheck().check(files).problems
