"""`spinfleet init`: a new fleet, or one of manifests that exist."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SPINAPP = """\
apiVersion: core.spinkube.dev/v1alpha1
kind: SpinApp
metadata: {name: cart, namespace: shop}
spec:
  image: ghcr.io/acme/cart@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  executor: containerd-shim-spin
  replicas: 2
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {token: planted}\n"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: shop}\ndata: {a: b}\n"


def run(*arguments: str, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", *arguments]
    return subprocess.run(command, input=stdin, cwd=cwd, capture_output=True, text=True, check=False)


def test_a_new_fleet_is_valid_and_says_what_comes_next(tmp_path: Path) -> None:
    made = run("init", "acme", cwd=tmp_path)
    folder = tmp_path / "acme"

    assert made.returncode == 0, made.stderr
    assert {"fleet.yaml", "README.md", ".gitignore"} <= {path.name for path in folder.iterdir()}
    assert (
        (folder / "apps" / "hello" / "app.yaml")
        .read_text()
        .startswith("# yaml-language-server: $schema=../../schemas/")
    )
    assert "name: acme" in (folder / "fleet.yaml").read_text()
    assert "spinfleet install" in made.stderr
    checked = run("validate", str(folder))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert (
        run("render", "--path", str(folder), "--cluster", "dev", "-o", "name").stdout.count(
            "SpinApp.core.spinkube.dev hello/hello"
        )
        == 1
    )


def test_every_schema_that_a_file_names_is_there(tmp_path: Path) -> None:
    run("init", cwd=tmp_path)

    for path in [*tmp_path.rglob("*.yaml")]:
        line = path.read_text().splitlines()[0]
        assert json.loads((path.parent / line.partition("$schema=")[2]).read_text())["title"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text("mine")
    made = run("init", cwd=tmp_path)

    assert made.returncode == 2
    assert "fleet.yaml" in made.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.yaml"]
    assert (tmp_path / "fleet.yaml").read_text() == "mine"


def test_a_readme_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")

    assert run("init", cwd=tmp_path).returncode == 0
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / "fleet.yaml").symlink_to(tmp_path / "elsewhere")

    assert run("init", "fleet", cwd=tmp_path).returncode == 2
    assert not (tmp_path / "elsewhere").exists()


def test_manifests_become_a_fleet_that_renders_them(tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text(f"{SPINAPP}---\n{SECRET}---\n{CONFIG}")
    made = run("init", "fleet", "--from", "in.yaml", "--offline", "-o", "json", "--cluster", "eu", cwd=tmp_path)
    report = json.loads(made.stdout)

    assert made.returncode == 0, made.stderr
    assert {each["object"]: each["became"] for each in report["objects"]} == {
        "SpinApp.core.spinkube.dev shop/cart": "app", "ConfigMap shop/c": "bundle", "Secret shop/s": "left",
    }  # fmt: skip
    assert "placeholder" in made.stderr
    rendered = run("render", "--path", "fleet", "--cluster", "eu", "-o", "name", cwd=tmp_path)
    assert {"SpinApp.core.spinkube.dev shop/cart", "ConfigMap shop/c"} <= set(rendered.stdout.splitlines())
    written = "".join(path.read_text() for path in (tmp_path / "fleet").rglob("*") if path.is_file())
    assert "planted" not in written + made.stdout + made.stderr
    assert run("validate", "fleet", cwd=tmp_path).returncode == 0


def test_standard_input_is_a_file(tmp_path: Path) -> None:
    made = run("init", "fleet", "--from", "-", "--offline", stdin=SPINAPP, cwd=tmp_path)

    assert made.returncode == 0, made.stderr
    assert (tmp_path / "fleet" / "apps" / "cart" / "app.yaml").is_file()


def test_a_folder_gives_the_manifests_in_it_and_below(tmp_path: Path) -> None:
    below = tmp_path / "k8s" / "jobs"
    (tmp_path / "k8s" / ".git").mkdir(parents=True)
    below.mkdir()
    (tmp_path / "k8s" / "cart.yaml").write_text(SPINAPP)
    (below / "worker.json").write_text(json.dumps(yaml.safe_load(SPINAPP.replace("name: cart", "name: worker"))))
    (tmp_path / "k8s" / ".git" / "x.yaml").write_text("a: [")
    (tmp_path / "k8s" / "README.md").write_text("a: [")
    made = run("init", "fleet", "--from", "k8s", "--offline", cwd=tmp_path)

    assert made.returncode == 0, made.stderr
    assert {path.name for path in (tmp_path / "fleet" / "apps").iterdir()} == {"cart", "worker"}
    assert "no readiness check" in made.stderr


def test_every_file_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("a: [")
    made = run("init", "fleet", "--from", ".", "--offline", cwd=tmp_path)

    assert made.returncode == 1
    assert made.stderr.count("yaml.syntax") == 2
    assert not (tmp_path / "fleet").exists()


def test_a_field_that_is_lost_is_told_and_makes_it_exit_with_one(tmp_path: Path) -> None:
    text = SPINAPP.rstrip() + "\n  runtimeConfig: {loadFromSecret: config, llmCompute: {type: spin}}\n"
    made = run("init", "fleet", "--from", "-", "--offline", stdin=text, cwd=tmp_path)

    assert made.returncode == 1
    assert "/spec/runtimeConfig/llmCompute" in made.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("--from", "-"), "a: [", "yaml.syntax"),
        (("--from", "-"), "", "nothing to convert"),
        (("--from", "-", "--from-cluster"), "", "exclude"),
        (("-A",), "", "--from-cluster"),
        (("--name", "Not A Name"), "", "--name"),
        (("--cluster", "../x"), "", "--cluster"),
    ],
)
def test_what_can_not_be_is_told_and_nothing_is_written(tmp_path: Path, arguments, stdin, said) -> None:
    made = run("init", "fleet", "--offline", *arguments, stdin=stdin, cwd=tmp_path)

    assert made.returncode in {1, 2}
    assert said in made.stderr
    assert not (tmp_path / "fleet").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_can_not_be_written_to_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)

    assert "fleet" in run("init", "fleet", cwd=tmp_path).stderr
