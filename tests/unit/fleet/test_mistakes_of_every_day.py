"""Mistakes as people make them: each is told where it stands, with what to write in its place."""

from __future__ import annotations

import hashlib

import pytest

from reconciler.check.fleet import FleetCheck
from reconciler.tree import File

HEAD = "apiVersion: spinfleet.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n"
FILES = {
    "apps/app.yaml": HEAD.format("App", "shop")
    + f"  artifact: ghcr.io/acme/shop@sha256:{'a' * 64}\n  replicas: 2\n  namespace: shop\n",
    "apps/spin.toml": 'spin_manifest_version = 2\napplication = {name = "shop"}\n[[trigger.http]]\nroute = "/..."\n'
    'component = "web"\n[component.web]\nsource = "web.wasm"\n',
    "eu.yaml": HEAD.format("Cluster", "eu").replace("{name: eu}", "{name: eu, labels: {env: prod}}")
    + '  spin: "3.6"\n',
    "fleet.yaml": HEAD.format("Fleet", "acme") + "  artifacts: {requireDigest: true}\n",
    "work/bundle.yaml": HEAD.format("Bundle", "work") + "  path: manifests\n",
    "work/manifests/objects.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: a}\n",
}


class Folder:
    commit = None
    problems = ()

    def __init__(self, files):
        self._data = dict(sorted(files.items()))
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data)) for path, data in self._data.items()
        }

    def read(self, path):
        return self._data[path]


def check(files, checker=None):
    return (checker or FleetCheck()).check(Folder({path: text.encode() for path, text in files.items()}))


@pytest.mark.parametrize(
    ("path", "before", "after", "place", "hint"),
    [
        ("apps/app.yaml", "kind: App", "kind: Application", (2, 1), "did you mean 'App'?"),
        ("apps/app.yaml", "{name: shop}", "{name: shop, namespace: a}", (3, 24), "an App or a Bundle says it as spec.namespace"),
        ("apps/app.yaml", "replicas: 2", "replicas:2", (6, 3), "a key needs ': ' after it"),
        ("apps/app.yaml", "replicas: 2", "variables: [{name: a, value: b}]", (6, 3), "write a mapping: each entry as NAME: …"),
        ("apps/app.yaml", "replicas: 2", "variables: {a: b}", (6, 15), "A value: {value: …}"),
        ("apps/app.yaml", "replicas: 2", "routes: {host: a.example.com}", (6, 3), "write a list: each item after a dash"),
        ("apps/app.yaml", "replicas: 2", "executor: containerd-shim-spinn", (6, 3), "did you mean 'containerd-shim-spin'?"),
        ("eu.yaml", "env: prod", "env: no", (3, 31), "write it in quotes: YAML takes a bare yes, no, on or off"),
        ("work/bundle.yaml", "path: manifests", "path: manifest", (5, 3), "did you mean 'work/manifests'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_what_to_write(path, before, after, place, hint):
    assert before in FILES[path]
    report = check({**FILES, path: FILES[path].replace(before, after, 1)})

    told = [(each.path, (each.line, each.column)) for each in report.problems if each.hint.startswith(hint)]
    assert told == [(path, place)]


def test_a_document_saved_as_utf_16_is_refused_and_not_passed_over():
    files = {path: text.encode() for path, text in FILES.items()}
    files["apps/app.yaml"] = FILES["apps/app.yaml"].encode("utf-16")
    report = FleetCheck().check(Folder(files))

    assert not report.valid
    assert [(each.path, each.code) for each in report.problems] == [("apps/app.yaml", "yaml.encoding")]


def test_the_folder_that_was_meant_is_looked_for_again_when_folders_change():
    checker, wrong = FleetCheck(), FILES["work/bundle.yaml"].replace("manifests", "manifest")
    moved = {"work/other/objects.yaml" if path.startswith("work/m") else path: text for path, text in FILES.items()}

    assert "name the folder that has them" in {
        each.hint for each in check({**moved, "work/bundle.yaml": wrong}, checker).problems
    }
    assert "did you mean 'work/manifests'?" in {
        each.hint for each in check({**FILES, "work/bundle.yaml": wrong}, checker).problems
    }
