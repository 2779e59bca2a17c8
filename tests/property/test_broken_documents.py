"""Whatever stands in a fleet's documents, checking ends with a report: values of any shape are put where others belong."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.check.fleet import FleetCheck
from reconciler.errors import InputError
from reconciler.tree import File

EXAMPLES = Path(__file__).parents[1] / "schemas"
SPIN = (EXAMPLES / "fleet-spin.toml").read_bytes()
SEEDS = [
    list(yaml.safe_load_all(path.read_text()))
    for path in sorted(EXAMPLES.glob("fleet-*/valid.yaml"))
    if not (path.parent / "files").is_dir()
]
VALUES = st.sampled_from(
    [
        None, 0, -1, 2**63, 1.5, "", "x", "${cluster.domain}", "${", "../x", "é", [], {}, [None], [{}], [[]], ["x"], {"a": "b"}, {"a": None},
        True, "10m", "25%", {"matchLabels": {"env": "prod"}}, {"names": ["eu"]}, {"secretKeyRef": {"name": "a", "key": "b"}}, {"spec": "x"},
    ]
)  # fmt: skip
FIELDS = st.sampled_from(
    ["spec", "placement", "overrides", "patches", "target", "dependsOn", "rollout", "autoscaling", "routes", "network", "volumes",
     "volumeMounts", "variables", "runtimeConfig", "resources", "checks", "executors", "clusters", "stages", "defaults", "null"]
)  # fmt: skip


class Tree:
    commit = None
    problems = ()

    def __init__(self, documents):
        self._data = {"fleet.yaml": yaml.safe_dump_all(documents, allow_unicode=True).encode(), "spin.toml": SPIN}
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data)) for path, data in self._data.items()
        }

    def read(self, path):
        return self._data[path]


def places(value, at=()):
    if at:
        yield at
    for key, below in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from places(below, (*at, key))


def broken(documents, changes):
    documents = copy.deepcopy(documents)
    for where, field, value in changes:
        found = list(places(documents))
        *above, last = found[where % len(found)]
        holder = documents
        for part in above:
            holder = holder[part]
        if field is None or not isinstance(holder[last], dict):
            holder[last] = copy.deepcopy(value)
        else:
            holder[last][field] = copy.deepcopy(value)
    return documents


def check(documents):
    try:
        return FleetCheck().check(Tree(documents))
    except InputError as error:
        return error


@settings(max_examples=150)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 10_000), st.none() | FIELDS, VALUES), min_size=1, max_size=3),
)
def test_no_document_makes_a_check_fail(seed, changes):
    check(broken(seed, changes))


HEAD = [
    {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "acme"}},
    {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Cluster", "metadata": {"name": "eu"}, "spec": {"spin": "3.6"}},
]
ARTIFACT = "ghcr.io/acme/shop@sha256:" + "a" * 64


@pytest.mark.parametrize(
    "spec",
    [
        {"overrides": "1970-01-01"},
        {"overrides": [{"clusters": {"names": ["eu"]}, "spec": "eu"}]},
        {"dependsOn": [["a"]]},
        {"overrides": [{"clusters": {}, "spec": {"rollout": ["a"]}}]},
        {"volumes": [{"name": "a"}], "volumeMounts": [{"name": {"a": "b"}, "mountPath": "/a"}]},
    ],
)
def test_an_app_of_the_wrong_shape_is_told_of(spec):
    app = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "App", "metadata": {"name": "shop"}}
    report = check([*HEAD, {**app, "spec": {"artifact": ARTIFACT, **spec}}])
    assert not report.valid


@pytest.mark.parametrize("patches", [5, "x", {"a": "b"}, [{"patch": {"data": {}}, "target": "/abs"}]])
def test_a_bundle_whose_patches_cannot_be_read_is_told_of(patches):
    bundle = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Bundle", "metadata": {"name": "platform"}}
    spec = {"path": "manifests", "patches": patches}
    tree = Tree([*HEAD, {**bundle, "spec": spec}])
    data = b"apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\n"
    tree._data["manifests/a.yaml"] = data
    tree.files["manifests/a.yaml"] = File("manifests/a.yaml", "a" * 40, len(data))
    assert not FleetCheck().check(tree).valid


@pytest.mark.parametrize(
    "patch",
    [{"metadata": {"name": {"a": "b"}}}, {"metadata": {"name": None}}, {"metadata": None}, {"kind": ["Secret"]}],
)
def test_a_patch_that_takes_an_object_its_name_is_told_of(patch):
    bundle = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Bundle", "metadata": {"name": "platform"}}
    patches = [{"patch": patch, "target": {"kind": "Secret"}}]
    documents = [*HEAD, {**bundle, "spec": {"path": "manifests", "patches": patches}}]
    tree = Tree(documents)
    data = b"apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\n"
    tree._data["manifests/a.yaml"] = data
    tree.files["manifests/a.yaml"] = File("manifests/a.yaml", "a" * 40, len(data))
    assert not FleetCheck().check(tree).valid
