"""`spinfleet validate` as people see it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cli.conftest import EXAMPLE, Spinfleet


def test_the_example_fleet_is_valid(spinfleet: Spinfleet) -> None:
    answer = spinfleet("validate", EXAMPLE)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == "fleet acme: 3 clusters, 2 apps, 1 bundle: valid\n"


def test_a_misspelt_field_is_shown_in_its_line_with_what_was_meant(spinfleet: Spinfleet, fleet: Path) -> None:
    app = fleet / "apps" / "hello" / "app.yaml"
    app.write_text(app.read_text() + "  replcas: 3\n")
    line = len(app.read_text().splitlines())
    answer = spinfleet("validate", fleet)
    assert answer.returncode == 1
    assert answer.stdout.splitlines() == [
        "error[fleet.unknown-field]: unknown field 'replcas'",
        f"  --> apps/hello/app.yaml:{line}:3",
        "    |",
        f" {line} |   replcas: 3",
        "    |   ^^^^^^^",
        "  hint: did you mean 'replicas'?",
        "",
    ]
    assert answer.stderr.endswith(": 1 error\n")


def test_all_problems_are_told_at_once(spinfleet: Spinfleet, fleet: Path) -> None:
    (fleet / "apps" / "hello" / "spin.toml").write_text("spin_manifest_version = 2\n[application]\n[[trigger.http]]\n")
    (fleet / "apps" / "greeter" / "app.yaml").write_text(
        "apiVersion: spinfleet.dev/v1alpha1\nkind: App\nmetadata: {name: greeter}\nspec: {replicas: many}\n"
    )
    answer = spinfleet("validate", fleet, "-o", "json")
    report = json.loads(answer.stdout)
    assert answer.returncode == 1
    assert report["valid"] is False
    paths = {problem["path"] for problem in report["problems"] if problem["severity"] == "error"}
    assert paths >= {"apps/hello/spin.toml", "apps/greeter/app.yaml"}
    assert set(report["problems"][0]) == {"path", "line", "column", "pointer", "code", "severity", "message", "hint"}


def test_one_manifest_can_be_checked_alone(spinfleet: Spinfleet, tmp_path: Path) -> None:
    good = EXAMPLE / "apps" / "hello" / "spin.toml"
    assert spinfleet("validate", good).returncode == 0
    bad = tmp_path / "spin.toml"
    bad.write_text(good.read_text().replace('source = "hello.wasm"', ""))
    answer = spinfleet("validate", bad)
    assert answer.returncode == 1
    assert "'source' is missing" in answer.stdout


def test_a_commit_can_be_checked_in_place_of_the_files(spinfleet: Spinfleet, fleet: Path) -> None:
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=fleet, check=True)
    (fleet / "fleet.yaml").write_text("apiVersion: [")
    assert spinfleet("validate", fleet).returncode == 1
    assert spinfleet("validate", fleet, "--revision", "HEAD").returncode == 0
    assert "not a commit" in spinfleet("validate", fleet, "--revision", "nope").stderr


def test_what_can_not_be_read_ends_with_2_and_what_to_do(spinfleet: Spinfleet, tmp_path: Path) -> None:
    answer = spinfleet("validate", tmp_path / "nowhere")
    assert answer.returncode == 2
    assert "no such folder" in answer.stderr
    other = tmp_path / "notes.txt"
    other.touch()
    assert spinfleet("validate", other).returncode == 2
    answer = spinfleet("validate", EXAMPLE, "--cluster", "mars")
    assert answer.returncode == 2
    assert "one of: eu, staging, us" in answer.stderr


def test_control_characters_of_a_file_do_not_reach_the_terminal(spinfleet: Spinfleet, fleet: Path) -> None:
    (fleet / "apps" / "hello" / "app.yaml").write_text(
        'apiVersion: spinfleet.dev/v1alpha1\nkind: App\nmetadata: {name: "a\\e[31mb"}\nspec: {}\n'
    )
    answer = spinfleet("validate", fleet)
    assert answer.returncode == 1
    assert "\x1b" not in answer.stdout
