"""`spinfleet validate -o sarif|github|markdown`, one document, and a bare repository."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cli.conftest import EXAMPLE, Spinfleet

APP = "apiVersion: spinfleet.dev/v1alpha1\nkind: App\nmetadata: {name: a}\nspec:\n"
DIGEST = "sha256:" + "a" * 64


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def test_reports_name_files_from_the_root_of_the_repository(spinfleet: Spinfleet, fleet: Path) -> None:
    git(fleet.parent, "init", "-q")
    app = fleet / "apps" / "hello" / "app.yaml"
    app.write_text(app.read_text() + "  replcas: 3\n")
    answer = spinfleet("validate", fleet, "-o", "github")
    assert answer.returncode == 1
    assert answer.stdout.startswith(f"::error file={fleet.name}/apps/hello/app.yaml,line=")
    result = json.loads(spinfleet("validate", fleet, "-o", "sarif").stdout)["runs"][0]["results"][0]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == f"{fleet.name}/apps/hello/app.yaml"
    page = spinfleet("validate", fleet, "-o", "markdown")
    assert page.returncode == 1
    assert "| error | `apps/hello/app.yaml:" in page.stdout


def test_the_summary_of_a_job_gets_the_whole_report(
    spinfleet: Spinfleet, fleet: Path, tmp_path: Path, monkeypatch: object
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))  # type: ignore[attr-defined]
    (fleet / "stray.yaml").write_text("a: 1\n")
    answer = spinfleet("validate", fleet, "-o", "github")
    assert answer.returncode == 0
    assert answer.stdout.startswith("::warning file=stray.yaml")
    assert summary.read_text().startswith("before\n### ✅")


def test_a_bare_repository_is_checked_by_revision(spinfleet: Spinfleet, fleet: Path, tmp_path: Path) -> None:
    git(fleet, "init", "-q")
    git(fleet, "add", ".")
    git(fleet, "commit", "-qm", "x")
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(fleet), str(bare))
    answer = spinfleet("validate", bare, "--revision", "HEAD")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_one_document_is_checked_alone(spinfleet: Spinfleet, tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    (tmp_path / "spin.toml").write_text((EXAMPLE / "apps" / "hello" / "spin.toml").read_text())
    path.write_text(f"{APP}  artifact: ghcr.io/acme/a@{DIGEST}\n  dependsOn: [elsewhere]\n")
    answer = spinfleet("validate", path)
    assert (answer.returncode, answer.stdout) == (0, f"{path}: valid\n")
    path.write_text(f"{APP}  artifact: ghcr.io/acme/A@{DIGEST}\n  replicas: -1\n  components: [nope]\n")
    answer = spinfleet("validate", path, "-o", "json")
    assert answer.returncode == 1
    found = {(problem["code"], problem["line"]) for problem in json.loads(answer.stdout)["problems"]}
    assert ("fleet.value", 6) in found
    assert {problem["path"] for problem in json.loads(answer.stdout)["problems"]} == {str(path)}


def test_plain_manifests_are_checked_alone(spinfleet: Spinfleet, tmp_path: Path) -> None:
    path = tmp_path / "objects.yaml"
    path.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {nam: a}\n")
    answer = spinfleet("validate", path)
    assert answer.returncode == 1
    assert "error[bundle.object]: this ConfigMap has no metadata.name" in answer.stdout


def test_a_runtime_config_is_told_from_a_manifest(spinfleet: Spinfleet, tmp_path: Path) -> None:
    path = tmp_path / "runtime-config.toml"
    path.write_text('[key_value_store.default]\ntype = "redis"\nurl = "redis://cache"\n')
    assert spinfleet("validate", path).returncode == 0
    path.write_text('[key_value_store.default]\ntype = "redis"\nulr = "redis://cache"\n')
    answer = spinfleet("validate", path)
    assert answer.returncode == 1
    assert f"--> {path}:" in answer.stdout
    path.write_text("[tool.other]\na = 1\n")
    assert "this is not a Spin manifest" in spinfleet("validate", path).stdout


def test_a_document_in_json_is_checked_too_and_told_that_fleets_read_yaml(spinfleet: Spinfleet, tmp_path: Path) -> None:
    path = tmp_path / "rollout.json"
    stage = {"name": "a", "clusters": {"names": ["eu"]}, "soak": "10"}
    head = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Rollout", "metadata": {"name": "x"}}
    path.write_text(json.dumps({**head, "spec": {"stages": [stage]}}))
    answer = spinfleet("validate", path, "-o", "json")
    assert answer.returncode == 1
    found = {each["code"]: each["pointer"] for each in json.loads(answer.stdout)["problems"]}
    assert found == {"fleet.format": "/spec/stages/0/soak", "fleet.unused-file": ""}


def test_a_runtime_configuration_is_held_against_the_kind_that_was_meant(spinfleet: Spinfleet, tmp_path: Path) -> None:
    path = tmp_path / "runtime-config.toml"
    path.write_text(
        '[key_value_store.default]\ntype = "reddis"\nurl = "redis://a"\n[sqlite_database.b]\ntype = "libsql"\n'
    )
    problems = json.loads(spinfleet("validate", path, "-o", "json").stdout)["problems"]
    told = {(each["code"], each["pointer"], each["hint"]) for each in problems}
    assert ("runtime-config.value", "/key_value_store/default/type", "did you mean 'redis'?") in told
    assert {pointer for _, pointer, _ in told} == {"/key_value_store/default/type", "/sqlite_database/b"}
