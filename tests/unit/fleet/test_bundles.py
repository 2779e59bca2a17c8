"""Plain manifests of a Bundle: YAML and JSON, many to a file, lists, patches for single clusters."""

from __future__ import annotations

import json

import pytest

from reconciler.fleet import assign
from reconciler.fleet.model import Withheld

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: apps}\ndata: {a: x}\n"
SHIM = """apiVersion: runtime.spinkube.dev/v1alpha1
kind: Shim
metadata: {name: spin}
spec:
  fetchStrategy: {anonHttp: {location: "https://example.com/shim.tar.gz"}}
  runtimeClass: {name: wasmtime-spin-v2, handler: spin-v2}
  rolloutStrategy: {type: recreate}
"""


def bundle(make, files, spec=""):
    document = make.document("Bundle", "platform", "path: m\n" + spec)
    return assign(make.load({"b.yaml": document, **files}).fleet, "eu").units["platform"]


def names(unit):
    return [(each.object["metadata"]["name"], each.path, each.line) for each in unit.objects]


def test_objects_come_in_file_order_each_with_its_line(make):
    files = {"m/b.yaml": MAP % "c", "m/a.yaml": (MAP % "a") + "---\n" + (MAP % "b"), "m/sub/z.yml": MAP % "z"}

    assert names(bundle(make, files)) == [
        ("a", "m/a.yaml", 1),
        ("b", "m/a.yaml", 6),
        ("c", "m/b.yaml", 1),
        ("z", "m/sub/z.yml", 1),
    ]


def test_lists_and_json_are_taken_apart(make):
    items = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in "ab"]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    listed = "apiVersion: v1\nkind: ConfigMapList\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: c}\n"

    assert names(bundle(make, {"m/a.json": text, "m/b.yaml": listed})) == [
        ("a", "m/a.json", 1),
        ("b", "m/a.json", 1),
        ("c", "m/b.yaml", 4),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a": 1, "a": 2}', "json.value"),
        ("[" * 99_999, "json.too-deep"),
        ('{"a": NaN}', "json.value"),
        ("{", "json.syntax"),
        ("9" * 5000, "json.value"),
    ],
    ids=["duplicate", "deep", "nan", "syntax", "digits"],
)
def test_hostile_json_is_refused(make, codes, text, code):
    assert codes(bundle(make, {"m/a.json": text}).problems) == [code]


def test_the_fleets_own_documents_in_the_folder_are_no_objects(make):
    unit = bundle(make, {"m/app.yaml": make.app("shop", "manifest: ../shop/spin.toml"), "m/a.yaml": MAP % "a"})

    assert names(unit) == [("a", "m/a.yaml", 1)]


def test_a_broken_manifest_withholds_its_bundle_only(make):
    loaded = make.load(
        {
            "b.yaml": make.document("Bundle", "platform", "path: m"),
            "m/a.yaml": "a: [",
            "shop/app.yaml": make.app("shop"),
        }
    )
    units = assign(loaded.fleet, "eu").units

    assert isinstance(units["platform"], Withheld)
    assert not isinstance(units["shop"], Withheld)


def test_patches_are_applied_where_cluster_kind_and_name_match(make):
    spec = (
        "patches:\n"
        "- {clusters: {names: [eu]}, target: {kind: ConfigMap, name: a}, patch: {data: {b: one}}}\n"
        "- {target: {kind: ConfigMap}, patch: {data: {a: null}}}\n"
        "- {clusters: {names: [us]}, target: {kind: ConfigMap}, patch: {data: {c: never}}}\n"
    )
    unit = bundle(make, {"m/a.yaml": (MAP % "a") + "---\n" + (MAP % "b")}, spec)

    assert [each.object["data"] for each in unit.objects] == [{"b": "one"}, {}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("just text", "not a Kubernetes object"),
        ("apiVersion: v1\nmetadata: {name: a}\n", "no kind"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}\n", "no metadata.name"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a/b}\n", "can't be the name"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: A}\n", "can't be a namespace"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {x: yes}}\n", "must be text"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {x: 'a b'}}\n", "can't be a label"),
        ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", "kustomize"),
        ("apiVersion: core.spinkube.dev/v1alpha1\nkind: SpinAppExecutor\nmetadata: {name: a}\nspec: {createDeployment: true}\n", "deploymentConfig"),
        ("apiVersion: core.spinkube.dev/v1alpha1\nkind: SpinApp\nmetadata: {name: a}\nspec: {image: x, executor: plain, replicas: 1, enableAutoscaling: true}\n", "replicas"),
        ("apiVersion: core.spinkube.dev/v1alpha1\nkind: SpinApp\nmetadata: {name: a}\nspec: {image: x, executor: plain}\n", "at least 1"),
        (SHIM.replace("recreate", "rolling"), "rolling updates"),
        (SHIM.replace(", handler: spin-v2", ""), "runtimeClass"),
        (SHIM.replace("anonHttp", "type"), "anonHttp or platforms"),
    ],
)  # fmt: skip
def test_an_object_that_could_not_be_applied_is_told(make, text, said):
    unit = bundle(make, {"m/a.yaml": text})

    assert isinstance(unit, Withheld)
    assert said in unit.problems[0].message


def test_a_folder_outside_the_fleet_is_refused(make, codes):
    document = make.document("Bundle", "platform", "path: ../../etc")

    assert codes(make.load({"b.yaml": document}).problems) == ["fleet.outside"]


def test_ignored_files_are_none_of_its_manifests(make):
    fleet = make.document("Fleet", "acme", "ignore: ['**/kustomization.yaml']")
    files = {"fleet.yaml": fleet, "m/kustomization.yaml": "resources: [a.yaml]\n", "m/a.yaml": MAP % "a"}

    assert names(bundle(make, files)) == [("a", "m/a.yaml", 1)]


def test_an_empty_list_holds_nothing(make):
    empty = "apiVersion: v1\nkind: List\nitems:\n"

    assert names(bundle(make, {"m/a.yaml": MAP % "a", "m/b.yaml": empty})) == [("a", "m/a.yaml", 1)]
