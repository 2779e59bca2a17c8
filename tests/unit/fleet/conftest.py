"""Small fleets in memory."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Callable, Mapping
from types import SimpleNamespace

import pytest

from reconciler.fleet import LoadCache, load
from reconciler.fleet.model import Loaded
from reconciler.problems import Problem
from reconciler.tree import File

HEAD = "apiVersion: spinfleet.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n"
DIGEST = "sha256:" + "a" * 64
SPIN = """\
spin_manifest_version = 2
[application]
name = "shop"
[variables]
greeting = { default = "hello" }
[[trigger.http]]
route = "/..."
component = "cart"
[component.cart]
source = "cart.wasm"
"""


class MemoryTree:
    """Files given as text; `reads` tells which were read."""

    def __init__(self, files: Mapping[str, str | bytes], problems: tuple[Problem, ...] = ()) -> None:
        self._data = {path: text if isinstance(text, bytes) else text.encode() for path, text in sorted(files.items())}
        self.commit = "c" * 40
        self.problems = problems
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data)) for path, data in self._data.items()
        }
        self.reads: list[str] = []

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        return self._data[path]


def _document(kind: str, name: str, spec: str = "") -> str:
    body = textwrap.dedent(spec).strip("\n")
    return HEAD.format(kind=kind, name=name) + (
        "spec:\n" + textwrap.indent(body, "  ") + "\n" if body else "spec: {}\n"
    )


def _app(name: str, spec: str = "") -> str:
    return _document("App", name, f"artifact: ghcr.io/acme/{name}@{DIGEST}\n" + textwrap.dedent(spec).strip("\n"))


def _cluster(name: str, labels: str = "env: prod", spec: str = "spin: '3.6'") -> str:
    return _document("Cluster", name, spec).replace(f"{{name: {name}}}", f"{{name: {name}, labels: {{{labels}}}}}")


def _files(**changes: str) -> dict[str, str | bytes]:
    """Give a fleet of one cluster `eu` and one app `shop`; a path given as keyword `a__b_yaml` is `a/b.yaml`."""
    return {"fleet.yaml": _document("Fleet", "acme"), "eu.yaml": _cluster("eu"), "shop/spin.toml": SPIN, **changes}


@pytest.fixture
def make() -> SimpleNamespace:
    """Give what makes documents and fleets: document, app, cluster, files, tree, load."""

    def loaded(files: Mapping[str, str | bytes], cache: LoadCache | None = None) -> Loaded:
        return load(MemoryTree({**_files(), **files}), cache=cache)

    return SimpleNamespace(
        document=_document, app=_app, cluster=_cluster, files=_files, tree=MemoryTree, load=loaded, spin=SPIN
    )


@pytest.fixture
def codes() -> Callable[[tuple[Problem, ...]], list[str]]:
    """Give the codes of problems, in order."""
    return lambda problems: [problem.code for problem in problems]
