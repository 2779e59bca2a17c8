"""Every object that a golden fleet renders fits the schemas of every Kubernetes version that has its kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from reconciler.check.objects import shipped_kinds
from reconciler.openapi.judge import CAPABILITY_GROUPS, Api, judge
from reconciler.openapi.kinds import versions

HERE = Path(__file__).parent
#: What is encrypted is rendered as marks, which are no values.
CASES = sorted(path for path in HERE.glob("*/*.yaml") if path.parent.name != "encrypted")


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_rendered_object_fits(path):
    capabilities = frozenset(CAPABILITY_GROUPS.values())
    found = [
        f"{version} {obj['kind']} {obj['metadata']['name']}: {each.message}"
        for obj in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        for version in versions()
        for each in judge(obj, Api(kubernetes=version, custom=shipped_kinds(capabilities), capabilities=capabilities))
    ]

    assert found == []
