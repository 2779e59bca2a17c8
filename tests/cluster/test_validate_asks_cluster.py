"""`spinfleet validate --context` holds a fleet against what a cluster itself says it takes, and remembers the answer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import yaml

from reconciler import data
from reconciler.check.asked import ask
from reconciler.cli.main import run
from reconciler.cluster import openapi
from reconciler.cluster.connection import Connection
from reconciler.local.controlplane import ControlPlane
from reconciler.openapi.compact import compact
from reconciler.openapi.judge import Api, judge
from reconciler.openapi.kinds import own_groups

pytestmark = [pytest.mark.cluster]

DEFINITION = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: questions.asked.example.com}
spec:
  group: asked.example.com
  scope: Namespaced
  names: {plural: questions, kind: Question}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {text: {type: string, pattern: "^[A-Z]"}}}}}}
"""
FLEET = """apiVersion: spinfleet.dev/v1alpha1
kind: Fleet
metadata: {name: acme}
---
apiVersion: spinfleet.dev/v1alpha1
kind: Cluster
metadata: {name: eu}
---
apiVersion: spinfleet.dev/v1alpha1
kind: Bundle
metadata: {name: work}
spec: {path: m}
"""
OBJECTS = """apiVersion: asked.example.com/v1
kind: Question
metadata: {name: a, namespace: b}
spec: {text: why}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
dat: {}
"""
SAMPLES = Path(__file__).parent.parent / "objects" / "built-in.yaml"


@pytest.fixture
def fleet(control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=DEFINITION)
    control_plane.kubectl("wait", "--for=condition=Established", "crd/questions.asked.example.com", "--timeout=60s")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "fleet"
    (folder / "m").mkdir(parents=True)
    (folder / "fleet.yaml").write_text(FLEET)
    (folder / "m" / "objects.yaml").write_text(OBJECTS)
    return folder


async def test_what_the_cluster_would_refuse_is_told(
    fleet: Path, control_plane: ControlPlane, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    async with asyncio.timeout(60):
        while True:
            if any("asked.example.com" in url for url in (await openapi.index(connection)).urls):
                break
            await asyncio.sleep(0.2)

    code = await asyncio.to_thread(
        run, ["validate", str(fleet), "--cluster", "eu", "--kubeconfig", str(control_plane.kubeconfig), "-o", "json"]
    )

    found = {(each["line"], each["code"]) for each in json.loads(capsys.readouterr().out)["problems"]}
    assert code == 1
    assert found == {(4, "bundle.format"), (9, "bundle.unknown-field")}


async def test_an_answer_is_kept_and_used_again(
    fleet: Path, control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await ask(control_plane.kubeconfig, None, tmp_path / "answers")

    async def none(*_: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr("reconciler.check.asked.documents", none)
    second = await ask(control_plane.kubeconfig, None, tmp_path / "answers")

    assert second.custom.keys() == first.custom.keys()
    assert [path.suffix for path in (tmp_path / "answers").iterdir()] == [".json"]


async def test_a_server_says_of_settled_kinds_what_ships(connection: Connection) -> None:
    found = await openapi.index(connection)

    live = compact(await openapi.documents(connection, found), only=own_groups())

    document = data.kubernetes_schemas()
    index = document["versions"].index(found.kubernetes)
    shipped = {
        name: part for name, runs in document["types"].items() for first, last, part in runs if first <= index <= last
    }
    different = {name for name, part in live["types"].items() if shipped.get(name) != part}
    assert different == set()


async def test_every_sample_is_right_by_what_a_server_says(control_plane: ControlPlane, tmp_path: Path) -> None:
    asked = await ask(control_plane.kubeconfig, None, tmp_path)
    api = Api(built_in=asked.built_in, custom=asked.custom)

    assert [each for obj in yaml.safe_load_all(SAMPLES.read_text()) for each in judge(obj, api)] == []


def test_one_cluster_is_asked_for_one_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(tmp_path), "--context", "eu"]) == 2
    assert "name it with --cluster" in capsys.readouterr().err
