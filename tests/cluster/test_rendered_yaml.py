"""What `spinfleet render` prints can be applied with kubectl as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler.cli.render import render
from reconciler.local.controlplane import ControlPlane

pytestmark = pytest.mark.cluster

_SPIN = """spin_manifest_version = 2
[application]
name = "shop"
version = "1.0.0"
[[trigger.http]]
route = "/..."
component = "web"
[component.web]
source = "web.wasm"
"""


@pytest.mark.parametrize("form", [("-o", "yaml"), ("-o", "yaml", "--with-source"), ("-o", "json", "--with-source")])
def test_what_is_printed_applies_as_it_is(
    form: tuple[str, ...], control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    head = "apiVersion: spinfleet.dev/v1alpha1\n"
    fleet = f"{head}kind: Fleet\nmetadata: {{name: f}}\nspec: {{defaults: {{namespace: {namespace}}}}}\n"
    (tmp_path / "fleet.yaml").write_text(f"{fleet}---\n{head}kind: Cluster\nmetadata: {{name: eu}}\n")
    (tmp_path / "spin.toml").write_text(_SPIN)
    artifact = f"ghcr.io/acme/shop@sha256:{'a' * 64}"
    spec = f"{{artifact: '{artifact}', routes: [{{host: shop.example}}], disruption: {{maxUnavailable: 1}}}}"
    (tmp_path / "app.yaml").write_text(f"{head}kind: App\nmetadata: {{name: shop}}\nspec: {spec}\n")
    answer = CliRunner().invoke(render, ["--cluster", "eu", "--path", str(tmp_path), *form])
    assert answer.exit_code == 0, answer.output
    control_plane.kubectl("apply", "-f", "-", stdin=answer.stdout)
    live = json.loads(control_plane.kubectl("get", "spinapp,ingress,pdb", "-n", namespace, "-o", "json"))
    assert sorted(each["kind"] for each in live["items"]) == ["Ingress", "PodDisruptionBudget", "SpinApp"]
