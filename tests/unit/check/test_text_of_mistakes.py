"""Common mistakes, each with the whole text that a newcomer reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click
import pytest

from reconciler.check.fleet import FleetCheck
from reconciler.check.text import text
from reconciler.tree import File

EXAMPLE = Path(__file__).parents[3] / "fleet-example"
HELLO, GREETER, EU = "apps/hello/app.yaml", "apps/greeter/app.yaml", "clusters/eu.yaml"


class Tree:
    commit = None
    problems = ()

    def __init__(self, changed: str, old: str, new: str) -> None:
        self._data = {
            str(path.relative_to(EXAMPLE)): path.read_bytes() for path in EXAMPLE.rglob("*") if path.is_file()
        }
        written = self._data[changed].decode()
        assert old in written
        self._data[changed] = written.replace(old, new, 1).encode()
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data))
            for path, data in sorted(self._data.items())
        }

    def read(self, path: str) -> bytes:
        return self._data[path]


MISTAKES = {
    "a line indented otherwise": (HELLO, "  routes:", "   routes:", """\
error[yaml.syntax]: did not find expected key, while parsing a block mapping that begins at line 7, column 3
  --> apps/hello/app.yaml:10:4
    |
 10 |    routes:
    |    ^^^^^^
  hint: indent keys of one mapping alike: is this line, or the one before, a little off?
"""),
    "a tab": (HELLO, "  variables:", "\tvariables:", """\
error[yaml.syntax]: found a tab character that violates indentation, while scanning a plain scalar that begins at line 7, column 13
  --> apps/hello/app.yaml:8:1
   |
 8 |  variables:
   | ^^^^^^^^^^
  hint: indent with spaces: YAML takes no tabs
"""),
    "a colon in plain text": (HELLO, '{value: "Hello from ${cluster.domain}"}', "value: Hello: you", """\
error[yaml.syntax]: mapping values are not allowed in this context
  --> apps/hello/app.yaml:9:20
   |
 9 |     greeting: value: Hello: you
   |                    ^
  hint: put a text with ': ' in it in quotes; keys of one mapping begin in one column, each on a line of its own
"""),
    "a brace left open": (HELLO, "{env: prod}}", "{env: prod}", """\
error[yaml.syntax]: did not find expected ',' or '}', while parsing a flow mapping that begins at line 14, column 15
  --> apps/hello/app.yaml:15:5
    |
 15 |     spec: {replicas: 4}
    |     ^^^^
  hint: close the { before this, or separate what stands in it by commas
"""),
    "a version without quotes": (EU, '"1.37"', "1.37", """\
error[fleet.type]: spec.kubernetes must be text, not 1.37
  --> clusters/eu.yaml:8:3
   |
 8 |   kubernetes: 1.37
   |   ^^^^^^^^^^
  hint: write it in quotes: "1.37"
"""),
    "one name for a list": (GREETER, "[web]", "web", """\
error[fleet.type]: spec.dependsOn must be a list, not "web"
  --> apps/greeter/app.yaml:7:3
   |
 7 |   dependsOn: web
   |   ^^^^^^^^^
  hint: write a list: [web]
"""),
    "a truth in quotes": (EU, "architecture:", "suspend: 'yes'\n  architecture:", """\
error[fleet.type]: spec.suspend must be true or false, not "yes"
  --> clusters/eu.yaml:9:3
   |
 9 |   suspend: 'yes'
   |   ^^^^^^^
  hint: write true, without quotes
"""),
    "a unit that Kubernetes has not": (HELLO, "256Mi", "256MB", """\
error[fleet.format]: spec.overrides[1].spec.resources.limits.memory: "256MB" is not valid
  --> apps/hello/app.yaml:20:18
    |
 20 |         limits: {memory: 256MB}
    |                  ^^^^^^
  hint: A quantity of Kubernetes, as in 50m, 0.5 or 256Mi
"""),
    "a variable that no cluster has": (HELLO, "${cluster.domain}", "${cluster.domian}", """\
error[fleet.cluster-variable]: cluster 'eu' has no variable 'domian'
  --> apps/hello/app.yaml:9:16
   |
 9 |     greeting: {value: "Hello from ${cluster.domian}"}
   |                ^^^^^
  also: cluster 'staging' has no variable 'domian'
  also: cluster 'us' has no variable 'domian'
  hint: did you mean 'domain'?
"""),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "old", "new", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_once_with_its_line_and_what_to_do(changed: str, old: str, new: str, told: str) -> None:
    report = FleetCheck().check(Tree(changed, old, new))
    assert click.unstyle("\n".join(text(report.problems, report.sources))) == told
