"""Golden cases: a folder each with `fleet/` and, for each cluster, the objects expected of it and the problems told.

SPINFLEET_UPDATE_GOLDEN=1 pytest tests/golden      writes what is rendered in place of comparing; read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import data
from reconciler.fleet import assign, load
from reconciler.fleet.model import Withheld
from reconciler.git.worktree import WorkTree
from reconciler.render import render

HERE = Path(__file__).parent
#: The example that ships with the package is a case too; only what is expected of it stands here.
EXAMPLE = "fleet-example"


class Case:
    """One fleet on one cluster."""

    def __init__(self, name: str, cluster: str) -> None:
        self.name, self.cluster = name, cluster

    @property
    def folder(self) -> Path:
        """The fleet's folder."""
        return _fleet(self.name)

    def rendered(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Give the objects in order of their units, and the problems as text."""
        loaded = load(WorkTree(_fleet(self.name)))
        assert loaded.fleet is not None, [str(problem) for problem in loaded.problems]
        assignment = assign(loaded.fleet, self.cluster)
        told = {
            problem for unit in assignment.units.values() for problem in unit.problems if isinstance(unit, Withheld)
        }
        objects: list[dict[str, Any]] = []
        for result in render(assignment).values():
            told |= set(result.problems)
            objects += [dict(each) for each in result.objects]
        return objects, [str(problem) for problem in sorted(told, key=lambda problem: problem.sort_key())]

    def expected(self, suffix: str, text: str) -> str:
        """Give what is expected, after writing it where the golden files are being updated."""
        path = HERE / self.name / f"{self.cluster}{suffix}"
        if os.environ.get("SPINFLEET_UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return path.read_text(encoding="utf-8")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the shape that PyYAML calls
        return True


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Write a text of several lines as lines, so that a difference in it can be read."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent)


def text_of(objects: list[dict[str, Any]]) -> str:
    """Give objects as the golden files hold them."""
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def _fleet(name: str) -> Path:
    return data.folder("fleet-example") if name == EXAMPLE else HERE / name / "fleet"


def _cases() -> list[Case]:
    names = sorted({path.parent.name for path in HERE.glob("*/fleet")} | {EXAMPLE})
    return [Case(name, path.stem) for name in names for path in sorted((_fleet(name) / "clusters").glob("*.yaml"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", _cases(), ids=lambda case: f"{case.name}-{case.cluster}")


@pytest.fixture
def as_text() -> Any:
    return text_of
