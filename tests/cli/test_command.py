"""The command itself: quick to start, clear when misused, quiet when nobody listens."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import EXAMPLE, ROOT, Spinfleet

HEAVY = ("kubernetes", "jsonschema", "pygit2", "rich", "wasmtime", "aiohttp", "yaml", "cryptography")


def test_help_lists_every_command_and_imports_nothing_heavy(spinfleet: Spinfleet) -> None:
    answer = spinfleet("--help")
    assert answer.returncode == 0
    for name in ("validate", "render", "diff", "verify", "agent", "install", "status", "demo"):
        assert f"  {name} " in answer.stdout
    script = f"import sys\nfrom reconciler.cli.main import run\nrun(['--help'])\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    "command",
    [
        "validate",
        "render",
        "diff",
        "verify",
        "explain",
        "schema",
        "agent",
        "install",
        "status",
        "sync",
        "suspend",
        "resume",
        "demo",
        "completion",
    ],
)
def test_every_command_has_help(spinfleet: Spinfleet, command: str) -> None:
    answer = spinfleet(command, "--help")
    assert answer.returncode == 0, answer.stderr
    assert "Usage: spinfleet" in answer.stdout


def test_a_misspelt_command_is_told_with_the_one_that_was_meant(spinfleet: Spinfleet) -> None:
    answer = spinfleet("validat")
    assert answer.returncode == 2
    assert "Did you mean 'validate'?" in answer.stderr


def test_an_unreachable_cluster_ends_with_2_and_no_traceback(spinfleet: Spinfleet) -> None:
    answer = spinfleet("status", KUBECONFIG="/nonexistent")
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert "hint:" in answer.stderr


def test_colours_come_only_where_they_are_wanted(spinfleet: Spinfleet) -> None:
    assert "\x1b" not in spinfleet("validate", EXAMPLE).stdout
    assert "\x1b" not in spinfleet("--help", NO_COLOR="1").stdout


def test_a_reader_that_has_enough_is_no_error() -> None:
    command = (
        f"{sys.executable} -c 'from reconciler.cli.main import main; main()' render --cluster eu {EXAMPLE} | head -1"
    )
    answer = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.stdout == "apiVersion: v1\n"
    assert answer.stderr == ""


def test_completion_is_printed_for_each_shell(spinfleet: Spinfleet) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "spinfleet" in spinfleet("completion", shell).stdout
