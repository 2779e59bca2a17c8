"""Each rule of fleet documents by example: fleet-<code>/valid.yaml keeps it, invalid.yaml breaks it.

A line of an invalid example that ends in `# problem` is the one that the problem must name. `files/` of a rule stands in both.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from reconciler.check.fleet import FleetCheck
from reconciler.problems import Problem, has_errors
from reconciler.tree import File

HERE = Path(__file__).parent
ROOT = HERE.parents[1] / "reconciler"
RULES = sorted(folder.name for folder in HERE.glob("fleet-*") if folder.is_dir())


class Folder:
    """The files of one example as a tree."""

    commit = None
    problems = ()

    def __init__(self, rule: str, document: str) -> None:
        self._data = {
            "spin.toml": (HERE / "fleet-spin.toml").read_bytes(),
            "fleet.yaml": (HERE / rule / document).read_bytes(),
        }
        extra = HERE / rule / "files"
        for path in sorted(extra.rglob("*")):
            if path.is_file():
                self._data[path.relative_to(extra).as_posix()] = path.read_bytes()
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data)) for path, data in self._data.items()
        }

    def read(self, path: str) -> bytes:
        return self._data[path]

    def marked(self) -> set[tuple[str, int]]:
        return {
            (path, number)
            for path, data in self._data.items()
            for number, line in enumerate(data.decode().splitlines(), 1)
            if line.endswith("# problem")
        }


def every_problem(folder: Folder) -> set[Problem]:
    return set(FleetCheck().check(folder).problems)


@pytest.mark.parametrize("rule", RULES)
def test_a_valid_example_has_no_error(rule):
    found = every_problem(Folder(rule, "valid.yaml"))

    assert not has_errors(list(found)), sorted(map(str, found))
    assert rule.removeprefix("fleet-") not in {problem.code for problem in found}


@pytest.mark.parametrize("rule", RULES)
def test_an_invalid_example_is_told_with_its_place_and_what_to_do(rule):
    folder = Folder(rule, "invalid.yaml")
    found = [problem for problem in every_problem(folder) if problem.code == rule.removeprefix("fleet-")]

    assert found, sorted(map(str, every_problem(folder)))
    marked = folder.marked()
    if marked and rule != "fleet-bundle.object":
        assert marked & {(problem.path, problem.line) for problem in found}, sorted(map(str, found))
    assert all(problem.message for problem in found)


#: Of a file as a whole, or of how it is encoded: tests/unit/fleet has these.
_OF_FILES = {
    "fleet.unreadable",
    "json.encoding",
    "json.syntax",
    "json.too-deep",
    "json.too-large",
    "json.value",
    "yaml.encoding",
    "yaml.too-large",
}


def test_every_rule_has_an_example():
    """A code that the pure rooms can give has a folder here."""
    source = "".join(
        path.read_text() for room in ("fleet", "manifest", "render") for path in (ROOT / room).glob("*.py")
    )
    codes = set(re.findall(r'"((?:app|bundle|cluster|fleet|rollout|target|yaml|json)\.[a-z-]+)"', source))
    assert len(codes) > 50
    assert codes - _OF_FILES - {rule.removeprefix("fleet-") for rule in RULES} == set()
