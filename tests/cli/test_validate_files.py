"""`spinfleet validate --files`: what manifests name must be there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cli.conftest import Spinfleet

SPIN = """spin_manifest_version = 2
[application]
name = "a"
[[trigger.http]]
route = "/..."
component = "web"
[component.web]
source = "target/web.wasm"
files = ["assets/**/*", "logo.svg", { source = "pages", destination = "/" }]
[component.web.dependencies]
"acme:log" = { path = "log.wasm" }
"""


def codes(answer: subprocess.CompletedProcess[str]) -> list[tuple[str, int]]:
    return [(problem["code"], problem["line"]) for problem in json.loads(answer.stdout)["problems"]]


def test_missing_files_are_told_at_the_line_that_names_them(spinfleet: Spinfleet, tmp_path: Path) -> None:
    manifest = tmp_path / "spin.toml"
    manifest.write_text(SPIN)
    assert spinfleet("validate", manifest).returncode == 0
    answer = spinfleet("validate", manifest, "--files", "-o", "json")
    assert answer.returncode == 1
    assert codes(answer) == [("files.missing", 8), ("files.missing", 9), ("files.missing", 9), ("files.missing", 11)]


def test_files_that_are_there_are_fine(spinfleet: Spinfleet, tmp_path: Path) -> None:
    (tmp_path / "spin.toml").write_text(SPIN)
    for name in ("target/web.wasm", "logo.svg", "pages/index.html", "log.wasm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0asm\x01\0\0\0")
    answer = spinfleet("validate", tmp_path / "spin.toml", "--files")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_pointer_and_other_content_are_no_wasm(spinfleet: Spinfleet, tmp_path: Path) -> None:
    manifest = tmp_path / "spin.toml"
    manifest.write_text(SPIN.partition("files")[0])
    wasm = tmp_path / "target" / "web.wasm"
    wasm.parent.mkdir()
    wasm.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    assert codes(spinfleet("validate", manifest, "--files", "-o", "json")) == [("files.lfs", 8)]
    wasm.write_text("<html>")
    assert codes(spinfleet("validate", manifest, "--files", "-o", "json")) == [("files.not-wasm", 8)]


def test_a_link_out_of_the_folder_counts_as_missing(spinfleet: Spinfleet, tmp_path: Path) -> None:
    outside = tmp_path / "outside.wasm"
    outside.write_bytes(b"\0asm\x01\0\0\0")
    folder = tmp_path / "app"
    (folder / "target").mkdir(parents=True)
    (folder / "spin.toml").write_text(SPIN.partition("files")[0])
    (folder / "target" / "web.wasm").symlink_to(outside)
    assert codes(spinfleet("validate", folder / "spin.toml", "--files", "-o", "json")) == [("files.missing", 8)]


def test_a_fleet_and_its_commits_are_checked_too(spinfleet: Spinfleet, fleet: Path) -> None:
    answer = spinfleet("validate", fleet, "--files")
    assert answer.returncode == 1
    assert "'hello.wasm' does not exist" in answer.stdout
    for path in fleet.glob("apps/*/spin.toml"):
        for line in path.read_text().splitlines():
            if line.startswith("source = "):
                # Components of interpreted languages are larger than any document may be.
                (path.parent / line.split('"')[1]).write_bytes(b"\0asm\x01\0\0\0" + b"\0" * 5_000_000)
    assert spinfleet("validate", fleet, "--files").returncode == 0
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=fleet, check=True)
    assert spinfleet("validate", fleet, "--files", "--revision", "HEAD").returncode == 0
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 8\n"
    (fleet / "apps" / "hello" / "hello.wasm").write_bytes(pointer)
    for command in (["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "y"]):
        subprocess.run(["git", *command], cwd=fleet, check=True)
    assert codes(spinfleet("validate", fleet, "--files", "--revision", "HEAD", "-o", "json"))[0][0] == "files.lfs"
