"""A tree that is read after any others gives what it gives alone: documents come, go, move, break, are mended and change their kind."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.check.fleet import FleetCheck
from reconciler.fleet import LoadCache, load
from reconciler.tree import File

HEAD = "apiVersion: spinfleet.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\nspec: "
ARTIFACT = f"artifact: 'ghcr.io/a/b@sha256:{'a' * 64}'"
SPIN = (
    'spin_manifest_version = 2\n[application]\nname = "a"\n[variables]\ntoken = {{ default = "x" }}\n[[trigger.http]]\nroute = "/..."\n'
    'component = "c"\n[component.c]\nsource = "c.wasm"\nallowed_outbound_hosts = ["http://{}"]\n'
)


def document(kind, name, spec="{}", more=""):
    return HEAD.format(kind, name).replace(f"{{name: {name}}}", f"{{name: {name}{more}}}") + spec + "\n"


def app(name, *fields):
    return document("App", name, "{" + ", ".join([ARTIFACT, *fields]) + "}")


REPORTING = "{executors: {containerd-shim-spin: {otel: {exporter_otlp_endpoint: 'http://pay.default:80'}}}, defaults: {network: {egress: fromManifest}}}"
NAMES = st.sampled_from(["cart", "carts", "pay"])
FIELDS = [
    "dependsOn: [cart]", "dependsOn: [carts]", "dependsOn: [pay, cart]", "dependsOn: [car]", "overrides: [{clusters: {}, spec: {dependsOn: [pay]}}]",
    "rollout: slow", "rollout: slo", "placement: {names: [c0]}", "placement: {clusters: {matchLabels: {env: prod}}}", "replicas: many",
    "variables: {token: {file: {path: ../values/v.yaml, key: token}}}", "manifest: spinn.toml", "network: {egress: fromManifest}",
]  # fmt: skip
apps = st.builds(
    lambda name, fields: app(name, *fields),
    NAMES,
    st.lists(st.sampled_from(FIELDS), unique_by=lambda each: each[:5], max_size=3),
)
bundles = st.builds(
    lambda name, spec: document("Bundle", name, spec),
    NAMES,
    st.sampled_from(
        [
            "{path: m}",
            "{path: .}",
            "{path: n, dependsOn: [cart]}",
            "{path: m, rollout: slow}",
            "{path: ../objects}",
            "{path: /x}",
        ]
    ),
)
rollouts = st.builds(
    lambda name, spec: document("Rollout", name, spec),
    st.sampled_from(["slow", "sloth"]),
    st.sampled_from(
        [
            "{stages: [{name: all, clusters: {}}]}", "{stages: [{name: prod, clusters: {matchLabels: {env: prod}}}]}", "{stages: 1}",
            "{stages: [{name: x, clusters: {}}, {name: y, clusters: {}}]}", "{stages: [{name: all, clusters: {}}], onFailure: Revert}",
        ]
    ),
)  # fmt: skip
clusters = st.builds(
    lambda name, env, spec: document("Cluster", name, spec, f", labels: {{env: {env}}}"),
    st.sampled_from(["c0", "c1"]),
    st.sampled_from(["prod", "dev"]),
    st.sampled_from(["{spin: '3.6'}", "{spin: '3.6'}", "{spin: '2.6', capabilities: [keda]}", "{spin: x}"]),
)
fleets = st.builds(
    lambda spec: document("Fleet", "f", spec),
    st.sampled_from(
        [
            "{}", "{}", "{defaults: {dependsOn: [pay]}}", "{defaults: {rollout: slow}}", "{defaults: {placement: {names: [c1]}}}", "{defaults: {replicas: 3}}",
            "{artifacts: {registries: [ghcr.io/other]}}", "{ignore: ['/x/**']}", "{ignore: ['*/m/**', two.yaml]}", "{nope: 1}",
            "{defaults: {network: {egress: fromManifest}}}", "{defaults: {variables: {token: {file: {path: values/v.yaml, key: token}}}}}", REPORTING,
        ]
    ),
)  # fmt: skip
OBJECT = "apiVersion: v1\nkind: {}\nmetadata: {{name: {}}}\n"
objects = st.builds(
    OBJECT.format, st.sampled_from(["ConfigMap", "Secret", "Namespace", "Nothing"]), st.sampled_from("ab")
)
others = st.sampled_from(
    [
        "a: 1\n",
        "a: [\n",
        "apiVersion: spinfleet.dev/v1alpha1\nkind: [\n",
        "",
        "apiVersion: spinfleet.dev/v1alpha1\nkind: App\nspec: {}\n",
    ]
)
documents = st.one_of(apps, apps, apps, bundles, rollouts, clusters, objects)
several = st.lists(documents, min_size=1, max_size=3).map("---\n".join)
manifests = st.sampled_from([SPIN.format(host) for host in ("pay.default", "carts", "example.com")] + ["nope", "[x"])
values = st.sampled_from(["token: a\n", "other: a\n", "- a\n", "token: [\n"])
#: What may stand at each path; None where there is no such file.
PATHS = {
    "fleet.yaml": st.one_of(fleets, fleets, fleets, others, st.none()),
    "c0.yaml": clusters | st.none(),
    "c1.yaml": clusters | st.none(),
    "a/app.yaml": st.one_of(apps, several, others, st.none()),
    "b/app.yaml": st.one_of(apps, several, others, st.none()),
    "b/two.yaml": several | st.none(),
    "x/more.yaml": st.one_of(several, fleets, others, st.none()),
    "rollouts.yaml": rollouts | st.builds("---\n".join, st.tuples(rollouts, rollouts)) | st.none(),
    "bundles/bundle.yaml": bundles | st.none(),
    "bundles/m/objects.yaml": st.one_of(objects, several, others, st.none()),
    "bundles/m/more.json": st.sampled_from(['{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "j"}}', "{", None]),
    "bundles/n/objects.yaml": objects | st.none(),
    "a/spin.toml": manifests | st.none(),
    "b/spin.toml": manifests | st.none(),
    "b/spinn.tml.toml": st.sampled_from([SPIN.format("x"), None]),
    "values/v.yaml": values | st.none(),
    "values/vv.yaml": values | st.none(),
}  # fmt: skip
BEGINNING = {
    "fleet.yaml": document("Fleet", "f"),
    "c0.yaml": document("Cluster", "c0", "{spin: '3.6'}", ", labels: {env: prod}"),
    "a/app.yaml": app("cart"),
    "a/spin.toml": SPIN.format("pay.default"),
    "b/app.yaml": app("pay", "dependsOn: [cart]"),
    "b/spin.toml": SPIN.format("cart"),
}
#: The Fleet bears on everything, and rollouts on who names them: they change more often than the rest.
WHERE = st.sampled_from(sorted(PATHS)) | st.sampled_from(["fleet.yaml", "rollouts.yaml", "a/app.yaml", "b/app.yaml"])
changes = st.lists(WHERE.flatmap(lambda path: st.tuples(st.just(path), PATHS[path])), min_size=1, max_size=3)


class Tree:
    """Files in memory, as a commit has them."""

    commit = "c" * 40
    problems = ()

    def __init__(self, files):
        self._data = {path: text.encode() for path, text in sorted(files.items()) if text is not None}
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data)) for path, data in self._data.items()
        }

    def read(self, path):
        return self._data[path]


def in_order(loaded):
    return loaded.fleet and (list(loaded.fleet.apps), list(loaded.fleet.bundles))


@given(st.lists(changes, min_size=2, max_size=7))
@settings(max_examples=250, deadline=None)
def test_a_tree_read_after_others_gives_what_it_gives_alone(history):
    files, cache = dict(BEGINNING), LoadCache()
    load(Tree(files), cache=cache)
    for step in history:
        files.update(step)
        after, alone = load(Tree(files), cache=cache), load(Tree(files))
        assert after == alone
        assert in_order(after) == in_order(alone)


@given(st.lists(changes, min_size=2, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_tree_checked_after_others_has_the_problems_that_it_has_alone(history):
    files, checker = dict(BEGINNING), FleetCheck()
    checker.check(Tree(files))
    for step in history:
        files.update(step)
        assert checker.check(Tree(files)).problems == FleetCheck().check(Tree(files)).problems


def test_an_app_is_checked_again_when_what_its_executor_reports_to_moves():
    web = {"a/app.yaml": app("cart", "network: {egress: fromManifest}"), "a/spin.toml": SPIN.format("example.com")}
    files, checker = BEGINNING | web | {"fleet.yaml": document("Fleet", "f", REPORTING)}, FleetCheck()
    before = checker.check(Tree(files)).problems
    moved = Tree(files | {"b/app.yaml": app("pay", "namespace: elsewhere")})
    after = checker.check(moved).problems
    assert after == FleetCheck().check(moved).problems
    assert "a/app.yaml" in {each.path for each in {*after} - {*before}}


def test_a_circle_is_told_no_more_once_its_last_app_goes_as_the_fleet_changes():
    circle = "overrides: [{clusters: {}, spec: {dependsOn: [pay]}}]"
    files, checker = BEGINNING | {"a/app.yaml": None, "b/app.yaml": app("pay", circle)}, FleetCheck()
    assert "fleet.cycle" in {each.code for each in checker.check(Tree(files)).problems}
    files |= {"b/app.yaml": None, "fleet.yaml": document("Fleet", "f", "{defaults: {replicas: 3}}")}
    assert checker.check(Tree(files)).problems == FleetCheck().check(Tree(files)).problems


def test_what_a_bundle_claims_is_free_once_it_goes_with_the_definitions_that_it_brought():
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: default}\n"
    definition = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: as.example.com}\nspec:\n"
        "  group: example.com\n  scope: Namespaced\n  names: {kind: A, plural: as}\n"
        "  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]\n"
    )
    brought = {
        "a/bundle.yaml": document("Bundle", "cart", "{path: m}"), "a/m/all.yaml": f"{definition}---\n{account}",
    }  # fmt: skip
    kept = {"b/bundle.yaml": document("Bundle", "pay", "{path: m}"), "b/m/all.yaml": account}
    no_apps = {"a/app.yaml": None, "b/app.yaml": None}
    files, checker = BEGINNING | no_apps | brought | kept, FleetCheck()
    assert "render.object-clash" in {each.code for each in checker.check(Tree(files)).problems}
    files |= dict.fromkeys(brought)
    assert checker.check(Tree(files)).problems == FleetCheck().check(Tree(files)).problems
