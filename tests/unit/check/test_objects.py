"""Objects of bundles on the clusters that get them: patches, definitions and capabilities, and only what a change bears on."""

from __future__ import annotations

import hashlib

import pytest

from reconciler.check.fleet import FleetCheck
from reconciler.check.text import text
from reconciler.problems import Severity
from reconciler.tree import File

HEAD = "apiVersion: spinfleet.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}{}}}\nspec: {}\n"
CRON = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec:\n  schedule: '0 3 * * *'\n  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}\n"
DEFINITION = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: databases, kind: Database}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}}
"""
DATABASE = "apiVersion: example.com/v1\nkind: Database\nmetadata: {name: orders}\nspec: {size: big}\n"


class Folder:
    commit = None
    problems = ()

    def __init__(self, files):
        self._data = {path: text.encode() for path, text in sorted(files.items())}
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data)) for path, data in self._data.items()
        }

    def read(self, path):
        return self._data[path]


def fleet(objects, *, bundle="path: m", clusters=(("eu", 'kubernetes: "1.36"'),), fleet="{}", **others):
    files = {"fleet.yaml": HEAD.format("Fleet", "acme", "", fleet), "m/objects.yaml": objects, **others}
    files["b.yaml"] = HEAD.format("Bundle", "work", "", f"{{{bundle}}}")
    for name, spec in clusters:
        files[f"{name}.yaml"] = HEAD.format("Cluster", name, f", labels: {{name: {name}}}", f"{{{spec}}}")
    return files


def told(files, checker=None):
    report = (checker or FleetCheck()).check(Folder(files))
    return {(each.path, each.line, each.column, each.code) for each in report.problems}


def test_a_fault_is_told_at_its_line_and_column():
    assert told(fleet(CRON.replace("  schedule", "  shedule"))) == {
        ("m/objects.yaml", 5, 3, "bundle.unknown-field"),
        ("m/objects.yaml", 4, 1, "bundle.required"),
    }


def test_an_item_of_a_list_is_told_at_its_place():
    objects = (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n  dat: {}\n"
    )

    assert told(fleet(objects)) == {("m/objects.yaml", 7, 3, "bundle.unknown-field")}


def test_json_is_told_at_its_place():
    files = fleet(
        CRON,
        **{"m/more.json": '{"apiVersion": "v1", "kind": "ConfigMap",\n "metadata": {"name": "a"},\n "data": {"a": 1}}'},
    )

    assert told(files) == {("m/more.json", 3, 11, "bundle.type")}


def test_what_a_patch_brings_about_is_told_in_the_patch():
    bundle = "path: m, patches: [\n{target: {kind: CronJob}, patch: {spec: {suspend: true}}},\n{target: {kind: CronJob}, patch: {spec: {suspnd: true}}}]"

    assert told(fleet(CRON, bundle=bundle)) == {("b.yaml", 6, 42, "bundle.unknown-field")}


def test_a_patch_that_removes_what_must_be_there_is_told():
    bundle = "path: m, patches: [\n{target: {kind: CronJob}, patch: {spec: {schedule: null}}}]"

    assert told(fleet(CRON, bundle=bundle)) == {("b.yaml", 5, 35, "bundle.required")}


def test_a_patch_for_some_clusters_is_told_for_those():
    bundle = "path: m, patches: [{clusters: {matchLabels: {name: us}}, target: {kind: CronJob}, patch: {spec: {a: 1}}}]"
    clusters = (("eu", 'kubernetes: "1.36"'), ("us", 'kubernetes: "1.36"'))
    files = fleet(CRON, bundle=bundle, clusters=clusters)

    assert FleetCheck(["eu"]).check(Folder(files)).problems == ()
    assert FleetCheck(["us"]).check(Folder(files)).errors == 1


def test_a_definition_of_another_bundle_is_used_where_both_are_placed():
    clusters = (("eu", 'kubernetes: "1.36"'), ("us", 'kubernetes: "1.36"'))
    definitions = HEAD.format("Bundle", "definitions", "", "{path: crds, placement: {names: [eu]}}")
    files = fleet(DATABASE, clusters=clusters, **{"c.yaml": definitions, "crds/d.yaml": DEFINITION})

    report = FleetCheck().check(Folder(files))

    assert [(each.code, each.severity) for each in report.problems] == [
        ("bundle.unknown-kind", Severity.WARNING),
        ("bundle.type", Severity.ERROR),
    ]
    assert (
        "the definition of Database.example.com is in bundle 'definitions', which cluster 'us' does not get"
        in report.problems[0].message
    )


def test_a_definition_that_a_patch_changes_is_used_as_patched():
    patch = "{openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: null}}"
    patches = f"[{{target: {{kind: CustomResourceDefinition}}, patch: {{spec: {{versions: [{{name: v1, served: true, storage: true, schema: {patch.replace(', properties: null', '')}}}]}}}}}}]"
    definitions = HEAD.format("Bundle", "definitions", "", f"{{path: crds, patches: {patches}}}")

    assert told(fleet(DATABASE, **{"c.yaml": definitions, "crds/d.yaml": DEFINITION})) == set()


def test_a_kind_that_nothing_defines_is_told_once_a_bundle_and_can_be_silenced():
    objects = "---\n".join(DATABASE.replace("orders", name) for name in ("a", "b", "c"))

    [problem] = FleetCheck().check(Folder(fleet(objects))).problems

    assert problem.severity is Severity.WARNING
    assert "(2 more objects of it in this bundle)" in problem.message
    assert told(fleet(objects, fleet="{customKinds: [example.com]}")) == set()


def test_clusters_that_are_alike_are_told_of_together():
    objects = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a}\n"
    clusters = [(name, 'kubernetes: "1.36"') for name in ("c1", "c2", "c3")]

    [problem] = FleetCheck().check(Folder(fleet(objects, clusters=clusters))).problems

    assert "cluster 'c1' (and 2 more like it)" in problem.message


def test_other_objects_of_a_file_are_checked_where_one_has_no_name():
    objects = CRON.replace("  schedule", "  shedule") + "---\napiVersion: v1\nkind: ConfigMap\n"

    assert ("m/objects.yaml", 5, 3, "bundle.unknown-field") in told(fleet(objects))


def test_after_a_hundred_errors_the_other_objects_of_a_file_are_left_and_it_is_said():
    objects = "---\n".join(CRON.replace("nightly", f"c{number}").replace("  sched", "  shed") for number in range(90))
    report = FleetCheck().check(Folder({**fleet(objects), "m/z.yaml": CRON.replace("  sched", "  shed")}))

    of_first = [each for each in report.problems if each.path == "m/objects.yaml"]
    assert [each.code for each in of_first].count("bundle.many-errors") == 1
    assert len(of_first) == 101
    assert [each.code for each in report.problems if each.path == "m/z.yaml"] == [
        "bundle.required",
        "bundle.unknown-field",
    ]


def test_a_hundred_errors_or_fewer_with_nothing_left_out_are_all_there_is():
    objects = "---\n".join(CRON.replace("nightly", f"c{number}").replace("  sched", "  shed") for number in range(50))

    report = FleetCheck().check(Folder(fleet(objects)))

    assert {each.code for each in report.problems} == {"bundle.required", "bundle.unknown-field"}
    assert len(report.problems) == 100


def test_a_bundle_with_broken_patches_is_checked_without_them():
    assert ("m/objects.yaml", 5, 3, "bundle.unknown-field") in told(
        fleet(CRON.replace("  schedule", "  shedule"), bundle="path: m, patches: [{patch: 1}]")
    )


def test_a_changed_definition_is_noticed_by_objects_of_other_bundles():
    definitions = HEAD.format("Bundle", "definitions", "", "{path: crds}")
    files = fleet(DATABASE, **{"c.yaml": definitions, "crds/d.yaml": DEFINITION})
    checker = FleetCheck()

    assert told(files, checker) == {("m/objects.yaml", 4, 8, "bundle.type")}
    files["crds/d.yaml"] = DEFINITION.replace("integer", "string")
    assert told(files, checker) == set()
    files["crds/d.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    assert told(files, checker) == {("m/objects.yaml", 2, 1, "bundle.unknown-kind")}


def test_what_stays_the_same_is_not_judged_again(monkeypatch: pytest.MonkeyPatch):
    other = HEAD.format("Bundle", "other", "", "{path: o}")
    files = fleet(CRON, **{"o.yaml": other, "o/objects.yaml": CRON.replace("nightly", "daily")})
    checker = FleetCheck()
    told(files, checker)
    judged = []
    monkeypatch.setattr("reconciler.check.objects.judge", lambda obj, _: judged.append(obj["metadata"]["name"]) or ())
    files["o/objects.yaml"] = CRON.replace("nightly", "weekly")

    told(files, checker)

    assert judged == ["weekly"]


def test_no_line_of_a_secret_is_shown():
    secret = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: hunter2}\nstringdata: {token: hunter3}\n"
    )
    report = FleetCheck().check(Folder(fleet(secret)))

    shown = "\n".join(text(report.problems, report.sources))

    assert report.errors == 2
    assert "hunter" not in shown
    assert "m/objects.yaml:4:8" in shown
