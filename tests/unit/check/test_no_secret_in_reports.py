"""What may be a secret stands in no form of a report: neither quoted in a message nor with the line it stands in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.check.change_findings import findings
from reconciler.check.change_markdown import change_markdown
from reconciler.check.change_text import change_text
from reconciler.check.fleet import FleetCheck
from reconciler.check.github import github
from reconciler.check.markdown import markdown
from reconciler.check.one_file import check_file
from reconciler.check.pull_request import check_change
from reconciler.check.report import Report
from reconciler.check.sarif import sarif
from reconciler.check.text import text
from tests.random_fleets import Tree

FLEET = """\
apiVersion: spinfleet.dev/v1alpha1
kind: Fleet
metadata: {name: a}
---
apiVersion: spinfleet.dev/v1alpha1
kind: Cluster
metadata: {name: eu}
---
apiVersion: spinfleet.dev/v1alpha1
kind: Bundle
metadata: {name: b}
spec: {path: b, namespace: x}
---
apiVersion: spinfleet.dev/v1alpha1
kind: App
metadata: {name: a}
spec:
  artifact: ghcr.io/x/a@sha256:DIGEST
  variables: {t: {file: {path: values.yaml, key: t}}, u: {file: {path: broken.yaml, key: t}}}
  MORE
"""
SPIN = """\
spin_manifest_version = 2
[application]
name = "a"
[variables]
t = { required = true }
u = { required = true }
[[trigger.http]]
route = "/..."
component = "web"
[component.web]
source = "web.wasm"
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: NAME}\n"
FILES = {
    "spin.toml": SPIN,
    "b/not-base64.yaml": SECRET + "data: {password: hunter2!}\n",
    "b/list.yaml": SECRET.replace("NAME", "list")
    + "stringData: {password: [hunter2], port: 4242424242}\ntyp: hunter2\n",
    "b/open.yaml": SECRET.replace("NAME", "open") + 'stringData: {password: "hunter2}\n',
    "b/twice.json": '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t"}, "data": {"a": "hunter2", "a": "hunter2"}}',
    "values.yaml": "t: hunter2\nt: hunter2\n",
    "broken.yaml": 't: "hunter2\n',
}
PROVIDER = (
    'runtimeConfig: {providers: [{type: vault, url: "https://v", token: 4242424242, mount: hunter2, prefx: hunter2}]}'
)
RUNTIME_CONFIG = {
    "unknown field": '[[variables_provider]]\ntype = "vault"\nurl = "https://v"\ntokn = "hunter2"\nmount = "x"\n',
    "number": '[key_value_store.default]\ntype = "redis"\nurl = 4242424242\n',
    "date": '[key_value_store.default]\ntype = "redis"\nurl = 1999-12-31\n',
    "not closed": '[sqlite_database.default]\ntype = "libsql"\ntoken = "hunter2\n',
    "inline": 'llm_compute = { type = "remote_http", url = "https://m", auth_token = hunter2 }\n',
}


def every_form(report: Report) -> str:
    lines = [*text(report.problems, report.sources), *github(report, ""), markdown(report)]
    return "\n".join([*lines, json.dumps(sarif(report, "")), *map(str, report.problems)])


def shows_none(report: Report) -> None:
    shown = every_form(report)
    assert "hunter2" not in shown
    assert "4242424242" not in shown
    assert "1999" not in shown


@pytest.mark.parametrize("more", ["replicas: 1", PROVIDER])
def test_a_fleet_with_broken_secrets_shows_none(more):
    report = FleetCheck().check(Tree({**FILES, "fleet.yaml": FLEET.replace("DIGEST", "a" * 64).replace("MORE", more)}))
    assert {problem.path for problem in report.problems if not problem.path.startswith("fleet")} == FILES.keys() - {
        "spin.toml"
    }
    shows_none(report)
    # Other lines are shown.
    assert "path: values.yaml" in every_form(report)


@pytest.mark.parametrize("more", ["replicas: 1", PROVIDER])
def test_a_change_that_brings_broken_secrets_shows_none(more):
    """The pull-request check shows lines of head, in places that strangers read."""
    fleet = {"fleet.yaml": FLEET.replace("DIGEST", "a" * 64).replace("MORE", more)}
    report = check_change(Tree({"spin.toml": SPIN, **fleet}), Tree({**FILES, **fleet}))
    assert {"broken.yaml", "values.yaml", "b/open.yaml"} <= {problem.path for problem in report.problems.new}
    shows_none(findings(report))
    shown = "\n".join([*change_text(report), change_markdown(report), json.dumps(report.to_json())])
    assert "hunter2" not in shown
    assert "4242424242" not in shown


@pytest.mark.parametrize("content", RUNTIME_CONFIG.values(), ids=RUNTIME_CONFIG.keys())
def test_a_runtime_configuration_with_mistakes_shows_no_token(tmp_path: Path, content: str):
    path = tmp_path / "runtime-config.toml"
    path.write_text(content)
    report = check_file(path)
    assert not report.valid
    shows_none(report)


@pytest.mark.parametrize("name", ["b/not-base64.yaml", "b/list.yaml", "b/open.yaml", "b/twice.json"])
def test_a_broken_secret_alone_shows_none(tmp_path: Path, name: str):
    path = tmp_path / Path(name).name
    path.write_text(FILES[name])
    report = check_file(path)
    assert not report.valid
    shows_none(report)
