"""docs/migration.md says what the conversion does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from reconciler.convert.app_document import app_fields
from reconciler.convert.objects import take
from tests.unit.convert.test_scaffolded import FLAGS

PAGE = (Path(__file__).parents[3] / "docs" / "migration.md").read_text(encoding="utf-8")
#: Every flag of `spin kube scaffold` (source: spin-plugin-kube 0.4, pkg/cmd/scaffold.go, `init`).
SCAFFOLD = frozenset(
    {
        "--from", "--out", "--replicas", "--max-replicas", "--autoscaler", "--autoscaler-target-cpu-utilization",
        "--autoscaler-target-memory-utilization", "--executor", "--cpu-limit", "--cpu-request", "--memory-limit", "--memory-request",
        "--azure-identity", "--service-account-name", "--runtime-config-file", "--image-pull-secret", "--variable", "--component",
    }
)  # fmt: skip
ROWS = dict(re.findall(r"^\| `(--[^`]+)` \| `([^`]+)`", PAGE, re.MULTILINE))


def test_the_page_takes_every_flag_of_the_plugin_and_no_other():
    section = PAGE.partition("## `spin kube scaffold`")[2].partition("\n## ")[0]
    told = {flag for row in ROWS for flag in row.split() if flag.startswith("--")}
    assert told == SCAFFOLD - {"--out"}
    assert set(re.findall(r"--[a-z][a-z-]+", section)) == SCAFFOLD


def test_every_flag_has_its_row():
    assert set(ROWS) == {flag.removesuffix(" alone") for flag in FLAGS} - {"--cpu-limit"}


@pytest.mark.parametrize("flag", ROWS)
def test_a_row_says_what_the_flag_becomes(flag):
    objects = list(take(FLAGS.get(flag) or FLAGS[f"{flag} alone"]).objects.values())
    fields = app_fields(objects[0], objects[1] if len(objects) > 1 else None)

    for name, value in yaml.safe_load(ROWS[flag]).items():
        assert fields[name] == value


def test_the_app_of_the_example_renders_its_spinapp(make):
    given, becomes = (
        yaml.safe_load(re.search(rf"<!-- {name} -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
        for name in ("given", "becomes")
    )
    found = make.converted(given)
    files = {**found.files, "apps/cart/app.yaml": yaml.safe_dump(becomes)}

    specs = [
        {key: obj["spec"] for key, obj in make.rendered(each).items() if key.kind == "SpinApp"}
        for each in (files, found.files)
    ]
    assert specs[0] == specs[1]
    assert make.lost(given, found) == []
