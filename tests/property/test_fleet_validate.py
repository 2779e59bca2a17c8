"""Looking at one cluster of each case finds what looking at every app on every cluster finds."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.fleet import assign, load, validate
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
        "spin": st.sampled_from(["3.0", "3.6"]),
        "keda": st.booleans(),
        "domain": st.sampled_from([None, "a.example", "b.example", "Not_A_Host"]),
    }
)
fields = st.lists(
    st.sampled_from(
        [
            "replicas: 2", "autoscaling: {type: KEDA, max: 3, triggers: [{type: cron}]}", "variables: {g: {value: x}}",
            'routes: [{host: "${cluster.domain}"}]', "placement: {clusters: {matchLabels: {region: eu}}}",
            "overrides: [{clusters: {matchLabels: {region: us}}, spec: {replicas: 0}}]", "checks: {readiness: {path: /}}",
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


def tree(some_clusters, apps):
    files = {"fleet.yaml": HEAD.format(kind="Fleet", name="a", more="", spec="{}")}
    for number, cluster in enumerate(some_clusters):
        spec = f"{{spin: '{cluster['spin']}', capabilities: [{'keda' if cluster['keda'] else ''}]"
        spec += f", variables: {{domain: {cluster['domain']}}}}}" if cluster["domain"] else "}"
        more = f", labels: {{region: {cluster['region']}}}"
        files[f"c{number}.yaml"] = HEAD.format(kind="Cluster", name=f"c{number}", more=more, spec=spec)
    for number, (app, manifest) in enumerate(apps):
        spec = "\n  " + "\n  ".join([f"artifact: ghcr.io/a/b@sha256:{'a' * 64}", *app])
        files[f"a{number}/app.yaml"] = HEAD.format(kind="App", name=f"a{number}", more="", spec=spec)
        field = "route" if manifest["trigger"] == "http" else "channel"
        files[f"a{number}/spin.toml"] = SPIN.format(field=field, **manifest)
    return Files(files)


@given(st.lists(clusters, min_size=1, max_size=5), st.lists(st.tuples(fields, manifests), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_each_kind_of_problem_of_each_app_is_found(some_clusters, apps):
    loaded = load(tree(some_clusters, apps))
    assert loaded.fleet is not None
    everywhere = {
        (name, problem.code, problem.pointer)
        for cluster in loaded.fleet.clusters
        for name, unit in assign(loaded.fleet, cluster).units.items()
        for problem in unit.problems
    }
    found = {
        (name, problem.code, problem.pointer) for name, each in validate(loaded).by_name.items() for problem in each
    }

    assert found == everywhere
